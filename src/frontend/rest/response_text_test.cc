#include "frontend/rest/response_text.h"

#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "frontend/rest/control_body.h"
#include "frontend/rest/error_reply.h"
#include "frontend/rest/route.h"

namespace throng::frontend::rest {
namespace {

using model::ModelConfig;
using model::ModelMetadata;
using residency::IndexEntry;
using residency::ModelView;
using tensor::DataType;

ModelView Cifar10() {
  ModelMetadata metadata;
  metadata.inputs.push_back({"INPUT__0", DataType::kFp32, {-1, 3, 32, 32}});
  metadata.outputs.push_back({"OUTPUT__0", DataType::kFp32, {-1, 10}});
  ModelConfig config;
  config.name = "cifar10";
  config.platform = "pytorch_libtorch";
  config.backend = "pytorch";
  config.max_batch_size = 4;
  config.default_model_filename = "model.pt";
  config.parameters = {{"isolation", "model"}};
  return {.name = "cifar10",
          .versions = {1},
          .platform = "pytorch_libtorch",
          .config = std::make_shared<ModelConfig>(config),
          .metadata = std::make_shared<ModelMetadata>(metadata)};
}

ModelView SimpleString() {
  ModelMetadata metadata;
  metadata.inputs = {{"INPUT0", DataType::kBytes, {-1, 16}},
                     {"INPUT1", DataType::kBytes, {-1, 16}}};
  metadata.outputs = {{"OUTPUT0", DataType::kBytes, {-1, 16}},
                      {"OUTPUT1", DataType::kBytes, {-1, 16}}};
  return {.name = "simple-string",
          .versions = {1},
          .platform = "tensorflow_graphdef",
          .metadata = std::make_shared<ModelMetadata>(metadata)};
}

// The two lines that KFServing's multi-model walk-through shows.
TEST(ResponseTextTest, MetadataIsThatOfTheWalkThrough) {
  EXPECT_EQ(ModelMetadataText(Cifar10()),
            R"({"name":"cifar10","versions":["1"],"platform":"pytorch_libtorch","inputs":[{"name":)"
            R"("INPUT__0","datatype":"FP32","shape":[-1,3,32,32]}],"outputs":[{"name":"OUTPUT__0",)"
            R"("datatype":"FP32","shape":[-1,10]}]})");
  EXPECT_EQ(ModelMetadataText(SimpleString()),
            R"({"name":"simple-string","versions":["1"],"platform":"tensorflow_graphdef","inputs":)"
            R"([{"name":"INPUT0","datatype":"BYTES","shape":[-1,16]},{"name":"INPUT1","datatype":)"
            R"("BYTES","shape":[-1,16]}],"outputs":[{"name":"OUTPUT0","datatype":"BYTES","shape":)"
            R"([-1,16]},{"name":"OUTPUT1","datatype":"BYTES","shape":[-1,16]}]})");
}

TEST(ResponseTextTest, ConfigIsTritonsModelConfig) {
  EXPECT_EQ(
      ModelConfigText(Cifar10()),
      R"({"name":"cifar10","platform":"pytorch_libtorch","backend":"pytorch","version_policy":)"
      R"({"latest":{"num_versions":1}},"max_batch_size":4,"input":[{"name":"INPUT__0","data_type":)"
      R"("TYPE_FP32","format":"FORMAT_NONE","dims":[3,32,32],"is_shape_tensor":false,)"
      R"("allow_ragged_batch":false,"optional":false}],"output":[{"name":"OUTPUT__0",)"
      R"("data_type":"TYPE_FP32","dims":[10],"label_filename":"","is_shape_tensor":false}],)"
      R"("batch_input":[],"batch_output":[],"optimization":{"priority":"PRIORITY_DEFAULT",)"
      R"("input_pinned_memory":)"
      R"({"enable":true},"output_pinned_memory":{"enable":true},"gather_kernel_buffer_threshold":)"
      R"(0,"eager_batching":false},"instance_group":[{"name":"cifar10_0","kind":)"
      R"("KIND_CPU","count":1,"gpus":[],"secondary_devices":[],"profile":[],)"
      R"("passive":false,"host_policy":""}],)"
      R"("default_model_filename":"model.pt","cc_model_filenames":{},"metric_tags":{},)"
      R"("parameters":{"isolation":{"string_value":"model"}},"model_warmup":[]})");
}

TEST(ResponseTextTest, ConfigPrintsTheConfiguredTensorsAndVersionPolicy) {
  ModelView view = Cifar10();
  ModelConfig config = *view.config;
  config.inputs.push_back({"IN", DataType::kBytes, {-1}, true});
  config.version_policy = {model::VersionPolicy::Kind::kSpecific, 1, {2, 5}};
  view.config = std::make_shared<ModelConfig>(config);
  const auto json = nlohmann::json::parse(ModelConfigText(view));
  EXPECT_EQ(json["input"].size(), 1u);
  EXPECT_EQ(json["input"][0]["data_type"], "TYPE_STRING");
  EXPECT_EQ(json["input"][0]["optional"], true);
  EXPECT_EQ(json["version_policy"].dump(), R"({"specific":{"versions":[2,5]}})");
}

TEST(ResponseTextTest, NamesThatAreNotUtf8StillMakeJson) {
  ModelMetadata metadata;
  metadata.inputs.push_back({"a\xff\"\n", DataType::kFp32, {1}});
  ModelView view = Cifar10();
  view.metadata = std::make_shared<ModelMetadata>(metadata);
  EXPECT_TRUE(nlohmann::json::accept(ModelMetadataText(view)));
}

TEST(ResponseTextTest, ANeverLoadedModelIsANameOnly) {
  EXPECT_EQ(RepositoryIndexText({}), "[]");
  EXPECT_EQ(RepositoryIndexText({IndexEntry{.name = "a"},
                                 IndexEntry{"b", 1, model::ResidencyState::kReady, ""},
                                 IndexEntry{"c", 2, model::ResidencyState::kOnDisk, "unloaded"}}),
            R"([{"name":"a"},{"name":"b","version":"1","state":"READY"},)"
            R"({"name":"c","version":"2","state":"UNAVAILABLE","reason":"unloaded"}])");
}

TEST(ErrorReplyTest, MapsCodesByStyle) {
  struct Row {
    StatusCode code;
    int triton;
  };
  for (const Row row :
       {Row{StatusCode::kInternal, 500}, Row{StatusCode::kNotFound, 404},
        Row{StatusCode::kUnavailable, 503}, Row{StatusCode::kUnimplemented, 501},
        Row{StatusCode::kResourceExhausted, 503}, Row{StatusCode::kDeadlineExceeded, 504},
        Row{StatusCode::kInvalidArgument, 400}, Row{StatusCode::kAlreadyExists, 400},
        Row{StatusCode::kCancelled, 400}, Row{StatusCode::kUnknown, 400},
        Row{StatusCode::kPermissionDenied, 403}, Row{StatusCode::kUnauthenticated, 401}}) {
    EXPECT_EQ(HttpStatus(row.code, ErrorStyle::kTriton), row.triton) << StatusCodeName(row.code);
    EXPECT_EQ(HttpStatus(row.code, ErrorStyle::kOip), row.triton);
    EXPECT_EQ(HttpStatus(row.code, ErrorStyle::kLegacy400), 400);
  }
}

TEST(ErrorReplyTest, ABodyThatCannotBeParsedIs500OnlyForTriton) {
  const Status status = InternalError("Unable to parse 'shape'");
  EXPECT_EQ(DecodeErrorReply(status, ErrorStyle::kTriton).status, 500);
  EXPECT_EQ(DecodeErrorReply(status, ErrorStyle::kOip).status, 400);
  EXPECT_EQ(DecodeErrorReply(status, ErrorStyle::kLegacy400).status, 400);
  EXPECT_EQ(ErrorReply(status, ErrorStyle::kOip).status, 500);
}

TEST(ErrorReplyTest, BodiesAreBoundedJson) {
  EXPECT_EQ(ErrorBody("a \"quoted\" text\n"), R"({"error":"a \"quoted\" text\n"})");
  for (const size_t size : {1000, 1012, 1013, 1024, 100000}) {
    for (const char c : {'x', '\x01', '\xff'}) {
      const std::string body = ErrorBody(std::string(size, c));
      EXPECT_LE(body.size(), limits::kErrorTextBytes);
      EXPECT_TRUE(nlohmann::json::accept(body));
    }
  }
  EXPECT_EQ(ErrorBody(std::string(1012, 'x')).size(), limits::kErrorTextBytes);
}

TEST(ErrorReplyTest, SaysWhenToRetry) {
  const auto reply = ErrorReply(UnavailableError("loading").WithRetryAfter(3), ErrorStyle::kTriton);
  ASSERT_EQ(reply.headers.size(), 1u);
  EXPECT_EQ(reply.headers[0].name, "Retry-After");
  EXPECT_EQ(reply.headers[0].value, "3");
  EXPECT_TRUE(ErrorReply(UnavailableError("x"), ErrorStyle::kTriton).headers.empty());
}

TEST(ErrorReplyTest, ParsesItsOwnNames) {
  EXPECT_EQ(ParseErrorStyle("triton"), ErrorStyle::kTriton);
  EXPECT_EQ(ParseErrorStyle("oip"), ErrorStyle::kOip);
  EXPECT_EQ(ParseErrorStyle("legacy-400"), ErrorStyle::kLegacy400);
  EXPECT_EQ(ParseErrorStyle("Triton"), std::nullopt);
}

TEST(RouteTest, KnowsEveryRoute) {
  EXPECT_EQ(ParseRoute("/v2").kind, RouteKind::kServerMetadata);
  EXPECT_EQ(ParseRoute("/v2?x=/y").kind, RouteKind::kServerMetadata);
  EXPECT_EQ(ParseRoute("http://host:1/v2").kind, RouteKind::kServerMetadata);
  EXPECT_EQ(ParseRoute("/v2/health/live").kind, RouteKind::kServerLive);
  EXPECT_EQ(ParseRoute("/v2/health/ready").kind, RouteKind::kServerReady);
  EXPECT_EQ(ParseRoute("/v2/models/a").kind, RouteKind::kModelMetadata);
  EXPECT_EQ(ParseRoute("/v2/models/a/ready").kind, RouteKind::kModelReady);
  EXPECT_EQ(ParseRoute("/v2/models/a/config").kind, RouteKind::kModelConfig);
  EXPECT_EQ(ParseRoute("/v2/models/a/versions/3").version, 3);
  EXPECT_EQ(ParseRoute("/v2/models/a/versions/3/infer").kind, RouteKind::kModelInfer);
  EXPECT_EQ(ParseRoute("/v2/repository/index").kind, RouteKind::kRepositoryIndex);
  EXPECT_EQ(ParseRoute("/v2/repository/models/a/load").kind, RouteKind::kModelLoad);
  EXPECT_EQ(ParseRoute("/v2/repository/models/a/unload").kind, RouteKind::kModelUnload);
  EXPECT_TRUE(ParseRoute("/v2/repository/r/index").names_repository);
  EXPECT_TRUE(ParseRoute("/v2/repository/r/models/a/load").names_repository);
  EXPECT_EQ(ParseRoute("/v2/models/a%2Fb%20c").model, "a/b c");
  EXPECT_EQ(ParseRoute("/v2/models//infer").kind, RouteKind::kModelInfer);
}

TEST(RouteTest, EverythingElseIsUnknown) {
  for (const char* target : {"",
                             "*",
                             "/",
                             "/v2/",
                             "/v1",
                             "//v2",
                             "/v2/models",
                             "/v2/health",
                             "/v2/health/live/x",
                             "/v2/models/a/",
                             "/v2/models/a/stats",
                             "/v2/models/a/versions/1.0.0/infer",
                             "/v2/models/a/versions/-1",
                             "/v2/models/a/versions/+1",
                             "/v2/models/a/versions/",
                             "/v2/models/a/versions/99999999999999999999",
                             "/v2/models/a/versions",
                             "/v2/models/a/infer/x",
                             "/v2/models/../v2",
                             "/v2/models/%zz",
                             "/v2/models/%00",
                             "/v2/repository",
                             "/v2/repository/models/a",
                             "/v2/repository/models/a/b/c/d/e/f/g/h",
                             "/V2",
                             "v2"}) {
    EXPECT_EQ(ParseRoute(target).kind, RouteKind::kUnknown) << target;
  }
}

TEST(ControlBodyTest, IndexTakesAFilter) {
  EXPECT_EQ(*DecodeIndexBody(""), false);
  EXPECT_EQ(*DecodeIndexBody("{}"), false);
  EXPECT_EQ(*DecodeIndexBody(R"({"ready":true,"x":[1]})"), true);
  EXPECT_EQ(DecodeIndexBody(R"({"ready":1})").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeIndexBody(R"({"ready":"true"})").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeIndexBody(R"({"ready":tru})").status().code(), StatusCode::kInternal);
  EXPECT_EQ(DecodeIndexBody("[").status().code(), StatusCode::kInternal);
}

TEST(ControlBodyTest, LoadNamesTheParameterThatComesLater) {
  EXPECT_TRUE(DecodeLoadBody("").ok());
  EXPECT_TRUE(DecodeLoadBody("{}").ok());
  EXPECT_TRUE(DecodeLoadBody(R"({"parameters":{}})").ok());
  const Status config = DecodeLoadBody(R"({"parameters":{"config":"{}"}})");
  EXPECT_EQ(config.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(config.message(), "load parameter 'config' is not supported yet");
  EXPECT_EQ(DecodeLoadBody(R"({"parameters":{"file:1/model.onnx":"AAAA"}})").code(),
            StatusCode::kUnimplemented);
  EXPECT_EQ(DecodeLoadBody(R"({"parameters":{"x":1}})").code(), StatusCode::kInternal);
  EXPECT_EQ(DecodeLoadBody("null").code(), StatusCode::kInternal);
}

TEST(ControlBodyTest, UnloadTakesUnloadDependents) {
  EXPECT_TRUE(DecodeUnloadBody("{}").ok());
  EXPECT_TRUE(DecodeUnloadBody(R"({"parameters":{"unload_dependents":true}})").ok());
  EXPECT_EQ(DecodeUnloadBody(R"({"parameters":{"unload_dependents":1}})").code(),
            StatusCode::kInternal);
  EXPECT_EQ(DecodeUnloadBody(R"({"parameters":{"x":true}})").code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace throng::frontend::rest
