#include "frontend/rest/rest_frontend.h"

#include <chrono>
#include <cstring>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/simulated_executor.h"
#include "frontend/rest/testing/fake_exchange.h"
#include "frontend/rest/testing/fake_inference.h"
#include "frontend/rest/testing/fake_model_control.h"

namespace throng::frontend::rest {
namespace {

using rest::testing::FakeExchange;
using rest::testing::FakeInference;
using rest::testing::FakeModelControl;
using throng::testing::SimulatedExecutor;
using ExchangePtr = std::shared_ptr<FakeExchange>;

constexpr const char* kInferTarget = "/v2/models/m/infer";
constexpr const char* kInferBody =
    R"({"id":"7","inputs":[{"name":"A","datatype":"INT32","shape":[1],"data":[5]}]})";

class RestFrontendTest : public ::testing::Test {
 protected:
  RestFrontendTest() { Restart({}); }

  void Restart(RestOptions options) {
    rest_ = std::make_unique<RestFrontend>(std::move(options), inference_, control_, executor_);
  }
  void RestartWithStyle(ErrorStyle style) {
    RestOptions options;
    options.error_style = style;
    Restart(options);
  }
  ExchangePtr Handle(ExchangePtr exchange) {
    rest_->Handle(exchange);
    executor_.RunPosted();
    EXPECT_TRUE(exchange->replied());
    if (exchange->replied()) {
      EXPECT_EQ(exchange->reply().content_type, "application/json");
    }
    return exchange;
  }
  ExchangePtr Call(std::string method, std::string target, std::string body = "") {
    return Handle(FakeExchange::Make(std::move(method), std::move(target), std::move(body)));
  }
  void AnswerWithOneNumber() {
    scheduler::InferReply reply{.model_name = "m", .model_version = 2};
    reply.outputs.push_back({"Y", {tensor::DataType::kInt32, {1}, std::vector<std::byte>(4)}});
    reply.timings.compute = std::chrono::microseconds(1500);
    inference_.Answer(std::move(reply));
  }

