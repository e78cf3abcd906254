#include "runners/tensorflow/error_text.h"

#include <cstddef>

#include "runners/sdk/error_text.h"

namespace throng::tensorflow_runner {
namespace {

// What follows one of these is of no use to a client, or names what it must not know (the host).
constexpr std::string_view kTails[] = {"\n",
                                       " in binary running on ",
                                       "[[{{node",
                                       "[[node ",
                                       "; NodeDef:",
                                       " NodeDef mentions ",
                                       " while building NodeDef",
                                       ". (Check whether your GraphDef"};

// "{{function_node f}} {{node n}} reason" → "reason".
std::string_view WithoutLeadingNodes(std::string_view text) {
  while (text.substr(0, 2) == "{{") {
    const size_t end = text.find("}}");
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 2);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  }
  return text;
}

// Files of a SavedModel are shown by their name in the model: "ram://7/variables/x" →
// "variables/x".
std::string WithoutMemoryFolder(std::string_view text) {
  constexpr std::string_view kScheme = "ram://";
  std::string out;
  while (true) {
    const size_t at = text.find(kScheme);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + kScheme.size());
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
    if (!text.empty() && text.front() == '/') text.remove_prefix(1);
  }
}

}  // namespace

std::string ErrorReason(std::string_view text) {
  text = WithoutLeadingNodes(text);
  for (const std::string_view tail : kTails) {
    const size_t at = text.find(tail);
    if (at != std::string_view::npos && at > 0) text = text.substr(0, at);
  }
  const std::string reason = sdk::SanitizeErrorText(WithoutMemoryFolder(text));
  return reason.empty() ? "unknown error" : reason;
}

}  // namespace throng::tensorflow_runner
