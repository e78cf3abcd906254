// What Kubernetes refuses in objects of some of its own kinds, beyond their schemas: ports of
// services, templates of jobs, specs of pods that exist, contents of typed secrets, the namespace
// of events. The words are kube-apiserver's.
//
//   std::vector<ApiCause> causes = CheckService(service);
//
// Thread-safe: pure functions. `old` is null for a create.
#pragma once

#include <vector>

#include "kube/api_error.h"

namespace throng::kube::server {

std::vector<ApiCause> CheckService(const Json& object);
std::vector<ApiCause> CheckJob(const Json& object, const Json* old);
// Of a pod that exists only images, tolerations and two times may change.
std::vector<ApiCause> CheckPod(const Json& object, const Json* old);
// The keys that the type of a secret asks for.
std::vector<ApiCause> CheckSecretType(const Json& object);
std::vector<ApiCause> CheckEvent(const Json& object);
// Kubernetes' own kinds take finalizers of their own and such with a domain only.
std::vector<ApiCause> CheckFinalizers(const Json& object);

}  // namespace throng::kube::server
