#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/kinds/human_time.h"
#include "kube/kinds/schema.h"
#include "kube/quantity.h"

// Reading an object as its kind: what is unknown falls away, and what Go's decoder, which reads the
// kinds of Kubernetes, cannot read is told in its words.
namespace throng::kube {
namespace {

constexpr std::string_view kTimeLayout = "2006-01-02T15:04:05Z07:00";

// "v1.PodSpec" of "io.k8s.api.core.v1.PodSpec".
std::string_view GoName(std::string_view name) {
  const size_t last = name.rfind('.');
  if (last == std::string_view::npos || last == 0) return name;
  const size_t before = name.rfind('.', last - 1);
  return before == std::string_view::npos ? name : name.substr(before + 1);
}

std::string GoType(const Schema& schema) {
  switch (schema.type) {
    case SchemaType::kArray:
      return "[]" + GoType(*schema.items);
    case SchemaType::kMap:
      return schema.items->type == SchemaType::kQuantity ? "v1.ResourceList"
                                                         : "map[string]" + GoType(*schema.items);
    case SchemaType::kString:
      return schema.format == "byte" ? "[]uint8" : "string";
    case SchemaType::kInteger:
      return std::string(schema.format);
    case SchemaType::kNumber:
      return "float64";
    case SchemaType::kBoolean:
      return "bool";
    default:
      return schema.name.empty() ? "map[string]interface {}" : std::string(GoName(schema.name));
  }
}

// As Go's decoder names what it found.
std::string_view GoKind(const Json& value) {
  if (value.is_boolean()) return "bool";
  if (value.is_number()) return "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

bool FitsInteger(const Json& value, std::string_view format) {
  if (!value.is_number_integer()) return false;
  const int64_t most = format == "int32" ? INT32_MAX : INT64_MAX;
  const int64_t least = format == "int32" ? INT32_MIN : INT64_MIN;
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= static_cast<uint64_t>(most);
  return value.get<int64_t>() >= least && value.get<int64_t>() <= most;
}

bool IsBase64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

// Groups of four digits, the last one filled up with "=", as Go's decoder counts them.
class Base64Check {
 public:
  // False: the byte may not stand there.
  bool Take(char c, size_t at) {
    if (c == '\r' || c == '\n') return true;
    if (c == '=') return TakePadding();
    if (padding_ > 0 || !IsBase64(c)) return false;
    if (digits_ == 4) digits_ = 0;
    if (digits_ == 0) start_ = at;
    ++digits_;
    return true;
  }
  bool is_whole() const { return digits_ == 0 || digits_ + padding_ == 4; }
  // Where a text of this size goes wrong that is not whole.
  size_t BadByte(size_t size) const { return padding_ > 0 ? size : start_; }

 private:
  bool TakePadding() {
    if (digits_ < 2 || digits_ + padding_ >= 4) return false;
    ++padding_;
    return true;
  }

  size_t digits_ = 0;  // of the group
  size_t start_ = 0;   // of the group
  size_t padding_ = 0;
};

// The first byte that is no standard base64; npos: all of it is.
size_t BadBase64(std::string_view text) {
  Base64Check check;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!check.Take(text[i], i)) return i;
  }
  return check.is_whole() ? std::string_view::npos : check.BadByte(text.size());
}

class Reader {
 public:
  Reader(const Kind& kind, FieldReport& report) : kind_(kind), report_(report) {}

  void Read(Json& object) {
    struct_name_ = kind_.kind;
    ReadObject(*kind_.schema, object, kind_.is_built_in);
  }

 private:
  // A key or an index that is part of the path while it lives.
  class Step {
   public:
    Step(Reader& reader, std::string_view key)
        : reader_(reader), size_(reader.path_.size()), go_size_(reader.go_path_.size()) {
      if (size_ > 0) reader.path_ += '.';
      reader.path_ += key;
      if (go_size_ > 0) reader.go_path_ += '.';
      reader.go_path_ += key;
    }
    Step(Reader& reader, size_t index)
        : reader_(reader), size_(reader.path_.size()), go_size_(reader.go_path_.size()) {
      reader.path_ += "[" + std::to_string(index) + "]";
    }
    ~Step() {
      reader_.path_.resize(size_);
      reader_.go_path_.resize(go_size_);
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Reader& reader_;
    const size_t size_;
    const size_t go_size_;
  };

  void Fail(std::string why) {
    if (report_.decode_error.empty()) report_.decode_error = std::move(why);
  }

  void FailType(const Schema& schema, std::string_view found) {
    std::string why = "json: cannot unmarshal ";
    why += found;
    why += " into Go struct field ";
    why += struct_name_;
    why += '.';
    why += go_path_;
    why += " of type " + GoType(schema);
    Fail(std::move(why));
  }

  void AddUnknown(std::string_view key) {
    if (report_.unknown.size() >= limits::kFieldErrors) return;
    const Step step(*this, key);
    report_.unknown.push_back("unknown field " + QuoteText(path_));
  }

  // Go leaves an empty map out when it writes the object again.
  static bool IsEmptyMap(const Schema& schema, const Json& value) {
    return schema.type == SchemaType::kMap && value.is_object() && value.empty();
  }

