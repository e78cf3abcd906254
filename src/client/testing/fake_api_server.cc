#include "client/testing/fake_api_server.h"

#include <algorithm>
#include <future>
#include <optional>
#include <sstream>

#include "base/check.h"
#include "client/kube_client.h"
#include "kube/api_error.h"
#include "kube/object_meta.h"
#include "kube/selector.h"
#include "os/socket.h"

namespace throng::client::testing {

struct FakeApiServer::Type {
  const char* api_version;
  const char* resource;
  const char* singular;
  const char* kind;
  bool namespaced;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
};

struct FakeApiServer::Place {
  Type type;
  std::string name_space;
  std::string name;
  std::string subresource;
  std::map<std::string, std::string> parameters;

  std::string Prefix() const {
    const std::string version = type.api_version;
    return version.find('/') == std::string::npos ? "/api/" + version : "/apis/" + version;
  }
  std::string Key() const {
    return Prefix() + (type.namespaced ? "/namespaces/" + name_space : "") + "/" + type.resource +
           "/" + name;
  }
  std::string Parameter(const std::string& key) const {
    const auto found = parameters.find(key);
    return found == parameters.end() ? "" : found->second;
  }
  bool Selects(const Json& object) const {
    const Json& metadata = object["metadata"];
    if (object["apiVersion"] != type.api_version || object["kind"] != type.kind) return false;
    if (!name_space.empty() && metadata.value("namespace", "") != name_space) return false;
    const auto labels = kube::LabelSelector::Parse(Parameter("labelSelector"));
    if (!labels.ok() || !labels->Matches(kube::LabelsOf(object))) return false;
    std::stringstream fields(Parameter("fieldSelector"));
    for (std::string field; std::getline(fields, field, ',');) {
      const size_t equals = field.find('=');
      std::string pointer = "/" + field.substr(0, equals);
      std::replace(pointer.begin(), pointer.end(), '.', '/');
      const auto at = nlohmann::json::json_pointer(pointer);
      if (!object.contains(at) || object[at] != field.substr(equals + 1)) return false;
    }
    return true;
  }
};

struct FakeApiServer::Watch {
  Place place;
  bool table = false;
  bool columns_sent = false;
  std::unique_ptr<http::ReplyStream> stream;
};

struct FakeApiServer::Log {
  std::string text;
  bool ended = false;
  std::vector<std::unique_ptr<http::ReplyStream>> followers;
};

struct FakeApiServer::Change {
  int64_t version = 0;
  std::string type;
  Json object;
};

namespace {

using Parameters = std::map<std::string, std::string>;

std::string Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Parameters ParametersOf(const std::string& target) {
  Parameters parameters;
  const size_t question = target.find('?');
  if (question == std::string::npos) return parameters;
  std::stringstream query(target.substr(question + 1));
  for (std::string pair; std::getline(query, pair, '&');) {
    const size_t equals = pair.find('=');
    parameters[pair.substr(0, equals)] =
        equals == std::string::npos ? "" : Decode(pair.substr(equals + 1));
  }
  return parameters;
}

void SendJson(http::Exchange& exchange, int status, const Json& json,
              const std::string& warning = "") {
  http::Reply reply;
  reply.status = status;
  reply.body = kube::PrintJson(json);
  if (!warning.empty()) reply.headers = {{"Warning", "299 - \"" + warning + "\""}};
  exchange.Send(std::move(reply));
}

void SendError(http::Exchange& exchange, const kube::ApiError& error) {
  SendJson(exchange, error.code, kube::StatusObject(error));
}

Json ColumnDefinitions() {
  return Json::array({{{"name", "Name"}, {"type", "string"}, {"format", "name"}, {"priority", 0}},
                      {{"name", "Url"}, {"type", "string"}, {"priority", 0}},
                      {{"name", "Ready"}, {"type", "string"}, {"priority", 0}},
                      {{"name", "Extra"}, {"type", "string"}, {"priority", 1}},
                      {{"name", "Age"}, {"type", "date"}, {"priority", 0}}});
}

Json RowOf(const Json& object) {
  const std::string url = kube::TextAt(object, {"status", "url"});
  const std::string ready = kube::TextAt(object, {"status", "ready"});
  Json cells = {kube::NameOf(object), url.empty() ? Json() : Json(url),
                ready.empty() ? Json() : Json(ready), "more", "5m"};
  return {{"cells", std::move(cells)},
          {"object",
           {{"kind", "PartialObjectMetadata"},
            {"apiVersion", "meta.k8s.io/v1"},
            {"metadata", object["metadata"]}}}};
}

Json TableOf(const Json& rows, int64_t version, bool columns) {
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", {{"resourceVersion", std::to_string(version)}}},
          {"columnDefinitions", columns ? ColumnDefinitions() : Json()},
          {"rows", rows}};
}

}  // namespace

