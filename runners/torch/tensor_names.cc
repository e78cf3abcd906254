#include "runners/torch/tensor_names.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/limits.h"

namespace throng::torch_runner {
namespace {

// The position in "<text>__<position>".
std::optional<size_t> PositionInName(std::string_view name) {
  const size_t separator = name.rfind("__");
  if (separator == std::string_view::npos) return std::nullopt;
  const std::string_view digits = name.substr(separator + 2);
  size_t position = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return position;
}

std::optional<std::vector<size_t>> PositionsByArgumentName(
    std::span<const std::string> names, std::span<const ForwardArgument> arguments) {
  std::vector<size_t> positions;
  for (const std::string& name : names) {
    const auto found = std::find_if(arguments.begin(), arguments.end(),
                                    [&](const ForwardArgument& a) { return a.name == name; });
    if (found == arguments.end()) return std::nullopt;
    positions.push_back(static_cast<size_t>(found - arguments.begin()));
  }
  return positions;
}

std::vector<size_t> PositionsByNumberOrOrder(std::span<const std::string> names) {
  std::vector<size_t> positions;
  for (const std::string& name : names) {
    const std::optional<size_t> position = PositionInName(name);
    if (!position.has_value()) {
      positions.clear();
      for (size_t i = 0; i < names.size(); ++i) positions.push_back(i);
      return positions;
    }
    positions.push_back(*position);
  }
  return positions;
}

Status CheckDistinct(std::string_view kind, std::span<const std::string> names,
                     std::span<const size_t> positions) {
  for (size_t i = 0; i < positions.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (positions[i] == positions[j]) {
        return InvalidArgumentError(std::string(kind) + "s '" + names[j] + "' and '" + names[i] +
                                    "' of the configuration mean the same position " +
                                    std::to_string(positions[i]));
      }
    }
  }
  return OkStatus();
}

std::string Describe(std::span<const ForwardArgument> arguments) {
  std::string text = "forward(";
  for (size_t i = 0; i < arguments.size(); ++i) {
    text += (i == 0 ? "" : ", ") + arguments[i].name;
  }
  return text + ")";
}

}  // namespace

Result<std::vector<size_t>> InputPositions(std::span<const std::string> names,
                                           std::span<const ForwardArgument> arguments) {
  std::optional<std::vector<size_t>> by_name = PositionsByArgumentName(names, arguments);
  const std::vector<size_t> positions =
      by_name.has_value() ? *std::move(by_name) : PositionsByNumberOrOrder(names);
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] >= arguments.size()) {
      return InvalidArgumentError("input '" + names[i] + "' of the configuration means position " +
                                  std::to_string(positions[i]) + ", but the model has " +
                                  Describe(arguments));
    }
  }
  THRONG_RETURN_IF_ERROR(CheckDistinct("input", names, positions));
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].required &&
        std::find(positions.begin(), positions.end(), i) == positions.end()) {
      return InvalidArgumentError("no input of the configuration feeds argument '" +
                                  arguments[i].name + "' of " + Describe(arguments));
    }
  }
  return positions;
}

Result<std::vector<size_t>> OutputPositions(std::span<const std::string> names) {
  std::vector<size_t> positions = PositionsByNumberOrOrder(names);
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] >= limits::kModelTensors) {
      return InvalidArgumentError("output '" + names[i] + "' of the configuration means position " +
                                  std::to_string(positions[i]) + "; at most " +
                                  std::to_string(limits::kModelTensors) + " are possible");
    }
  }
  THRONG_RETURN_IF_ERROR(CheckDistinct("output", names, positions));
  return positions;
}

}  // namespace throng::torch_runner