  SimulatedExecutor executor_;
  FakeInference inference_;
  FakeModelControl control_;
  std::unique_ptr<RestFrontend> rest_;
};

TEST_F(RestFrontendTest, HealthAnswersWithBothKeys) {
  for (const char* target : {"/v2/health/live", "/v2/health/ready"}) {
    const auto exchange = Call("GET", target);
    EXPECT_EQ(exchange->reply().status, 200);
    EXPECT_EQ(exchange->reply().body, R"({"live":true,"ready":true})");
  }
}

TEST_F(RestFrontendTest, ReadinessIs400BeforeAnd503WhileDraining) {
  control_.server_ready = false;
  EXPECT_EQ(Call("GET", "/v2/health/ready")->reply().status, 400);
  EXPECT_EQ(Call("GET", "/v2/health/live")->reply().body, R"({"live":true,"ready":false})");
  rest_->StartDraining();
  EXPECT_EQ(Call("GET", "/v2/health/ready")->reply().status, 503);
  EXPECT_EQ(Call("GET", "/v2/health/live")->reply().status, 200);
  AnswerWithOneNumber();
  EXPECT_EQ(Call("POST", kInferTarget, kInferBody)->reply().status, 200);
}

TEST_F(RestFrontendTest, ServerMetadataNamesTheServer) {
  EXPECT_EQ(Call("GET", "/v2")->reply().body,
            R"({"name":"triton","version":"0.1.0","extensions":["model_repository",)"
            R"("model_configuration"]})");
  RestOptions options;
  options.server_name = "mine";
  Restart(options);
  EXPECT_EQ(nlohmann::json::parse(Call("GET", "/v2")->reply().body)["name"], "mine");
}

TEST_F(RestFrontendTest, InferPassesTheRequestOnAndPrintsTheReply) {
  AnswerWithOneNumber();
  const auto exchange = Call("POST", "/v2/models/m/versions/2/infer?x=1", kInferBody);
  EXPECT_EQ(exchange->reply().status, 200);
  EXPECT_EQ(exchange->reply().body,
            R"({"id":"7","model_name":"m","model_version":"2","outputs":[{"name":"Y","datatype":)"
            R"("INT32","shape":[1],"data":[0]}]})");
  EXPECT_EQ(exchange->ReplyHeader("Server-Timing"),
            "queue;dur=0.000, load;dur=0.000, compute;dur=1.500");
  ASSERT_EQ(inference_.requests().size(), 1u);
  const scheduler::InferRequest& request = inference_.requests()[0];
  EXPECT_EQ(request.model.str(), "m");
  EXPECT_EQ(request.version, 2);
  EXPECT_EQ(request.deadline, executor_.clock().Now() + limits::kRequestDeadline);
  ASSERT_EQ(request.inputs.size(), 1u);
  EXPECT_EQ(request.inputs[0].tensor.data.size(), 4u);
}

TEST_F(RestFrontendTest, InferErrorsFollowTheirClass) {
  const std::pair<Status, int> cases[] = {
      {NotFoundError("Request for unknown model: 'm' is not found"), 404},
      {InvalidArgumentError("unexpected shape"), 400},
      {UnavailableError("'m' version 1 is not at ready state"), 503},
      {ResourceExhaustedError("Exceeds maximum queue size").WithRetryAfter(1), 503},
      {DeadlineExceededError("Request timeout expired"), 504},
      {InternalError("failed"), 500},
  };
  for (const auto& [status, http_status] : cases) {
    inference_.Answer(status);
    RestartWithStyle(ErrorStyle::kTriton);
    const auto exchange = Call("POST", kInferTarget, kInferBody);
    EXPECT_EQ(exchange->reply().status, http_status);
    EXPECT_EQ(exchange->reply().body, ErrorBody(status.message()));
    RestartWithStyle(ErrorStyle::kLegacy400);
    EXPECT_EQ(Call("POST", kInferTarget, kInferBody)->reply().status, 400);
  }
  inference_.Answer(UnavailableError("later").WithRetryAfter(4));
  EXPECT_EQ(Call("POST", kInferTarget, kInferBody)->ReplyHeader("Retry-After"), "4");
}

TEST_F(RestFrontendTest, ABodyThatCannotBeParsedFollowsTheErrorStyle) {
  for (const auto& [style, status] :
       {std::pair(ErrorStyle::kTriton, 500), std::pair(ErrorStyle::kOip, 400),
        std::pair(ErrorStyle::kLegacy400, 400)}) {
    RestartWithStyle(style);
    const auto exchange = Call("POST", kInferTarget, "{\"inputs\":");
    EXPECT_EQ(exchange->reply().status, status);
    EXPECT_EQ(exchange->reply().body,
              R"({"error":"failed to parse the request JSON buffer: Invalid value. at 10"})");
  }
  EXPECT_TRUE(inference_.requests().empty());
}

TEST_F(RestFrontendTest, AnOutputWithoutJsonFormIsAnError) {
  scheduler::InferReply reply{.model_name = "m"};
  reply.outputs.push_back({"Y", {tensor::DataType::kFp16, {1}, std::vector<std::byte>(2)}});
  inference_.Answer(std::move(reply));
  EXPECT_EQ(Call("POST", kInferTarget, kInferBody)->reply().status, 400);
}

TEST_F(RestFrontendTest, NothingIsEncodedForAClientThatHasGone) {
  AnswerWithOneNumber();
  auto exchange = FakeExchange::Make("POST", kInferTarget, kInferBody);
  rest_->Handle(exchange);
  exchange->LeaveClient();
  executor_.RunPosted();
  EXPECT_FALSE(exchange->replied());
}

TEST_F(RestFrontendTest, ARequestInFlightOutlivesTheFrontend) {
  AnswerWithOneNumber();
  auto exchange = FakeExchange::Make("POST", kInferTarget, kInferBody);
  rest_->Handle(exchange);
  rest_.reset();
  executor_.RunPosted();
  EXPECT_EQ(exchange->reply().status, 200);
}

TEST_F(RestFrontendTest, BinaryBodiesAreRefusedByName) {
  const auto with_length = [&](std::string length) {
    auto exchange = FakeExchange::Make("POST", kInferTarget, kInferBody);
    exchange->AddHeader("inference-header-content-length", std::move(length));
    return Handle(exchange);
  };
  AnswerWithOneNumber();
  const size_t size = std::strlen(kInferBody);
  EXPECT_EQ(with_length(std::to_string(size))->reply().status, 200);
  const auto partial = with_length(std::to_string(size - 1));
  EXPECT_EQ(partial->reply().status, 501);
  EXPECT_NE(partial->reply().body.find("Inference-Header-Content-Length"), std::string::npos);
  EXPECT_EQ(with_length("0")->reply().status, 501);
  for (const char* bad : {"-1", "x", "", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(with_length(bad)->reply().status, 400) << bad;
  }
  const auto beyond = with_length(std::to_string(size + 1));
  EXPECT_EQ(beyond->reply().status, 400);
  EXPECT_NE(beyond->reply().body.find("inference header size should be in range"),
            std::string::npos);
}

TEST_F(RestFrontendTest, CompressedBodiesAreRefused) {
  const auto with_encoding = [&](std::string encoding) {
    auto exchange = FakeExchange::Make("POST", kInferTarget, kInferBody);
    exchange->AddHeader("Content-Encoding", std::move(encoding));
    return Handle(exchange);
  };
  AnswerWithOneNumber();
  EXPECT_EQ(with_encoding("identity")->reply().status, 200);
  for (const char* encoding : {"gzip", "deflate", "br", "gzip, gzip"}) {
    const auto exchange = with_encoding(encoding);
    EXPECT_EQ(exchange->reply().status, 501);
    EXPECT_EQ(exchange->reply().body, R"({"error":"Unsupported compression type"})");
    EXPECT_EQ(exchange->ReplyHeader("Accept-Encoding"), "identity");
  }
  RestartWithStyle(ErrorStyle::kLegacy400);
  EXPECT_EQ(with_encoding("gzip")->reply().status, 415);
}

TEST_F(RestFrontendTest, MetadataAndConfigDescribeTheModel) {
  residency::ModelView view{.name = "m", .versions = {1, 3}, .platform = "onnxruntime_onnx"};
  control_.view = view;
  EXPECT_EQ(Call("GET", "/v2/models/m")->reply().body,
            R"({"name":"m","versions":["1","3"],"platform":"onnxruntime_onnx","inputs":[],)"
            R"("outputs":[]})");
  EXPECT_EQ(Call("GET", "/v2/models/m/versions/3/config")->reply().status, 200);
  EXPECT_EQ(control_.calls, (std::vector<std::string>{"describe m", "describe m:3"}));
  EXPECT_EQ(control_.last_deadline, executor_.clock().Now() + limits::kRequestDeadline);
  control_.view = NotFoundError("Request for unknown model: 'm' is not found");
  const auto unknown = Call("GET", "/v2/models/m");
  EXPECT_EQ(unknown->reply().status, 404);
  EXPECT_EQ(unknown->reply().body, R"({"error":"Request for unknown model: 'm' is not found"})");
}

TEST_F(RestFrontendTest, AModelThatIsNotReadySaysWhy) {
  EXPECT_EQ(Call("GET", "/v2/models/m/ready")->reply().body, R"({"name":"m","ready":true})");
  control_.status = UnavailableError("quarantined after 3 crashes");
  const auto exchange = Call("GET", "/v2/models/m/versions/1/ready");
  EXPECT_EQ(exchange->reply().status, 400);
  EXPECT_EQ(exchange->reply().body,
            R"({"error":"Model version not ready: quarantined after 3 crashes"})");
  RestartWithStyle(ErrorStyle::kOip);
  EXPECT_EQ(Call("GET", "/v2/models/m/ready")->reply().status, 503);
  control_.status = NotFoundError("unknown");
  EXPECT_EQ(Call("GET", "/v2/models/m/ready")->reply().status, 404);
}

TEST_F(RestFrontendTest, RepositoryRoutesListLoadAndUnload) {
  control_.index.push_back({"m", 1, model::ResidencyState::kReady, ""});
  EXPECT_EQ(Call("POST", "/v2/repository/index", R"({"ready":true})")->reply().body,
            R"([{"name":"m","version":"1","state":"READY"}])");
  EXPECT_EQ(Call("POST", "/v2/repository/index")->reply().status, 200);
  EXPECT_EQ(Call("POST", "/v2/repository/models/m/load", "{}")->reply().body,
            R"({"name":"m","load":true})");
  EXPECT_EQ(Call("POST", "/v2/repository/models/m/unload")->reply().body,
            R"({"name":"m","unload":true})");
  EXPECT_EQ(control_.calls,
            (std::vector<std::string>{"index ready", "index", "load m", "unload m"}));
  EXPECT_EQ(Call("POST", "/v2/repository/index", R"({"ready":3})")->reply().status, 400);
  control_.status = InternalError("failed to load 'm', failed to poll from model repository");
  EXPECT_EQ(Call("POST", "/v2/repository/models/m/load")->reply().status, 500);
  control_.status = InvalidArgumentError("load failed for model 'm'");
  EXPECT_EQ(Call("POST", "/v2/repository/models/m/load")->reply().status, 400);
}

TEST_F(RestFrontendTest, ParametersThatComeLaterAreRefusedByName) {
  const auto exchange = Call("POST", "/v2/repository/models/m/load",
                             R"({"parameters":{"config":"{\"backend\":\"onnxruntime\"}"}})");
  EXPECT_EQ(exchange->reply().status, 501);
  EXPECT_NE(exchange->reply().body.find("'config'"), std::string::npos);
  EXPECT_TRUE(control_.calls.empty());
}

TEST_F(RestFrontendTest, ARepositoryNameIsRefused) {
  for (const char* target : {"/v2/repository/r/index", "/v2/repository/r/models/m/load",
                             "/v2/repository/r/models/m/unload"}) {
    EXPECT_EQ(Call("POST", target, "{}")->reply().status, 501) << target;
  }
}

TEST_F(RestFrontendTest, EveryRouteRefusesEveryOtherVerb) {
  control_.view = residency::ModelView{.name = "m"};
  AnswerWithOneNumber();
  const std::pair<const char*, bool> routes[] = {
      {"/v2", false},
      {"/v2/health/live", false},
      {"/v2/health/ready", false},
      {"/v2/models/m", false},
      {"/v2/models/m/versions/1", false},
      {"/v2/models/m/ready", false},
      {"/v2/models/m/config", false},
      {"/v2/models/m/infer", true},
      {"/v2/models/m/versions/1/infer", true},
      {"/v2/repository/index", true},
      {"/v2/repository/models/m/load", true},
      {"/v2/repository/models/m/unload", true},
  };
  for (const auto& [target, is_post] : routes) {
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
                               "CONNECT", "get", "BREW"}) {
      const bool reads = std::string_view(method) == "GET" || std::string_view(method) == "HEAD";
      const bool allowed = is_post ? std::string_view(method) == "POST" : reads;
      const std::string body = std::string_view(target).ends_with("infer") ? kInferBody : "";
      const auto exchange = Call(method, target, body);
      EXPECT_EQ(exchange->reply().status, allowed ? 200 : 405) << method << " " << target;
      if (allowed) continue;
      EXPECT_EQ(exchange->reply().body, R"({"error":"Method Not Allowed"})");
      EXPECT_EQ(exchange->ReplyHeader("Allow"), is_post ? "POST" : "GET, HEAD");
    }
  }
}

