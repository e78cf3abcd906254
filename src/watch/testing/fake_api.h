// An API on a Unix socket that knows objects of one kind: lists and watches, answered as a test
// says. Other requests go to `on_other`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http/server.h"
#include "http/testing/server_harness.h"
#include "os/network/unix_socket.h"

namespace throng::watch::testing {

using Json = nlohmann::json;

class FakeApi {
 public:
  FakeApi(http::testing::ServerHarness& harness, std::string path)
      : harness_(harness), path_(std::move(path)) {
    Start();
  }

  void Start() {
    auto listener = os::ListenUnix(path_);
    THRONG_CHECK(listener.ok());
    listener_ = std::move(*listener);
    server_ = std::move(*http::HttpServer::Start(
        harness_.loop(), listener_.get(), {},
        [this](const std::shared_ptr<http::Exchange>& exchange) { Handle(exchange); }));
  }
  // As if its process were killed.
  void Kill() {
    watch.reset();
    server_.reset();
    listener_.Reset(-1);
    harness_.Settle();
  }

  static Json Object(std::string_view name, Json spec = Json::object()) {
    return {{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
  }

  // Known, and told to a watch that is open.
  void Put(Json object) {
    const std::string name = object["metadata"]["name"];
    object["metadata"]["resourceVersion"] = std::to_string(++version);
    const char* type = objects.contains(name) ? "MODIFIED" : "ADDED";
    objects[name] = object;
    Event(type, object);
  }
  void Delete(const std::string& name) {
    Json object = objects.at(name);
    object["metadata"]["resourceVersion"] = std::to_string(++version);
    objects.erase(name);
    Event("DELETED", object);
  }
  void Event(std::string_view type, const Json& object) {
    Send(Json{{"type", type}, {"object", object}}.dump() + "\n");
  }
  void Send(std::string_view bytes) {
    if (watch == nullptr) return;
    watch->Write(bytes);
    harness_.Settle();
  }
  void EndWatch() {
    watch->Finish();
    watch.reset();
    harness_.Settle();
  }

  bool WaitForWatch() {
    return harness_.RunUntil([&] { return watch != nullptr; });
  }
  bool WaitForRequests(size_t count) {
    return harness_.RunUntil([&] { return targets.size() >= count; });
  }

  std::map<std::string, Json> objects;
  int version = 1;
  int list_status = 200;
  int watch_status = 200;
  std::string list_body;    // instead of the objects
  bool hold_lists = false;  // they are not answered
  std::vector<std::string> targets;
  std::unique_ptr<http::ReplyStream> watch;  // the last one
  std::function<void(const std::shared_ptr<http::Exchange>&)> on_other;

 private:
  void Handle(const std::shared_ptr<http::Exchange>& exchange) {
    const std::string& target = exchange->request().target;
    if (exchange->request().method != "GET" || target.ends_with("/credentials")) {
      if (on_other) on_other(exchange);
      return;
    }
    targets.push_back(target);
    if (target.find("watch=true") != std::string::npos) {
      if (watch_status != 200) {
        return exchange->Send({.status = watch_status, .body = R"({"kind":"Status"})"});
      }
      watch = exchange->StartStream({});
      return;
    }
    if (hold_lists) return held_.push_back(exchange);
    Json items = Json::array();
    for (const auto& [name, object] : objects) items.push_back(object);
    Json list = {{"metadata", {{"resourceVersion", std::to_string(version)}}},
                 {"items", std::move(items)}};
    exchange->Send({.status = list_status, .body = list_body.empty() ? list.dump() : list_body});
  }

  http::testing::ServerHarness& harness_;
  const std::string path_;
  os::UniqueFd listener_;
  std::vector<std::shared_ptr<http::Exchange>> held_;
  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace throng::watch::testing
