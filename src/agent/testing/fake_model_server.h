// A V2 model server: index, load and unload. What it "loads" is the content of NAME/1/model.pt, as
// it is at that moment; the one before stays when the load fails.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http/server.h"
#include "http/testing/server_harness.h"
#include "os/socket.h"

namespace throng::agent::testing {

class FakeModelServer {
 public:
  FakeModelServer(http::testing::ServerHarness& harness, std::string models, std::string ports_file)
      : harness_(harness), models_(std::move(models)), ports_file_(std::move(ports_file)) {}

  // Listens and writes its ports. `port`: 0, any free one.
  void Start(uint16_t port = 0) {
    listener_ = std::move(*os::ListenTcp("127.0.0.1", port));
    server_ = std::move(*http::HttpServer::Start(
        harness_.loop(), listener_.get(), {},
        [this](const std::shared_ptr<http::Exchange>& exchange) { Handle(exchange); }));
    if (!ports_file_.empty()) {
      std::ofstream(ports_file_) << "{\"http\":" << this->port() << ",\"grpc\":1}\n";
    }
  }
  // As its process ends, and whoever keeps it removes its ports.
  void Stop() {
    if (!ports_file_.empty()) std::filesystem::remove(ports_file_);
    held.clear();
    server_.reset();
    listener_.Reset(-1);
    loaded.clear();
    harness_.Settle();
  }
  uint16_t port() const { return *os::LocalPort(listener_.get()); }

  // "" when it is not loaded.
  std::string Loaded(const std::string& model) const {
    const auto found = loaded.find(model);
    return found == loaded.end() ? "" : found->second;
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  // Answers what was held.
  void Release() {
    holds.clear();
    for (auto& [exchange, model] : std::exchange(held, {})) Load(*exchange, model);
  }

  std::map<std::string, std::string> loaded;  // content by model
  std::set<std::string> broken_content;       // does not load
  std::set<std::string> holds;                // loads of these models wait
  std::vector<std::pair<std::shared_ptr<http::Exchange>, std::string>> held;
  std::vector<std::string> calls;  // "load NAME", "unload NAME", "index"
  std::string load_error = "load failed for model 'x': version 1 is at UNAVAILABLE state: damaged";
  int unload_status = 200;
  int unloads_with_bytes = 0;  // the model's folder was there
  int index_status = 200;

 private:
  void Handle(const std::shared_ptr<http::Exchange>& exchange) {
    const std::string path = exchange->request().path;
    const std::string prefix = "/v2/repository/models/";
    if (path == "/v2/repository/index") return Index(*exchange);
    if (!path.starts_with(prefix)) return exchange->Send({.status = 404});
    const size_t slash = path.rfind('/');
    const std::string model = path.substr(prefix.size(), slash - prefix.size());
    const std::string verb = path.substr(slash + 1);
    calls.push_back(verb + " " + model);
    if (verb == "unload") {
      if (std::filesystem::exists(models_ + "/" + model)) ++unloads_with_bytes;
      if (unload_status == 200) loaded.erase(model);
      return exchange->Send({.status = unload_status});
    }
    if (holds.contains(model)) {
      held.emplace_back(exchange, model);
      return;
    }
    Load(*exchange, model);
  }

  void Load(http::Exchange& exchange, const std::string& model) {
    const std::string content = ReadFile(models_ + "/" + model + "/1/model.pt");
    if (content.empty() || broken_content.contains(content)) {
      const nlohmann::json body = {{"error", load_error}};
      return exchange.Send({.status = 400, .body = body.dump()});
    }
    loaded[model] = content;
    exchange.Send({.status = 200});
  }

  void Index(http::Exchange& exchange) {
    calls.emplace_back("index");
    nlohmann::json index = nlohmann::json::array();
    for (const auto& [model, content] : loaded) {
      index.push_back({{"name", model}, {"version", "1"}, {"state", "READY"}});
    }
    exchange.Send({.status = index_status, .body = index.dump()});
  }

  http::testing::ServerHarness& harness_;
  const std::string models_;
  const std::string ports_file_;
  os::UniqueFd listener_;
  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace throng::agent::testing