  // `decodes`: the value is read into a type of Go, which refuses what does not fit.
  void ReadObject(const Schema& schema, Json& object, bool decodes) {
    const std::string_view outer_struct = struct_name_;
    if (!schema.name.empty()) struct_name_ = schema.name.substr(schema.name.rfind('.') + 1);
    for (auto entry = object.begin(); entry != object.end();) {
      const Field* const field = FindField(schema, entry.key());
      bool is_dropped = field == nullptr ? !schema.keeps_unknown : entry.value().is_null();
      if (field == nullptr && is_dropped) AddUnknown(entry.key());
      if (is_dropped) {
        entry = object.erase(entry);
        continue;
      }
      if (field != nullptr) {
        const Step step(*this, entry.key());
        // Metadata is decoded for all kinds.
        const bool is_decoded = decodes || path_ == "metadata";
        ReadValue(*field->schema, entry.value(), is_decoded);
        is_dropped = is_decoded && IsEmptyMap(*field->schema, entry.value());
      }
      if (is_dropped) {
        entry = object.erase(entry);
        continue;
      }
      ++entry;
    }
    struct_name_ = outer_struct;
  }

  void ReadMap(const Schema& schema, Json& map, bool decodes) {
    for (auto entry = map.begin(); entry != map.end();) {
      if (entry.value().is_null()) {
        if (!decodes) {
          entry = map.erase(entry);
          continue;
        }
        if (schema.items->type == SchemaType::kString) entry.value() = "";
      }
      // Values are told by the name of the map only.
      const size_t go_size = go_path_.size();
      const Step step(*this, entry.key());
      go_path_.resize(go_size);
      ReadValue(*schema.items, entry.value(), decodes);
      ++entry;
    }
  }

  void ReadValue(const Schema& schema, Json& value, bool decodes) {
    switch (schema.type) {
      case SchemaType::kObject:
        if (value.is_object()) return ReadObject(schema, value, decodes);
        break;
      case SchemaType::kMap:
        if (value.is_object()) return ReadMap(schema, value, decodes);
        break;
      case SchemaType::kArray:
        if (value.is_array()) {
          for (size_t i = 0; i < value.size(); ++i) {
            const Step step(*this, i);
            ReadValue(*schema.items, value[i], decodes);
          }
          return;
        }
        break;
      default:
        if (decodes) DecodeScalar(schema, value);
        return;
    }
    if (decodes && !value.is_null()) FailType(schema, GoKind(value));
  }

  void DecodeScalar(const Schema& schema, const Json& value) {
    if (value.is_null()) return;
    switch (schema.type) {
      case SchemaType::kString:
        return value.is_string() ? DecodeText(schema, value) : FailText(schema, value);
      case SchemaType::kInteger:
        if (!value.is_number()) return FailType(schema, GoKind(value));
        if (!FitsInteger(value, schema.format)) FailType(schema, "number " + value.dump());
        return;
      case SchemaType::kNumber:
        if (!value.is_number()) FailType(schema, GoKind(value));
        return;
      case SchemaType::kBoolean:
        if (!value.is_boolean()) FailType(schema, GoKind(value));
        return;
      case SchemaType::kIntOrString:
        if (!value.is_string() && !FitsInteger(value, "int32")) {
          Fail("json: cannot unmarshal " + std::string(GoKind(value)) +
               " into Go value of type int32");
        }
        return;
      case SchemaType::kQuantity:
        if (const Result<Quantity> amount = Quantity::FromJson(value); !amount.ok()) {
          Fail(amount.status().message());
        }
        return;
      default:
        return;
    }
  }

  void FailText(const Schema& schema, const Json& value) {
    if (schema.format == "date-time") {
      return Fail("json: cannot unmarshal " + std::string(GoKind(value)) +
                  " into Go value of type string");
    }
    FailType(schema, GoKind(value));
  }

  void DecodeText(const Schema& schema, const Json& value) {
    const auto& text = value.get_ref<const std::string&>();
    if (schema.format == "date-time" && !text.empty() && !ParseTimestamp(text)) {
      return Fail("parsing time " + QuoteText(text) + " as " + QuoteText(kTimeLayout) +
                  ": cannot parse it");
    }
    if (schema.format == "byte") {
      const size_t bad = BadBase64(text);
      if (bad != std::string_view::npos) {
        Fail("illegal base64 data at input byte " + std::to_string(bad));
      }
    }
  }

  const Kind& kind_;
  FieldReport& report_;
  std::string path_;     // "spec.containers[0].image"
  std::string go_path_;  // "spec.containers.image"
  std::string_view struct_name_;
};

}  // namespace

const Field* FindField(const Schema& schema, std::string_view name) {
  for (const Schema* part = &schema; part != nullptr; part = part->base) {
    for (const Field& field : part->fields) {
      if (field.name == name) return &field;
    }
  }
  return nullptr;
}

FieldReport CheckFields(const Kind& kind, Json& object) {
  FieldReport report;
  if (kind.schema == nullptr || !object.is_object()) return report;
  Reader(kind, report).Read(object);
  return report;
}

ApiError CannotHandleError(const Kind& kind, std::string_view why) {
  std::string message = kind.kind + " in version " + QuoteText(kind.version) +
                        " cannot be handled as a " + kind.kind + ": ";
  message += why;
  return BadRequestError(std::move(message));
}

std::string StrictDecodingError(std::span<const std::string> unknown) {
  std::string text = "strict decoding error: ";
  for (size_t i = 0; i < unknown.size(); ++i) {
    if (i > 0) text += ", ";
    text += unknown[i];
  }
  return text;
}

}  // namespace throng::kube
