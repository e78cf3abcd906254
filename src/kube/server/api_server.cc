#include "kube/server/api_server.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/kinds/kind_table.h"
#include "kube/openapi/openapi.h"

namespace throng::kube::server {
namespace {

constexpr std::string_view kDerivedGroup = "throng.dev";
constexpr std::string_view kReviewGroup = "authorization.k8s.io";
constexpr std::string_view kIdentityGroup = "authentication.k8s.io";

bool IsHealthPath(std::string_view path) {
  for (const std::string_view prefix : {"/livez", "/readyz", "/healthz"}) {
    if (path == prefix || path.rfind(std::string(prefix) + "/", 0) == 0) return true;
  }
  return false;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Attributes AttributesOf(const http::Request& request, const Query& query) {
  Attributes asked;
  const std::optional<ResourcePath> path = ParseResourcePath(request.path);
  if (!path) {
    asked.path = request.path;
    asked.verb = Lower(request.method);
    return asked;
  }
  asked.verb = VerbOf(request.method, *path, query);
  asked.group = path->group;
  asked.resource = path->resource;
  asked.subresource = path->subresource;
  asked.name_space = path->name_space;
  asked.name = path->name;
  return asked;
}

bool IsReview(const Attributes& asked) {
  return asked.group == kReviewGroup || asked.group == kIdentityGroup;
}

// Clients that do not know a kind look whether it is defined here: no kind is.
bool AsksForDefinitions(const ResourcePath& path, std::string_view verb) {
  return path.group == "apiextensions.k8s.io" && path.version == "v1" &&
         path.resource == "customresourcedefinitions" && path.name.empty() && verb == "list";
}

Json NoDefinitions() {
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinitionList"},
          {"metadata", {{"resourceVersion", "1"}}},
          {"items", Json::array()}};
}

bool Contains(const std::vector<std::string_view>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string Accept(http::Request& request) {
  const std::string* header = request.FindHeader("Accept");
  return header == nullptr ? std::string() : *header;
}

bool IsWrite(std::string_view verb) { return verb != "get" && verb != "list" && verb != "watch"; }

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string ReasonOf(int status) {
  switch (status) {
    case 400:
      return "BadRequest";
    case 408:
      return "Timeout";
    case 413:
      return "RequestEntityTooLarge";
    case 503:
      return "ServiceUnavailable";
    default:
      return status < 500 ? "BadRequest" : "InternalError";
  }
}

}  // namespace

std::string RefusalBody(int status, std::string_view text) {
  ApiError error;
  error.code = status;
  error.reason = ReasonOf(status);
  error.message = text;
  return PrintJson(StatusObject(error)) + "\n";
}

ApiServer::ApiServer(Executor& executor, Random& random, Registry& registry,
                     ApiServerOptions options)
    : executor_(executor),
      registry_(registry),
      options_(std::move(options)),
      resources_(registry),
      watches_(executor, random, registry),
      logs_(registry, options_.logs) {}

ApiServer::~ApiServer() = default;

void ApiServer::EndStreams() {
  watches_.EndAll();
  logs_.EndAll();
}

ApiResult<http::PeerIdentity> ApiServer::Identify(http::Exchange& exchange) const {
  if (exchange.request().FindHeader("Impersonate-User") != nullptr) {
    return ForbiddenError("", "users", *exchange.request().FindHeader("Impersonate-User"),
                          "impersonation is not supported");
  }
  if (const http::PeerIdentity* peer = exchange.peer()) return *peer;
  if (const std::optional<std::string> token = BearerToken(exchange.request())) {
    if (options_.tokens == nullptr) return UnauthorizedError();
    const std::optional<http::PeerIdentity> user = options_.tokens->Authenticate(*token);
    if (!user) return UnauthorizedError();
    return *user;
  }
  if (options_.anonymous) return *options_.anonymous;
  return UnauthorizedError();
}

void ApiServer::Handle(std::shared_ptr<http::Exchange> exchange) {
  auto call = std::make_shared<Call>();
  call->exchange = std::move(exchange);
  http::Request& request = call->request();
  call->now = executor_.clock().WallNow();
  call->query = Query::Parse(request.target);
  call->asked = AttributesOf(request, call->query);
  if (IsHealthPath(request.path)) return ServeHealth(call, request.path);
  call->on_reply = [this, life = std::weak_ptr<char>(life_), asked = call->asked](int code) {
    if (!life.expired()) Count(asked, code);
  };
  ApiResult<http::PeerIdentity> user = Identify(*call->exchange);
  if (!user.ok()) return call->SendError(user.error());
  call->user = std::move(*user);
  Dispatch(call, request.path);
}

void ApiServer::Dispatch(const SharedCall& call, std::string_view path) {
  const Attributes& asked = call->asked;
  const bool is_report = asked.group == kDerivedGroup && asked.subresource == "report";
  // Reports come with the traffic, reviews only ask: they are no part of the log of writes.
  if (options_.audit && IsWrite(asked.verb) && !is_report && !IsReview(asked)) {
    call->on_reply = [this, life = std::weak_ptr<char>(life_), count = std::move(call->on_reply),
                      raw = std::weak_ptr<Call>(call)](int code) {
      count(code);
      const SharedCall call = raw.lock();
      if (life.expired() || call == nullptr) return;
      options_.audit(AuditLine({.time = executor_.clock().WallNow(),
                                .user = call->user.user,
                                .asked = call->asked,
                                .dry_run = call->query.Has("dryRun"),
                                .code = code}));
    };
  }
  if (auto error = Authorize(call->user, asked)) return call->SendError(*error);
  if (!asked.path.empty()) {
    if (!ServeDocument(call, path)) call->SendError(UnknownResourceError());
    return;
  }
  ServeResource(call, *ParseResourcePath(path));
}

void ApiServer::ServeResource(const SharedCall& call, const ResourcePath& path) {
  if (!path.rest.empty()) return call->SendError(UnknownResourceError());
  if (path.group == kDerivedGroup && path.subresource == "report") return ServeReport(call, path);
  if (path.group == kDerivedGroup && path.subresource == "credentials") {
    return ServeCredentials(call, path);
  }
  if (IsReview(call->asked)) return ServeAccessReview(call, path);
  if (AsksForDefinitions(path, call->asked.verb)) return call->SendJson(200, NoDefinitions());
  call->kind = FindResource(path.group, path.version, path.resource);
  if (call->kind == nullptr) return call->SendError(UnknownResourceError());
  const Kind& kind = *call->kind;
  const bool is_of_cluster = kind.scope == Scope::kCluster;
  if (is_of_cluster && !path.name_space.empty()) return call->SendError(UnknownResourceError());
  if (!path.subresource.empty()) return ServeSubresource(call, path);
  const std::string& verb = call->asked.verb;
  // All namespaces at once can be read only.
  const bool is_everywhere = !is_of_cluster && path.name_space.empty();
  if (is_everywhere && !path.name.empty()) return call->SendError(UnknownResourceError());
  const bool names_its_object = verb == "update" || verb == "patch";
  if (!Contains(Verbs(kind), verb) || (is_everywhere && IsWrite(verb)) ||
      (verb == "create" && !path.name.empty()) || (names_its_object && path.name.empty())) {
    return call->SendError(MethodNotAllowedError());
  }
  ApiResult<ReplyForm> form = NegotiateForm(call->request(), call->query);
  if (!form.ok()) return call->SendError(form.error());
  call->form = *form;
  if (verb == "watch") return watches_.Start(call);
  resources_.Handle(call);
}

void ApiServer::ServeSubresource(const SharedCall& call, const ResourcePath& path) {
  const Kind& kind = *call->kind;
  if (kind.scope == Scope::kNamespaced && path.name_space.empty()) {
    return call->SendError(UnknownResourceError());
  }
  for (const Subresource& subresource : Subresources(kind)) {
    if (subresource.name != path.subresource) continue;
    if (!Contains(subresource.verbs, call->asked.verb)) {
      return call->SendError(MethodNotAllowedError());
    }
    if (path.subresource == "log") return logs_.Start(call);
    ApiResult<ReplyForm> form = NegotiateForm(call->request(), call->query);
    if (!form.ok()) return call->SendError(form.error());
    call->form = *form;
    return resources_.Handle(call);
  }
  call->SendError(UnknownResourceError());
}

void ApiServer::ServeReport(const SharedCall& call, const ResourcePath& path) {
  if (path.version != "v1alpha1" || path.resource != "replicas" || path.name_space.empty() ||
      options_.reports == nullptr) {
    return call->SendError(UnknownResourceError());
  }
  if (call->asked.verb != "create") return call->SendError(MethodNotAllowedError());
  const std::string& body = call->request().body;
  if (body.size() > limits::kObjectBodyBytes) {
    return call->SendError(TooLargeError("limit is " + std::to_string(limits::kObjectBodyBytes)));
  }
  Result<Json> report = ParseJson(body);
  if (!report.ok() || !report->is_object()) {
    return call->SendError(BadRequestError("the report must be an object of JSON"));
  }
  options_.reports->Report(path.name_space, path.name, *std::move(report),
                           [call](const std::optional<ApiError>& error) {
                             if (error) return call->SendError(*error);
                             call->Send(200, "{}\n");
                           });
}

void ApiServer::ServeCredentials(const SharedCall& call, const ResourcePath& path) {
  if (path.version != "v1alpha1" || path.resource != "replicas" || path.name_space.empty() ||
      options_.credentials == nullptr) {
    return call->SendError(UnknownResourceError());
  }
  if (call->asked.verb != "get") return call->SendError(MethodNotAllowedError());
  if (call->user.user != kInternalUser) {
    return call->SendError(ForbiddenError(path.group, "replicas/credentials", path.name,
                                          "only the agent of the replica may read them"));
  }
  const ApiResult<Json> sets = options_.credentials->Credentials(path.name_space, path.name);
  if (!sets.ok()) return call->SendError(sets.error());
  call->SendJson(200, *sets);
}

void ApiServer::ServeAccessReview(const SharedCall& call, const ResourcePath& path) {
  const bool is_identity = path.group == kIdentityGroup;
  if (path.version != "v1" ||
      path.resource != (is_identity ? "selfsubjectreviews" : "selfsubjectaccessreviews")) {
    return call->SendError(UnknownResourceError());
  }
  if (call->asked.verb != "create") return call->SendError(MethodNotAllowedError());
  const ApiResult<Json> review = ParseBody(call->request());
  if (!review.ok()) return call->SendError(review.error());
  if (!review.value().is_object()) {
    return call->SendError(BadRequestError("the review must be an object"));
  }
  call->SendJson(
      201, is_identity ? ReviewIdentity(call->user, *review) : ReviewAccess(call->user, *review));
}

bool ApiServer::ServeDiscovery(const SharedCall& call, const std::vector<std::string>& path) {
  Document document;
  DiscoveryForm form = DiscoveryForm::kLegacy;
  const bool is_core = path[0] == "api";
  if (path.size() == 1) {
    form = NegotiateDiscovery(Accept(call->request()));
    if (form != DiscoveryForm::kLegacy) {
      document = AggregatedDiscovery(is_core, form);
    } else {
      document = is_core ? ApiVersions(options_.server_address) : ApiGroupList();
    }
  } else if (is_core) {
    document = ApiResourceList("", path[1]);
  } else {
    document = path.size() == 2 ? ApiGroup(path[1]) : ApiResourceList(path[1], path[2]);
  }
  if (document == nullptr) return false;
  call->Send(200, *document, std::string(DiscoveryMediaType(form)));
  return true;
}

bool ApiServer::ServeOpenApi(const SharedCall& call, const std::vector<std::string>& path) {
  if (path.size() == 2 && path[1] == "v2") {
    const bool is_protobuf = WantsOpenApiV2Protobuf(Accept(call->request()));
    const std::string key = is_protobuf ? "v2.pb" : "v2";
    Document& document = documents_[key];
    if (document == nullptr) document = is_protobuf ? OpenApiV2Protobuf() : OpenApiV2Json();
    call->Send(200, *document,
               is_protobuf ? std::string(kOpenApiV2ProtobufType) : "application/json");
    return true;
  }
  if (path.size() < 2 || path[1] != "v3") return false;
  std::string key;
  for (const std::string& segment : path) key += "/" + segment;
  const auto known = documents_.find(key);
  Document document = known == documents_.end() ? nullptr : known->second;
  if (document == nullptr && path.size() == 2) document = OpenApiV3Index();
  if (document == nullptr && path.size() == 4 && path[2] == "api") {
    document = OpenApiV3("", path[3]);
  }
  if (document == nullptr && path.size() == 5 && path[2] == "apis") {
    document = OpenApiV3(path[3], path[4]);
  }
  if (document == nullptr) return false;
  documents_[key] = document;
  call->Send(200, *document);
  return true;
}

bool ApiServer::ServeDocument(const SharedCall& call, std::string_view text) {
  if (call->asked.verb != "get") {
    call->SendError(MethodNotAllowedError());
    return true;
  }
  const std::vector<std::string> path = SplitPath(text);
  if (path.empty()) {
    Json paths = Json::array({"/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2",
                              "/openapi/v3", "/readyz", "/version"});
    call->SendJson(200, {{"paths", std::move(paths)}});
    return true;
  }
  if (path[0] == "api" || path[0] == "apis") return ServeDiscovery(call, path);
  if (path[0] == "openapi") return ServeOpenApi(call, path);
  if (path.size() != 1) return false;
  if (path[0] == "version") {
    call->Send(200, *VersionDocument(options_.version));
    return true;
  }
  if (path[0] != "metrics") return false;
  ServeMetrics(call);
  return true;
}

void ApiServer::ServeHealth(const SharedCall& call, std::string_view path) {
  if (call->request().method != "GET") return call->SendError(MethodNotAllowedError());
  const std::string area(
      path.substr(1, path.find('/', 1) == path.npos ? path.npos : path.find('/', 1) - 1));
  const std::string only =
      path.size() > area.size() + 2 ? std::string(path.substr(area.size() + 2)) : "";
  const auto& checks = area == "readyz" ? options_.ready_checks : options_.live_checks;
  bool is_healthy = true;
  bool is_known = only.empty() || only == "ping";
  std::string lines = is_known ? "[+]ping ok\n" : "";
  for (const HealthCheck& check : checks) {
    if (!only.empty() && only != check.name) continue;
    is_known = true;
    const bool ok = check.is_healthy();
    is_healthy = is_healthy && ok;
    lines += ok ? "[+]" + check.name + " ok\n" : "[-]" + check.name + " failed\n";
  }
  if (!is_known) return call->SendError(UnknownResourceError());
  if (!is_healthy) return call->Send(500, lines + area + " check failed\n", "text/plain");
  if (!call->query.Has("verbose")) return call->Send(200, "ok", "text/plain");
  call->Send(200, lines + area + " check passed\n", "text/plain");
}

void ApiServer::Count(const Attributes& asked, int code) {
  const bool is_known = std::any_of(AllKinds().begin(), AllKinds().end(), [&](const Kind& kind) {
    return kind.group == asked.group && kind.resource == asked.resource;
  });
  // What clients make up does not become a label.
  if (!is_known) return void(++requests_[{"", "", "", code}]);
  ++requests_[{asked.verb, asked.group, asked.resource, code}];
}

void ApiServer::ServeMetrics(const SharedCall& call) {
  std::string text =
      "# HELP apiserver_request_total Requests to the API.\n"
      "# TYPE apiserver_request_total counter\n";
  for (const auto& [key, count] : requests_) {
    const auto& [verb, group, resource, code] = key;
    text += "apiserver_request_total{verb=\"" + Escaped(verb) + "\",group=\"" + Escaped(group) +
            "\",resource=\"" + Escaped(resource) + "\",code=\"" + std::to_string(code) + "\"} " +
            std::to_string(count) + "\n";
  }
  text +=
      "# HELP apiserver_longrunning_requests Watches and logs that are being followed.\n"
      "# TYPE apiserver_longrunning_requests gauge\n"
      "apiserver_longrunning_requests{verb=\"watch\"} " +
      std::to_string(watches_.size()) + "\napiserver_longrunning_requests{verb=\"log\"} " +
      std::to_string(logs_.size()) + "\n";
  if (options_.more_metrics) text += options_.more_metrics();
  call->Send(200, std::move(text), "text/plain; version=0.0.4");
}

}  // namespace throng::kube::server
