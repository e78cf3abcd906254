#include "frontend/rest/rest_frontend.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/kill_point.h"
#include "frontend/rest/control_body.h"
#include "frontend/rest/infer_decoder.h"
#include "frontend/rest/infer_encoder.h"
#include "frontend/rest/response_text.h"
#include "http/syntax.h"
#include "scheduler/request_check.h"

namespace throng::frontend::rest {
namespace {

http::Reply JsonReply(std::string body) {
  http::Reply reply;
  reply.body = std::move(body);
  return reply;
}

// What a header field says of how the body is made. ERRORS: kInvalidArgument — it is malformed;
// kUnimplemented — the JSON is not the whole body.
Status CheckInferenceHeaderLength(const http::Request& request) {
  static constexpr std::string_view kName = "Inference-Header-Content-Length";
  const std::string* const text = request.FindHeader(kName);
  if (text == nullptr) return OkStatus();
  const std::optional<uint64_t> length = http::ParseDecimal(*text);
  if (!length) {
    return InvalidArgumentError("Unable to parse " + std::string(kName) + ", got: " + *text);
  }
  if (*length > request.body.size()) {
    return InvalidArgumentError("inference header size should be in range (0, " +
                                std::to_string(request.body.size()) + "), got: " + *text);
  }
  if (*length == request.body.size()) return OkStatus();
  return UnimplementedError("'" + std::string(kName) +
                            "' is not supported yet: tensors travel as JSON 'data'");
}

bool IsIdentityEncoding(const http::Request& request) {
  const std::string* const encoding = request.FindHeader("Content-Encoding");
  return encoding == nullptr || encoding->empty() ||
         http::EqualsIgnoringCase(*encoding, "identity");
}

Status NotReadyStatus(const Status& status, ErrorStyle style) {
  const std::string text = "Model version not ready: " + status.message();
  // Triton answers 400 for unready and unknown alike; KServe's clients tell them apart.
  if (style != ErrorStyle::kOip) return InvalidArgumentError(text);
  return Status(status.code(), text);
}

}  // namespace

// The way back to one client. Moved into completions.
class RestFrontend::Responder {
 public:
  Responder(std::shared_ptr<http::Exchange> exchange, ErrorStyle style)
      : exchange_(std::move(exchange)), style_(style) {}

  void AllowOrigin(std::string origin) { allowed_origin_ = std::move(origin); }
  ErrorStyle style() const { return style_; }
  bool client_gone() const { return exchange_->client_gone(); }

  void Send(http::Reply reply) const {
    if (allowed_origin_) OriginRule::Allow(*allowed_origin_, reply);
    exchange_->Send(std::move(reply));
  }
  void SendJson(std::string body) const { Send(JsonReply(std::move(body))); }
  void SendError(const Status& status) const { Send(ErrorReply(status, style_)); }
  void SendDecodeError(const Status& status) const { Send(DecodeErrorReply(status, style_)); }
  // A failure of the HTTP layer's kind, whose status no error style changes.
  void SendHttpError(int http_status, std::string_view text, http::Header header) const {
    http::Reply reply = JsonReply(ErrorBody(text));
    reply.status = http_status;
    if (!header.name.empty()) reply.headers.push_back(std::move(header));
    Send(std::move(reply));
  }

