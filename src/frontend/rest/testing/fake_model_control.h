// FakeModelControl: answers with what the test has set and records the questions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "residency/model_control.h"

namespace throng::frontend::rest::testing {

class FakeModelControl final : public residency::ModelControl {
 public:
  void Describe(const model::ModelName& name, std::optional<int64_t> version,
                MonotonicTime deadline, Executor& executor,
                Done<Result<residency::ModelView>> done) override {
    Record("describe", name, version);
    last_deadline = deadline;
    executor.Post([this, done = std::move(done)]() mutable { done(view); });
  }
  void CheckReady(const model::ModelName& name, std::optional<int64_t> version, Executor& executor,
                  Done<Status> done) override {
    Record("ready", name, version);
    executor.Post([this, done = std::move(done)]() mutable { done(status); });
  }
  void Peek(const model::ModelName&, std::optional<int64_t>, Executor& executor,
            Done<std::shared_ptr<const model::ModelMetadata>> done) override {
    executor.Post([this, done = std::move(done)]() mutable { done(metadata); });
  }
  void Index(bool ready_only, Executor& executor,
             Done<std::vector<residency::IndexEntry>> done) override {
    calls.push_back(ready_only ? "index ready" : "index");
    executor.Post([this, done = std::move(done)]() mutable { done(index); });
  }
  void Load(const model::ModelName& name, Executor& executor, Done<Status> done) override {
    Record("load", name, std::nullopt);
    executor.Post([this, done = std::move(done)]() mutable { done(status); });
  }
  void Unload(const model::ModelName& name, Executor& executor, Done<Status> done) override {
    Record("unload", name, std::nullopt);
    executor.Post([this, done = std::move(done)]() mutable { done(status); });
  }
  bool ServerReady() const override { return server_ready; }

  Result<residency::ModelView> view = NotFoundError("the test has set no view");
  Status status;
  std::shared_ptr<const model::ModelMetadata> metadata;  // for Peek
  std::vector<residency::IndexEntry> index;
  bool server_ready = true;
  std::vector<std::string> calls;  // "describe cifar10:2", "load cifar10"
  MonotonicTime last_deadline{};

 private:
  void Record(std::string verb, const model::ModelName& name, std::optional<int64_t> version) {
    std::string call = std::move(verb) + " " + name.str();
    if (version) call += ":" + std::to_string(*version);
    calls.push_back(std::move(call));
  }
};

}  // namespace throng::frontend::rest::testing
