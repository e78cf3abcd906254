// What a cluster of KServe has before anybody applies anything: its namespaces, and the two
// ConfigMaps that its users patch. Made at the first start; what is there already stays as it is.
//
//   Bootstrap(registry, [](Status status) { ... });
//
// On the executor of the objects, which must outlive it.
#pragma once

#include "base/status.h"
#include "base/unique_function.h"
#include "kube/objects.h"

namespace throng::kube::server {

// ERRORS: those of Objects::Create, but for kAlreadyExists.
void Bootstrap(Objects& objects, Done<Status> done);

}  // namespace throng::kube::server
