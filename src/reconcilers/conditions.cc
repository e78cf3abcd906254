#include "reconcilers/conditions.h"

#include <algorithm>

#include "kube/object_meta.h"

namespace throng::reconcilers {
namespace {

using kube::Json;

std::string_view TruthName(Truth truth) {
  if (truth == Truth::kTrue) return "True";
  return truth == Truth::kFalse ? "False" : "Unknown";
}

}  // namespace

void SetCondition(Json& status, const Condition& condition, WallTime now) {
  Json& conditions = status["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  Json made = {{"type", condition.type},
               {"status", TruthName(condition.truth)},
               {"lastTransitionTime", kube::Timestamp(now)}};
  if (condition.truth != Truth::kTrue) {
    if (!condition.reason.empty()) made["reason"] = condition.reason;
    if (!condition.message.empty()) made["message"] = condition.message;
  }
  if (condition.is_info) made["severity"] = "Info";
  const auto at = std::lower_bound(
      conditions.begin(), conditions.end(), condition.type,
      [](const Json& a, const std::string& type) { return kube::TextAt(a, {"type"}) < type; });
  if (at == conditions.end() || kube::TextAt(*at, {"type"}) != condition.type) {
    conditions.insert(at, std::move(made));
    return;
  }
  const std::string time = kube::TextAt(*at, {"lastTransitionTime"});
  if (kube::TextAt(*at, {"status"}) == TruthName(condition.truth) && !time.empty()) {
    made["lastTransitionTime"] = time;
  }
  *at = std::move(made);
}

void RemoveCondition(Json& status, std::string_view type) {
  const auto conditions = status.find("conditions");
  if (conditions == status.end() || !conditions->is_array()) return;
  for (size_t i = conditions->size(); i-- > 0;) {
    if (kube::TextAt((*conditions)[i], {"type"}) == type) conditions->erase(i);
  }
}

std::string ConditionStatus(const Json& object, std::string_view type) {
  const Json* conditions = kube::FindPath(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return "";
  for (const Json& condition : *conditions) {
    if (kube::TextAt(condition, {"type"}) == type) return kube::TextAt(condition, {"status"});
  }
  return "";
}

bool IsConditionTrue(const Json& object, std::string_view type) {
  return ConditionStatus(object, type) == "True";
}

}  // namespace throng::reconcilers
