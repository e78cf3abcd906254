// How the lists of a kind are merged, by its schema: for strategic patches and server-side apply.
//
//   ApplyStrategicPatch(object, patch, MergeRulesOf(kind));
//
// Thread-safe: made at the first use and never changed.
#pragma once

#include "kube/kind.h"
#include "kube/merge_rules.h"

namespace throng::kube {

// Those of a kind without a schema say nothing.
const MergeRules& MergeRulesOf(const Kind& kind);

}  // namespace throng::kube
