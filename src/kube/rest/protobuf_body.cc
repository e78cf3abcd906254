#include "kube/rest/protobuf_body.h"

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include <google/protobuf/unknown_field_set.h>

#include "base/base64.h"
#include "base/control_limits.h"
#include "base/utf8.h"
#include "kube/kinds/schemas.h"
#include "kube/object_meta.h"
#include "kube/rest/protobuf_fields.h"

namespace throng::kube::server {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// What is asked with a review; it is no kind that is stored. Its messages are read by the rows of
// kReviewRows.
constexpr Field kResourceAttributesFields[] = {
    {"group", &schemas::kText, {}},       {"name", &schemas::kText, {}},
    {"namespace", &schemas::kText, {}},   {"resource", &schemas::kText, {}},
    {"subresource", &schemas::kText, {}}, {"verb", &schemas::kText, {}},
    {"version", &schemas::kText, {}},
};
constexpr Schema kResourceAttributes =
    schemas::Object("review.ResourceAttributes", kResourceAttributesFields, {});
constexpr Field kPathAttributesFields[] = {
    {"path", &schemas::kText, {}},
    {"verb", &schemas::kText, {}},
};
constexpr Schema kPathAttributes =
    schemas::Object("review.NonResourceAttributes", kPathAttributesFields, {});
constexpr Field kReviewSpecFields[] = {
    {"nonResourceAttributes", &kPathAttributes, {}},
    {"resourceAttributes", &kResourceAttributes, {}},
};
constexpr Schema kReviewSpec = schemas::Object("review.Spec", kReviewSpecFields, {});
constexpr Field kReviewFields[] = {
    {"metadata", &schemas::kObjectMeta, {}},
    {"spec", &kReviewSpec, {}},
};
constexpr Schema kReview = schemas::Object("review.Review", kReviewFields, {});

struct MessageRow {
  std::string_view message;
  std::string_view fields;
};
constexpr std::array<MessageRow, 4> kReviewRows = {
    {{"review.Review", "1 metadata 2 spec"},
     {"review.Spec", "1 resourceAttributes 2 nonResourceAttributes"},
     {"review.ResourceAttributes",
      "1 namespace? 2 verb? 3 group? 4 version? 5 resource? 6 subresource? 7 name?"},
     {"review.NonResourceAttributes", "1 path? 2 verb?"}}};

std::string_view FieldsOf(std::string_view message) {
  for (const MessageRow& row : kReviewRows) {
    if (row.message == message) return row.fields;
  }
  return ProtobufFields(message).value_or("");
}

// Null: its protobuf is not read. Custom kinds have none.
const Schema* SchemaOf(const std::string& api_version, const std::string& kind) {
  if (kind == "DeleteOptions") return &schemas::kDeleteOptions;
  if (kind == "SelfSubjectAccessReview" || kind == "SelfSubjectReview") return &kReview;
  const Kind* const found = FindKind(api_version, kind);
  if (found == nullptr || found->schema == nullptr) return nullptr;
  return ProtobufFields(found->schema->name) ? found->schema : nullptr;
}

// Reads messages by the schemas of their kinds. What is malformed is noted, and reads as nothing.
class Reader {
 public:
  // Null: an object of another kind.
  Json ReadEnvelope(std::string_view bytes);
  bool is_malformed() const { return is_malformed_; }

 private:
  struct Place {
    const Schema& schema;
    std::string_view fields;
    int depth;
  };

  std::string Bytes(const UnknownField& field);
  std::string Text(const UnknownField& field);
  int64_t Number(const UnknownField& field);
  void Parse(std::string_view bytes, UnknownFieldSet& fields);
  std::string ReadTime(const UnknownField& field, const Schema& schema);
  Json ReadText(const UnknownField& field, const Schema& schema);
  Json ReadNumberOrText(const UnknownField& field);
  Json ReadTree(const UnknownField& field);
  std::string ReadOnlyText(const UnknownField& field);
  Json ReadValue(const UnknownField& field, const Schema& schema, int depth);
  void AddEntry(const UnknownField& field, const Schema& items, int depth, Json& map);
  void ReadField(const UnknownField& field, const Place& place, Json& object);
  void ReadMessage(std::string_view bytes, const Place& place, Json& object);

