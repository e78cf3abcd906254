#include "model/model_name.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"

namespace throng::model {
namespace {

// Not isalnum: that asks the locale.
bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsNameCharacter(char c) { return IsLetterOrDigit(c) || c == '_' || c == '-' || c == '.'; }

}  // namespace

Result<ModelName> ModelName::Parse(std::string_view text) {
  if (text.empty()) return InvalidArgumentError("Model name cannot be empty");
  if (text.size() > limits::kModelNameBytes) {
    return InvalidArgumentError("model name must not be longer than " +
                                std::to_string(limits::kModelNameBytes) + " characters");
  }
  if (text == "." || text == ".." || text.find('/') != std::string_view::npos ||
      text.find('\\') != std::string_view::npos) {
    return InvalidArgumentError("model name must not contain path traversal characters");
  }
  if (!std::all_of(text.begin(), text.end(), IsNameCharacter)) {
    return InvalidArgumentError(
        "model name must consist of letters, digits, '_', '-' and '.' only");
  }
  if (text.front() == '.' || text.front() == '-') {
    return InvalidArgumentError("model name must not start with '.' or '-'");
  }
  return ModelName(std::string(text));
}

std::optional<int64_t> ParseVersion(std::string_view text) {
  if (text.empty() || text.front() == '-' || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  int64_t version = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, version);
  if (error != std::errc() || stop != end) return std::nullopt;
  return version;
}

}  // namespace throng::model
