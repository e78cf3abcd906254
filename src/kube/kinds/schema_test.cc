#include "kube/kinds/schema.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/kinds/schemas.h"

namespace throng::kube {
namespace {

const Kind& TrainedModel() { return *FindKind("serving.kubeflow.org/v1alpha1", "TrainedModel"); }
const Kind& InferenceService() {
  return *FindKind("serving.kubeflow.org/v1beta1", "InferenceService");
}
const Kind& Named(std::string_view kind) {
  for (const Kind& row : AllKinds()) {
    if (row.kind == kind) return row;
  }
  throw std::out_of_range(std::string(kind));
}

std::vector<std::string> Causes(const Kind& kind, const Json& object) {
  std::vector<std::string> texts;
  for (const ApiCause& cause : ValidateFields(kind, object)) {
    texts.push_back(cause.reason + " " + cause.field + ": " + cause.message);
  }
  return texts;
}

TEST(Schema, EveryKindHasOneWithMetadata) {
  for (const Kind& kind : AllKinds()) {
    ASSERT_NE(kind.schema, nullptr) << kind.kind;
    for (const char* const name : {"apiVersion", "kind", "metadata"}) {
      EXPECT_NE(FindField(*kind.schema, name), nullptr) << kind.kind << " " << name;
    }
    EXPECT_EQ(FindField(*kind.schema, "metadata")->schema, &schemas::kObjectMeta);
  }
}

// What OpenAPI, merging and decoding rely on.
TEST(Schema, TablesAreWhole) {
  std::set<const Schema*> seen;
  std::function<void(const Schema&, const std::string&)> walk;
  walk = [&](const Schema& schema, const std::string& path) {
    if (!seen.insert(&schema).second) return;
    ASSERT_LT(path.size(), 400U) << path;
    const bool has_items = schema.type == SchemaType::kArray || schema.type == SchemaType::kMap;
    EXPECT_EQ(schema.items != nullptr, has_items) << path;
    if (schema.type == SchemaType::kInteger) {
      EXPECT_TRUE(schema.format == "int32" || schema.format == "int64") << path;
    }
    EXPECT_EQ(schema.list_type == ListType::kMap, !schema.list_keys.empty()) << path;
    for (const std::string_view key : schema.list_keys) {
      EXPECT_NE(FindField(*schema.items, key), nullptr) << path << " " << key;
    }
    if (!schema.patch_key.empty()) {
      EXPECT_NE(FindField(*schema.items, schema.patch_key), nullptr) << path;
    }
    if (has_items) walk(*schema.items, path + "[]");
    if (schema.base != nullptr) walk(*schema.base, path);
    std::set<std::string_view> names;
    for (const Field& field : schema.fields) {
      EXPECT_TRUE(names.insert(field.name).second) << path << "." << field.name;
      EXPECT_FALSE(field.description.empty()) << path << "." << field.name;
      ASSERT_NE(field.schema, nullptr) << path << "." << field.name;
      walk(*field.schema, path + "." + std::string(field.name));
    }
  };
  for (const Kind& kind : AllKinds()) walk(*kind.schema, kind.kind);
}

TEST(CheckFields, DropsAndTellsWhatIsUnknown) {
  Json object = Json::parse(R"({
    "apiVersion": "serving.kubeflow.org/v1alpha1", "kind": "TrainedModel", "extra": {"a": 1},
    "metadata": {"name": "m", "creationTimestamp": null, "lables": {}},
    "spec": {"inferenceService": "i", "model": {"storageURI": "gs://x", "memory": "1Gi"}},
    "status": {"throng": {"kept": true}, "copies": {"totalCopies": 1, "more": 2}}})");
  const FieldReport report = CheckFields(TrainedModel(), object);
  EXPECT_EQ(report.decode_error, "");
  EXPECT_EQ(report.unknown, (std::vector<std::string>{R"(unknown field "extra")",
                                                      R"(unknown field "metadata.lables")",
                                                      R"(unknown field "spec.model.storageURI")"}));
  EXPECT_EQ(object, Json::parse(R"({
    "apiVersion": "serving.kubeflow.org/v1alpha1", "kind": "TrainedModel",
    "metadata": {"name": "m"},
    "spec": {"inferenceService": "i", "model": {"memory": "1Gi"}},
    "status": {"throng": {"kept": true}, "copies": {"totalCopies": 1, "more": 2}}})"));
  const ApiError error =
      CannotHandleError(TrainedModel(), StrictDecodingError(std::span(report.unknown).subspan(1)));
  EXPECT_EQ(error.code, 400);
  EXPECT_EQ(error.message,
            "TrainedModel in version \"v1alpha1\" cannot be handled as a TrainedModel: strict "
            "decoding error: unknown field \"metadata.lables\", unknown field "
            "\"spec.model.storageURI\"");
}

TEST(CheckFields, PathsOfListsAndMaps) {
  Json pod = Json::parse(R"({"spec": {"containers": [{"name": "a"}, {"name": "b", "imag": "x",
      "env": [{"name": "A", "val": "b"}]}], "nodeSelector": {"any": "thing", "none": null}}})");
  const FieldReport report = CheckFields(Named("Pod"), pod);
  EXPECT_EQ(report.unknown,
            (std::vector<std::string>{R"(unknown field "spec.containers[1].env[0].val")",
                                      R"(unknown field "spec.containers[1].imag")"}));
  EXPECT_EQ(pod["spec"]["nodeSelector"], (Json{{"any", "thing"}, {"none", ""}}));
}