  bool is_malformed_ = false;
};

std::string Reader::Bytes(const UnknownField& field) {
  if (field.type() == UnknownField::TYPE_LENGTH_DELIMITED) return field.length_delimited();
  is_malformed_ = true;
  return "";
}

std::string Reader::Text(const UnknownField& field) {
  std::string bytes = Bytes(field);
  if (!IsValidUtf8(bytes)) is_malformed_ = true;
  return bytes;
}

int64_t Reader::Number(const UnknownField& field) {
  if (field.type() == UnknownField::TYPE_VARINT) return static_cast<int64_t>(field.varint());
  is_malformed_ = true;
  return 0;
}

void Reader::Parse(std::string_view bytes, UnknownFieldSet& fields) {
  if (!fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) is_malformed_ = true;
}

// {1: seconds, 2: nanoseconds}; empty: no time.
std::string Reader::ReadTime(const UnknownField& field, const Schema& schema) {
  UnknownFieldSet parts;
  Parse(Bytes(field), parts);
  if (parts.empty()) return "";
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  for (int i = 0; i < parts.field_count(); ++i) {
    if (parts.field(i).number() == 1) seconds = Number(parts.field(i));
    if (parts.field(i).number() == 2) nanoseconds = Number(parts.field(i));
  }
  constexpr int64_t kLast = 253402300799;   // of the year 9999
  constexpr int64_t kFirst = -62135596800;  // of the year 1
  constexpr int64_t kNanosecondsPerSecond = 1000000000;
  if (seconds < kFirst || seconds > kLast || nanoseconds < 0 ||
      nanoseconds >= kNanosecondsPerSecond) {
    is_malformed_ = true;
    return "";
  }
  const WallTime time{
      std::chrono::seconds(seconds) +
      std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds))};
  return schema.name == schemas::kMicroTime.name ? MicroTimestamp(time) : Timestamp(time);
}

Json Reader::ReadText(const UnknownField& field, const Schema& schema) {
  if (schema.format == "date-time") return ReadTime(field, schema);
  if (schema.format == "byte") return EncodeBase64(Bytes(field));
  return Text(field);
}

// {1: which, 2: the number, 3: the text}
Json Reader::ReadNumberOrText(const UnknownField& field) {
  UnknownFieldSet parts;
  Parse(Bytes(field), parts);
  bool is_text = false;
  int64_t number = 0;
  std::string text;
  for (int i = 0; i < parts.field_count(); ++i) {
    if (parts.field(i).number() == 1) is_text = Number(parts.field(i)) != 0;
    if (parts.field(i).number() == 2) number = Number(parts.field(i));
    if (parts.field(i).number() == 3) text = Text(parts.field(i));
  }
  return is_text ? Json(std::move(text)) : Json(static_cast<int32_t>(number));
}

// {1: the text}
std::string Reader::ReadOnlyText(const UnknownField& field) {
  UnknownFieldSet parts;
  Parse(Bytes(field), parts);
  std::string text;
  for (int i = 0; i < parts.field_count(); ++i) {
    if (parts.field(i).number() == 1) text = Text(parts.field(i));
  }
  return text;
}

// {1: JSON}
Json Reader::ReadTree(const UnknownField& field) {
  Result<Json> tree = ParseJson(ReadOnlyText(field));
  if (tree.ok()) return *std::move(tree);
  is_malformed_ = true;
  return Json::object();
}

Json Reader::ReadValue(const UnknownField& field, const Schema& schema, int depth) {
  switch (schema.type) {
    case SchemaType::kString:
      return ReadText(field, schema);
    case SchemaType::kInteger:
      return schema.format == "int32" ? Json(static_cast<int32_t>(Number(field)))
                                      : Json(Number(field));
    case SchemaType::kBoolean:
      return Number(field) != 0;
    case SchemaType::kIntOrString:
      return ReadNumberOrText(field);
    case SchemaType::kQuantity:
      return ReadOnlyText(field);
    case SchemaType::kObject:
      break;
    default:
      return ReadTree(field);
  }
  if (schema.fields.empty() && schema.base == nullptr && schema.keeps_unknown) {
    return ReadTree(field);
  }
  Json object = Json::object();
  ReadMessage(Bytes(field), {schema, FieldsOf(schema.name), depth + 1}, object);
  return object;
}

