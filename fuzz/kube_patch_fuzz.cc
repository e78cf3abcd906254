// What clients send to change objects or to choose them: the first byte says which parser, then
// texts that are parted by line feeds. What is parsed must be printed so that it parses to the
// same; what is patched stays within the bounds of objects; applying twice changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/control_limits.h"
#include "kube/apply_patch.h"
#include "kube/patch.h"
#include "kube/quantity.h"
#include "kube/selector.h"

namespace {

using namespace throng;        // NOLINT: a program
using namespace throng::kube;  // NOLINT

void Check(bool holds) {
  if (!holds) abort();
}

size_t Depth(const Json& value) {
  size_t deepest = 0;
  if (!value.is_structured()) return 0;
  for (const Json& item : value) deepest = std::max(deepest, Depth(item));
  return deepest + 1;
}

MergeRules Rules() {
  const std::vector<MergeRow> rows = {
      {.path = "l", .lists = MergeRules::Lists::kMap, .list_keys = {"k"}, .patch_key = "k"},
      {.path = "l[].l",
       .lists = MergeRules::Lists::kMap,
       .list_keys = {"k"},
       .key_defaults = {{"k", 1}},
       .patch_key = "k"},
      {.path = "s", .lists = MergeRules::Lists::kSet, .patch_merges = true},
      {.path = "a", .is_atomic = true},
      {.path = "r", .patch_replaces = true},
      {.path = "m[]", .is_atomic = false}};
  return MakeMergeRules(rows);
}

// Two JSON objects; false: they are none.
bool TwoObjects(std::string_view text, Json& first, Json& second) {
  const size_t line = text.find('\n');
  if (line == text.npos) return false;
  auto one = ParseJson(text.substr(0, line));
  auto other = ParseJson(text.substr(line + 1));
  if (!one.ok() || !other.ok() || !one->is_object()) return false;
  first = *std::move(one);
  second = *std::move(other);
  return true;
}

void ReadYaml(std::string_view text) {
  const auto parsed = ParseYaml(text);
  if (!parsed.ok()) return;
  Check(Depth(*parsed) <= limits::kObjectDepth);
  const auto again = ParseJson(PrintJson(*parsed));
  Check(again.ok() && PrintJson(*again) == PrintJson(*parsed));
}

void ReadQuantity(std::string_view text) {
  const auto quantity = Quantity::Parse(text);
  if (!quantity.ok()) return;
  (void)quantity->GoText();
  (void)quantity->MilliValue();
  const auto again = Quantity::Parse(quantity->ToString());
  Check(again.ok() && *again == *quantity && again->Value() == quantity->Value());
}

void ReadSelectors(std::string_view text) {
  const Json labels = {{"a", "1"}, {"b", ""}};
  if (const auto selector = LabelSelector::Parse(text); selector.ok()) {
    const auto again = LabelSelector::Parse(selector->ToString());
    Check(again.ok() && again->ToString() == selector->ToString());
    Check(again->Matches(labels) == selector->Matches(labels));
  }
  if (const auto selector = FieldSelector::Parse(text); selector.ok()) {
    const auto again = FieldSelector::Parse(selector->ToString());
    Check(again.ok() && again->Matches(labels) == selector->Matches(labels));
  }
}

void Patch(char type, std::string_view text) {
  Json object;
  Json patch;
  if (!TwoObjects(text, object, patch)) return;
  if (type == 'm') {
    const auto once = ApplyMergePatch(object, patch);
    if (!once.ok()) return;
    Check(Depth(*once) <= limits::kObjectDepth);
    const auto twice = ApplyMergePatch(*once, patch);
    Check(twice.ok() && Depth(*twice) <= limits::kObjectDepth);
  } else if (type == 'j') {
    const auto patched = ApplyJsonPatch(object, patch);
    Check(!patched.ok() || Depth(*patched) <= limits::kObjectDepth);
  } else {
    const auto patched = ApplyStrategicPatch(object, patch, Rules());
    Check(!patched.ok() || Depth(*patched) <= limits::kObjectDepth);
  }
}

void Apply(std::string_view text) {
  Json live;
  Json config;
  if (!TwoObjects(text, live, config) || !config.is_object()) return;
  const FieldWriter writer{.manager = "one",
                           .api_version = "v1",
                           .kind = "K",
                           .subresource = "",
                           .has_status = true,
                           .now = WallTime()};
  FieldWriter other = writer;
  other.manager = "other";
  for (Json* object : {&live, &config}) {
    (*object)["apiVersion"] = "v1";
    (*object)["kind"] = "K";
    if (!(*object)["metadata"].is_object()) (*object)["metadata"] = Json::object();
  }
  const MergeRules rules = Rules();
  UpdateManagedFields(nullptr, live, rules, other);
  (void)ApplyConfiguration(live, config, rules, writer, false);
  const auto once = ApplyConfiguration(live, config, rules, writer, true);
  if (!once.ok()) return;
  const auto twice = ApplyConfiguration(*once, config, rules, writer, false);
  Check(twice.ok() && *twice == *once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'y':
      ReadYaml(text);
      break;
    case 'q':
      ReadQuantity(text);
      break;
    case 'l':
      ReadSelectors(text);
      break;
    case 'm':
    case 'j':
    case 's':
      Patch(static_cast<char>(data[0]), text);
      break;
    case 'a':
      Apply(text);
      break;
    default:
      break;
  }
  return 0;
}
