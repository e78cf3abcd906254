// The kinds that there are, as rows of kube/kind.h. This header holds what only clients' documents
// need beyond that one.
//
//   for (const Kind& kind : AllKinds()) { ... Verbs(kind) ... }
//
// Thread-safe: the table is made at its first use and never changes.
#pragma once

#include <string_view>
#include <vector>

#include "kube/kind.h"

namespace throng::kube {

// What can be done with objects of a kind, sorted; derived kinds can only be read.
std::vector<std::string_view> Verbs(const Kind& kind);

struct Subresource {
  std::string_view name;  // "status"
  std::vector<std::string_view> verbs;
};

// In the order of their names.
std::vector<Subresource> Subresources(const Kind& kind);

}  // namespace throng::kube
