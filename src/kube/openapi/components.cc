#include "kube/kinds/schemas.h"
#include "kube/openapi/document_parts.h"

namespace throng::kube::openapi {
namespace {

// "org.kubeflow.serving" of "serving.kubeflow.org".
std::string Reversed(std::string_view group) {
  std::string out;
  while (!group.empty()) {
    const size_t dot = group.rfind('.');
    const std::string_view part = dot == std::string_view::npos ? group : group.substr(dot + 1);
    if (!out.empty()) out += '.';
    out += part;
    group = dot == std::string_view::npos ? std::string_view() : group.substr(0, dot);
  }
  return out;
}

std::string_view TypeName(SchemaType type) {
  switch (type) {
    case SchemaType::kObject:
    case SchemaType::kMap:
      return "object";
    case SchemaType::kArray:
      return "array";
    case SchemaType::kInteger:
      return "integer";
    case SchemaType::kNumber:
      return "number";
    case SchemaType::kBoolean:
      return "boolean";
    default:
      return "string";
  }
}

Json Texts(std::span<const std::string_view> texts) {
  Json list = Json::array();
  for (const std::string_view text : texts) list.push_back(text);
  return list;
}

}  // namespace

std::string ComponentName(const Kind& kind) {
  if (kind.schema != nullptr && !kind.schema->name.empty()) return std::string(kind.schema->name);
  return Reversed(kind.group) + "." + kind.version + "." + kind.kind;
}

Json Reference(Dialect dialect, std::string_view component) {
  std::string target = dialect == Dialect::kV2 ? "#/definitions/" : "#/components/schemas/";
  target += component;
  return {{"$ref", std::move(target)}};
}

Json GroupVersionKind(const Kind& kind) {
  return {{"group", kind.group}, {"kind", kind.kind}, {"version", kind.version}};
}

void Components::AddKind(const Kind& kind) {
  const std::string name = ComponentName(kind);
  Json component = kind.schema == nullptr ? Json{{"type", "object"}} : Write(*kind.schema);
  component["x-kubernetes-group-version-kind"] = Json::array({GroupVersionKind(kind)});
  components_[name] = std::move(component);

  Json list_kind = GroupVersionKind(kind);
  list_kind["kind"] = kind.kind + "List";
  Json items = {
      {"type", "array"}, {"description", "The objects."}, {"items", Reference(dialect_, name)}};
  Json properties = {{"apiVersion", Use(schemas::kText, schemas::kApiVersionText)},
                     {"items", std::move(items)},
                     {"kind", Use(schemas::kText, schemas::kKindText)},
                     {"metadata", Use(schemas::kListMeta, "What lists have.")}};
  components_[name + "List"] = {
      {"description", "Objects of the kind " + kind.kind + "."},
      {"type", "object"},
      {"required", Json::array({"items"})},
      {"properties", std::move(properties)},
      {"x-kubernetes-group-version-kind", Json::array({std::move(list_kind)})}};
}

void Components::AddShared() {
  Want(schemas::kStatus);
  Want(schemas::kDeleteOptions);
  components_[std::string(kPatchComponent)] = {{"description", "Changes of an object."},
                                               {"type", "object"}};
}

Json Components::Take() {
  while (!wanted_.empty()) {
    const Schema& schema = *wanted_.front();
    wanted_.pop_front();
    Json component = Write(schema);
    components_[std::string(schema.name)] = std::move(component);
  }
  known_.clear();
  return std::exchange(components_, Json::object());
}

void Components::Want(const Schema& schema) {
  if (known_.insert(schema.name).second) wanted_.push_back(&schema);
}

Json Components::Use(const Schema& schema, std::string_view description) {
  Json out;
  if (schema.name.empty()) {
    out = Write(schema);
  } else {
    Want(schema);
    out = Reference(dialect_, schema.name);
    // In version 3 nothing may stand beside a reference.
    if (dialect_ == Dialect::kV3 && !description.empty()) {
      out = {{"allOf", Json::array({std::move(out)})}};
    }
  }
  if (!description.empty()) out["description"] = description;
  return out;
}

Json Components::Write(const Schema& schema) {
  Json out = Json::object();
  if (!schema.description.empty()) out["description"] = schema.description;
  if (!schema.format.empty()) out["format"] = schema.format;
  if (schema.is_atomic) out["x-kubernetes-map-type"] = "atomic";
  switch (schema.type) {
    case SchemaType::kAny:
      out["x-kubernetes-preserve-unknown-fields"] = true;
      return out;
    case SchemaType::kIntOrString:
    case SchemaType::kQuantity:
      WriteAmount(schema, out);
      return out;
    case SchemaType::kObject:
      WriteObject(schema, out);
      break;
    case SchemaType::kMap:
      out["additionalProperties"] = Use(*schema.items, "");
      break;
    case SchemaType::kArray:
      WriteList(schema, out);
      break;
    default:
      if (!schema.values.empty()) out["enum"] = Texts(schema.values);
      break;
  }
  out["type"] = TypeName(schema.type);
  return out;
}

void Components::WriteObject(const Schema& schema, Json& out) {
  if (schema.keeps_unknown) {
    out["x-kubernetes-preserve-unknown-fields"] = true;
    // Readers of version 2 do not know that mark and would refuse what is not listed.
    if (dialect_ == Dialect::kV2) return;
  }
  Json properties = Json::object();
  for (const Schema* part = &schema; part != nullptr; part = part->base) {
    for (const Field& field : part->fields) {
      const std::string name(field.name);
      if (!properties.contains(name)) properties[name] = Use(*field.schema, field.description);
    }
  }
  if (!properties.empty()) out["properties"] = std::move(properties);
  for (const Field& field : schema.fields) {
    if (field.is_required) out["required"].push_back(field.name);
  }
}

void Components::WriteList(const Schema& schema, Json& out) {
  out["items"] = Use(*schema.items, "");
  switch (schema.list_type) {
    case ListType::kAtomic:
      out["x-kubernetes-list-type"] = "atomic";
      break;
    case ListType::kSet:
      out["x-kubernetes-list-type"] = "set";
      break;
    case ListType::kMap:
      out["x-kubernetes-list-type"] = "map";
      out["x-kubernetes-list-map-keys"] = Texts(schema.list_keys);
      break;
  }
  if (!schema.patch_key.empty()) out["x-kubernetes-patch-merge-key"] = schema.patch_key;
  if (!schema.patch_key.empty() || schema.patch_merges) {
    out["x-kubernetes-patch-strategy"] = schema.patch_retains ? "merge,retainKeys" : "merge";
  }
}

// A number or a text. Version 2 cannot say so: those of Kubernetes are texts there, which clients
// know to be numbers too; those of custom kinds are of no type.
void Components::WriteAmount(const Schema& schema, Json& out) const {
  const bool is_named = !schema.name.empty();
  const Json text = {{"type", "string"}};
  const Json number = {
      {"type", schema.type == SchemaType::kQuantity && is_named ? "number" : "integer"}};
  if (!is_named) {
    out["x-kubernetes-int-or-string"] = true;
    if (dialect_ == Dialect::kV3) out["anyOf"] = Json::array({number, text});
  } else if (dialect_ == Dialect::kV2) {
    out["type"] = "string";
  } else {
    out["oneOf"] = Json::array({number, text});
  }
}

}  // namespace throng::kube::openapi
