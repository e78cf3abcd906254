// JSONPath templates of the command line: any text is read or refused, and what is read prints
// something of an object or says why not.
#include <cstdint>
#include <string_view>

#include "client/json_path.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using throng::client::JsonPath;
  static const throng::kube::Json kObject = *throng::kube::ParseJson(
      R"({"a":{"b":[1,2,{"c":"d"}],"e.f":true},"items":[{"x":1.5},{"x":"y"},null]})");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto path = JsonPath::Parse(text);
  if (path.ok()) {
    const auto printed = path->Print(kObject);
    const auto found = path->Find(kObject);
    if (printed.ok() && !found.ok()) __builtin_trap();
  }
  const auto expression = JsonPath::ParseExpression(text);
  if (expression.ok()) (void)expression->Find(kObject).ok();
  return 0;
}
