// config.pbtxt: whatever parses must be written so that it parses again to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "repository/repository.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using throng::repository::ParsedConfig;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const throng::Result<ParsedConfig> parsed = throng::repository::ParseModelConfig(text, "model");
  if (!parsed.ok()) return 0;
  const std::string json = throng::repository::ModelConfigJson(parsed->config);
  const std::string written = throng::repository::FormatModelConfig(parsed->config);
  const throng::Result<ParsedConfig> again = throng::repository::ParseModelConfig(written, "model");
  if (!again.ok() || throng::repository::ModelConfigJson(again->config) != json ||
      throng::repository::FormatModelConfig(again->config) != written) {
    abort();
  }
  return 0;
}
