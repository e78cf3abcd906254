// ModelRecord: what a model directory of the agent holds, and whose it is. It lies in the
// directory itself (in its SUCCESS file: what was fetched) and in the agent's records (the same:
// what the server has taken), so that a restarted agent tells them apart. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model_spec.h"
#include "base/status.h"

namespace throng::agent {

struct RecordedFile {
  std::string path;  // relative: "1/model.pt"
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
  std::string sha256;  // hexadecimal
  bool operator==(const RecordedFile&) const = default;
};

struct ModelRecord {
  std::string model;
  std::string uid;
  int64_t generation = 0;
  std::string storage_uri;
  std::string pin;     // spec.sha256
  std::string reload;  // spec.reload
  std::string digest;  // of what the store holds
  std::string version_text;
  std::string success_file;  // its name
  std::string fetch_id;      // another one for each fetch
  uint64_t bytes = 0;
  std::vector<RecordedFile> files;  // without the SUCCESS file
  bool operator==(const ModelRecord&) const = default;
};

std::string RecordToText(const ModelRecord& record);
// ERRORS: kInvalidArgument — it is damaged.
Result<ModelRecord> RecordFromText(std::string_view text);

// These are the bytes that `spec` asks for.
bool Holds(const ModelRecord& record, const ModelSpec& spec);

}  // namespace throng::agent
