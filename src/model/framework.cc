#include "model/framework.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/limits.h"

namespace throng::model {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::array<std::string_view, 5> kProbes = {"onnx", "torchscript_zip", "protobuf",
                                                     "saved_model_dir", "any"};

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Status LineError(int line, const std::string& text) {
  return InvalidArgumentError("framework manifest, line " + std::to_string(line) + ": " + text);
}

// Sets the field of `rule` that "key=value" names. Returns what is wrong, or nothing.
std::string SetFormatField(std::string_view field, FormatRule& rule) {
  const size_t equals = field.find('=');
  if (equals == std::string_view::npos || equals + 1 == field.size()) {
    return "expected key=value, got '" + std::string(field) + "'";
  }
  const std::string_view key = field.substr(0, equals);
  const std::string value(field.substr(equals + 1));
  std::string* target = nullptr;
  if (key == "suffix") target = &rule.suffix;
  if (key == "name") target = &rule.default_name;
  if (key == "platform") target = &rule.platform;
  if (key == "probe") target = &rule.probe;
  if (target == nullptr) return "unknown key '" + std::string(key) + "' of format";
  if (!target->empty()) return "key '" + std::string(key) + "' of format is given twice";
  *target = value;
  return {};
}

// A name of one path component; a folder's ends with '/'.
bool IsPlainName(std::string_view name) {
  if (!name.empty() && name.back() == '/') name.remove_suffix(1);
  return !name.empty() && name.find('/') == std::string_view::npos && name != "." && name != "..";
}

std::string CheckFormat(const FormatRule& rule) {
  if (!IsPlainName(rule.suffix)) return "format needs a suffix that is part of a file name";
  if (!IsPlainName(rule.default_name)) return "format needs a name that is a file name";
  if (rule.suffix.ends_with('/') != rule.default_name.ends_with('/')) {
    return "suffix and name of a format must both end with '/' or neither";
  }
  if (rule.platform.empty()) return "format needs a platform";
  if (std::find(kProbes.begin(), kProbes.end(), rule.probe) == kProbes.end()) {
    return "unknown probe '" + rule.probe + "'";
  }
  return {};
}

std::string ParseFormat(std::string_view value, FrameworkManifest& manifest) {
  if (manifest.formats.size() == limits::kFormatsPerFramework) {
    return "more than " + std::to_string(limits::kFormatsPerFramework) + " formats";
  }
  FormatRule rule;
  while (!(value = Trim(value)).empty()) {
    const std::string_view field = value.substr(0, value.find_first_of(kBlanks));
    std::string error = SetFormatField(field, rule);
    if (!error.empty()) return error;
    value.remove_prefix(field.size());
  }
  if (rule.probe.empty()) rule.probe = "any";
  std::string error = CheckFormat(rule);
  if (error.empty()) manifest.formats.push_back(std::move(rule));
  return error;
}

std::string SetField(std::string_view key, std::string_view value, FrameworkManifest& manifest) {
  if (key == "format") return ParseFormat(value, manifest);
  if (key == "framework") {
    manifest.framework = value;
  } else if (key == "backend") {
    manifest.backend = value;
  } else if (key == "get_it") {
    manifest.get_it = value;
  } else if (key == "log_source") {
    manifest.log_source = value;
  } else if (key == "log_line") {
    const char* const end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, manifest.log_line);
    if (error != std::errc() || stop != end || manifest.log_line < 0) {
      return "log_line must be a number, got '" + std::string(value) + "'";
    }
  } else if (key == "log_instance_suffix") {
    if (value != "true" && value != "false") {
      return "log_instance_suffix must be true or false, got '" + std::string(value) + "'";
    }
    manifest.log_instance_suffix = value == "true";
  } else {
    return "unknown key '" + std::string(key) + "'";
  }
  return {};
}

// The framework's name becomes part of a program's name.
bool IsFrameworkName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Result<FrameworkManifest> ParseFrameworkManifest(std::string_view text) {
  FrameworkManifest manifest;
  int line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    line = Trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return LineError(line_number, "expected key: value");
    const std::string_view value = Trim(line.substr(colon + 1));
    if (value.empty()) return LineError(line_number, "the value is missing");
    const std::string error = SetField(Trim(line.substr(0, colon)), value, manifest);
    if (!error.empty()) return LineError(line_number, error);
  }
  if (!IsFrameworkName(manifest.framework)) {
    return LineError(line_number,
                     "'framework' is missing or not of lower-case letters, digits and '_'");
  }
  if (manifest.backend.empty()) return LineError(line_number, "'backend' is missing");
  if (manifest.formats.empty()) return LineError(line_number, "no format is given");
  return manifest;
}

}  // namespace throng::model
