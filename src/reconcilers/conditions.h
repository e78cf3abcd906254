// Conditions of a status: a list sorted by type. A True condition carries nothing but its type,
// status and time; times move only when the status flips. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "kube/json.h"

namespace throng::reconcilers {

enum class Truth : uint8_t { kTrue, kFalse, kUnknown };

struct Condition {
  std::string type;
  Truth truth = Truth::kUnknown;
  std::string reason;    // not of True
  std::string message;   // not of True
  bool is_info = false;  // severity Info: does not count for Ready
};

// Sets one in `status.conditions`.
void SetCondition(kube::Json& status, const Condition& condition, WallTime now);
void RemoveCondition(kube::Json& status, std::string_view type);
// "True", "False", "Unknown"; empty: there is none.
std::string ConditionStatus(const kube::Json& object, std::string_view type);
bool IsConditionTrue(const kube::Json& object, std::string_view type);

}  // namespace throng::reconcilers