TEST(CheckFields, TellsHundredUnknownFieldsAndDropsAll) {
  Json object = {{"spec", Json::object()}};
  for (size_t i = 0; i < limits::kFieldErrors + 1; ++i) {
    object["spec"]["x" + std::to_string(i)] = 1;
    const Json copy = object;
    Json checked = copy;
    EXPECT_EQ(CheckFields(TrainedModel(), checked).unknown.size(),
              std::min(i + 1, limits::kFieldErrors));
    EXPECT_TRUE(checked["spec"].empty());
  }
}

TEST(CheckFields, TheSeedsManifestsAreWhole) {
  Json service = Json::parse(R"({
    "apiVersion": "serving.kubeflow.org/v1beta1", "kind": "InferenceService",
    "metadata": {"name": "triton-mms"},
    "spec": {"predictor": {"minReplicas": 1, "serviceAccountName": "sa", "triton": {
      "args": ["--log-verbose=1"], "env": [{"name": "A", "value": "b"}], "storageUri": "gs://b/m",
      "resources": {"limits": {"cpu": "1", "memory": "2Gi"}}}},
      "transformer": {"any": {"thing": [1]}}}})");
  const Json before = service;
  EXPECT_TRUE(CheckFields(InferenceService(), service).unknown.empty());
  EXPECT_EQ(service, before);
  EXPECT_TRUE(Causes(InferenceService(), service).empty());
  Json by_format = Json::parse(R"({"spec": {"predictor": {"canaryTrafficPercent": 10, "model": {
      "modelFormat": {"name": "sklearn", "version": "1"}, "runtime": "r", "name": "x",
      "storage": {"key": "k", "path": "p"}, "protocolVersion": "v2"}}}})");
  EXPECT_TRUE(CheckFields(InferenceService(), by_format).unknown.empty());
  EXPECT_TRUE(Causes(InferenceService(), by_format).empty());
}

TEST(CheckFields, WhatGoCannotDecode) {
  const std::tuple<std::string_view, std::string_view, std::string_view> cases[] = {
      {"ConfigMap", R"({"data": {"a": 1}})",
       "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
      {"ConfigMap", R"({"data": []})",
       "json: cannot unmarshal array into Go struct field ConfigMap.data of type "
       "map[string]string"},
      {"Pod", R"({"spec": {"nodeName": true}})",
       "json: cannot unmarshal bool into Go struct field PodSpec.spec.nodeName of type string"},
      {"Pod", R"({"spec": {"containers": {}}})",
       "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type "
       "[]v1.Container"},
      {"Pod", R"({"spec": {"containers": [{"image": 1}]}})",
       "json: cannot unmarshal number into Go struct field Container.spec.containers.image of "
       "type string"},
      {"Pod", R"({"spec": "x"})",
       "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"},
      {"Job", R"({"spec": {"parallelism": 2147483648}})",
       "json: cannot unmarshal number 2147483648 into Go struct field JobSpec.spec.parallelism of "
       "type int32"},
      {"Job", R"({"spec": {"parallelism": 1.5}})",
       "json: cannot unmarshal number 1.5 into Go struct field JobSpec.spec.parallelism of type "
       "int32"},
      {"Secret", R"({"data": {"a": "x"}})", "illegal base64 data at input byte 0"},
      {"Secret", R"({"data": {"a": "aGk=", "b": "aG!="}})", "illegal base64 data at input byte 2"},
      {"Secret", R"({"data": {"a": "aGkx=", "b": "a==="}})", "illegal base64 data at input byte 4"},
      {"Secret", R"({"data": {"a": "aGkxaG"}})", "illegal base64 data at input byte 4"},
      {"Secret", R"({"data": {"a": "aG="}})", "illegal base64 data at input byte 3"},
      {"TrainedModel", R"({"metadata": {"labels": {"a": 1}}})",
       "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type "
       "string"}};
  for (const auto& [kind, text, why] : cases) {
    Json object = Json::parse(text);
    EXPECT_EQ(CheckFields(Named(kind), object).decode_error, why);
  }
}

TEST(CheckFields, WhatGoDecodes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Job", R"({"spec": {"parallelism": 2147483647, "template": {"spec": {"containers": [
        {"name": "c", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
         "livenessProbe": {"httpGet": {"port": "http"}}, "readinessProbe": {"tcpSocket":
         {"port": 80}}}]}}}})"},
      {"Secret", R"({"data": {"a": "aGk=", "b": "", "c": "aGk\nx", "d": "aGkx"}})"},
      {"Event", R"({"eventTime": "2021-05-22T20:56:12.123456Z", "firstTimestamp": null})"},
      {"TrainedModel", R"({"spec": {"model": {"memory": true}}})"}};
  for (const auto& [kind, text] : cases) {
    Json object = Json::parse(text);
    const FieldReport report = CheckFields(Named(kind), object);
    EXPECT_EQ(report.decode_error, "") << text;
    EXPECT_TRUE(report.unknown.empty()) << text;
  }
}

