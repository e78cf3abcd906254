// Objects of every kind and the Accept headers of discovery: nothing throws or reads beyond, what
// is dropped once is dropped for good, and every column has a cell.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kube/kinds/discovery.h"
#include "kube/kinds/human_time.h"
#include "kube/kinds/schema.h"
#include "kube/openapi/openapi.h"

using namespace throng;
using namespace throng::kube;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)NegotiateDiscovery(text);
  (void)WantsOpenApiV2Protobuf(text);
  (void)IsQuantity(text);
  (void)ParseTimestamp(text);
  Result<Json> parsed = ParseJson(text);
  if (!parsed.ok()) return 0;
  const Kind& kind = AllKinds()[data[0] % AllKinds().size()];
  Json& object = *parsed;
  (void)CheckFields(kind, object);
  Json again = object;
  if (!CheckFields(kind, again).unknown.empty() || again != object) std::abort();
  (void)ValidateFields(kind, object);
  const WallTime now = *ParseTimestamp("2026-01-01T00:00:00Z");
  for (const Column& column : kind.columns) {
    (void)PrintCell(column, object, now);
    (void)column.cell(object);
  }
  if (kind.row_conditions != nullptr) (void)kind.row_conditions(object);
  return 0;
}
