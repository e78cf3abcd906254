// Objects: the objects of the cluster as controllers see them, with Kubernetes' semantics (uid,
// generation, finalizers, owner references, status apart from the rest). The embedded
// implementation is kube/server/registry.h; one on a real API server can stand behind the same
// interface.
//
// Reads answer at once, from memory, and may lag behind what others wrote; writes are checked by
// resourceVersion. Everything on one executor. `resource` is a kind's storage_resource
// ("pods", "trainedmodels.serving.kubeflow.org"); objects carry the apiVersion of its first row.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"
#include "kube/json.h"

namespace throng::kube {

enum class EventKind : uint8_t { kAdded, kModified, kDeleted };
enum class Part : uint8_t {
  kAllButStatus,  // metadata and spec; what `status` says is left as it is
  kStatus,        // nothing but `status`
};
enum class Propagation : uint8_t { kBackground, kForeground, kOrphan };

class ObjectWatch {
 public:
  virtual ~ObjectWatch() = default;
  // Whether everything that was there when it began has been told.
  virtual bool has_synced() const { return true; }
};

class Objects {
 public:
  using WriteDone = Done<Result<Json>>;
  using Handler = std::function<void(EventKind kind, const Json& object)>;

  virtual ~Objects() = default;

  // ERRORS: kNotFound.
  virtual Result<Json> Get(std::string_view resource, std::string_view name_space,
                           std::string_view name) const = 0;
  // `name_space` empty: all.
  virtual std::vector<Json> List(std::string_view resource, std::string_view name_space) const = 0;

  // ERRORS: kAlreadyExists, kInvalidArgument — with the field, kResourceExhausted, kUnavailable.
  virtual void Create(std::string_view resource, Json object, WriteDone done) = 0;
  // The object's metadata.resourceVersion must be its last one. A write that changes nothing is
  // none. ERRORS: kNotFound, kAborted — it changed meanwhile, and those of Create.
  virtual void Update(std::string_view resource, Json object, Part part, WriteDone done) = 0;
  // An object with finalizers stays, with a deletionTimestamp, until they are gone. ERRORS:
  // kNotFound.
  virtual void Delete(std::string_view resource, std::string_view name_space, std::string_view name,
                      Propagation propagation, WriteDone done) = 0;

  // First kAdded for everything there is, then every change, never before this returns.
  virtual std::unique_ptr<ObjectWatch> Watch(std::string_view resource, Handler handler) = 0;
};

}  // namespace throng::kube