TEST(ValidateFields, CustomKindsByTheirSchema) {
  EXPECT_EQ(Causes(TrainedModel(), Json::parse(R"({"spec": {}})")),
            (std::vector<std::string>{"FieldValueRequired spec.inferenceService: Required value",
                                      "FieldValueRequired spec.model: Required value"}));
  EXPECT_EQ(Causes(TrainedModel(), Json::parse(R"({"spec": {"inferenceService": 3, "model": {
        "storageUri": "gs://x", "framework": "pytorch", "memory": true}}})")),
            (std::vector<std::string>{
                "FieldValueTypeInvalid spec.inferenceService: Invalid value: \"integer\": "
                "spec.inferenceService in body must be of type string: \"integer\"",
                "FieldValueTypeInvalid spec.model.memory: Invalid value: \"boolean\": "
                "spec.model.memory in body must be of type integer,string: \"boolean\""}));
  const std::vector<std::string> bad_amount =
      Causes(TrainedModel(), Json::parse(R"({"spec": {"inferenceService": "i", "model": {
        "storageUri": "gs://x", "framework": "pytorch", "memory": "1Gx"}}})"));
  ASSERT_EQ(bad_amount.size(), 1U);
  EXPECT_TRUE(
      bad_amount[0].starts_with("FieldValueInvalid spec.model.memory: Invalid value: "
                                "\"1Gx\": spec.model.memory in body should match '^("))
      << bad_amount[0];
  EXPECT_EQ(Causes(InferenceService(), Json::parse(R"({"spec": {"predictor": {
        "scaleMetric": "moon", "containers": [{"name": "a"}, {"name": "a"}, {}]}}})")),
            (std::vector<std::string>{
                "FieldValueDuplicate spec.predictor.containers[1].name: Duplicate value: \"a\"",
                "FieldValueRequired spec.predictor.containers[2].name: Required value",
                "FieldValueNotSupported spec.predictor.scaleMetric: Unsupported value: \"moon\": "
                "supported values: \"concurrency\", \"cpu\", \"memory\", \"rps\""}));
}

TEST(ValidateFields, BuiltInKindsByWhatTheirValidationAsks) {
  EXPECT_EQ(Causes(Named("Pod"), Json::parse(R"({"spec": {"restartPolicy": "Sometimes",
        "containers": [{"name": "", "ports": [{"protocol": ""}]}]},
        "status": {"containerStatuses": [{}]}})")),
            (std::vector<std::string>{
                "FieldValueRequired spec.containers[0].name: Required value",
                "FieldValueRequired spec.containers[0].ports[0].containerPort: Required value",
                "FieldValueNotSupported spec.restartPolicy: Unsupported value: \"Sometimes\": "
                "supported values: \"Always\", \"Never\", \"OnFailure\""}));
  EXPECT_EQ(Causes(Named("Pod"), Json::parse(R"({"spec": {"containers": []}})")),
            std::vector<std::string>{"FieldValueRequired spec.containers: Required value"});
  EXPECT_TRUE(Causes(Named("ConfigMap"), Json::object()).empty());
}

TEST(ValidateFields, TellsHundredCauses) {
  Json object = Json::parse(R"({"spec": {"predictor": {"containers": []}}})");
  for (size_t i = 0; i < limits::kFieldErrors + 1; ++i) {
    object["spec"]["predictor"]["containers"].push_back(Json::object());
  }
  EXPECT_EQ(ValidateFields(InferenceService(), object).size(), limits::kFieldErrors);
}

TEST(Schema, Quantities) {
  for (const std::string_view good :
       {"1", "1Gi", "500m", ".5", "1.", "-1", "+2k", "1e3", "1E-3", "1e+.5", "0.1n", "3E"}) {
    EXPECT_TRUE(IsQuantity(good)) << good;
  }
  for (const std::string_view bad : {"", "-", ".", "Gi", "1Gx", "1 Gi", "1gi", "1ki", "1e", "1e+",
                                     "1.2.3", "1Gii", "m", "0x1", " 1"}) {
    EXPECT_FALSE(IsQuantity(bad)) << bad;
  }
}

}  // namespace
}  // namespace throng::kube
