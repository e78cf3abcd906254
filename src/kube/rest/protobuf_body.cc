#include "kube/rest/protobuf_body.h"

#include <array>
#include <span>
#include <string>

#include <google/protobuf/unknown_field_set.h>

#include "base/base64.h"
#include "base/utf8.h"

namespace throng::kube::server {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

enum class Type : uint8_t {
  kText,
  kBoolean,
  kTextMap,   // entries {1: key, 2: text}
  kBytesMap,  // entries {1: key, 2: bytes}
  kMessage,
};

struct Message;

// Field numbers of k8s.io/api and k8s.io/apimachinery (generated.proto), which never change.
struct ProtobufField {
  int number;
  const char* name;
  Type type;
  bool is_list = false;
  const Message* message = nullptr;
};

struct Message {
  std::span<const ProtobufField> fields;
};

constexpr std::array<ProtobufField, 6> kOwnerFields = {{{1, "kind", Type::kText},
                                                        {3, "name", Type::kText},
                                                        {4, "uid", Type::kText},
                                                        {5, "apiVersion", Type::kText},
                                                        {6, "controller", Type::kBoolean},
                                                        {7, "blockOwnerDeletion", Type::kBoolean}}};
constexpr Message kOwner = {kOwnerFields};

constexpr std::array<ProtobufField, 9> kMetadataFields = {
    {{1, "name", Type::kText},
     {2, "generateName", Type::kText},
     {3, "namespace", Type::kText},
     {5, "uid", Type::kText},
     {6, "resourceVersion", Type::kText},
     {11, "labels", Type::kTextMap},
     {12, "annotations", Type::kTextMap},
     {13, "ownerReferences", Type::kMessage, true, &kOwner},
     {14, "finalizers", Type::kText, true}}};
constexpr Message kMetadata = {kMetadataFields};

constexpr std::array<ProtobufField, 1> kNamespaceSpecFields = {
    {{1, "finalizers", Type::kText, true}}};
constexpr Message kNamespaceSpec = {kNamespaceSpecFields};

constexpr std::array<ProtobufField, 2> kNamespaceFields = {
    {{1, "metadata", Type::kMessage, false, &kMetadata},
     {2, "spec", Type::kMessage, false, &kNamespaceSpec}}};
constexpr Message kNamespace = {kNamespaceFields};

constexpr std::array<ProtobufField, 4> kConfigMapFields = {
    {{1, "metadata", Type::kMessage, false, &kMetadata},
     {2, "data", Type::kTextMap},
     {3, "binaryData", Type::kBytesMap},
     {4, "immutable", Type::kBoolean}}};
constexpr Message kConfigMap = {kConfigMapFields};

constexpr std::array<ProtobufField, 5> kSecretFields = {
    {{1, "metadata", Type::kMessage, false, &kMetadata},
     {2, "data", Type::kBytesMap},
     {3, "type", Type::kText},
     {4, "stringData", Type::kTextMap},
     {5, "immutable", Type::kBoolean}}};
constexpr Message kSecret = {kSecretFields};

constexpr std::array<ProtobufField, 1> kLocalReferenceFields = {{{1, "name", Type::kText}}};
constexpr Message kLocalReference = {kLocalReferenceFields};
constexpr std::array<ProtobufField, 3> kObjectReferenceFields = {
    {{1, "kind", Type::kText}, {2, "namespace", Type::kText}, {3, "name", Type::kText}}};
constexpr Message kObjectReference = {kObjectReferenceFields};

constexpr std::array<ProtobufField, 4> kServiceAccountFields = {
    {{1, "metadata", Type::kMessage, false, &kMetadata},
     {2, "secrets", Type::kMessage, true, &kObjectReference},
     {3, "imagePullSecrets", Type::kMessage, true, &kLocalReference},
     {4, "automountServiceAccountToken", Type::kBoolean}}};
constexpr Message kServiceAccount = {kServiceAccountFields};

constexpr std::array<ProtobufField, 6> kResourceAttributesFields = {
    {{1, "namespace", Type::kText},
     {2, "verb", Type::kText},
     {3, "group", Type::kText},
     {5, "resource", Type::kText},
     {6, "subresource", Type::kText},
     {7, "name", Type::kText}}};
constexpr Message kResourceAttributes = {kResourceAttributesFields};
constexpr std::array<ProtobufField, 2> kPathAttributesFields = {
    {{1, "path", Type::kText}, {2, "verb", Type::kText}}};
constexpr Message kPathAttributes = {kPathAttributesFields};
constexpr std::array<ProtobufField, 2> kReviewSpecFields = {
    {{1, "resourceAttributes", Type::kMessage, false, &kResourceAttributes},
     {2, "nonResourceAttributes", Type::kMessage, false, &kPathAttributes}}};
constexpr Message kReviewSpec = {kReviewSpecFields};
constexpr std::array<ProtobufField, 1> kReviewFields = {
    {{2, "spec", Type::kMessage, false, &kReviewSpec}}};
constexpr Message kReview = {kReviewFields};

struct KindRow {
  std::string_view api_version;
  std::string_view kind;
  const Message* message;
};
constexpr std::array<KindRow, 5> kKinds = {
    {{"v1", "Namespace", &kNamespace},
     {"v1", "ConfigMap", &kConfigMap},
     {"v1", "Secret", &kSecret},
     {"v1", "ServiceAccount", &kServiceAccount},
     {"authorization.k8s.io/v1", "SelfSubjectAccessReview", &kReview}}};

// Reads messages by their rows. What is malformed is noted, and reads as nothing.
class Reader {
 public:
  // Null: an object of another kind.
  Json ReadEnvelope(std::string_view bytes);
  bool is_malformed() const { return is_malformed_; }

