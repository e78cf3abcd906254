// The bounds of one store; the defaults are the table's (base/control_limits.h). A value type.
#pragma once

#include <cstddef>

#include "base/control_limits.h"

namespace throng::store {

struct StoreLimits {
  size_t history = limits::kStoreHistory;
  size_t history_bytes = limits::kStoreHistoryBytes;
  size_t pending_writes = limits::kStorePendingWrites;
  size_t pending_bytes = limits::kStorePendingBytes;
  size_t watches = limits::kStoreWatches;
  size_t records = limits::kStoreObjects;
  size_t value_bytes = limits::kObjectBytes;
  size_t key_bytes = limits::kStoreKeyBytes;
};

}  // namespace throng::store
