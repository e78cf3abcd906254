// Kind: all that the API server needs to know of one kind of object in one group: its names, what
// can be done with it, its columns, its schema. One row per kind in kube/kinds/kind_table.cc;
// nothing else in this folder names a kind, so that a kind is added there and in its schema.
//
// InferenceService, TrainedModel and the runtimes are in two groups, which are two views of one
// stored object: both rows have the same `storage_resource`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kube/json.h"

namespace throng::kube {

struct Schema;  // kube/kinds/schema.h

enum class Scope : uint8_t { kCluster, kNamespaced };

// A column of `kubectl get`.
struct Column {
  std::string name;    // "Url": printed in capitals by clients
  std::string type;    // "string", "integer", "date"
  std::string format;  // "name" for the first one
  std::string description;
  int priority = 0;  // above 0: only with -o wide
  // The cell of an object; null where there is nothing to show. Dates: the text of the timestamp.
  // Tables are printed with PrintCell, which makes ages of timestamps.
  Json (*cell)(const Json& object) = nullptr;
  // In the place of `cell` where the present time is needed: "3 (5m ago)", the ages of built-ins
  // (whose columns are of type "string").
  Json (*cell_at)(const Json& object, WallTime now) = nullptr;
};

// What a table shows: `cell_at`, or `cell` with the age ("23h") in the place of a date.
Json PrintCell(const Column& column, const Json& object, WallTime now);

struct Kind {
  std::string group;     // "" for the core group
  std::string version;   // "v1beta1"
  std::string kind;      // "InferenceService"
  std::string resource;  // "inferenceservices"
  std::string singular;  // "inferenceservice"
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  Scope scope = Scope::kNamespaced;
  bool has_status = false;  // a status subresource; `generation` counts changes outside metadata
  bool has_log = false;     // a log subresource (pods)
  bool is_built_in =
      false;  // built into Kubernetes: strategic merge patch, objects printed by type
  // Kept in memory only, derived by the controllers ("modelassignments" of throng.dev).
  bool is_derived = false;
  std::string storage_resource;  // RecordKey::resource
  std::vector<Column> columns;   // without the namespace
  // `conditions` of an object's row in a table (pods that have ended); null when it has none.
  Json (*row_conditions)(const Json& object) = nullptr;
  const Schema* schema = nullptr;  // null: any content

  std::string api_version() const;         // "v1", "serving.kubeflow.org/v1beta1"
  std::string qualified_resource() const;  // "pods", "trainedmodels.serving.kubeflow.org"
};

// These are in kube/kinds. All kinds, in the order of discovery. Lives as long as the program.
std::span<const Kind> AllKinds();
// Null: there is none.
const Kind* FindResource(std::string_view group, std::string_view version,
                         std::string_view resource);
const Kind* FindKind(std::string_view api_version, std::string_view kind);
// The first row with this storage_resource.
const Kind* FindStorageResource(std::string_view storage_resource);

}  // namespace throng::kube
