// Which argument of forward(), or which of its results, a configured tensor name means. Triton's
// rule (its PyTorch backend, "naming convention"), in this order:
//   inputs   (1) every name is an argument of forward(): by name
//            (2) every name is <text>__<position>: by position
//            (3) otherwise: in the order of the configuration
//   outputs  (2), else (3)
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace throng::torch_runner {

struct ForwardArgument {
  std::string name;
  bool required = true;  // false: it has a default, or may be None
};

// For each of `names`, the position among `arguments` (self not counted). ERRORS: kInvalidArgument
// — a position that forward() lacks, one named twice, or a required argument that no input feeds.
Result<std::vector<size_t>> InputPositions(std::span<const std::string> names,
                                           std::span<const ForwardArgument> arguments);

// For each of `names`, the position among the results. ERRORS: kInvalidArgument — a position named
// twice or over limits::kModelTensors.
Result<std::vector<size_t>> OutputPositions(std::span<const std::string> names);

}  // namespace throng::torch_runner
