// What Kubernetes does to objects of some of its own kinds beyond what holds for all: defaults of
// namespaces, secrets, services, pods and jobs, and that a namespace ends only when it is empty.
// The one place of the server that knows kinds by name.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kube/api_error.h"
#include "kube/kind.h"

namespace throng::kube::server {

bool IsNamespaceKind(const Kind& kind);

// After a create or an update; a second call changes nothing.
void FillBuiltIn(const Kind& kind, Json& object);
// What it refuses (built_in_checks.h), and of ConfigMaps and Secrets: keys, sizes, those that must
// not change. `old` null: a create.
std::vector<ApiCause> ValidateBuiltIn(const Kind& kind, const Json& object, const Json* old);
// Something beside metadata.finalizers keeps it although its end was asked for.
bool IsHeldByKind(const Kind& kind, const Json& object);
// Namespaces that the system needs.
std::optional<ApiError> RefuseDelete(const Kind& kind, const Json& object);
// The end of the object was asked for, and it stays for a while.
void MarkDeleted(const Kind& kind, Json& object);
// Only pods have one: 30 s when the client names none.
int64_t GracePeriodSeconds(const Kind& kind, std::optional<int64_t> asked);

// Fields beside metadata.name and metadata.namespace that a field selector may name.
std::span<const std::string_view> SelectableFields(const Kind& kind);

}  // namespace throng::kube::server