TEST_F(RestFrontendTest, UnknownRoutesAre404ForEveryVerb) {
  for (const char* method : {"GET", "POST", "DELETE"}) {
    for (const char* target : {"/", "/v2/nothing", "/v2/models/m/versions/x/infer", "/metrics"}) {
      const auto exchange = Call(method, target);
      EXPECT_EQ(exchange->reply().status, 404) << target;
      EXPECT_EQ(exchange->reply().body, R"({"error":"Not Found"})");
    }
  }
}

TEST_F(RestFrontendTest, NamesThatBreakTheRuleAre400) {
  for (const char* name : {"..", ".", "a%2Fb", "%2e%2e", ";id", "", "a%20b", "%ce%b1"}) {
    for (const char* verb : {"/infer", "", "/ready", "/config"}) {
      const std::string method = std::string_view(verb) == "/infer" ? "POST" : "GET";
      EXPECT_EQ(Call(method, "/v2/models/" + std::string(name) + verb)->reply().status, 400)
          << name;
    }
    EXPECT_EQ(Call("POST", "/v2/repository/models/" + std::string(name) + "/load")->reply().status,
              400)
        << name;
  }
  const std::string longest(limits::kModelNameBytes, 'a');
  EXPECT_EQ(Call("GET", "/v2/models/" + longest + "/ready")->reply().status, 200);
  EXPECT_EQ(Call("GET", "/v2/models/" + longest + "a/ready")->reply().status, 400);
  EXPECT_NE(Call("GET", "/v2/models//ready")->reply().body.find("Model name cannot be empty"),
            std::string::npos);
  EXPECT_NE(Call("GET", "/v2/models/%2e%2e/ready")
                ->reply()
                .body.find("model name must not contain path traversal characters"),
            std::string::npos);
}