 private:
  std::string Bytes(const UnknownField& field);
  std::string Text(const UnknownField& field);
  uint64_t Number(const UnknownField& field);
  void Parse(std::string_view bytes, UnknownFieldSet& fields);
  void AddEntry(const UnknownField& field, bool is_bytes, Json& map);
  Json ReadValue(const ProtobufField& row, const UnknownField& field);
  Json ReadMessage(const Message& message, std::string_view bytes);

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

uint64_t Reader::Number(const UnknownField& field) {
  if (field.type() == UnknownField::TYPE_VARINT) return field.varint();
  is_malformed_ = true;
  return 0;
}

void Reader::Parse(std::string_view bytes, UnknownFieldSet& fields) {
  if (!fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) is_malformed_ = true;
}

void Reader::AddEntry(const UnknownField& field, bool is_bytes, Json& map) {
  UnknownFieldSet entry;
  Parse(Bytes(field), entry);
  std::string key;
  std::string value;
  for (int i = 0; i < entry.field_count(); ++i) {
    if (entry.field(i).number() == 1) key = Text(entry.field(i));
    if (entry.field(i).number() == 2) {
      value = is_bytes ? EncodeBase64(Bytes(entry.field(i))) : Text(entry.field(i));
    }
  }
  map[key] = std::move(value);
}

Json Reader::ReadValue(const ProtobufField& row, const UnknownField& field) {
  switch (row.type) {
    case Type::kText:
      return Text(field);
    case Type::kBoolean:
      return Number(field) != 0;
    default:
      return ReadMessage(*row.message, Bytes(field));
  }
}

// What a message of ours does not name is left out, as are empty texts, which stand for nothing.
Json Reader::ReadMessage(const Message& message, std::string_view bytes) {
  UnknownFieldSet fields;
  Parse(bytes, fields);
  Json object = Json::object();
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    for (const ProtobufField& row : message.fields) {
      if (row.number != field.number()) continue;
      if (row.type == Type::kTextMap || row.type == Type::kBytesMap) {
        AddEntry(field, row.type == Type::kBytesMap, object[row.name]);
      } else if (Json value = ReadValue(row, field); row.is_list) {
        object[row.name].push_back(std::move(value));
      } else if (value != "") {
        object[row.name] = std::move(value);
      }
    }
  }
  return object;
}

// runtime.Unknown: {1: {1: apiVersion, 2: kind}, 2: the object}
Json Reader::ReadEnvelope(std::string_view bytes) {
  constexpr std::array<ProtobufField, 2> kTypeFields = {
      {{1, "apiVersion", Type::kText}, {2, "kind", Type::kText}}};
  UnknownFieldSet envelope;
  Parse(bytes, envelope);
  Json type = Json::object();
  std::string raw;
  for (int i = 0; i < envelope.field_count(); ++i) {
    const UnknownField& field = envelope.field(i);
    if (field.number() == 1) type = ReadMessage({kTypeFields}, Bytes(field));
    if (field.number() == 2) raw = Bytes(field);
  }
  for (const KindRow& row : kKinds) {
    if (TextAt(type, {"kind"}) != row.kind) continue;
    if (TextAt(type, {"apiVersion"}) != row.api_version) continue;
    Json object = ReadMessage(*row.message, raw);
    object.update(type);
    return object;
  }
  return Json();
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