Json Object(const std::string& api_version, const std::string& kind, const std::string& name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata", {{"name", name}, {"namespace", "default"}}}};
}

namespace {

// Kept out of the class so that its rows can be made of literals.
template <typename Type>
const std::vector<Type>& Types() {
  static const std::vector<Type> kTypes = {
      {"v1", "namespaces", "", "Namespace", false, {"ns"}, {}},
      {"v1", "pods", "", "Pod", true, {"po"}, {"all"}},
      {"v1", "configmaps", "", "ConfigMap", true, {"cm"}, {}},
      {"v1", "secrets", "", "Secret", true, {}, {}},
      {"v1", "events", "", "Event", true, {"ev"}, {}},
      {"batch/v1", "jobs", "job", "Job", true, {}, {"all"}},
      {"serving.kubeflow.org/v1beta1",
       "inferenceservices",
       "inferenceservice",
       "InferenceService",
       true,
       {"isvc"},
       {}},
      {"serving.kubeflow.org/v1alpha1",
       "trainedmodels",
       "trainedmodel",
       "TrainedModel",
       true,
       {"tm"},
       {"all"}},
      {"serving.kserve.io/v1beta1",
       "inferenceservices",
       "inferenceservice",
       "InferenceService",
       true,
       {},
       {}},
  };
  return kTypes;
}

}  // namespace

FakeApiServer::FakeApiServer() {
  loop_ = *os::EventLoop::Create(os::RealClock());
  listener_ = *os::ListenTcp("127.0.0.1", 0);
  port_ = *os::LocalPort(listener_.get());
  auto server = http::HttpServer::Start(
      *loop_, listener_.get(), {},
      [this](std::shared_ptr<http::Exchange> exchange) { Handle(std::move(exchange)); });
  THRONG_CHECK(server.ok());
  server_ = std::move(*server);
  thread_ = std::thread([this] { loop_->Run(); });
}

FakeApiServer::~FakeApiServer() {
  loop_->Stop();
  thread_.join();
  watches_.clear();
  logs_.clear();
  server_.reset();
}

ClusterAccess FakeApiServer::Access() const {
  ClusterAccess access;
  access.server = "http://127.0.0.1:" + std::to_string(port_);
  access.name_space = "default";
  access.token = "secret";
  return access;
}

std::string FakeApiServer::Kubeconfig() const {
  return "apiVersion: v1\nkind: Config\ncurrent-context: fake\n"
         "contexts: [{name: fake, context: {cluster: fake, user: anna}}]\n"
         "clusters: [{name: fake, cluster: {server: \"http://127.0.0.1:" +
         std::to_string(port_) +
         "\"}}]\n"
         "users: [{name: anna, user: {token: secret}}]\n";
}