// {1: key, 2: value}
void Reader::AddEntry(const UnknownField& field, const Schema& items, int depth, Json& map) {
  UnknownFieldSet entry;
  Parse(Bytes(field), entry);
  std::string key;
  Json value = items.type == SchemaType::kString ? Json("") : Json::object();
  for (int i = 0; i < entry.field_count(); ++i) {
    if (entry.field(i).number() == 1) key = Text(entry.field(i));
    if (entry.field(i).number() == 2) value = ReadValue(entry.field(i), items, depth);
  }
  map[key] = std::move(value);
}

bool IsZero(const Json& value) {
  return value == "" || value == false || (value.is_number_integer() && value == 0);
}

void Reader::ReadField(const UnknownField& field, const Place& place, Json& object) {
  const std::optional<ProtobufField> row = FindProtobufField(place.fields, field.number());
  if (!row) return;
  if (row->is_inline) {
    return ReadMessage(Bytes(field), {place.schema, FieldsOf(row->name), place.depth + 1}, object);
  }
  const Field* const known = FindField(place.schema, row->name);
  if (known == nullptr) return;
  const Schema& schema = *known->schema;
  const std::string name(row->name);
  if (schema.type == SchemaType::kMap) {
    AddEntry(field, *schema.items, place.depth, object[name]);
  } else if (schema.type == SchemaType::kArray) {
    object[name].push_back(ReadValue(field, *schema.items, place.depth));
  } else {
    Json value = ReadValue(field, schema, place.depth);
    const bool is_no_time = schema.format == "date-time" && value == "";
    if (is_no_time || (row->omits_zero && IsZero(value))) return;
    object[name] = std::move(value);
  }
}

void Reader::ReadMessage(std::string_view bytes, const Place& place, Json& object) {
  if (place.depth > static_cast<int>(limits::kObjectDepth)) {
    is_malformed_ = true;
    return;
  }
  UnknownFieldSet fields;
  Parse(bytes, fields);
  for (int i = 0; i < fields.field_count(); ++i) ReadField(fields.field(i), place, object);
}

// runtime.Unknown: {1: {1: apiVersion, 2: kind}, 2: the object}
Json Reader::ReadEnvelope(std::string_view bytes) {
  UnknownFieldSet envelope;
  Parse(bytes, envelope);
  std::string api_version;
  std::string kind;
  std::string raw;
  for (int i = 0; i < envelope.field_count(); ++i) {
    const UnknownField& field = envelope.field(i);
    if (field.number() == 2) raw = Bytes(field);
    if (field.number() != 1) continue;
    UnknownFieldSet type;
    Parse(Bytes(field), type);
    for (int j = 0; j < type.field_count(); ++j) {
      if (type.field(j).number() == 1) api_version = Text(type.field(j));
      if (type.field(j).number() == 2) kind = Text(type.field(j));
    }
  }
  const Schema* const schema = SchemaOf(api_version, kind);
  if (schema == nullptr) return Json();
  Json object = Json::object();
  ReadMessage(raw, {*schema, FieldsOf(schema->name), 1}, object);
  object["apiVersion"] = std::move(api_version);
  object["kind"] = std::move(kind);
  return object;
}

}  // namespace

ApiResult<Json> ParseProtobufBody(std::string_view body) {
  constexpr std::string_view kMagic("k8s\0", 4);
  Reader reader;
  Json object;
  const bool has_magic = body.substr(0, kMagic.size()) == kMagic;
  if (has_magic) object = reader.ReadEnvelope(body.substr(kMagic.size()));
  if (!has_magic || reader.is_malformed()) {
    return BadRequestError("the body is no object in Kubernetes' protobuf");
  }
  if (object.is_null()) return UnsupportedMediaTypeError("application/json, application/yaml");
  return object;
}

}  // namespace throng::kube::server