 private:
  std::shared_ptr<http::Exchange> exchange_;
  ErrorStyle style_;
  std::optional<std::string> allowed_origin_;
};

RestFrontend::RestFrontend(RestOptions options, scheduler::Inference& inference,
                           residency::ModelControl& control, Executor& executor)
    : options_(std::move(options)),
      origin_rule_(options_.cors_origins),
      inference_(inference),
      control_(control),
      executor_(executor) {}

MonotonicTime RestFrontend::Deadline() const {
  return executor_.clock().Now() + options_.request_deadline;
}

void RestFrontend::Handle(std::shared_ptr<http::Exchange> exchange) {
  http::Request& request = exchange->request();
  Responder responder(exchange, options_.error_style);
  const OriginRule::Verdict verdict = origin_rule_.Judge(request);
  if (verdict == OriginRule::Verdict::kRefused) {
    return responder.SendHttpError(403, "requests from this origin are not allowed", {});
  }
  if (verdict == OriginRule::Verdict::kAllowed) {
    responder.AllowOrigin(*request.FindHeader("Origin"));
    if (OriginRule::IsPreflight(request)) return responder.Send(OriginRule::PreflightReply());
  }
  const Route route = ParseRoute(request.target);
  if (route.kind == RouteKind::kUnknown) return responder.SendError(NotFoundError("Not Found"));
  const std::string_view method = RouteMethod(route.kind);
  if (request.method != method && !(method == "GET" && request.method == "HEAD")) {
    const std::string allow = method == "GET" ? "GET, HEAD" : "POST";
    return responder.SendHttpError(405, "Method Not Allowed", {"Allow", allow});
  }
  if (!IsIdentityEncoding(request)) {
    const int status = options_.error_style == ErrorStyle::kLegacy400 ? 415 : 501;
    return responder.SendHttpError(status, "Unsupported compression type",
                                   {"Accept-Encoding", "identity"});
  }
  if (route.names_repository) {
    return responder.SendError(
        UnimplementedError("'repository_name' specification is not supported"));
  }
  Dispatch(route, request, std::move(responder));
}

void RestFrontend::Dispatch(const Route& route, http::Request& request, Responder responder) {
  switch (route.kind) {
    case RouteKind::kServerLive:
      return responder.SendJson(HealthText(control_.ServerReady() && !draining_));
    case RouteKind::kServerReady:
      return ServerReady(std::move(responder));
    case RouteKind::kServerMetadata:
      return responder.SendJson(ServerMetadataText(options_.server_name, options_.server_version));
    case RouteKind::kRepositoryIndex:
      return Index(request, std::move(responder));
    default:
      return DispatchModel(route, request, std::move(responder));
  }
}

void RestFrontend::DispatchModel(const Route& route, http::Request& request, Responder responder) {
  const Result<model::ModelName> name = model::ModelName::Parse(route.model);
  if (!name.ok()) return responder.SendError(name.status());
  switch (route.kind) {
    case RouteKind::kModelInfer:
      return Infer(route, *name, request, std::move(responder));
    case RouteKind::kModelMetadata:
    case RouteKind::kModelConfig:
      return Describe(route, *name, std::move(responder));
    case RouteKind::kModelReady:
      return ModelReady(route, *name, std::move(responder));
    case RouteKind::kModelLoad:
      return Load(*name, request, std::move(responder));
    case RouteKind::kModelUnload:
      return Unload(*name, request, std::move(responder));
    default:
      return responder.SendError(NotFoundError("Not Found"));
  }
}

void RestFrontend::ServerReady(Responder responder) const {
  if (draining_) return responder.SendHttpError(503, "server is stopping", {});
  if (!control_.ServerReady()) return responder.SendHttpError(400, "server is not ready", {});
  responder.SendJson(HealthText(true));
}

void RestFrontend::ModelReady(const Route& route, const model::ModelName& name,
                              Responder responder) {
  control_.CheckReady(name, route.version, executor_,
                      [responder = std::move(responder), name = name.str()](Status status) {
                        if (status.ok()) return responder.SendJson(ModelDoneText(name, "ready"));
                        responder.SendError(NotReadyStatus(status, responder.style()));
                      });
}

void RestFrontend::Describe(const Route& route, const model::ModelName& name, Responder responder) {
  const bool is_config = route.kind == RouteKind::kModelConfig;
  control_.Describe(
      name, route.version, Deadline(), executor_,
      [responder = std::move(responder), is_config](Result<residency::ModelView> view) {
        if (!view.ok()) return responder.SendError(view.status());
        responder.SendJson(is_config ? ModelConfigText(*view) : ModelMetadataText(*view));
      });
}

// Says what the model takes, too, unless the body is no JSON at all or the model is not in memory.
void RestFrontend::RefuseBody(const Route& route, const model::ModelName& name, Status status,
                              Responder responder) {
  if (status.message().starts_with("failed to parse")) return responder.SendDecodeError(status);
  control_.Peek(name, route.version, executor_,
                [responder = std::move(responder),
                 status = std::move(status)](std::shared_ptr<const model::ModelMetadata> metadata) {
                  const std::string expected =
                      metadata == nullptr ? "" : scheduler::DescribeInputs(*metadata);
                  if (expected.empty()) return responder.SendDecodeError(status);
                  responder.SendDecodeError(
                      Status(status.code(), status.message() + ". The model takes " + expected));
                });
}

void RestFrontend::Infer(const Route& route, const model::ModelName& name, http::Request& request,
                         Responder responder) {
  if (const Status status = CheckInferenceHeaderLength(request); !status.ok()) {
    return responder.SendError(status);
  }
  scheduler::InferRequest infer{.model = name, .version = route.version};
  infer.deadline = Deadline();
  {
    // The body is not needed once its tensors are made: it must not wait for the model.
    const std::string body = std::move(request.body);
    const Status status = DecodeInferBody(body, infer);
    if (!status.ok()) return RefuseBody(route, name, status, std::move(responder));
  }
  std::string id = infer.id;
  KillPoint("serve.request.received");
  inference_.Infer(
      std::move(infer), executor_,
      [responder = std::move(responder), id = std::move(id)](Result<scheduler::InferReply> reply) {
        if (!reply.ok()) return responder.SendError(reply.status());
        if (responder.client_gone()) return;
        KillPoint("serve.request.computed");
        Result<std::string> body = EncodeInferReply(*reply, id);
        if (!body.ok()) return responder.SendError(body.status());
        http::Reply ok = JsonReply(std::move(*body));
        ok.headers.push_back({"Server-Timing", ServerTiming(reply->timings)});
        responder.Send(std::move(ok));
      });
}

void RestFrontend::Index(const http::Request& request, Responder responder) {
  const Result<bool> ready_only = DecodeIndexBody(request.body);
  if (!ready_only.ok()) return responder.SendDecodeError(ready_only.status());
  control_.Index(*ready_only, executor_,
                 [responder = std::move(responder)](std::vector<residency::IndexEntry> entries) {
                   responder.SendJson(RepositoryIndexText(entries));
                 });
}

void RestFrontend::Load(const model::ModelName& name, const http::Request& request,
                        Responder responder) {
  const Status decoded = DecodeLoadBody(request.body);
  if (!decoded.ok()) return responder.SendDecodeError(decoded);
  KillPoint("serve.load.received");
  control_.Load(name, executor_,
                [responder = std::move(responder), name = name.str()](Status status) {
                  if (!status.ok()) return responder.SendError(status);
                  KillPoint("serve.load.done");
                  responder.SendJson(ModelDoneText(name, "load"));
                });
}

void RestFrontend::Unload(const model::ModelName& name, const http::Request& request,
                          Responder responder) {
  const Status decoded = DecodeUnloadBody(request.body);
  if (!decoded.ok()) return responder.SendDecodeError(decoded);
  KillPoint("serve.unload.received");
  control_.Unload(name, executor_,
                  [responder = std::move(responder), name = name.str()](Status status) {
                    if (!status.ok()) return responder.SendError(status);
                    responder.SendJson(ModelDoneText(name, "unload"));
                  });
}

}  // namespace throng::frontend::rest
