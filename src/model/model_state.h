// The words for where a model is in its life. The machine that moves between them is
// residency/model_manager.h; the edge maps them to V2's repository index.
#pragma once

#include <cstdint>
#include <string_view>

namespace throng::model {

enum class ResidencyState : uint8_t {
  kAbsent,
  kPulling,
  kOnDisk,
  kLoading,
  kReady,
  kUnloading,
  kFailed,
};

std::string_view ResidencyStateName(ResidencyState state);
// "READY", "LOADING", "UNLOADING", "UNAVAILABLE": Triton's ModelReadyState names.
std::string_view IndexStateName(ResidencyState state);

}  // namespace throng::model
