// The parts that both versions of OpenAPI are put together of. Internal to this folder.
//
//   Components components(Dialect::kV3);
//   Json paths = Json::object();
//   AddPaths(kind, Dialect::kV3, paths);
//   components.AddKind(kind);
//   components.Take();
//
// Not thread-safe.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "kube/kinds/schema.h"

namespace throng::kube::openapi {

enum class Dialect : uint8_t { kV2, kV3 };

inline constexpr std::string_view kPatchComponent = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
inline constexpr std::string_view kStatusComponent = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
inline constexpr std::string_view kDeleteOptionsComponent =
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

// "io.k8s.api.core.v1.Pod"; for custom kinds of the group in reverse:
// "org.kubeflow.serving.v1alpha1.TrainedModel".
std::string ComponentName(const Kind& kind);
Json Reference(Dialect dialect, std::string_view component);
// {"group","version","kind"}
Json GroupVersionKind(const Kind& kind);

// Schemas by name, each with all that it refers to.
class Components {
 public:
  explicit Components(Dialect dialect) : dialect_(dialect) {}

  // The kind and the list of it.
  void AddKind(const Kind& kind);
  // What is not part of a kind: Status, Patch and their like.
  void AddShared();
  // {"NAME": schema}. Nothing is left.
  Json Take();

 private:
  void Want(const Schema& schema);
  // The schema where it is used: a reference when it has a name.
  Json Use(const Schema& schema, std::string_view description);
  Json Write(const Schema& schema);
  void WriteObject(const Schema& schema, Json& out);
  void WriteList(const Schema& schema, Json& out);
  void WriteAmount(const Schema& schema, Json& out) const;

  const Dialect dialect_;
  Json components_ = Json::object();
  std::deque<const Schema*> wanted_;
  std::set<std::string_view> known_;
};

// The paths of a kind with their operations.
void AddPaths(const Kind& kind, Dialect dialect, Json& paths);

// The whole document of version 2.
Json MakeV2();

}  // namespace throng::kube::openapi
