// Schema: what an object of a kind may hold, written once per kind (schemas_*.cc) as a table of
// constants, and all that follows from it: which fields are unknown, which values are refused and
// in which words, how lists are merged (kinds/merge.h), and what OpenAPI tells clients.
//
//   FieldReport report = CheckFields(kind, object);     // drops what the kind does not know
//   if (!report.decode_error.empty()) { ... 400 ... }
//   std::vector<ApiCause> causes = ValidateFields(kind, object);  // 422
//
// Thread-safe: constants and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api_error.h"
#include "kube/json.h"
#include "kube/kind.h"

namespace throng::kube {

enum class SchemaType : uint8_t {
  kObject,  // of `fields`; without any: of what it holds
  kMap,     // from texts to `items`
  kArray,   // of `items`
  kString,
  kInteger,
  kNumber,
  kBoolean,
  kIntOrString,
  kQuantity,  // "1Gi", 2, "0.5"
  kAny,
};

enum class ListType : uint8_t { kAtomic, kSet, kMap };

struct Field {
  std::string_view name;
  const Schema* schema = nullptr;
  std::string_view description;
  bool is_required = false;
};

struct Schema {
  SchemaType type = SchemaType::kObject;
  std::string_view name;  // of its component in OpenAPI; empty: it is written where it is used
  std::string_view description;
  std::string_view format;  // "int32", "int64", "date-time", "byte"
  std::span<const Field> fields;
  const Schema* base = nullptr;  // an object has the fields of this one too, none of them required
  const Schema* items = nullptr;
  std::span<const std::string_view> values;  // the only ones that a text may have
  bool keeps_unknown = false;                // fields that are not in `fields` stay
  bool is_atomic = false;  // objects and maps: owned and replaced as one by server-side apply
  // Lists: how server-side apply merges them, and a strategic patch (empty: replaces them).
  ListType list_type = ListType::kAtomic;
  std::span<const std::string_view> list_keys;
  std::string_view patch_key;
  bool patch_merges = false;   // a list of texts that a strategic patch merges
  bool patch_retains = false;  // with the strategy retainKeys
};

// Null: there is none of that name.
const Field* FindField(const Schema& schema, std::string_view name);

struct FieldReport {
  // `unknown field "spec.foo"`, in the order of the object.
  std::vector<std::string> unknown;
  // Of built-in kinds, and of the metadata of others: why the object cannot be read; empty when it
  // can. Answered with CannotHandleError.
  std::string decode_error;
};

// Drops from `object` the fields that the kind does not know, and the nulls where they mean
// nothing, and tells about the former. A kind without a schema knows every field.
FieldReport CheckFields(const Kind& kind, Json& object);

// Values that the schema refuses: those that are required and missing, of another type, none of the
// values that there are. Empty: none.
std::vector<ApiCause> ValidateFields(const Kind& kind, const Json& object);

// 400: 'TrainedModel in version "v1alpha1" cannot be handled as a TrainedModel: WHY'
ApiError CannotHandleError(const Kind& kind, std::string_view why);
// 'strict decoding error: unknown field "a", unknown field "b"': a WHY for the above.
std::string StrictDecodingError(std::span<const std::string> unknown);

// Whether a text is a quantity: "1Gi", "500m", "1e3", "-.5".
bool IsQuantity(std::string_view text);

// --- How tables are written ----------------------------------------------------------------
namespace schemas {

constexpr Schema Object(std::string_view name, std::span<const Field> fields,
                        std::string_view description) {
  Schema schema;
  schema.name = name;
  schema.fields = fields;
  schema.description = description;
  return schema;
}
constexpr Schema AtomicObject(std::string_view name, std::span<const Field> fields,
                              std::string_view description) {
  Schema schema = Object(name, fields, description);
  schema.is_atomic = true;
  return schema;
}
// The fields of `base` and these.
constexpr Schema Extended(const Schema& base, std::span<const Field> fields,
                          std::string_view description) {
  Schema schema = Object({}, fields, description);
  schema.base = &base;
  return schema;
}
constexpr Schema Named(std::string_view name, Schema schema) {
  schema.name = name;
  return schema;
}
// Any fields, kept as they are.
constexpr Schema OpenObject(std::string_view name, std::string_view description) {
  Schema schema = Object(name, {}, description);
  schema.keeps_unknown = true;
  return schema;
}
constexpr Schema Text(std::string_view format = {}) {
  Schema schema;
  schema.type = SchemaType::kString;
  schema.format = format;
  return schema;
}
constexpr Schema OneOf(std::span<const std::string_view> values) {
  Schema schema = Text();
  schema.values = values;
  return schema;
}
constexpr Schema Plain(SchemaType type, std::string_view format = {}) {
  Schema schema;
  schema.type = type;
  schema.format = format;
  return schema;
}
constexpr Schema MapOf(const Schema& items) {
  Schema schema;
  schema.type = SchemaType::kMap;
  schema.items = &items;
  return schema;
}
constexpr Schema AtomicMapOf(const Schema& items) {
  Schema schema = MapOf(items);
  schema.is_atomic = true;
  return schema;
}
// A list that is replaced as one.
constexpr Schema ListOf(const Schema& items) {
  Schema schema;
  schema.type = SchemaType::kArray;
  schema.items = &items;
  return schema;
}
// A list of different texts.
constexpr Schema SetOf(const Schema& items) {
  Schema schema = ListOf(items);
  schema.list_type = ListType::kSet;
  return schema;
}
// A list of objects that only server-side apply merges.
constexpr Schema AppliedList(const Schema& items, std::span<const std::string_view> keys) {
  Schema schema = ListOf(items);
  schema.list_type = ListType::kMap;
  schema.list_keys = keys;
  return schema;
}
// A list of objects that are told apart by `keys`; strategic patches know the first only.
constexpr Schema KeyedList(const Schema& items, std::span<const std::string_view> keys) {
  Schema schema = AppliedList(items, keys);
  schema.patch_key = keys[0];
  return schema;
}
constexpr Schema RetainingList(const Schema& items, std::span<const std::string_view> keys) {
  Schema schema = KeyedList(items, keys);
  schema.patch_retains = true;
  return schema;
}
// Merged by strategic patches, replaced by server-side apply.
constexpr Schema PatchedList(const Schema& items, std::string_view patch_key) {
  Schema schema = ListOf(items);
  schema.patch_key = patch_key;
  return schema;
}

}  // namespace schemas
}  // namespace throng::kube
