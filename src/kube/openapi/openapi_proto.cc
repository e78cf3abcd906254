#include <google/protobuf/arena.h>

#include "kube/openapi/document_parts.h"
#include "kube/openapi/openapi.h"
#include "kube/openapi/openapi_v2.pb.h"

// The messages of gnostic are a one-to-one picture of the JSON document; extensions travel as YAML,
// of which JSON is a part.
namespace throng::kube {
namespace {

namespace v2 = ::openapi::v2;

void AddExtensions(const Json& json, google::protobuf::RepeatedPtrField<v2::NamedAny>& out) {
  for (const auto& [key, value] : json.items()) {
    if (!key.starts_with("x-")) continue;
    v2::NamedAny& extension = *out.Add();
    extension.set_name(key);
    extension.mutable_value()->set_yaml(PrintJson(value) + "\n");
  }
}

void FillValues(const Json& json, v2::Schema& out) {
  if (const auto found = json.find("required"); found != json.end()) {
    for (const Json& name : *found) out.add_required(name.get<std::string>());
  }
  if (const auto found = json.find("enum"); found != json.end()) {
    for (const Json& value : *found) out.add_enum_()->set_yaml(PrintJson(value) + "\n");
  }
}

void FillSchema(const Json& json, v2::Schema& out) {
  out.set__ref(TextAt(json, {"$ref"}));
  out.set_format(TextAt(json, {"format"}));
  out.set_description(TextAt(json, {"description"}));
  if (const std::string type = TextAt(json, {"type"}); !type.empty()) {
    out.mutable_type()->add_value(type);
  }
  FillValues(json, out);
  if (const auto found = json.find("items"); found != json.end()) {
    FillSchema(*found, *out.mutable_items()->add_schema());
  }
  if (const auto found = json.find("additionalProperties"); found != json.end()) {
    FillSchema(*found, *out.mutable_additional_properties()->mutable_schema());
  }
  if (const auto found = json.find("properties"); found != json.end()) {
    for (const auto& [name, property] : found->items()) {
      v2::NamedSchema& named = *out.mutable_properties()->add_additional_properties();
      named.set_name(name);
      FillSchema(property, *named.mutable_value());
    }
  }
  AddExtensions(json, *out.mutable_vendor_extension());
}

void FillParameter(const Json& json, v2::ParametersItem& item) {
  v2::Parameter& out = *item.mutable_parameter();
  const std::string in = TextAt(json, {"in"});
  if (in == "body") {
    v2::BodyParameter& body = *out.mutable_body_parameter();
    body.set_name(TextAt(json, {"name"}));
    body.set_in(in);
    body.set_required(json.value("required", false));
    FillSchema(json["schema"], *body.mutable_schema());
    return;
  }
  const auto fill = [&](auto& parameter) {
    parameter.set_in(in);
    parameter.set_name(TextAt(json, {"name"}));
    parameter.set_description(TextAt(json, {"description"}));
    parameter.set_type(TextAt(json, {"type"}));
    parameter.set_unique_items(true);
  };
  if (in == "path") {
    auto& parameter = *out.mutable_non_body_parameter()->mutable_path_parameter_sub_schema();
    fill(parameter);
    parameter.set_required(true);
  } else {
    fill(*out.mutable_non_body_parameter()->mutable_query_parameter_sub_schema());
  }
}

void FillOperation(const Json& json, v2::Operation& out) {
  for (const Json& tag : json["tags"]) out.add_tags(tag.get<std::string>());
  out.set_description(TextAt(json, {"description"}));
  out.set_operation_id(TextAt(json, {"operationId"}));
  for (const Json& type : json["produces"]) out.add_produces(type.get<std::string>());
  if (const auto found = json.find("consumes"); found != json.end()) {
    for (const Json& type : *found) out.add_consumes(type.get<std::string>());
  }
  if (const auto found = json.find("parameters"); found != json.end()) {
    for (const Json& parameter : *found) FillParameter(parameter, *out.add_parameters());
  }
  for (const auto& [code, response] : json["responses"].items()) {
    v2::NamedResponseValue& named = *out.mutable_responses()->add_response_code();
    named.set_name(code);
    v2::Response& value = *named.mutable_value()->mutable_response();
    value.set_description(TextAt(response, {"description"}));
    if (const auto found = response.find("schema"); found != response.end()) {
      FillSchema(*found, *value.mutable_schema()->mutable_schema());
    }
  }
  AddExtensions(json, *out.mutable_vendor_extension());
}

void FillPath(const Json& json, v2::PathItem& out) {
  for (const auto& [key, value] : json.items()) {
    if (key == "get") FillOperation(value, *out.mutable_get());
    if (key == "put") FillOperation(value, *out.mutable_put());
    if (key == "post") FillOperation(value, *out.mutable_post());
    if (key == "patch") FillOperation(value, *out.mutable_patch());
    if (key == "delete") FillOperation(value, *out.mutable_delete_());
    if (key == "parameters") {
      for (const Json& parameter : value) FillParameter(parameter, *out.add_parameters());
    }
  }
}

}  // namespace

Document OpenApiV2Protobuf() {
  const Json json = openapi::MakeV2();
  google::protobuf::Arena arena;
  v2::Document& document = *google::protobuf::Arena::CreateMessage<v2::Document>(&arena);
  document.set_swagger(TextAt(json, {"swagger"}));
  document.mutable_info()->set_title(TextAt(json, {"info", "title"}));
  document.mutable_info()->set_version(TextAt(json, {"info", "version"}));
  for (const auto& [path, item] : json["paths"].items()) {
    v2::NamedPathItem& named = *document.mutable_paths()->add_path();
    named.set_name(path);
    FillPath(item, *named.mutable_value());
  }
  for (const auto& [name, schema] : json["definitions"].items()) {
    v2::NamedSchema& named = *document.mutable_definitions()->add_additional_properties();
    named.set_name(name);
    FillSchema(schema, *named.mutable_value());
  }
  return std::make_shared<const std::string>(document.SerializeAsString());
}

}  // namespace throng::kube
