// ModelStore: the directories of the agent's models. A model is fetched into `staging`, put in its
// place among `models` in one step, and recorded among `records` once the server has taken it; the
// one before stays in `staging` until then, and comes back in one step when the server refuses.
// After a crash at any point, Recover finds the last one that was recorded. A first one that was
// fetched whole and not recorded is found too, back in `staging`: the server may or may not have
// taken it, and is asked to (again, which is no work for a server that has).
//
// Calls block; different models may be handled by different threads at once, one model by one.
//
//   store.Prepare();
//   std::vector<ModelRecord> there = store.Recover().models;
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/disk/model_record.h"
#include "base/status.h"
#include "os/disk/directory_tree.h"
#include "os/file.h"

namespace throng::agent {

struct StoreOptions {
  // On one file system.
  std::string models;
  std::string staging;
  std::string records;
  // Directories of models without a SUCCESS file are somebody else's, and are left alone.
  bool shares_models = false;
  // These outlive the store; null: the real ones.
  os::DirectoryTree* disk = nullptr;
  const os::FileSystem* files = nullptr;
};

class ModelStore {
 public:
  explicit ModelStore(StoreOptions options);

  // Makes what is missing.
  Status Prepare() const;

  struct Recovered {
    std::vector<ModelRecord> models;
    std::vector<ModelRecord> candidates;  // of other models: staged, whole, not recorded
    std::vector<std::string> problems;    // for the log
  };
  // Before all else. Leaves only what is recorded and whole; one model's damage is its own.
  Recovered Recover() const;

  // Where a fetch puts the model; nothing is there after ClearStaging.
  std::string StagingPath(const std::string& model) const;
  Status ClearStaging(const std::string& model) const;
  // Of a file of the fetched model. ERRORS: kNotFound.
  Result<std::string> ReadStaged(const std::string& model, const std::string& file,
                                 uint64_t max_bytes) const;
  // Lists and hashes what was fetched, and says so in its SUCCESS file. Durable.
  Status Seal(ModelRecord& record) const;

  // Puts what is staged in the model's place. True: what was there is staged now.
  Result<bool> Install(const std::string& model) const;
  // Undoes that; `had_previous` is what Install said.
  Status RollBack(const std::string& model, bool had_previous) const;
  // It stays: records it, durably, and removes the one before.
  Status Commit(const ModelRecord& record) const;
  // All of it. Nothing of it is seen half.
  Status Remove(const std::string& model) const;
  // Reads every byte of the installed model. ERRORS: kDataLoss — it is not what is recorded.
  Status Verify(const ModelRecord& record) const;

 private:
  static Status VerifyIn(const std::string& path, const ModelRecord& record);
  std::string ModelPath(const std::string& model) const;
  std::string RecordPath(const std::string& model) const;
  Result<ModelRecord> ReadRecord(const std::string& path) const;
  // The directory holds what the record says, as far as sizes and times tell; where times differ,
  // as the bytes tell.
  bool IsWhole(const ModelRecord& record, const std::string& directory) const;
  bool RecoverOne(const ModelRecord& record) const;
  void RecoverCandidates(Recovered& recovered) const;
  std::optional<ModelRecord> ReadSealed(const std::string& model, const std::string& path) const;
  bool IsOurs(const std::string& directory) const;
  bool MayReplace(const std::string& model) const;
  void RemoveStrangers(Recovered& recovered) const;

  const StoreOptions options_;
  os::DirectoryTree& disk_;
  const os::FileSystem& files_;
};

}  // namespace throng::agent
