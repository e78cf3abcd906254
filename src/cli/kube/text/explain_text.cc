#include "cli/kube/text/explain_text.h"

#include <algorithm>

#include "base/control_limits.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::Json;
using throng::kube::TextAt;

constexpr size_t kWidth = 80;
constexpr std::string_view kReference = "#/components/schemas/";

// Breaks at blanks; keeps the text's own paragraphs.
void AppendWrapped(std::string_view text, size_t indent, std::string& out) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view paragraph = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string line;
    while (!paragraph.empty()) {
      const size_t blank = std::min(paragraph.find(' '), paragraph.size());
      const std::string_view word = paragraph.substr(0, blank);
      if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) {
        out.append(indent, ' ').append(line) += '\n';
        line.clear();
      }
      if (!word.empty()) line.append(line.empty() ? "" : " ").append(word);
      paragraph.remove_prefix(std::min(blank + 1, paragraph.size()));
    }
    out.append(indent, ' ').append(line) += '\n';
  }
}

class Explainer {
 public:
  explicit Explainer(const Json& document) : document_(document) {}

  const Json* FindKind(const client::ResourceType& type) const {
    const Json* schemas = FindPath(document_, {"components", "schemas"});
    if (schemas == nullptr || !schemas->is_object()) return nullptr;
    for (const auto& [name, schema] : schemas->items()) {
      const Json* kinds = FindPath(schema, {"x-kubernetes-group-version-kind"});
      if (kinds == nullptr || !kinds->is_array()) continue;
      for (const Json& kind : *kinds) {
        if (TextAt(kind, {"group"}) == type.group && TextAt(kind, {"version"}) == type.version &&
            TextAt(kind, {"kind"}) == type.kind) {
          return &schema;
        }
      }
    }
    return nullptr;
  }

  // The schema that it stands for: a reference, maybe as the only part of an allOf.
  const Json& Resolve(const Json& schema) const {
    const Json* at = &schema;
    for (size_t hops = 0; hops < limits::kObjectDepth; ++hops) {
      const std::string name = ReferenceIn(*at);
      const Json* target =
          name.empty() ? nullptr : FindPath(document_, {"components", "schemas", name});
      if (target == nullptr) return *at;
      at = target;
    }
    return *at;
  }

  // What a field of an object, of the items of a list or the values of a map has.
  const Json& Inside(const Json& schema) const {
    const Json* at = &Resolve(schema);
    for (size_t hops = 0; hops < limits::kObjectDepth; ++hops) {
      const Json* inner = FindPath(*at, {"items"});
      if (inner == nullptr) inner = FindPath(*at, {"additionalProperties"});
      if (inner == nullptr || !inner->is_object() || at->contains("properties")) return *at;
      at = &Resolve(*inner);
    }
    return *at;
  }

  const Json* Property(const Json& schema, const std::string& name) const {
    return FindPath(Inside(schema), {"properties", name});
  }

  // "string", "[]Container", "map[string]string", "Object".
  std::string TypeName(const Json& schema, size_t depth = 0) const {
    const std::string reference = ReferenceIn(schema);
    const Json& resolved = Resolve(schema);
    if (depth > limits::kTemplateDepth) return "Object";
    if (TextAt(resolved, {"type"}) == "array") {
      const Json* items = FindPath(resolved, {"items"});
      return "[]" + (items == nullptr ? "Object" : TypeName(*items, depth + 1));
    }
    const Json* values = FindPath(resolved, {"additionalProperties"});
    if (values != nullptr && values->is_object() && !resolved.contains("properties")) {
      return "map[string]" + TypeName(*values, depth + 1);
    }
    const std::string type = TextAt(resolved, {"type"});
    if (!type.empty() && type != "object") return type;
    const size_t dot = reference.rfind('.');
    return reference.empty() ? "Object" : reference.substr(dot + 1);  // npos + 1 is 0
  }

  // Of a field in a list: its own, else that of what it refers to.
  std::string DescriptionOf(const Json& schema) const {
    const std::string own = TextAt(schema, {"description"});
    if (!own.empty()) return own;
    const std::string text = TextAt(Resolve(schema), {"description"});
    return text.empty() ? "<empty>" : text;
  }

