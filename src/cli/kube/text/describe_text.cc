#include "cli/kube/text/describe_text.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "cli/kube/text/event_text.h"
#include "client/aligned_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::Json;
using throng::kube::TextAt;

constexpr size_t kAnnotationWidth = 140;
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr std::array<std::string_view, 5> kAcronyms = {"API", "URL", "UID", "OSB", "GUID"};
constexpr std::array<std::string_view, 5> kShownApart = {"managedFields", "name", "namespace",
                                                         "labels", "annotations"};

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
char ToUpper(char c) { return IsLower(c) ? static_cast<char>(c - 32) : c; }

// Tabs and escapes of a value must not shift columns or speak to the terminal.
std::string ValueText(const Json& value) {
  return client::CellText(value.is_string() ? value.get<std::string>()
                                            : throng::kube::PrintJson(value));
}

// "storageURIList" -> "storage", "URI", "List".
std::vector<std::string> CamelParts(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts = i == 0 || (IsUpper(text[i]) && IsLower(text[i - 1])) ||
                        (IsUpper(text[i]) && i + 1 < text.size() && IsLower(text[i + 1])) ||
                        (text[i] == '-') != (text[i - 1] == '-');
    if (starts) parts.emplace_back();
    parts.back() += text[i];
  }
  return parts;
}

void AddLabels(const Json& object, std::string& out) {
  out += "Labels:\t";
  const Json& labels = throng::kube::LabelsOf(object);
  if (labels.empty()) out += "<none>\n";
  bool first = true;
  for (const auto& [key, value] : labels.items()) {
    if (!std::exchange(first, false)) out += "\t";
    out += key + "=" + ValueText(value) + "\n";
  }
}

void AddAnnotations(const Json& object, std::string& out) {
  out += "Annotations:\t";
  bool first = true;
  for (const auto& [key, value] : throng::kube::AnnotationsOf(object).items()) {
    if (key == kLastApplied) continue;
    if (!std::exchange(first, false)) out += "\t";
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    const bool is_short =
        key.size() + text.size() + 2 < kAnnotationWidth && text.find('\n') == std::string::npos;
    if (is_short) {
      out += key + ": " + client::CellText(text) + "\n";
      continue;
    }
    out += key + ":\n";
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string line = client::CellText(text.substr(at, end - at));
      if (line.size() > kAnnotationWidth) line = line.substr(0, kAnnotationWidth - 3) + "...";
      out += "\t  " + line + "\n";
      at = end + 1;
    }
  }
  if (first) out += "<none>\n";
}

// As deep as the parser let objects be.
void AddFields(const Json& object, size_t level, bool is_metadata, std::string& out) {
  const std::string indent(level * 2, ' ');
  for (const auto& [key, value] : object.items()) {
    const bool apart = std::find(kShownApart.begin(), kShownApart.end(), key) != kShownApart.end();
    if (is_metadata && apart) continue;
    const std::string title = indent + TitleOf(key) + ":";
    if (value.is_object()) {
      out += title + "\n";
      AddFields(value, level + 1, level == 0 && key == "metadata", out);
    } else if (value.is_array()) {
      out += title + "\n";
      for (const Json& item : value) {
        if (item.is_object()) {
          AddFields(item, level + 1, false, out);
        } else {
          out += indent + "  " + ValueText(item) + "\n";
        }
      }
    } else {
      out += title + "\t" + ValueText(value) + "\n";
    }
  }
}

// Of a Secret nothing but the sizes of its entries, as kubectl does.
Json WithoutSecrets(Json object) {
  if (TextAt(object, {"kind"}) != "Secret" || TextAt(object, {"apiVersion"}) != "v1") return object;
  const auto data = object.find("data");
  if (data == object.end() || !data->is_object()) return object;
  for (Json& value : *data) {
    const auto bytes =
        value.is_string() ? DecodeBase64(value.get_ref<const std::string&>()) : std::nullopt;
    value = bytes ? std::to_string(bytes->size()) + " bytes" : "not base64";
  }
  return object;
}

std::string EventsText(std::vector<Json> events, WallTime now) {
  SortEvents(events);
  std::string out =
      "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n";
  for (const Json& event : events) {
    std::string from = TextAt(event, {"source", "component"});
    if (from.empty()) from = TextAt(event, {"reportingComponent"});
    out += "  " + client::CellText(TextAt(event, {"type"})) + "\t" +
           client::CellText(TextAt(event, {"reason"})) + "\t" + EventAge(event, now) + "\t" +
           client::CellText(from) + "\t" + client::CellText(TextAt(event, {"message"})) + "\n";
  }
  return client::Align(out, client::kDescribeAlignment);
}

}  // namespace

std::string TitleOf(const std::string& field) {
  const bool is_plain = std::all_of(field.begin(), field.end(),
                                    [](char c) { return IsLower(c) || IsUpper(c) || c == '-'; });
  if (!is_plain) return field;
  std::string title;
  for (std::string part : CamelParts(field)) {
    std::string upper = part;
    std::transform(upper.begin(), upper.end(), upper.begin(), ToUpper);
    if (std::find(kAcronyms.begin(), kAcronyms.end(), upper) != kAcronyms.end()) part = upper;
    part[0] = ToUpper(part[0]);
    title += (title.empty() ? "" : " ") + part;
  }
  return title;
}

std::string DescribeObject(const Json& object, const std::vector<Json>* events, WallTime now) {
  std::string out = "Name:\t" + throng::kube::NameOf(object) + "\n";
  out += "Namespace:\t" + throng::kube::NamespaceOf(object) + "\n";
  AddLabels(object, out);
  AddAnnotations(object, out);
  AddFields(WithoutSecrets(object), 0, false, out);
  if (events != nullptr && events->empty()) out += "Events:\t<none>\n";
  std::string text = client::Align(out, client::kDescribeAlignment);
  if (events != nullptr && !events->empty()) text += EventsText(*events, now);
  return text;
}

}  // namespace throng::cli::kube
