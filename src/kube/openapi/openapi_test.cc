#include "kube/openapi/openapi.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "kube/kind.h"
#include "kube/openapi/openapi_v2.pb.h"

namespace throng::kube {
namespace {

namespace v2 = ::openapi::v2;

Json Parse(const Document& document) { return ParseJson(*document).value(); }

// Every "$ref" of a document.
std::set<std::string> References(const Json& json) {
  std::set<std::string> found;
  std::function<void(const Json&)> walk = [&](const Json& part) {
    if (part.is_object() && part.contains("$ref")) found.insert(part["$ref"].get<std::string>());
    if (part.is_structured()) {
      for (const Json& item : part) walk(item);
    }
  };
  walk(json);
  return found;
}

bool HasParameter(const Json& operation, std::string_view name) {
  for (const Json& parameter : operation["parameters"]) {
    if (parameter["name"] == name) return true;
  }
  return false;
}

TEST(OpenApiV3, IndexLeadsToEveryPart) {
  const Json index = Parse(OpenApiV3Index());
  EXPECT_EQ(index["paths"].size(), GroupVersions().size());
  std::set<std::string> hashes;
  for (const GroupVersion& entry : GroupVersions()) {
    const std::string path =
        entry.group.empty() ? "api/" + entry.version : "apis/" + entry.group + "/" + entry.version;
    const std::string hash = OpenApiV3Hash(entry.group, entry.version);
    EXPECT_EQ(hash.size(), 16U);
    EXPECT_TRUE(hashes.insert(hash).second) << path;
    EXPECT_EQ(index["paths"][path]["serverRelativeURL"], "/openapi/v3/" + path + "?hash=" + hash);
    EXPECT_NE(OpenApiV3(entry.group, entry.version), nullptr) << path;
  }
  EXPECT_EQ(OpenApiV3Hash("", "v1"), OpenApiV3Hash("", "v1"));
  EXPECT_EQ(OpenApiV3("apps", "v1"), nullptr);
  EXPECT_EQ(OpenApiV3Hash("apps", "v1"), "");
}

TEST(OpenApiV3, ReferencesLeadSomewhere) {
  for (const GroupVersion& entry : GroupVersions()) {
    const Json document = Parse(OpenApiV3(entry.group, entry.version));
    const Json& schemas = document["components"]["schemas"];
    for (const std::string& reference : References(document)) {
      const std::string prefix = "#/components/schemas/";
      ASSERT_TRUE(reference.starts_with(prefix));
      EXPECT_TRUE(schemas.contains(reference.substr(prefix.size()))) << reference;
    }
  }
}

TEST(OpenApiV3, TrainedModel) {
  const Json document = Parse(OpenApiV3("serving.kubeflow.org", "v1alpha1"));
  const Json& component =
      document["components"]["schemas"]["org.kubeflow.serving.v1alpha1.TrainedModel"];
  EXPECT_EQ(component["x-kubernetes-group-version-kind"], Json::parse(R"([{
      "group": "serving.kubeflow.org", "kind": "TrainedModel", "version": "v1alpha1"}])"));
  const Json& spec = component["properties"]["spec"];
  EXPECT_EQ(spec["required"], (Json{"inferenceService", "model"}));
  const Json& memory = spec["properties"]["model"]["properties"]["memory"];
  EXPECT_EQ(memory["x-kubernetes-int-or-string"], true);
  EXPECT_FALSE(memory.contains("type"));
  EXPECT_EQ(component["properties"]["status"]["x-kubernetes-preserve-unknown-fields"], true);
  EXPECT_EQ(component["properties"]["metadata"]["allOf"][0]["$ref"],
            "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  const Json& paths = document["paths"];
  const std::string collection =
      "/apis/serving.kubeflow.org/v1alpha1/namespaces/{namespace}/trainedmodels";
  const Json& patch = paths[collection + "/{name}"]["patch"];
  for (const char* const name : {"dryRun", "fieldManager", "fieldValidation", "force"}) {
    EXPECT_TRUE(HasParameter(patch, name)) << name;
  }
  EXPECT_FALSE(patch["requestBody"]["content"].contains("application/strategic-merge-patch+json"));
  EXPECT_EQ(patch["x-kubernetes-group-version-kind"]["kind"], "TrainedModel");
  EXPECT_TRUE(paths.contains(collection + "/{name}/status"));
  EXPECT_TRUE(paths.contains("/apis/serving.kubeflow.org/v1alpha1/trainedmodels"));
  EXPECT_EQ(paths[collection]["post"]["operationId"],
            "createServingKubeflowOrgV1alpha1NamespacedTrainedModel");
}

TEST(OpenApiV3, BuiltInKindsTellHowListsAreMerged) {
  const Json document = Parse(OpenApiV3("", "v1"));
  const Json& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"], Json::parse(R"({
      "description": "Its containers.", "type": "array",
      "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
      "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"})"));
  EXPECT_EQ(
      schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["volumes"]["x-kubernetes-patch-strategy"],
      "merge,retainKeys");
  const Json& paths = document["paths"];
  EXPECT_TRUE(
      paths["/api/v1/namespaces/{namespace}/pods/{name}/log"]["get"]["responses"]["200"]["content"]
          .contains("text/plain"));
  EXPECT_TRUE(paths["/api/v1/namespaces/{name}"]["patch"]["requestBody"]["content"].contains(
      "application/strategic-merge-patch+json"));
  EXPECT_FALSE(paths["/api/v1/namespaces"].contains("delete"));
  EXPECT_EQ(paths["/api/v1/namespaces/{namespace}/pods"]["get"]["operationId"],
            "listCoreV1NamespacedPod");
}

TEST(OpenApiV3, DerivedKindsAreReadOnly) {
  const Json paths = Parse(OpenApiV3("throng.dev", "v1alpha1"))["paths"];
  for (const Json& item : paths) {
    for (const auto& [key, value] : item.items()) {
      EXPECT_TRUE(key == "get" || key == "parameters") << key;
    }
  }
}

TEST(OpenApiV2, JsonAndMessagesSayTheSame) {
  const Json json = Parse(OpenApiV2Json());
  v2::Document document;
  ASSERT_TRUE(document.ParseFromString(*OpenApiV2Protobuf()));
  EXPECT_EQ(document.swagger(), "2.0");
  EXPECT_EQ(static_cast<size_t>(document.paths().path_size()), json["paths"].size());
  EXPECT_EQ(static_cast<size_t>(document.definitions().additional_properties_size()),
            json["definitions"].size());
  for (const std::string& reference : References(json)) {
    ASSERT_TRUE(reference.starts_with("#/definitions/"));
    EXPECT_TRUE(json["definitions"].contains(reference.substr(14))) << reference;
  }
}

// What kubectl 1.20 looks for before a dry run and before it merges lists.
TEST(OpenApiV2, WhatOldClientsLookFor) {
  v2::Document document;
  ASSERT_TRUE(document.ParseFromString(*OpenApiV2Protobuf()));
  std::set<std::string> dry_run_kinds;
  for (const v2::NamedPathItem& path : document.paths().path()) {
    const v2::Operation& patch = path.value().patch();
    for (const v2::ParametersItem& item : patch.parameters()) {
      const auto& query = item.parameter().non_body_parameter().query_parameter_sub_schema();
      if (query.name() != "dryRun") continue;
      for (const v2::NamedAny& extension : patch.vendor_extension()) {
        if (extension.name() != "x-kubernetes-group-version-kind") continue;
        dry_run_kinds.insert(ParseYaml(extension.value().yaml()).value()["kind"]);
      }
    }
  }
  EXPECT_TRUE(dry_run_kinds.contains("TrainedModel"));
  EXPECT_TRUE(dry_run_kinds.contains("ConfigMap"));
  EXPECT_FALSE(dry_run_kinds.contains("ModelAssignment"));
  bool has_model = false;
  for (const v2::NamedSchema& named : document.definitions().additional_properties()) {
    if (named.name() != "org.kubeflow.serving.v1alpha1.TrainedModel") continue;
    has_model = true;
    EXPECT_EQ(named.value().type().value(0), "object");
    for (const v2::NamedSchema& field : named.value().properties().additional_properties()) {
      // Old clients would refuse what is not listed there.
      if (field.name() == "status") {
        EXPECT_FALSE(field.value().has_properties());
      }
      if (field.name() == "metadata") {
        EXPECT_EQ(field.value()._ref(),
                  "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
      }
    }
  }
  EXPECT_TRUE(has_model);
}

TEST(OpenApiV2, Negotiation) {
  EXPECT_TRUE(WantsOpenApiV2Protobuf("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"));
  EXPECT_TRUE(WantsOpenApiV2Protobuf(
      "application/com.github.proto-openapi.spec.v2.v1.0+protobuf, application/json"));
  EXPECT_FALSE(WantsOpenApiV2Protobuf(
      "application/json, application/com.github.proto-openapi.spec.v2@v1.0+protobuf"));
  EXPECT_FALSE(WantsOpenApiV2Protobuf("*/*"));
  EXPECT_FALSE(WantsOpenApiV2Protobuf(""));
  EXPECT_FALSE(WantsOpenApiV2Protobuf("application/json"));
  EXPECT_FALSE(WantsOpenApiV2Protobuf(",,"));
}

// The idle server may be asked for all of them.
TEST(OpenApi, DocumentsAreSmall) {
  size_t bytes = OpenApiV2Protobuf()->size() + OpenApiV2Json()->size();
  for (const GroupVersion& entry : GroupVersions()) {
    bytes += OpenApiV3(entry.group, entry.version)->size();
  }
  EXPECT_LT(bytes, 4U * 1024 * 1024);
}

}  // namespace
}  // namespace throng::kube