void FakeApiServer::RunOnLoop(std::function<void()> task) {
  if (loop_->IsCurrent()) return task();
  std::promise<void> done;
  loop_->Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void FakeApiServer::Put(Json object) {
  RunOnLoop([&] {
    for (const Type& type : Types<Type>()) {
      if (object["apiVersion"] != type.api_version || object["kind"] != type.kind) continue;
      const Place place{type, kube::NamespaceOf(object), kube::NameOf(object), "", {}};
      Store(place.Key(), object);
    }
  });
}

Json FakeApiServer::Read(const std::string& api_version, const std::string& kind,
                         const std::string& name) {
  Json found;
  RunOnLoop([&] {
    for (const auto& [key, object] : objects_) {
      if (object["apiVersion"] == api_version && object["kind"] == kind &&
          kube::NameOf(object) == name) {
        found = object;
      }
    }
  });
  return found;
}

void FakeApiServer::Remove(const std::string& api_version, const std::string& kind,
                           const std::string& name) {
  RunOnLoop([&] {
    for (const auto& [key, object] : objects_) {
      if (object["apiVersion"] != api_version || object["kind"] != kind) continue;
      if (kube::NameOf(object) == name) return Forget(std::string(key));
    }
  });
}

void FakeApiServer::Answer(const std::string& method, const std::string& path, int status,
                           std::string body) {
  RunOnLoop([&] { answers_[method + " " + path] = {status, std::move(body)}; });
}

void FakeApiServer::Warn(std::string text) {
  RunOnLoop([&] { warning_ = std::move(text); });
}

void FakeApiServer::AddLog(const std::string& pod, const std::string& container,
                           const std::string& text) {
  RunOnLoop([&] {
    auto& log = logs_[pod + "/" + container];
    if (log == nullptr) log = std::make_unique<Log>();
    log->text += text;
    for (auto& follower : log->followers) follower->Write(text);
  });
}

void FakeApiServer::EndLog(const std::string& pod, const std::string& container) {
  RunOnLoop([&] {
    Log& log = *logs_[pod + "/" + container];
    log.ended = true;
    for (auto& follower : log.followers) follower->Finish();
    log.followers.clear();
  });
}

void FakeApiServer::EndWatches() {
  RunOnLoop([&] {
    for (auto& watch : watches_) watch->stream->Finish();
    watches_.clear();
  });
}

void FakeApiServer::OnStream(std::function<void(FakeApiServer&)> then) {
  RunOnLoop([&] { on_stream_.push_back(std::move(then)); });
}

void FakeApiServer::Streaming() {
  if (on_stream_.empty()) return;
  auto then = std::move(on_stream_.front());
  on_stream_.pop_front();
  loop_->Post([this, then = std::move(then)] { then(*this); });
}

std::vector<Call> FakeApiServer::Calls() {
  std::vector<Call> calls;
  RunOnLoop([&] { calls = calls_; });
  return calls;
}

std::vector<std::string> FakeApiServer::Lines() {
  std::vector<std::string> lines;
  for (const Call& call : Calls()) {
    const std::string path = call.target.substr(0, call.target.find('?'));
    const auto slashes = std::count(path.begin(), path.end(), '/');
    const bool is_discovery = path == "/api" || path == "/apis" ||
                              (path.starts_with("/api/") && slashes == 2) ||
                              (path.starts_with("/apis/") && slashes == 3);
    if (!is_discovery) lines.push_back(call.method + " " + call.target);
  }
  return lines;
}

void FakeApiServer::Handle(std::shared_ptr<http::Exchange> exchange) {
  const http::Request& request = exchange->request();
  const auto header = [&](std::string_view name) {
    const std::string* value = request.FindHeader(name);
    return value == nullptr ? std::string() : *value;
  };
  calls_.push_back({request.method, request.target, header("Accept"), header("Content-Type"),
                    header("Authorization"), request.body});
  const std::string path = request.target.substr(0, request.target.find('?'));
  const auto answer = answers_.find(request.method + " " + path);
  if (answer != answers_.end()) {
    exchange->Send({.status = answer->second.first, .body = answer->second.second});
    return;
  }
  if (AnswerDiscovery(path, *exchange)) return;
  for (const Type& type : Types<Type>()) {
    Place place{type, "", "", "", ParametersOf(request.target)};
    if (!path.starts_with(place.Prefix() + "/")) continue;
    std::vector<std::string> parts;
    std::stringstream rest(path.substr(place.Prefix().size() + 1));
    for (std::string part; std::getline(rest, part, '/');) parts.push_back(Decode(part));
    if (type.namespaced && parts.size() >= 3 && parts[0] == "namespaces") {
      place.name_space = parts[1];
      parts.erase(parts.begin(), parts.begin() + 2);
    }
    const bool is_in_namespace = parts.size() > 2 && parts[0] == "namespaces" && !type.namespaced;
    if (parts.empty() || parts[0] != type.resource || is_in_namespace) continue;
    parts.resize(3);
    place.name = parts[1];
    place.subresource = parts[2];
    return HandleObjects(std::move(exchange), place);
  }
  exchange->Send({.status = 404, .content_type = "text/plain", .body = "404 page not found"});
}

bool FakeApiServer::AnswerDiscovery(const std::string& path, http::Exchange& exchange) {
  if (path == "/api") {
    SendJson(exchange, 200, {{"kind", "APIVersions"}, {"versions", {"v1"}}});
    return true;
  }
  Json groups = Json::array();
  Json resources = Json::array();
  for (const Type& type : Types<Type>()) {
    const std::string version = type.api_version;
    const size_t slash = version.find('/');
    if (path == (slash == std::string::npos ? "/api/" : "/apis/") + version) {
      resources.push_back({{"name", type.resource},
                           {"singularName", type.singular},
                           {"kind", type.kind},
                           {"namespaced", type.namespaced},
                           {"shortNames", type.short_names},
                           {"categories", type.categories},
                           {"verbs", {"get", "list"}}});
      resources.push_back({{"name", std::string(type.resource) + "/status"},
                           {"kind", type.kind},
                           {"namespaced", type.namespaced}});
    }
    if (slash == std::string::npos) continue;
    const std::string group = version.substr(0, slash);
    const Json named = {{"groupVersion", version}, {"version", version.substr(slash + 1)}};
    if (groups.empty() || groups.back()["name"] != group) {
      groups.push_back({{"name", group}, {"versions", {named}}, {"preferredVersion", named}});
    } else {
      groups.back()["versions"].push_back(named);
    }
  }
  if (path == "/apis") {
    SendJson(exchange, 200, {{"kind", "APIGroupList"}, {"groups", groups}});
    return true;
  }
  if (resources.empty()) return false;
  SendJson(exchange, 200, {{"kind", "APIResourceList"}, {"resources", resources}});
  return true;
}

void FakeApiServer::HandleObjects(std::shared_ptr<http::Exchange> exchange, const Place& place) {
  const std::string method = exchange->request().method;
  if (place.subresource == "log") return StartLog(*exchange, place);
  if (method == "POST" || method == "PATCH" || method == "PUT") return Write(*exchange, place);
  if (method == "DELETE") return Delete(*exchange, place);
  if (place.name.empty()) {
    return place.Parameter("watch") == "true" ? StartWatch(*exchange, place)
                                              : List(*exchange, place);
  }
  const auto found = objects_.find(place.Key());
  if (found == objects_.end()) {
    const std::string version = place.type.api_version;
    const size_t slash = version.find('/');
    const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
    return SendError(*exchange, kube::NotFoundError(group, place.type.resource, place.name));
  }
  const std::string* accept = exchange->request().FindHeader("Accept");
  const bool table = accept != nullptr && accept->find("as=Table") != std::string::npos;
  SendJson(*exchange, 200,
           table ? TableOf(Json::array({RowOf(found->second)}), version_, true) : found->second);
}

void FakeApiServer::List(http::Exchange& exchange, const Place& place) {
  const std::string* accept = exchange.request().FindHeader("Accept");
  const bool table = accept != nullptr && accept->find("as=Table") != std::string::npos;
  const size_t limit = std::stoul("0" + place.Parameter("limit"));
  size_t skip = std::stoul("0" + place.Parameter("continue"));
  const size_t first = skip;
  Json found = Json::array();
  bool more = false;
  for (const auto& [key, object] : objects_) {
    if (!place.Selects(object)) continue;
    if (skip > 0) {
      --skip;
      continue;
    }
    more = limit > 0 && found.size() == limit;
    if (more) break;
    found.push_back(table ? RowOf(object) : object);
  }
  Json list = table ? TableOf(found, version_, true)
                    : Json{{"kind", std::string(place.type.kind) + "List"},
                           {"apiVersion", place.type.api_version},
                           {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                           {"items", found}};
  if (more) list["metadata"]["continue"] = std::to_string(first + found.size());
  SendJson(exchange, 200, list);
}

void FakeApiServer::StartWatch(http::Exchange& exchange, const Place& place) {
  auto watch = std::make_unique<Watch>();
  watch->place = place;
  const std::string* accept = exchange.request().FindHeader("Accept");
  watch->table = accept != nullptr && accept->find("as=Table") != std::string::npos;
  watch->stream = exchange.StartStream({});
  const int64_t since = std::stoll("0" + place.Parameter("resourceVersion"));
  for (const Change& change : changes_) {
    if (change.version > since) Send(*watch, change);
  }
  watches_.push_back(std::move(watch));
  Streaming();
}

void FakeApiServer::Send(Watch& watch, const Change& change) {
  if (!watch.place.Selects(change.object)) return;
  Json object = change.object;
  if (watch.table) {
    object = TableOf(Json::array({RowOf(change.object)}), change.version, !watch.columns_sent);
    watch.columns_sent = true;
  }
  watch.stream->Write(kube::PrintJson({{"type", change.type}, {"object", object}}) + "\n");
}

void FakeApiServer::Tell(const Change& change) {
  changes_.push_back(change);
  for (auto& watch : watches_) Send(*watch, change);
}

Json FakeApiServer::Store(const std::string& key, Json object) {
  const auto before = objects_.find(key);
  Json& metadata = object["metadata"];
  const bool is_new = before == objects_.end();
  if (is_new) {
    metadata["uid"] = "uid-" + std::to_string(version_ + 1);
    metadata["creationTimestamp"] = "2026-01-02T03:04:05Z";
  } else {
    metadata["uid"] = before->second["metadata"]["uid"];
    metadata["resourceVersion"] = before->second["metadata"]["resourceVersion"];
    if (!metadata.contains("creationTimestamp")) {
      metadata["creationTimestamp"] = before->second["metadata"]["creationTimestamp"];
    }
    if (before->second == object) return object;
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  objects_[key] = object;
  Tell({version_, is_new ? "ADDED" : "MODIFIED", object});
  return object;
}

void FakeApiServer::Forget(const std::string& key) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  Json object = found->second;
  objects_.erase(found);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  Tell({version_, "DELETED", object});
}

void FakeApiServer::Write(http::Exchange& exchange, const Place& place) {
  const http::Request& request = exchange.request();
  const auto body = kube::ParseJson(request.body);
  if (!body.ok()) return SendError(exchange, kube::BadRequestError(body.status().message()));
  const std::string* type = request.FindHeader("Content-Type");
  Place where = place;
  Json object = *body;
  if (request.method == "POST") {
    where.name = kube::NameOf(object);
    if (where.name.empty())
      where.name = kube::TextAt(object, {"metadata", "generateName"}) + "x7k2p";
    object["metadata"]["name"] = where.name;
    if (objects_.contains(where.Key())) {
      return SendError(exchange, kube::AlreadyExistsError("", place.type.resource, where.name));
    }
  } else {
    const bool applies = type != nullptr && *type == "application/apply-patch+yaml";
    const bool custom = std::string(place.type.api_version).find(".") != std::string::npos;
    if (custom && type != nullptr && type->find("strategic") != std::string::npos) {
      return SendError(exchange, kube::UnsupportedMediaTypeError("application/merge-patch+json"));
    }
    const auto found = objects_.find(where.Key());
    if (found == objects_.end() && !applies) {
      return SendError(exchange, kube::NotFoundError("", place.type.resource, place.name));
    }
    Json merged = found == objects_.end() ? Json::object() : found->second;
    merged.merge_patch(object);
    object = std::move(merged);
  }
  const bool dry = place.Parameter("dryRun") == "All";
  const Json stored = dry ? object : Store(where.Key(), object);
  SendJson(exchange, request.method == "POST" ? 201 : 200, stored, warning_);
}

void FakeApiServer::Delete(http::Exchange& exchange, const Place& place) {
  const auto found = objects_.find(place.Key());
  if (found == objects_.end()) {
    return SendError(exchange, kube::NotFoundError("", place.type.resource, place.name));
  }
  Json object = found->second;
  SendJson(exchange, 200,
           {{"kind", "Status"},
            {"apiVersion", "v1"},
            {"status", "Success"},
            {"details",
             {{"name", place.name}, {"kind", place.type.resource}, {"uid", kube::UidOf(object)}}}});
  if (exchange.request().body.find("dryRun") != std::string::npos) return;
  if (kube::FinalizersOf(object).empty()) return Forget(place.Key());
  object["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:06Z";
  Store(place.Key(), object);
}

void FakeApiServer::StartLog(http::Exchange& exchange, const Place& place) {
  auto& log = logs_[place.name + "/" + place.Parameter("container")];
  if (log == nullptr) log = std::make_unique<Log>();
  if (place.Parameter("follow") != "true") {
    return exchange.Send({.content_type = "text/plain", .body = log->text});
  }
  auto stream = exchange.StartStream({.content_type = "text/plain", .body = log->text});
  if (log->ended) {
    stream->Finish();
  } else {
    log->followers.push_back(std::move(stream));
  }
  Streaming();
}

}  // namespace throng::client::testing