class OriginTest : public RestFrontendTest {
 protected:
  ExchangePtr CallFrom(std::string origin, std::string host, std::string method = "GET") {
    auto exchange = FakeExchange::Make(std::move(method), "/v2");
    if (!host.empty()) exchange->AddHeader("Host", std::move(host));
    exchange->AddHeader("Origin", std::move(origin));
    return Handle(exchange);
  }
};

TEST_F(RestFrontendTest, AWrongBodyIsToldWhatTheModelTakes) {
  const std::string body = R"({"inputs":[{"name":"A","datatype":"INT32","shape":[1],"data":1}]})";
  const std::string unknown = Call("POST", kInferTarget, body)->reply().body;
  EXPECT_EQ(unknown.find("The model takes"), std::string::npos);
  auto metadata = std::make_shared<model::ModelMetadata>();
  metadata->inputs.push_back({"A", tensor::DataType::kInt32, {-1, 2}, false});
  control_.metadata = metadata;
  const std::string known = Call("POST", kInferTarget, body)->reply().body;
  EXPECT_NE(known.find(". The model takes 'A' (INT32 [-1,2])\"}"), std::string::npos) << known;
  const std::string no_json = Call("POST", kInferTarget, "{")->reply().body;
  EXPECT_EQ(no_json.find("The model takes"), std::string::npos) << no_json;
}

