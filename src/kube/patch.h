// The three patches that a client may send: JSON merge patch (RFC 7396), JSON patch (RFC 6902) and
// Kubernetes' strategic merge patch (built-in kinds only). Pure functions; thread-safe.
//
//   ApiResult<Json> patched = ApplyJsonPatch(object, ParseJson(body).value());
//
// They differ from the RFCs where kube-apiserver does: objects within lists of a merge patch lose
// their nulls, "replace" of a missing member adds it, negative indexes count from the end. Input is
// what ParseJson or ParseYaml gave, so that its depth is bounded.
#pragma once

#include "kube/api_error.h"
#include "kube/merge_rules.h"

namespace throng::kube {

// ERRORS: 400 — the patch is no object.
ApiResult<Json> ApplyMergePatch(Json object, const Json& patch);

// ERRORS: 400 — no list of operations; 413 — more than limits::kPatchOperations; 422 — an operation
// does not apply, what is copied exceeds limits::kPatchCopyBytes, or the result is too deep.
ApiResult<Json> ApplyJsonPatch(Json object, const Json& patch);

// $patch (replace, delete), $retainKeys, $setElementOrder/FIELD, $deleteFromPrimitiveList/FIELD.
// ERRORS: 400 — with Kubernetes' words, 422.
ApiResult<Json> ApplyStrategicPatch(Json object, Json patch, const MergeRules& rules);

// How Go's decoder names the type of a value ("object", "string") in its errors.
std::string_view DecoderTypeName(const Json& value);

}  // namespace throng::kube
