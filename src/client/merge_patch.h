// JSON merge patches (RFC 7386) between what a file says, what was last applied and what the server
// holds: what client-side apply sends. Pure.
//
//   const Json patch = ThreeWayMergePatch(last_applied, file, on_server);
//   if (patch.empty()) return "unchanged";
#pragma once

#include "kube/json.h"

namespace throng::client {

// What turns `from` into `to`; an empty object: nothing.
kube::Json MergePatchOf(const kube::Json& from, const kube::Json& to);

// What makes `current` have all that `modified` says, and lose what `original` said and `modified`
// says no more. What others set stays. `original` null: nothing was applied.
kube::Json ThreeWayMergePatch(const kube::Json& original, const kube::Json& modified,
                              const kube::Json& current);

}  // namespace throng::client
