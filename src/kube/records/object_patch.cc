#include "kube/records/object_patch.h"

#include <utility>

#include "kube/kinds/merge.h"
#include "kube/patch.h"

namespace throng::kube::server {

ApiResult<Json> ApplyObjectPatch(const Target& target, Part /*part*/, PatchType type,
                                 const Json* current, const Json& patch,
                                 const WriteOptions& /*options*/, WallTime /*now*/) {
  switch (type) {
    case PatchType::kJson:
      return ApplyJsonPatch(*current, patch);
    case PatchType::kMerge:
      return ApplyMergePatch(*current, patch);
    case PatchType::kStrategic:
      return ApplyStrategicPatch(*current, patch, MergeRulesOf(*target.kind));
    case PatchType::kApply:
      break;
  }
  return UnsupportedMediaTypeError(kPatchTypesOfCustomKinds);
}

void TrackFields(const Target&, const WriteOptions&, const Json*, Json&, Part, WallTime) {}

}  // namespace throng::kube::server
