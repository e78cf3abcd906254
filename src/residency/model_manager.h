// ModelManager owns the life of every registered model on this host.
//
//            Register                    Acquire, Load
//   kAbsent ──────────> kOnDisk ───────────────────────> kLoading
//      ^                   ^  ^                          │      │
//      │ Unload            │  │ cell ended               │ ok   │ failed
//      │                   │  └────────── kReady <───────┘      v
//   kUnloading <───────────┼──────────────┘ │            kFailed(reason, retry_at)
//      (last pin gone)     │   OnOffence    │                 │
//                          │   repeated ────┼──> kFailed      │
//                          └──────────────────────────────────┘ Acquire after retry_at
//
// A version that serves may at the same time load its successor (its files changed, or it moves to
// another cell): it stays kReady until the successor is, and keeps serving when that fails. So does
// a version that has gone from the disk, while no other version of its model is ready: it leaves
// when one has loaded.
//
// Rules: one load per version at a time, which all waiting requests share, each with its own
// deadline; an instance with pins is never unloaded; a model whose process faulted is loaded alone
// next time, and a repeat offender waits, visibly, for longer and longer.
//
// Belongs to the data plane's executor; ModelControlService is its thread-safe face.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "base/limits.h"
#include "base/log.h"
#include "model/framework.h"
#include "model/model_state.h"
#include "residency/cell_table.h"
#include "residency/model_control.h"
#include "residency/model_instance.h"
#include "residency/model_loader.h"
#include "residency/model_source.h"
#include "runner/runner.h"

namespace throng::residency {

enum class LoadPolicy : uint8_t {
  kLazy,      // everything found is registered, and loads at its first request
  kEager,     // everything found is registered and loaded at the start
  kExplicit,  // only what was loaded by name
};

struct ManagerOptions {
  LoadPolicy policy = LoadPolicy::kLazy;
  bool strict_readiness = false;
  std::vector<std::string> load_at_start;  // --load-model, with kExplicit; "*": all
  size_t max_queued_loads = limits::kQueuedLoads;
};

struct ManagerStats {
  uint64_t loads = 0;
  uint64_t load_failures = 0;
  uint64_t unloads = 0;
  uint64_t offences = 0;
  size_t registered = 0;
  size_t ready = 0;
};

class ModelManager {
 public:
  using AcquireDone = Done<Result<ModelHandle>>;

  ModelManager(Executor& executor, ModelSource& source, runner::CellFactory& cells,
               const Logger& logger, ManagerOptions options,
               std::vector<model::FrameworkManifest> manifests);
  ~ModelManager();

  // Reads the folder and registers what the policy says. `done` gets what was found.
  void ScanAtStart(Done<Result<repository::Snapshot>> done);
  // Reads it again: registers what is new, reloads what changed, unloads what has gone.
  void Rescan(Done<Status> done);

  // A pin on a loaded instance; loads the model when needed. `done` may run before this returns.
  // ERRORS: kNotFound, kUnavailable, kDeadlineExceeded, kResourceExhausted, with Triton's texts.
  void Acquire(const model::ModelName& name, std::optional<int64_t> version, MonotonicTime deadline,
               AcquireDone done);

  // The cell that ran this instance's call ended through the call's own fault.
  void OnOffence(const ModelInstance& instance, const std::string& reason);
  // This instance's cell is held up by another model's call: load it elsewhere. It serves what it
  // has until its last pin goes, and goes on serving when the other load fails. False: that has
  // failed a moment ago, so the instance stays where it is for now.
  bool MoveElsewhere(const std::shared_ptr<ModelInstance>& instance);
  void NoteRan(const ModelInstance& instance);
  // From the cell factory, after all calls of the cell have completed.
  void OnCellExit(const runner::CellExit& exit);

  // See ModelControl.
  void Load(const model::ModelName& name, Done<Status> done);
  void Unload(const model::ModelName& name, Done<Status> done);
  Status CheckReady(const model::ModelName& name, std::optional<int64_t> version) const;
  std::shared_ptr<const model::ModelMetadata> Peek(const model::ModelName& name,
                                                   std::optional<int64_t> version) const;
  std::vector<IndexEntry> Index(bool ready_only) const;
  ModelView View(const ModelInstance& instance, std::optional<int64_t> asked) const;
  // Thread-safe.
  bool ServerReady() const { return server_ready_.load(std::memory_order_relaxed); }
  ManagerStats stats() const;

