// What a TrainedModel must be before it is taken: KServe's webhook rules, with its messages. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kube/json.h"

namespace throng::admission {

// The part of a TrainedModel that decisions are made on.
struct TrainedModelView {
  std::string name_space;
  std::string name;
  std::string uid;
  int64_t generation = 0;
  std::string inference_service;
  std::string framework;
  std::string storage_uri;
  std::string memory;  // as written: "1Gi"
  uint64_t memory_bytes = 0;
  std::string sha256;       // annotation throng.dev/sha256
  std::string reload;       // annotation throng.dev/reload
  std::string refresh;      // annotation throng.dev/refresh: "10m"
  std::string storage_key;  // annotation throng.dev/storage-key: entry of the Secret storage-config
  bool deleting = false;
  bool operator==(const TrainedModelView&) const = default;
};

// ERRORS: kInvalidArgument — the field and its rule.
Result<TrainedModelView> ReadTrainedModel(const kube::Json& object);

// Of a create (`old` null) or an update that is no deletion. ERRORS: kInvalidArgument — KServe's
// text: the name, the prefix of storageUri, memory that was changed, or an annotation's rule.
Status CheckTrainedModel(const kube::Json* old, const kube::Json& object);

// A setting: "600s", "10m", "1h30m" as Go reads durations, of a second to a year, rounded down.
// ERRORS: kInvalidArgument.
Result<std::chrono::seconds> ParseDurationSetting(std::string_view text);

}  // namespace throng::admission
