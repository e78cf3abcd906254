#include "kube/kinds/kind_table.h"

#include <algorithm>

#include "kube/kinds/columns.h"
#include "kube/kinds/human_time.h"
#include "kube/kinds/schemas.h"

namespace throng::kube {
namespace {

constexpr std::string_view kKubeflow = "serving.kubeflow.org";
constexpr std::string_view kKserve = "serving.kserve.io";

// Core and other kinds of Kubernetes: strategic patches, printed by type.
Kind BuiltIn(std::string group, std::string kind, std::string resource,
             std::vector<std::string> short_names, const Schema& schema,
             std::vector<Column> columns) {
  Kind row;
  row.group = std::move(group);
  row.version = "v1";
  row.kind = std::move(kind);
  row.resource = std::move(resource);
  row.singular = row.kind;
  for (char& c : row.singular) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  row.short_names = std::move(short_names);
  row.is_built_in = true;
  row.storage_resource = row.qualified_resource();
  row.columns = std::move(columns);
  row.schema = &schema;
  return row;
}

Kind Custom(std::string_view group, std::string version, std::string kind, std::string resource,
            const Schema& schema, std::vector<Column> columns) {
  Kind row = BuiltIn(std::string(group), std::move(kind), std::move(resource), {}, schema,
                     std::move(columns));
  row.version = std::move(version);
  row.is_built_in = false;
  return row;
}

void AddCore(std::vector<Kind>& rows) {
  rows.push_back(
      BuiltIn("", "ConfigMap", "configmaps", {"cm"}, schemas::kConfigMap, columns::OfConfigMaps()));
  rows.push_back(BuiltIn("", "Event", "events", {"ev"}, schemas::kEvent, columns::OfEvents()));
  Kind name_space =
      BuiltIn("", "Namespace", "namespaces", {"ns"}, schemas::kNamespace, columns::OfNamespaces());
  name_space.scope = Scope::kCluster;
  name_space.has_status = true;
  rows.push_back(std::move(name_space));
  Kind pod = BuiltIn("", "Pod", "pods", {"po"}, schemas::kPod, columns::OfPods());
  pod.categories = {"all"};
  pod.has_status = true;
  pod.has_log = true;
  pod.row_conditions = columns::RowConditionsOfPod;
  rows.push_back(std::move(pod));
  rows.push_back(BuiltIn("", "Secret", "secrets", {}, schemas::kSecret, columns::OfSecrets()));
  rows.push_back(BuiltIn("", "ServiceAccount", "serviceaccounts", {"sa"}, schemas::kServiceAccount,
                         columns::OfServiceAccounts()));
  Kind service =
      BuiltIn("", "Service", "services", {"svc"}, schemas::kService, columns::OfServices());
  service.categories = {"all"};
  service.has_status = true;
  rows.push_back(std::move(service));
  Kind job = BuiltIn("batch", "Job", "jobs", {}, schemas::kJob, columns::OfJobs());
  job.categories = {"all"};
  job.has_status = true;
  rows.push_back(std::move(job));
  rows.push_back(
      BuiltIn("coordination.k8s.io", "Lease", "leases", {}, schemas::kLease, columns::OfLeases()));
}

// One of the two views; the objects are stored under the first. A client that finds a short name in
// two groups warns about it, so that only the first has any.
void AddServing(std::vector<Kind>& rows, std::string_view group) {
  const bool is_first = group == kKubeflow;
  Kind service = Custom(group, "v1beta1", "InferenceService", "inferenceservices",
                        schemas::kInferenceService, columns::OfInferenceServices());
  service.has_status = true;
  Kind model = Custom(group, "v1alpha1", "TrainedModel", "trainedmodels", schemas::kTrainedModel,
                      columns::OfTrainedModels());
  model.has_status = true;
  if (is_first) {
    service.short_names = {"isvc"};
    model.short_names = {"tm"};
  }
  Kind cluster_runtime =
      Custom(group, "v1alpha1", "ClusterServingRuntime", "clusterservingruntimes",
             schemas::kServingRuntime, columns::OfServingRuntimes());
  cluster_runtime.scope = Scope::kCluster;
  Kind runtime = Custom(group, "v1alpha1", "ServingRuntime", "servingruntimes",
                        schemas::kServingRuntime, columns::OfServingRuntimes());
  for (Kind* const row : {&service, &cluster_runtime, &runtime, &model}) {
    row->storage_resource = row->resource + "." + std::string(kKubeflow);
    rows.push_back(std::move(*row));
  }
}

void AddDerived(std::vector<Kind>& rows) {
  Kind route = Custom("throng.dev", "v1alpha1", "GatewayRoute", "gatewayroutes",
                      schemas::kGatewayRoute, columns::OfGatewayRoutes());
  Kind assignment = Custom("throng.dev", "v1alpha1", "ModelAssignment", "modelassignments",
                           schemas::kModelAssignment, columns::OfModelAssignments());
  for (Kind* const row : {&route, &assignment}) {
    row->is_derived = true;
    rows.push_back(std::move(*row));
  }
}

std::vector<Kind> MakeKinds() {
  std::vector<Kind> rows;
  AddCore(rows);
  AddServing(rows, kKubeflow);
  AddServing(rows, kKserve);
  AddDerived(rows);
  return rows;
}

template <typename Predicate>
const Kind* FindRow(Predicate predicate) {
  const std::span<const Kind> kinds = AllKinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(), predicate);
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace

std::string Kind::api_version() const { return group.empty() ? version : group + "/" + version; }

std::string Kind::qualified_resource() const {
  return group.empty() ? resource : resource + "." + group;
}

std::span<const Kind> AllKinds() {
  static const std::vector<Kind> kinds = MakeKinds();
  return kinds;
}

const Kind* FindResource(std::string_view group, std::string_view version,
                         std::string_view resource) {
  return FindRow([&](const Kind& kind) {
    return kind.resource == resource && kind.group == group && kind.version == version;
  });
}

const Kind* FindKind(std::string_view api_version, std::string_view kind) {
  return FindRow(
      [&](const Kind& row) { return row.kind == kind && row.api_version() == api_version; });
}

const Kind* FindStorageResource(std::string_view storage_resource) {
  return FindRow([&](const Kind& kind) { return kind.storage_resource == storage_resource; });
}

Json PrintCell(const Column& column, const Json& object, WallTime now) {
  if (column.cell_at != nullptr) return column.cell_at(object, now);
  Json cell = column.cell(object);
  if (column.type == "date" && cell.is_string()) {
    return AgeSince(cell.get_ref<const std::string&>(), now);
  }
  return cell;
}

std::vector<std::string_view> Verbs(const Kind& kind) {
  if (kind.is_derived) return {"get", "list", "watch"};
  std::vector<std::string_view> verbs = {"create", "delete", "deletecollection", "get",
                                         "list",   "patch",  "update",           "watch"};
  // Kubernetes never removes all namespaces with one request.
  if (kind.group.empty() && kind.resource == "namespaces") std::erase(verbs, "deletecollection");
  return verbs;
}

std::vector<Subresource> Subresources(const Kind& kind) {
  std::vector<Subresource> found;
  if (kind.has_log) found.push_back({"log", {"get"}});
  if (kind.has_status) found.push_back({"status", {"get", "patch", "update"}});
  return found;
}

}  // namespace throng::kube