  // Of the field itself, of what it refers to, of its items.
  void AppendDescriptions(const Json& schema, std::string& out) const {
    bool found = false;
    const Json* at = &schema;
    for (size_t hops = 0; at != nullptr && hops < limits::kObjectDepth; ++hops) {
      const std::string text = TextAt(*at, {"description"});
      if (!text.empty()) AppendWrapped(text, 4, out);
      found = found || !text.empty();
      const std::string name = ReferenceIn(*at);
      const Json* next = name.empty() ? FindPath(*at, {"items"})
                                      : FindPath(document_, {"components", "schemas", name});
      if (next == nullptr) next = FindPath(*at, {"additionalProperties"});
      at = next != nullptr && next->is_object() ? next : nullptr;
    }
    if (!found) out += "    <empty>\n";
    out += "    \n";
  }

  static std::vector<std::string> Choices(const Json& schema) {
    std::vector<std::string> choices;
    const Json* list = FindPath(schema, {"enum"});
    if (list == nullptr || !list->is_array()) return choices;
    for (const Json& choice : *list) {
      choices.push_back(choice.is_string() ? choice.get<std::string>()
                                           : throng::kube::PrintJson(choice));
    }
    return choices;
  }

  void AppendFields(const Json& schema, std::string& out) const {
    const Json& inside = Inside(schema);
    const Json* properties = FindPath(inside, {"properties"});
    if (properties == nullptr || !properties->is_object()) return;
    out += "FIELDS:\n";
    for (const auto& [name, property] : properties->items()) {
      AppendFieldLine(inside, name, property, 2, out);
      AppendWrapped(DescriptionOf(property), 4, out);
      out += "\n";
    }
  }

  void AppendAllFields(const Json& schema, size_t depth, std::string& out) const {
    if (depth > limits::kTemplateDepth) return;  // kinds may hold themselves
    const Json& inside = Inside(schema);
    const Json* properties = FindPath(inside, {"properties"});
    if (properties == nullptr || !properties->is_object()) return;
    if (depth == 0) out += "FIELDS:\n";
    for (const auto& [name, property] : properties->items()) {
      AppendFieldLine(inside, name, property, 2 + depth * 2, out);
      AppendAllFields(property, depth + 1, out);
    }
  }

 private:
  void AppendFieldLine(const Json& parent, const std::string& name, const Json& property,
                       size_t indent, std::string& out) const {
    out += std::string(indent, ' ') + name + "\t<" + TypeName(property) + ">";
    if (IsRequired(parent, name)) out += " -required-";
    out += "\n";
    const std::vector<std::string> choices = Choices(property);
    if (choices.empty()) return;
    out += std::string(indent, ' ') + "enum:";
    for (size_t i = 0; i < choices.size(); ++i) out += (i == 0 ? " " : ", ") + choices[i];
    out += "\n";
  }
  static bool IsRequired(const Json& schema, const std::string& name) {
    const Json* required = FindPath(schema, {"required"});
    return required != nullptr && required->is_array() &&
           std::find(required->begin(), required->end(), name) != required->end();
  }
  static std::string ReferenceIn(const Json& schema) {
    std::string reference = TextAt(schema, {"$ref"});
    const Json* parts = FindPath(schema, {"allOf"});
    if (reference.empty() && parts != nullptr && parts->is_array() && parts->size() == 1) {
      reference = TextAt(parts->front(), {"$ref"});
    }
    return reference.starts_with(kReference) ? reference.substr(kReference.size()) : "";
  }

  const Json& document_;
};

}  // namespace

Result<std::string> ExplainField(const Json& document, const client::ResourceType& type,
                                 const std::vector<std::string>& fields, bool recursive) {
  const Explainer explainer(document);
  const Json* schema = explainer.FindKind(type);
  if (schema == nullptr) {
    return NotFoundError("the server does not describe " + type.kind + " of " + type.ApiVersion());
  }
  for (const std::string& field : fields) {
    schema = explainer.Property(*schema, field);
    if (schema == nullptr) return NotFoundError("field \"" + field + "\" does not exist");
  }
  std::string out;
  if (!type.group.empty()) out += "GROUP:      " + type.group + "\n";
  out += "KIND:       " + type.kind + "\nVERSION:    " + type.version + "\n\n";
  if (!fields.empty()) {
    out += "FIELD: " + fields.back() + " <" + explainer.TypeName(*schema) + ">\n";
    const std::vector<std::string> choices = Explainer::Choices(*schema);
    out += choices.empty() ? "\n" : "ENUM:\n";
    for (const std::string& choice : choices) out += "    " + choice + "\n";
    out += "\n";
  }
  out += "DESCRIPTION:\n";
  explainer.AppendDescriptions(*schema, out);
  if (recursive) {
    explainer.AppendAllFields(*schema, 0, out);
  } else {
    explainer.AppendFields(*schema, out);
  }
  return out + "\n";
}

}  // namespace throng::cli::kube
