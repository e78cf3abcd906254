// Server-side apply: who owns which field of an object (metadata.managedFields), kept for every
// write, and applying a configuration: conflicts with other owners, and fields that a manager no
// longer applies are removed. Pure functions; thread-safe.
//
//   const FieldWriter writer{.manager = "kubectl", .api_version = "v1", .now = clock.WallNow()};
//   ApiResult<Json> applied = ApplyConfiguration(live, config, rules, writer, /*force=*/false);
//   UpdateManagedFields(live, object, rules, writer);  // after any other write
//
// Managers that wrote by another apiVersion of the same object are taken to own the same fields,
// because the groups that share a stored object do not differ in their fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kube/api_error.h"
#include "kube/merge_rules.h"

namespace throng::kube {

// Who writes, and what.
struct FieldWriter {
  std::string manager;      // "kubectl"; empty: "unknown"
  std::string api_version;  // of the kind that was asked
  std::string kind;
  std::string subresource;  // "status"; empty: the object
  // `status` belongs to the subresource: writers of the object own nothing of it, those of the
  // subresource nothing else.
  bool has_status = false;
  WallTime now;
};

// `config` applied to `live` (null: there is none yet), with its managedFields. `config` holds what
// the client sent, `live` what is stored, as the kind that was asked shows it.
// ERRORS: 409 Conflict — with a cause (FieldManagerConflict) for each field that another manager
// owns; 400 — another kind, managedFields in the configuration, lists without their keys.
ApiResult<Json> ApplyConfiguration(const Json& live, const Json& config, const MergeRules& rules,
                                   const FieldWriter& writer, bool force);

// Sets metadata.managedFields of `object`, which takes the place of `live` (null: it is new). What
// `object` brings along as managedFields is taken over where it is valid; an empty list resets it.
void UpdateManagedFields(const Json& live, Json& object, const MergeRules& rules,
                         const FieldWriter& writer);

// The name of a writer: `field_manager`, or what stands before the slash in a user agent.
std::string ManagerName(std::string_view field_manager, std::string_view user_agent);

// `field`: "fieldManager".
std::vector<ApiCause> ValidateFieldManager(std::string_view manager, const std::string& field);
std::vector<ApiCause> ValidateManagedFields(const Json& managed_fields, const std::string& field);

}  // namespace throng::kube
