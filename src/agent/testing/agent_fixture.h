// What tests of the agent share: an API, a model server and a store that are fakes, a directory,
// and the agent, on one loop with a clock that stands still until it is moved.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "agent/agent.h"
#include "agent/model_spec.h"
#include "agent/testing/fake_fetcher.h"
#include "agent/testing/fake_model_server.h"
#include "os/testing/temporary_directory.h"
#include "watch/testing/fake_api.h"

namespace throng::agent::testing {

class AgentFixture : public ::testing::Test {
 protected:
  AgentFixture()
      : log_(harness_.loop().clock(),
             [this](std::string_view line) {
               const std::lock_guard lock(lines_mutex_);
               lines_.emplace_back(line);
             }),
        api_(harness_, directory_.path() + "/api.sock"),
        server_(harness_, ModelsPath(), directory_.path() + "/ports") {
    std::filesystem::create_directories(ModelsPath());
    api_.on_other = [this](const std::shared_ptr<http::Exchange>& exchange) { Report(*exchange); };
  }

  std::string ModelsPath() const { return directory_.path() + "/models"; }

  void StartAgent() {
    auto agent = Agent::Create(harness_.loop(), {.api_socket = directory_.path() + "/api.sock",
                                                 .name_space = "default",
                                                 .replica = "pod",
                                                 .directory = directory_.path(),
                                                 .fetcher = &fetcher_,
                                                 .random = &random_,
                                                 .log = &log_,
                                                 .before_secrets = [this] {
                                                   ++secrets_prepared_;
                                                   return OkStatus();
                                                 }});
    ASSERT_TRUE(agent.ok()) << agent.status().ToString();
    agent_ = std::move(*agent);
  }
  void RestartAgent() {
    agent_.reset();
    StartAgent();
  }
  void StartAll() {
    server_.Start();
    StartAgent();
    ASSERT_TRUE(Until([&] { return api_.watch != nullptr; }));
  }

  static Json Assignment(const std::string& model, const std::string& uri,
                         const std::string& uid = "uid-1", int generation = 1) {
    return watch::testing::FakeApi::Object("pod." + model, {{"replica", "pod"},
                                                            {"model", model},
                                                            {"uid", uid},
                                                            {"generation", generation},
                                                            {"storageUri", uri},
                                                            {"framework", "pytorch"},
                                                            {"memory", "1Gi"},
                                                            {"memoryBytes", 1073741824},
                                                            {"deadlineSeconds", 120},
                                                            {"sha256", ""},
                                                            {"reload", ""},
                                                            {"refreshSeconds", 0}});
  }
  void Assign(const std::string& model, const std::string& uri, const std::string& uid = "uid-1",
              int generation = 1) {
    api_.Put(Assignment(model, uri, uid, generation));
  }
  void Withdraw(const std::string& model) { api_.Delete("pod." + model); }

  // Runs; time stands still.
  bool Until(const std::function<bool()>& done) { return harness_.RunUntil(done); }
  // Runs, and lets time pass.
  bool Eventually(const std::function<bool()>& done,
                  Duration step = std::chrono::milliseconds(200)) {
    for (int round = 0; round < 2000; ++round) {
      if (done()) return true;
      harness_.Advance(step);
    }
    return false;
  }
  // Long enough for what is under way to end, without time passing.
  void Settle() {
    for (int i = 0; i < 30; ++i) harness_.Settle();
  }
  bool Serves(const std::string& model, const std::string& content) {
    return Eventually([&] { return server_.Loaded(model) == content; });
  }
  std::string OnDisk(const std::string& model) const {
    return FakeModelServer::ReadFile(ModelsPath() + "/" + model + "/1/model.pt");
  }
  bool HasDirectory(const std::string& model) const {
    return std::filesystem::exists(ModelsPath() + "/" + model);
  }
  // What was last reported of a model; null when it was not, or is gone.
  Json Told(const std::string& model) const {
    const auto found = told_.find(model);
    return found == told_.end() ? Json() : found->second;
  }
  std::string ToldState(const std::string& model) const {
    const Json told = Told(model);
    return told.is_null() ? "" : told.value("state", "");
  }
  bool Tells(const std::string& model, const std::string& state) {
    return Eventually([&] { return ToldState(model) == state; });
  }
  size_t Count(std::string_view call) const {
    return static_cast<size_t>(std::count(server_.calls.begin(), server_.calls.end(), call));
  }
  size_t CountGone(const std::string& model) const {
    size_t count = 0;
    for (const Json& report : reports_) {
      for (const Json& entry : report["models"]) {
        if (entry["model"] == model && entry["state"] == "Gone") ++count;
      }
    }
    return count;
  }
  std::vector<std::string> Messages() const {
    const std::lock_guard lock(lines_mutex_);
    std::vector<std::string> messages;
    for (const std::string& line : lines_) messages.push_back(Json::parse(line)["msg"]);
    return messages;
  }
  bool Logged(std::string_view text) const {
    for (const std::string& message : Messages()) {
      if (message.find(text) != std::string::npos) return true;
    }
    return false;
  }

  void Report(http::Exchange& exchange) {
    if (exchange.request().method == "GET") {
      EXPECT_EQ(exchange.request().target,
                "/apis/throng.dev/v1alpha1/namespaces/default/replicas/pod/credentials");
      ++credential_calls_;
      if (credential_status_ != 200) {
        return exchange.Send({.status = credential_status_, .body = "{}"});
      }
      return exchange.Send({.status = 200, .body = Json{{"sets", credential_sets_}}.dump()});
    }
    EXPECT_EQ(exchange.request().target,
              "/apis/throng.dev/v1alpha1/namespaces/default/replicas/pod/report");
    if (report_status_ == 200) {
      Json report = Json::parse(exchange.request().body);
      if (report["full"] == true && report["part"] == 0) told_.clear();
      for (const Json& entry : report["models"]) {
        const std::string model = entry["model"];
        if (entry["state"] == "Gone") {
          told_.erase(model);
        } else {
          told_[model] = entry;
        }
      }
      reports_.push_back(std::move(report));
    }
    exchange.Send({.status = report_status_, .body = "{}"});
  }

  os::testing::TemporaryDirectory directory_;
  http::testing::ServerHarness harness_;
  mutable std::mutex lines_mutex_;
  std::vector<std::string> lines_;
  AgentLog log_;
  watch::testing::FakeApi api_;
  FakeModelServer server_;
  FakeFetcher fetcher_;
  SeededRandom random_{11};
  int report_status_ = 200;
  int credential_status_ = 200;
  int credential_calls_ = 0;
  Json credential_sets_ = Json::object();  // by version
  int secrets_prepared_ = 0;
  std::vector<Json> reports_;
  std::map<std::string, Json> told_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace throng::agent::testing
