// A Registry over stores that forget, on fake time, with the namespace "default" in it. The
// operations answer at once: posted tasks run until the answer is there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/testing/simulated_executor.h"
#include "kube/server/registry.h"
#include "store/memory_store.h"

namespace throng::kube::server::testing {

inline const Kind& KindOf(std::string_view api_version, std::string_view kind) {
  const Kind* found = FindKind(api_version, kind);
  EXPECT_NE(found, nullptr) << api_version << " " << kind;
  return *found;
}

class RegistryHarness {
 public:
  RegistryHarness() { MakeNamespace("default"); }

  // Runs what was posted until `done` was called.
  template <typename T, typename Call>
  ApiResult<T> Await(Call call) {
    std::optional<ApiResult<T>> answer;
    call([&](ApiResult<T> result) { answer = std::move(result); });
    EXPECT_FALSE(answer.has_value()) << "answered before the call returned";
    executor.RunPosted();
    if (!answer) {
      ADD_FAILURE() << "no answer";
      return InternalServerError("no answer");
    }
    return *std::move(answer);
  }
  ApiResult<Written> Create(const Target& target, Json body, const WriteOptions& options = {}) {
    return Await<Written>(
        [&](auto done) { registry.Create(target, std::move(body), options, std::move(done)); });
  }
  ApiResult<Written> Update(const Target& target, Json body, Part part = Part::kAllButStatus,
                            const WriteOptions& options = {}) {
    return Await<Written>([&](auto done) {
      registry.Update(target, part, std::move(body), options, std::move(done));
    });
  }
  ApiResult<Written> Patch(const Target& target, PatchType type, Json patch,
                           Part part = Part::kAllButStatus, const WriteOptions& options = {}) {
    return Await<Written>([&](auto done) {
      registry.Patch(target, part, type, std::move(patch), options, std::move(done));
    });
  }
  ApiResult<Written> Delete(const Target& target, const DeleteOptions& options = {}) {
    return Await<Written>([&](auto done) { registry.Delete(target, options, std::move(done)); });
  }
  void MakeNamespace(const std::string& name) {
    const Kind& kind = KindOf("v1", "Namespace");
    const auto made = Create({&kind, "", ""}, {{"metadata", {{"name", name}}}});
    EXPECT_TRUE(made.ok()) << made.error().message;
  }

  throng::testing::SimulatedExecutor executor;
  SeededRandom random{7};
  store::MemoryStore durable{executor};
  store::MemoryStore derived{executor, 1'000'000};
  Registry registry{executor, random, durable, derived};
};

// {"data":{"key":VALUE}} of a ConfigMap.
inline Json ConfigMap(const std::string& name, const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}}},
          {"data", {{"key", value}}}};
}

inline Json TrainedModel(const std::string& name, const std::string& uri = "gs://models/a") {
  return {{"apiVersion", "serving.kubeflow.org/v1alpha1"},
          {"kind", "TrainedModel"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"inferenceService", "triton-mms"},
            {"model", {{"storageUri", uri}, {"framework", "pytorch"}, {"memory", "1Gi"}}}}}};
}

}  // namespace throng::kube::server::testing
