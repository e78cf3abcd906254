// The Pod objects of replicas: what people see of them with kubectl. Pure.
#pragma once

#include <string>
#include <string_view>

#include "admission/hosting.h"
#include "base/random.h"
#include "kube/json.h"
#include "launcher/replica_launcher.h"

namespace throng::reconcilers {

// Ten hexadecimal digits that change with what replicas run with.
std::string TemplateHash(const admission::ReplicaTemplate& replica);
// "NAME-predictor-default-00001".
std::string RevisionName(std::string_view service, int number);
// The number in such a name; 0: it is none of the service.
int RevisionNumber(std::string_view service, std::string_view revision);
// The ten digits in the name of a pod of a revision; empty: it is none.
std::string TemplateHashOf(std::string_view pod, std::string_view revision);

// A pod of `revision`, owned by `service` (an InferenceService).
kube::Json ReplicaPod(const kube::Json& service, const std::string& revision,
                      const admission::ReplicaTemplate& replica, Random& random);
// The pod's status tells that this life of the server was in the route already: what an earlier
// life of the control plane knew.
bool WasReadyInThisLife(const kube::Json& pod, const launcher::ReplicaStatus& replica);
// `replica` null: it is not running (yet). `in_route`: its Ready condition.
kube::Json ReplicaPodStatus(const kube::Json& before, const launcher::ReplicaStatus* replica,
                            bool in_route, WallTime now);

}  // namespace throng::reconcilers
