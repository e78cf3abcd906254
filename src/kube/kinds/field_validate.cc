#include <set>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/kinds/schema.h"
#include "kube/kinds/schemas.h"

// Refusing an object that can be read: in the words of the API server for custom kinds, which are
// checked by their schema alone, and for its own, of which only what its validation asks is asked.
namespace throng::kube {
namespace {

constexpr std::string_view kQuantityPattern =
    R"(^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$)";

std::string_view TypeNames(SchemaType type) {
  switch (type) {
    case SchemaType::kObject:
    case SchemaType::kMap:
      return "object";
    case SchemaType::kArray:
      return "array";
    case SchemaType::kString:
      return "string";
    case SchemaType::kInteger:
      return "integer";
    case SchemaType::kNumber:
      return "number";
    case SchemaType::kBoolean:
      return "boolean";
    case SchemaType::kIntOrString:
    case SchemaType::kQuantity:
      return "integer,string";
    case SchemaType::kAny:
      return "any";
  }
  return "any";
}

bool IsWhole(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return number >= -9e15 && number <= 9e15 &&
         number == static_cast<double>(static_cast<int64_t>(number));
}

std::string_view TypeNameOf(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "boolean";
  if (value.is_string()) return "string";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return IsWhole(value) ? "integer" : "number";
}

bool HasType(const Json& value, SchemaType type) {
  switch (type) {
    case SchemaType::kObject:
    case SchemaType::kMap:
      return value.is_object();
    case SchemaType::kArray:
      return value.is_array();
    case SchemaType::kString:
      return value.is_string();
    case SchemaType::kInteger:
      return IsWhole(value);
    case SchemaType::kNumber:
      return value.is_number();
    case SchemaType::kBoolean:
      return value.is_boolean();
    case SchemaType::kIntOrString:
    case SchemaType::kQuantity:
      return value.is_string() || IsWhole(value);
    case SchemaType::kAny:
      return true;
  }
  return true;
}

class Validator {
 public:
  Validator(bool is_built_in, std::vector<ApiCause>& causes)
      : is_built_in_(is_built_in), causes_(causes) {}

  void Object(const Schema& schema, const Json& object, const std::string& path) {
    for (const Field& field : schema.fields) {
      if (field.is_required && IsMissing(object, field.name)) {
        Add(RequiredValue(Child(path, field.name), ""));
      }
    }
    for (const auto& [key, value] : object.items()) {
      const Field* const field = FindField(schema, key);
      if (field == nullptr || (path.empty() && IsSkipped(key))) continue;
      Value(*field->schema, value, Child(path, key));
    }
  }

 private:
  static std::string Child(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  // Metadata has rules of its own; of the status of built-in kinds nothing is required.
  bool IsSkipped(std::string_view key) const {
    return key == "metadata" || (is_built_in_ && key == "status");
  }

  // In Go a text that is missing and one that is empty are the same.
  bool IsMissing(const Json& object, std::string_view key) const {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return true;
    if (!is_built_in_ || key == "value") return false;
    if (found->is_string()) return found->get_ref<const std::string&>().empty();
    return found->is_array() && found->empty();
  }

  void Add(ApiCause cause) {
    if (causes_.size() < limits::kFieldErrors) causes_.push_back(std::move(cause));
  }

  void Value(const Schema& schema, const Json& value, const std::string& path) {
    if (!HasType(value, schema.type)) {
      // What is built in was decoded, which tells types more exactly.
      if (!is_built_in_) AddType(schema, value, path);
      return;
    }
    switch (schema.type) {
      case SchemaType::kObject:
        return Object(schema, value, path);
      case SchemaType::kMap:
        for (const auto& [key, item] : value.items()) Value(*schema.items, item, Child(path, key));
        return;
      case SchemaType::kArray:
        return Array(schema, value, path);
      case SchemaType::kString:
        return Text(schema, value, path);
      case SchemaType::kQuantity:
        return Amount(value, path);
      default:
        return;
    }
  }

  void AddType(const Schema& schema, const Json& value, const std::string& path) {
    const std::string_view found = TypeNameOf(value);
    Add(TypeInvalidValue(path, found,
                         path + " in body must be of type " + std::string(TypeNames(schema.type)) +
                             ": " + QuoteText(found)));
  }

  void Array(const Schema& schema, const Json& list, const std::string& path) {
    // Lists whose entries others refer to by name.
    const bool is_named = schema.items == &schemas::kContainer || schema.items == &schemas::kVolume;
    std::set<std::string> names;
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string item_path = path + "[" + std::to_string(i) + "]";
      Value(*schema.items, list[i], item_path);
      if (!is_named) continue;
      const std::string name = TextAt(list[i], {"name"});
      if (!name.empty() && !names.insert(name).second) {
        Add(DuplicateValue(item_path + ".name", name));
      }
    }
  }

  void Text(const Schema& schema, const Json& value, const std::string& path) {
    if (schema.values.empty()) return;
    const auto& text = value.get_ref<const std::string&>();
    if (is_built_in_ && text.empty()) return;
    for (const std::string_view allowed : schema.values) {
      if (text == allowed) return;
    }
    Add(UnsupportedValue(path, value, schema.values));
  }

  void Amount(const Json& value, const std::string& path) {
    if (is_built_in_ || !value.is_string()) return;
    if (IsQuantity(value.get_ref<const std::string&>())) return;
    Add(InvalidValue(path, value,
                     path + " in body should match '" + std::string(kQuantityPattern) + "'"));
  }

  const bool is_built_in_;
  std::vector<ApiCause>& causes_;
};

// Digits with at most one dot among them, at least one digit. Returns what follows; nothing taken:
// no number.
std::string_view SkipNumber(std::string_view text) {
  size_t at = 0;
  bool has_digit = false;
  bool has_dot = false;
  while (at < text.size()) {
    if (text[at] >= '0' && text[at] <= '9') {
      has_digit = true;
    } else if (text[at] == '.' && !has_dot) {
      has_dot = true;
    } else {
      break;
    }
    ++at;
  }
  return has_digit ? text.substr(at) : text;
}

std::string_view SkipSign(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  return text;
}

}  // namespace

bool IsQuantity(std::string_view text) {
  text = SkipSign(text);
  const std::string_view unit = SkipNumber(text);
  if (unit.size() == text.size()) return false;
  if (unit.empty()) return true;
  if (unit.size() == 2 && unit[1] == 'i') {
    return std::string_view("KMGTPE").find(unit[0]) != std::string_view::npos;
  }
  if (unit.size() == 1)
    return std::string_view("numkMGTPE").find(unit[0]) != std::string_view::npos;
  if (unit[0] != 'e' && unit[0] != 'E') return false;
  const std::string_view exponent = SkipSign(unit.substr(1));
  return !exponent.empty() && SkipNumber(exponent).empty();
}

std::vector<ApiCause> ValidateFields(const Kind& kind, const Json& object) {
  std::vector<ApiCause> causes;
  if (kind.schema == nullptr || !object.is_object()) return causes;
  Validator(kind.is_built_in, causes).Object(*kind.schema, object, "");
  return causes;
}

}  // namespace throng::kube
