#include "runners/torch/error_text.h"

#include <cctype>
#include <cstddef>

#include "runners/sdk/error_text.h"

namespace throng::torch_runner {
namespace {

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view FirstLine(std::string_view text) {
  text = Trim(text);
  return Trim(text.substr(0, text.find('\n')));
}

// An interpreter error is a traceback and then, on its last line, "RuntimeError: <the reason>".
std::string_view Reason(std::string_view text) {
  if (text.find("Traceback of TorchScript") == std::string_view::npos) return FirstLine(text);
  const size_t error = text.rfind("Error: ");
  if (error != std::string_view::npos) {
    const size_t line = text.rfind('\n', error);
    return FirstLine(text.substr(line == std::string_view::npos ? 0 : line));
  }
  text = Trim(text);
  const size_t line = text.rfind('\n');
  return line == std::string_view::npos ? text : Trim(text.substr(line));
}

// "[enforce fail at file.cc:12] . reason" and 'x INTERNAL ASSERT FAILED at "file":12, please report
// a bug to PyTorch. reason' keep the reason only.
std::string_view WithoutSourcePosition(std::string_view text) {
  if (text.substr(0, 13) == "[enforce fail") {
    const size_t end = text.find(']');
    if (end != std::string_view::npos) text.remove_prefix(end + 1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '.')) text.remove_prefix(1);
  }
  constexpr std::string_view kReport = "please report a bug to PyTorch.";
  const size_t report = text.find(kReport);
  if (report != std::string_view::npos) {
    const std::string_view rest = Trim(text.substr(report + kReport.size()));
    text = rest.empty() ? std::string_view("internal check of LibTorch failed") : rest;
  }
  return text;
}

}  // namespace

std::string ErrorReason(std::string_view text) {
  const std::string reason = sdk::SanitizeErrorText(WithoutSourcePosition(Reason(text)));
  return reason.empty() ? "unknown error" : reason;
}

}  // namespace throng::torch_runner
