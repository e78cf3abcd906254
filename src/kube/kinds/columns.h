// The columns of `kubectl get`, one list per kind: those of Kubernetes 1.33 for its own kinds,
// those of KServe's definitions for its kinds. Called once, by kinds/kind_table.cc.
#pragma once

#include <vector>

#include "kube/kind.h"

namespace throng::kube::columns {

// columns_core.cc
std::vector<Column> OfNamespaces();
std::vector<Column> OfConfigMaps();
std::vector<Column> OfSecrets();
std::vector<Column> OfServiceAccounts();
std::vector<Column> OfServices();
std::vector<Column> OfEvents();
std::vector<Column> OfLeases();
// columns_workload.cc
std::vector<Column> OfPods();
std::vector<Column> OfJobs();
// `conditions` of the row of a pod that has ended.
Json RowConditionsOfPod(const Json& pod);
// columns_custom.cc
std::vector<Column> OfInferenceServices();
std::vector<Column> OfTrainedModels();
std::vector<Column> OfServingRuntimes();
std::vector<Column> OfModelAssignments();
std::vector<Column> OfGatewayRoutes();

// Shared by them.
Column Name();
// Of a kind that is built into Kubernetes: of type "string".
Column Age();
// An array at a path; an empty one when there is none.
const Json& ListAt(const Json& object, std::initializer_list<std::string_view> keys);
// A whole number at a path; 0 when there is none.
int64_t NumberAt(const Json& object, std::initializer_list<std::string_view> keys);
std::string OrNone(std::string text);  // "<none>" when it is empty

}  // namespace throng::kube::columns
