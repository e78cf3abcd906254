// FailingObjects: another Objects, whose writes fail when a test says so: a full disk, a full
// queue, a writer who came in between. Owned by the test; on the executor of the real ones.
//
//   FailingObjects objects(executor, registry);
//   objects.fail = [](std::string_view verb, std::string_view resource) {
//     return verb == "delete" ? UnavailableError("the disk is full") : OkStatus();
//   };
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "kube/objects.h"

namespace throng::kube::testing {

class FailingObjects final : public Objects {
 public:
  FailingObjects(Executor& executor, Objects& real) : executor_(executor), real_(real) {}

  Result<Json> Get(std::string_view resource, std::string_view name_space,
                   std::string_view name) const override {
    return real_.Get(resource, name_space, name);
  }
  std::vector<Json> List(std::string_view resource, std::string_view name_space) const override {
    return real_.List(resource, name_space);
  }
  void Create(std::string_view resource, Json object, WriteDone done) override {
    if (Fails("create", resource, done)) return;
    real_.Create(resource, std::move(object), std::move(done));
  }
  void Update(std::string_view resource, Json object, Part part, WriteDone done) override {
    if (Fails("update", resource, done)) return;
    real_.Update(resource, std::move(object), part, std::move(done));
  }
  void Delete(std::string_view resource, std::string_view name_space, std::string_view name,
              Propagation propagation, WriteDone done) override {
    if (Fails("delete", resource, done)) return;
    real_.Delete(resource, name_space, name, propagation, std::move(done));
  }
  std::unique_ptr<ObjectWatch> Watch(std::string_view resource, Handler handler) override {
    return real_.Watch(resource, std::move(handler));
  }

  // Asked before each write; empty: all go through.
  std::function<Status(std::string_view verb, std::string_view resource)> fail;

 private:
  bool Fails(std::string_view verb, std::string_view resource, WriteDone& done) {
    Status status = fail ? fail(verb, resource) : OkStatus();
    if (status.ok()) return false;
    executor_.Post([done = std::move(done), status = std::move(status)]() mutable {
      done(std::move(status));
    });
    return true;
  }

  Executor& executor_;
  Objects& real_;
};

}  // namespace throng::kube::testing
