#include "model/model_state.h"

namespace throng::model {

std::string_view ResidencyStateName(ResidencyState state) {
  switch (state) {
    case ResidencyState::kAbsent:
      return "absent";
    case ResidencyState::kPulling:
      return "pulling";
    case ResidencyState::kOnDisk:
      return "on_disk";
    case ResidencyState::kLoading:
      return "loading";
    case ResidencyState::kReady:
      return "ready";
    case ResidencyState::kUnloading:
      return "unloading";
    case ResidencyState::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string_view IndexStateName(ResidencyState state) {
  switch (state) {
    case ResidencyState::kLoading:
      return "LOADING";
    case ResidencyState::kReady:
      return "READY";
    case ResidencyState::kUnloading:
      return "UNLOADING";
    case ResidencyState::kAbsent:
    case ResidencyState::kPulling:
    case ResidencyState::kOnDisk:
    case ResidencyState::kFailed:
      return "UNAVAILABLE";
  }
  return "UNAVAILABLE";
}

}  // namespace throng::model
