// What the agent reads that others wrote: config.pbtxt of a fetched model, KServe's models.json,
// assignments, its own records. Over any bytes: never a crash, and what is read is safe to use as a
// name on disk and is read again as the same after it was printed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/disk/config_name.h"
#include "agent/disk/model_record.h"
#include "agent/kserve/models_file.h"
#include "agent/model_spec.h"
#include "base/check.h"

namespace throng::agent {
namespace {

void CheckSpec(const ModelSpec& spec) {
  THRONG_CHECK(CheckModelName(spec.model).ok());
  THRONG_CHECK(spec.model.find('/') == std::string::npos && spec.model.front() != '.');
  THRONG_CHECK(CheckModelName(SuccessFileName(spec)).ok());
}

void TryModelsFile(std::string_view bytes) {
  const auto rows = ParseModelsFile(bytes, std::chrono::seconds(1));
  if (!rows.ok()) return;
  for (const ModelSpec& spec : rows->specs) CheckSpec(spec);
}

void TryAssignment(std::string_view bytes) {
  const auto spec = SpecFromJson(Json::parse(bytes, nullptr, /*allow_exceptions=*/false));
  if (!spec.ok()) return;
  CheckSpec(*spec);
  const auto again = SpecFromJson(SpecToJson(*spec));
  THRONG_CHECK(again.ok() && *again == *spec);
}

void TryRecord(std::string_view bytes) {
  const auto record = RecordFromText(bytes);
  if (!record.ok()) return;
  const auto again = RecordFromText(RecordToText(*record));
  THRONG_CHECK(again.ok() && *again == *record);
}

}  // namespace
}  // namespace throng::agent

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)throng::agent::ConfigName(bytes);
  throng::agent::TryModelsFile(bytes);
  throng::agent::TryAssignment(bytes);
  throng::agent::TryRecord(bytes);
  return 0;
}