 private:
  struct Waiter {
    AcquireDone done;
    Executor::TimerId timer = 0;
  };
  struct Failure {
    Status status;       // what a request is told
    std::string reason;  // by itself, for the index
    MonotonicTime retry_at{};
    int count = 0;  // in a row; doubles the wait
  };
  struct Version {
    explicit Version(model::ModelKey key_in) : key(std::move(key_in)) {}
    const model::ModelKey key;
    repository::ModelVersionEntry entry;
    std::shared_ptr<ModelInstance> instance;  // serves
    std::shared_ptr<ModelInstance> held_up;   // is moving: serves again when the move fails
    MonotonicTime move_again_at{};            // after a move that failed
    bool loading = false;
    bool load_again = false;  // its files changed while it loaded
    bool removed = false;
    bool leaving = false;  // see Model::leaving; removed as well: it is never loaded again
    std::optional<Failure> failure;
    int offences = 0;
    MonotonicTime last_offence{};
    std::map<uint64_t, Waiter> waiters;
    std::vector<Done<Status>> load_dones;  // explicit loads that wait
  };
  using VersionPtr = std::shared_ptr<Version>;
  struct Model {
    repository::ModelEntry entry;
    std::map<int64_t, VersionPtr> versions;
    std::map<int64_t, VersionPtr> leaving;  // gone from the disk; they have an instance
    uint64_t found_in_scan = 0;             // the last one begun when it was found
  };
  // In the folder, but not registered.
  struct OnDisk {
    bool unloaded = false;  // by name; comes back by name only
    std::vector<int64_t> versions;
  };
  // Loads by name whose folder is being looked at; they end when the model is unloaded meanwhile.
  struct LoadsBegun {
    size_t count = 0;
    bool unloaded = false;
  };
  using FindDone = Done<Result<repository::ModelEntry>>;

  static Status NotReady(const model::ModelKey& key);
  static model::ResidencyState StateOf(const Version& version);

  void Register(repository::ModelEntry entry);
  void UpdateVersion(Model& model, const repository::ModelVersionEntry& entry, bool config_changed);
  void RemoveVersion(const VersionPtr& version);
  void RemoveVersions(Model& model, const std::vector<VersionPtr>& gone);
  // No effect on one that has nothing to serve with.
  void Leave(Model& model, const VersionPtr& version);
  void TakeBack(Model& model, const repository::ModelEntry& entry);
  void EndLeaving(Model& model);
  // The one that answers for a model without a ready version; null: none.
  static VersionPtr Leaving(const Model& model, std::optional<int64_t> version);
  void RemoveModel(const model::ModelName& name);
  void ApplySnapshot(repository::Snapshot snapshot, uint64_t scan);
  void LoadAtStart();
  bool LoadsAllAtStart() const;
  // Looks for one model while the folder is still being read; single flight for each name.
  void FindEarly(const model::ModelName& name, FindDone done);
  void AcquireEarly(const model::ModelName& name, std::optional<int64_t> version,
                    MonotonicTime deadline, AcquireDone done);

  Result<VersionPtr> Resolve(const model::ModelName& name, std::optional<int64_t> version) const;
  Status UnknownModel(const model::ModelName& name, std::optional<int64_t> version) const;
  // Versions above the one that answers (all, when that is leaving) whose wait after a failure is
  // over.
  void RetryHigherVersions(const model::ModelName& name, int64_t resolved);
  void Wait(const VersionPtr& version, MonotonicTime deadline, AcquireDone done);
  void StartLoad(const VersionPtr& version, runner::CellId avoid);
  void OnLoadOutcome(const VersionPtr& version, LoadOutcome outcome);
  void OnLoadSucceeded(const VersionPtr& version, std::shared_ptr<ModelInstance> instance);
  void OnLoadFailed(const VersionPtr& version, const LoadOutcome& outcome);
  void CompleteWaiters(const VersionPtr& version, const Status& status);
  void Retire(std::shared_ptr<ModelInstance> instance);
  void UnloadNow(const std::shared_ptr<ModelInstance>& instance);
  VersionPtr FindVersion(const model::ModelKey& key) const;
  void CountOffence(Version& version);
  void RecordOffence(Version& version, const std::string& reason);
  void DrainOrphans();
  void LoadRegistered(const model::ModelName& name, Done<Status> done);
  void UpdateServerReady();
  const model::FrameworkManifest* FindManifest(const std::string& framework) const;

  Executor& executor_;
  ModelSource& source_;
  const Logger& logger_;
  const ManagerOptions options_;
  const std::vector<model::FrameworkManifest> manifests_;
  CellTable table_;
  ModelLoader loader_;
  std::unordered_map<model::ModelName, Model> models_;
  std::map<std::string, std::string> skipped_;  // name → reason
  std::unordered_map<model::ModelName, OnDisk> on_disk_;
  ManagerStats stats_;
  bool scanned_ = false;
  uint64_t scans_begun_ = 0;
  std::map<std::string, std::vector<FindDone>> finding_;
  std::unordered_map<model::ModelName, std::shared_ptr<LoadsBegun>> loads_begun_;
  size_t initial_loads_ = 0;  // asked for at the start and not settled yet
  std::atomic<bool> server_ready_ = false;
  uint64_t last_waiter_id_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace throng::residency
