#include "kube/records/object_patch.h"

#include <utility>

#include "kube/apply_patch.h"
#include "kube/kinds/merge.h"
#include "kube/kinds/schema.h"
#include "kube/patch.h"

namespace throng::kube::server {
namespace {

FieldWriter WriterOf(const Target& target, Part part, const WriteOptions& options, WallTime now) {
  FieldWriter writer;
  writer.manager = options.field_manager;
  writer.api_version = target.kind->api_version();
  writer.kind = target.kind->kind;
  if (part == Part::kStatus && target.kind->has_status) writer.subresource = "status";
  writer.has_status = target.kind->has_status;
  writer.now = now;
  return writer;
}

// Whatever the field validation: nobody could own a field that is not there. `unknown` as in
// FieldReport.
ApiError UndeclaredError(const Target& target, const std::vector<std::string>& unknown) {
  const Kind& kind = *target.kind;
  ApiError error;
  error.code = 500;
  error.message = "failed to create typed patch object (" + target.name_space + "/" + target.name +
                  "; " + kind.group + "/" + kind.version + ", Kind=" + kind.kind + "): ";
  if (unknown.size() > 1) error.message += "errors:";
  for (const std::string& one : unknown) {
    const size_t start = one.find('"') + 1;
    if (unknown.size() > 1) error.message += "\n  ";
    error.message +=
        "." + one.substr(start, one.rfind('"') - start) + ": field not declared in schema";
  }
  return error;
}

ApiResult<Json> Apply(const Target& target, Part part, const Json* current, Json config,
                      const WriteOptions& options, WallTime now) {
  if (auto error = CheckBody(target, config)) return *std::move(error);
  const FieldReport report = CheckFields(*target.kind, config);
  if (!report.decode_error.empty()) return CannotHandleError(*target.kind, report.decode_error);
  if (!report.unknown.empty()) return UndeclaredError(target, report.unknown);
  return ApplyConfiguration(current == nullptr ? Json() : *current, config,
                            MergeRulesOf(*target.kind), WriterOf(target, part, options, now),
                            options.force);
}

}  // namespace

ApiResult<Json> ApplyObjectPatch(const Target& target, Part part, PatchType type,
                                 const Json* current, const Json& patch,
                                 const WriteOptions& options, WallTime now) {
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
  return Apply(target, part, current, patch, options, now);
}

void TrackFields(const Target& target, Part part, const WriteOptions& options, const Json* old,
                 Json& object, WallTime now) {
  // Only its controllers ever write a derived kind; an apply knows already who owns what.
  if (!target.kind->is_derived && !options.is_apply) {
    UpdateManagedFields(old == nullptr ? Json() : *old, object, MergeRulesOf(*target.kind),
                        WriterOf(target, part, options, now));
  }
  Json& metadata = object["metadata"];
  const auto fields = metadata.find("managedFields");
  if (fields != metadata.end() && fields->empty()) metadata.erase(fields);
}

}  // namespace throng::kube::server
