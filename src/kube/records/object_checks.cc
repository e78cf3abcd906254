// Whether what a client sent fits what it asked, and the rules for its content.
#include <iterator>
#include <utility>

#include "kube/field_error.h"
#include "kube/kinds/schema.h"
#include "kube/object_meta.h"
#include "kube/records/built_in_rules.h"
#include "kube/records/object_rules.h"

namespace throng::kube::server {
namespace {

std::optional<ApiError> CheckText(Json& body, const char* key, const std::string& expected,
                                  std::string_view what) {
  Json& value = body[key];
  if (value.is_null()) value = expected;
  if (!value.is_string()) {
    return BadRequestError(std::string(key) + ": must be of type string");
  }
  const std::string& text = value.get_ref<const std::string&>();
  if (text.empty()) value = expected;
  if (value == expected) return std::nullopt;
  return BadRequestError("the " + std::string(what) + " in the data (" + text +
                         ") does not match the expected " + std::string(what) + " (" + expected +
                         ")");
}

std::optional<ApiError> CheckNamespace(const Target& target, Json& metadata) {
  if (target.kind->scope == Scope::kCluster) {
    metadata.erase("namespace");
    return std::nullopt;
  }
  Json& value = metadata["namespace"];
  if (value.is_null() || value == "") value = target.name_space;
  if (value == target.name_space) return std::nullopt;
  return BadRequestError(
      "the namespace of the provided object does not match the namespace sent on the request");
}

NameRule NameRuleOf(const Kind& kind) {
  if (IsNamespaceKind(kind)) return NameRule::kLabel;
  if (kind.group.empty() && kind.resource == "services") return NameRule::kDns1035;
  return NameRule::kSubdomain;
}

}  // namespace

std::optional<ApiError> CheckBody(const Target& target, Json& body) {
  const Kind& kind = *target.kind;
  if (!body.is_object()) return BadRequestError("the body must be an object");
  if (auto error = CheckText(body, "apiVersion", kind.api_version(), "API version")) return error;
  if (auto error = CheckText(body, "kind", kind.kind, "kind")) return error;
  Json& metadata = body["metadata"];
  if (metadata.is_null()) metadata = Json::object();
  if (!metadata.is_object()) return BadRequestError("metadata: must be of type object");
  for (const char* key : {"name", "generateName", "namespace", "uid", "resourceVersion"}) {
    const auto value = metadata.find(key);
    if (value == metadata.end()) continue;
    if (value->is_null()) {
      metadata.erase(value);
    } else if (!value->is_string()) {
      return BadRequestError("metadata." + std::string(key) + ": must be of type string");
    }
  }
  if (auto error = CheckNamespace(target, metadata)) return error;
  if (target.name.empty()) return std::nullopt;
  const std::string name = NameOf(body);
  if (name.empty()) metadata["name"] = target.name;
  if (name.empty() || name == target.name) return std::nullopt;
  return BadRequestError("the name of the object (" + name +
                         ") does not match the name on the URL (" + target.name + ")");
}

std::optional<ApiError> CheckKnownFields(const Kind& kind, FieldValidation validation, Json& object,
                                         std::vector<std::string>& warnings) {
  FieldReport report = CheckFields(kind, object);
  if (!report.decode_error.empty()) return CannotHandleError(kind, report.decode_error);
  if (report.unknown.empty() || validation == FieldValidation::kIgnore) return std::nullopt;
  if (validation == FieldValidation::kStrict) {
    return CannotHandleError(kind, StrictDecodingError(report.unknown));
  }
  warnings.insert(warnings.end(), report.unknown.begin(), report.unknown.end());
  return std::nullopt;
}

std::optional<ApiError> ValidateObject(const Target& target, const Json& object, const Json* old) {
  const Kind& kind = *target.kind;
  std::vector<ApiCause> causes = ValidateObjectMeta(object, kind.scope, NameRuleOf(kind));
  const auto append = [&](std::vector<ApiCause> more) {
    std::move(more.begin(), more.end(), std::back_inserter(causes));
  };
  if (old != nullptr) append(ValidateObjectMetaUpdate(object, *old));
  append(ValidateFields(kind, object));
  append(ValidateBuiltIn(kind, object, old));
  if (causes.empty()) return std::nullopt;
  return InvalidError(kind.group, kind.kind, NameOf(object), std::move(causes));
}

}  // namespace throng::kube::server
