// Patches as the API server applies them, and who owns which field after a write. Pure functions
// over kube/patch.h and kube/apply_patch.h; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kube/api_error.h"
#include "kube/objects.h"
#include "kube/records/object_rules.h"

namespace throng::kube::server {

inline constexpr std::string_view kPatchTypesOfCustomKinds =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

// The object after the patch, both as the target's kind shows them. `current` is null only for an
// apply that creates. ERRORS: 400, 409 with the fields of other managers, 422; 500 for an apply
// with fields that the kind does not have.
ApiResult<Json> ApplyObjectPatch(const Target& target, Part part, PatchType type,
                                 const Json* current, const Json& patch,
                                 const WriteOptions& options, WallTime now);

// Brings metadata.managedFields of `object` up to date with the change from `old` (null: created).
void TrackFields(const Target& target, Part part, const WriteOptions& options, const Json* old,
                 Json& object, WallTime now);

}  // namespace throng::kube::server
