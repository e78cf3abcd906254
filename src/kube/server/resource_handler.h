// ResourceHandler: the verbs on objects but for watch: reads bodies and parameters, asks the
// registry, answers. Owned by ApiServer; everything on the executor.
#pragma once

#include "kube/server/call.h"
#include "kube/server/registry.h"

namespace throng::kube::server {

class ResourceHandler {
 public:
  explicit ResourceHandler(Registry& registry) : registry_(registry) {}

  // `call->asked.verb` says which, and it is one that the kind has.
  void Handle(const SharedCall& call);

 private:
  void Get(const SharedCall& call);
  void List(const SharedCall& call);
  void Create(const SharedCall& call);
  void Update(const SharedCall& call);
  void Patch(const SharedCall& call);
  void Delete(const SharedCall& call);
  void DeleteCollection(const SharedCall& call);

  Registry& registry_;
};

// The body by its Content-Type. ERRORS: 400, 413, 415.
ApiResult<Json> ParseBody(http::Request& request);
// By labelSelector and fieldSelector. ERRORS: 400.
ApiResult<ObjectFilter> MakeFilter(const Call& call);

}  // namespace throng::kube::server