TEST_F(OriginTest, TwoOriginsAreRefused) {
  const auto exchange = FakeExchange::Make("GET", "/v2/health/live", "");
  exchange->AddHeader("Host", "localhost:8000");
  exchange->AddHeader("Origin", "http://localhost:8000");
  exchange->AddHeader("Origin", "http://evil.example");
  EXPECT_EQ(Handle(exchange)->reply().status, 403);
}

TEST_F(OriginTest, AnotherOriginIsRefused) {
  for (const char* origin : {"http://evil.example", "http://localhost:8001", "null", "",
                             "http://localhost:8000.evil.example", "localhost:8000"}) {
    const auto exchange = CallFrom(origin, "localhost:8000");
    EXPECT_EQ(exchange->reply().status, 403) << origin;
    EXPECT_EQ(exchange->ReplyHeader("Access-Control-Allow-Origin"), "");
  }
  EXPECT_EQ(CallFrom("http://localhost:8000", "")->reply().status, 403);
}

TEST_F(OriginTest, TheServersOwnOriginIsServed) {
  EXPECT_EQ(CallFrom("http://localhost:8000", "localhost:8000")->reply().status, 200);
  EXPECT_EQ(CallFrom("http://LOCALHOST:8000", "localhost:8000")->reply().status, 200);
  EXPECT_EQ(CallFrom("http://a.example", "a.example:80")->reply().status, 200);
  EXPECT_EQ(CallFrom("https://a.example:443", "a.example")->reply().status, 200);
  EXPECT_EQ(CallFrom("https://a.example:80", "a.example")->reply().status, 403);
}

TEST_F(OriginTest, AllowedOriginsMayReadTheReply) {
  RestOptions options;
  options.cors_origins = {"https://app.example"};
  Restart(options);
  const auto allowed = CallFrom("https://app.example", "h");
  EXPECT_EQ(allowed->reply().status, 200);
  EXPECT_EQ(allowed->ReplyHeader("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(allowed->ReplyHeader("Vary"), "Origin");
  EXPECT_EQ(CallFrom("https://other.example", "h")->reply().status, 403);
  options.cors_origins = {"*"};
  Restart(options);
  EXPECT_EQ(CallFrom("null", "h")->reply().status, 200);
}

TEST_F(OriginTest, PreflightIsAnsweredForAllowedOriginsOnly) {
  const auto preflight = [&] {
    auto exchange = FakeExchange::Make("OPTIONS", kInferTarget);
    exchange->AddHeader("Origin", "https://app.example");
    exchange->AddHeader("Access-Control-Request-Method", "POST");
    return Handle(exchange);
  };
  EXPECT_EQ(preflight()->reply().status, 403);
  RestOptions options;
  options.cors_origins = {"https://app.example"};
  Restart(options);
  const auto exchange = preflight();
  EXPECT_EQ(exchange->reply().status, 204);
  EXPECT_EQ(exchange->ReplyHeader("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(exchange->ReplyHeader("Access-Control-Allow-Methods"), "GET, HEAD, POST");
}

}  // namespace
}  // namespace throng::frontend::rest
