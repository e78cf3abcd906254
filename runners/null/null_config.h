// NullConfig: what a model of the null runner does, read from its artefact, a text of `key: value`
// lines ('#' starts a comment):
//
//   behavior: echo            outputs = inputs. Default
//             sum             sums over the last dimension (FP32, INT32)
//             sleep           echo after the milliseconds that the first value of the first input
//                             says (FP32 or INT32), or that `milliseconds` says
//             slow_load       echo; loading takes `milliseconds`
//             one of the hostile ones: hostile.h
//   when: execute | load      when a hostile behaviour happens. Default: execute
//   milliseconds: 50          for sleep and slow_load
//   bytes: 16777216           for leak (per call) and map_huge
//   kill_after: 3             the call after 3 calls ends the cell without a fault of its own (it
//                             exits: a confined process cannot send itself SIGKILL)
//   crash_after: 3            the call after 3 calls ends it by SIGSEGV
//   input: FP32 [-1,16]       repeatable: INPUT0, INPUT1, ... Default, when the configuration has
//   no
//                             inputs either: one FP32 [-1,16]
//
// Outputs are OUTPUT<N> for INPUT<N>, or named by the configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"

namespace throng::null_runner {

enum class When : uint8_t { kExecute, kLoad };

struct NullConfig {
  std::string behavior = "echo";
  When when = When::kExecute;
  std::optional<int> milliseconds;
  uint64_t bytes = 16ULL * 1024 * 1024;
  uint64_t kill_after = 0;   // 0: never
  uint64_t crash_after = 0;  // 0: never
  std::vector<model::TensorMetadata> inputs;
};

// ERRORS: kInvalidArgument — names the line and the rule.
Result<NullConfig> ParseNullConfig(std::string_view text);

}  // namespace throng::null_runner
