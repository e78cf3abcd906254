#include "runners/null/null_config.h"

#include <charconv>
#include <utility>

#include "base/limits.h"
#include "runners/null/hostile.h"

namespace throng::null_runner {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

template <typename Integer>
Result<Integer> ParseInteger(std::string_view key, std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgumentError("'" + std::string(key) + "' must be a whole number");
  }
  return value;
}

// "FP32 [-1,16]"
Result<model::TensorMetadata> ParseInput(std::string_view text, size_t index) {
  const Status malformed =
      InvalidArgumentError("'input' must be a datatype and a shape, such as FP32 [-1,16]");
  const size_t open = text.find('[');
  if (open == std::string_view::npos || text.back() != ']') return malformed;
  const std::optional<tensor::DataType> type = tensor::ParseDataType(Trim(text.substr(0, open)));
  if (!type.has_value()) return malformed;
  model::TensorMetadata input{"INPUT" + std::to_string(index), *type, {}, false};
  std::string_view dims = text.substr(open + 1, text.size() - open - 2);
  while (!Trim(dims).empty()) {
    const size_t comma = std::min(dims.find(','), dims.size());
    THRONG_ASSIGN_OR_RETURN(const int64_t dim,
                            ParseInteger<int64_t>("input", Trim(dims.substr(0, comma))));
    if (dim < -1 || input.shape.size() >= limits::kTensorRank) return malformed;
    input.shape.push_back(dim);
    dims.remove_prefix(std::min(comma + 1, dims.size()));
  }
  return input;
}

bool IsBehavior(std::string_view name) {
  for (std::string_view kind : {"echo", "sum", "sleep", "slow_load"}) {
    if (name == kind) return true;
  }
  return IsHostileBehavior(name);
}

Status SetBehavior(std::string_view value, NullConfig& config) {
  if (!IsBehavior(value)) return InvalidArgumentError("'behavior' is not one that this runner has");
  config.behavior = value;
  return OkStatus();
}

Status SetWhen(std::string_view value, NullConfig& config) {
  if (value != "load" && value != "execute") {
    return InvalidArgumentError("'when' must be load or execute");
  }
  config.when = value == "load" ? When::kLoad : When::kExecute;
  return OkStatus();
}

Status SetKey(std::string_view key, std::string_view value, NullConfig& config) {
  if (key == "behavior") return SetBehavior(value, config);
  if (key == "when") return SetWhen(value, config);
  if (key == "input") {
    if (config.inputs.size() >= limits::kModelTensors || value.empty()) {
      return InvalidArgumentError("'input' is empty or there are too many");
    }
    THRONG_ASSIGN_OR_RETURN(model::TensorMetadata input, ParseInput(value, config.inputs.size()));
    config.inputs.push_back(std::move(input));
    return OkStatus();
  }
  if (key == "milliseconds") {
    THRONG_ASSIGN_OR_RETURN(config.milliseconds, ParseInteger<int>(key, value));
    return OkStatus();
  }
  uint64_t* number = key == "bytes"         ? &config.bytes
                     : key == "kill_after"  ? &config.kill_after
                     : key == "crash_after" ? &config.crash_after
                                            : nullptr;
  if (number == nullptr) return InvalidArgumentError("unknown key");
  THRONG_ASSIGN_OR_RETURN(*number, ParseInteger<uint64_t>(key, value));
  return OkStatus();
}

Status ParseLine(std::string_view line, NullConfig& config) {
  line = Trim(line.substr(0, line.find('#')));
  if (line.empty()) return OkStatus();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return InvalidArgumentError("expected 'key: value'");
  return SetKey(Trim(line.substr(0, colon)), Trim(line.substr(colon + 1)), config);
}

}  // namespace

Result<NullConfig> ParseNullConfig(std::string_view text) {
  NullConfig config;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    Status status = ParseLine(text.substr(0, end), config);
    if (!status.ok()) return status.WithContext("line " + std::to_string(number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return config;
}

}  // namespace throng::null_runner
