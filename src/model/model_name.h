// Names of models, as a type: one exists only if the text passed the rule, so no function that
// takes a ModelName can be handed a path.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace throng::model {

// Letters, digits, '_', '-' and '.', not starting with '.' or '-', at most
// limits::kModelNameBytes. (KServe's TrainedModel allows [a-zA-Z0-9_-]; Triton's folders have
// dots.)
class ModelName {
 public:
  // ERRORS: kInvalidArgument — "Model name cannot be empty", "model name must not contain path
  // traversal characters" (Triton's texts) or the rule.
  static Result<ModelName> Parse(std::string_view text);

  const std::string& str() const { return text_; }
  auto operator<=>(const ModelName&) const = default;

 private:
  explicit ModelName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// Triton's rule: a folder named by an integer without leading zeros. Nothing: not a version.
std::optional<int64_t> ParseVersion(std::string_view text);

struct ModelKey {
  ModelName name;
  int64_t version = 1;
  auto operator<=>(const ModelKey&) const = default;
  // "cifar10:1"
  std::string ToString() const { return name.str() + ":" + std::to_string(version); }
};

}  // namespace throng::model

template <>
struct std::hash<throng::model::ModelName> {
  size_t operator()(const throng::model::ModelName& name) const noexcept {
    return std::hash<std::string>()(name.str());
  }
};
