// ModelWorker: one model of this replica, brought from what it is to what it is to be. It is
// level-triggered: whatever changes, Step looks at what is wanted, what lies on disk and what the
// server holds, and starts the one operation that comes next. One operation at a time; failures are
// tried again for ever, with a back-off of the model's own.
//
//   wanted:    a spec, or that it is to go, or not known yet (then nothing is touched)
//   installed: on disk in its place, recorded, taken by a server before
//   candidate: fetched, not taken by a server yet
//
// On the loop's thread; what blocks runs on the context's threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/agent_log.h"
#include "agent/disk/model_store.h"
#include "agent/downloader.h"
#include "agent/model_spec.h"
#include "agent/server_client.h"
#include "agent/slots.h"
#include "base/random.h"
#include "os/event_loop.h"
#include "os/thread_pool.h"

namespace throng::agent {

// What the workers of one agent share. All outlive them.
struct WorkerContext {
  os::EventLoop& loop;
  Random& random;
  const AgentLog& log;
  const ModelStore& store;
  const Downloader& downloader;
  ServerClient& server;
  std::shared_ptr<Slots> fetch_slots;
  std::shared_ptr<Slots> load_slots;
  os::ThreadPool& fetch_threads;
  os::ThreadPool& disk_threads;
  // Null: not known; OnCredentials is called when there is news.
  std::function<std::shared_ptr<const storage::Credentials>(const std::string& version)>
      credentials;
  // What Report says has changed.
  std::function<void(const std::string& model)> on_change;
  // Nothing is left of it; called once, at the end of a step.
  std::function<void(const std::string& model, const std::string& uid)> on_gone;
};

// Failures in a row of one aim, and when it is tried again.
struct Attempts {
  int failures = 0;
  std::string reason;
  std::string message;
  MonotonicTime retry_at{};
  WallTime retry_wall{};
  WallTime failed_at{};
};

class ModelWorker : public std::enable_shared_from_this<ModelWorker> {
 public:
  ModelWorker(WorkerContext& context, std::string name);
  ModelWorker(const ModelWorker&) = delete;
  ModelWorker& operator=(const ModelWorker&) = delete;
  ~ModelWorker();

  // It lies on disk since before. REQUIRES: nothing else was called.
  void Adopt(ModelRecord record);
  // It is staged since before, and the server may hold it. REQUIRES: as Adopt.
  void AdoptCandidate(ModelRecord record, std::string name_problem);
  void Want(const ModelSpec& spec);
  void WantNothing();

  // The server is there; `is_ready`: it answers for this model already.
  void OnServerUp(bool is_ready);
  void OnServerDown();
  // It was looked at again: what is not ready there is not loaded.
  void OnServerIndex(bool is_ready);

  // There are others than before.
  void OnCredentials();

  bool is_wanted() const { return aim_ == Aim::kWanted; }
  // An entry of a report; null while it is not known what is wanted.
  Json Report() const;

 private:
  enum class Aim : uint8_t { kUnknown, kWanted, kUnwanted };
  enum class Phase : uint8_t {
    kIdle,
    kWaitingToFetch,
    kFetching,
    kWaitingToCheck,
    kChecking,
    kWaitingToLoad,
    kLoading,  // what is installed
    kInstalling,
    kLoadingCandidate,
    kRollingBack,
    kCommitting,
    kVerifying,
    kUnloading,
    kRemoving,
  };

  // --- what comes next
  void Step();
  void StepLater();
  bool TearDown();
  bool KeepInstalled();
  bool Refresh();
  void Pull();
  void Sleep();
  bool MayFetch();
  // Null: they are not there, or not known yet.
  std::shared_ptr<const storage::Credentials> Credentials() const;
  void StopPointlessWork();
  // What is here is another object's, or nobody's.
  bool HoldsStrangers() const;
  std::string StrangerUid() const;
  bool InstalledIsWanted() const;
  bool CandidateIsWanted() const;

  // --- operations
  // `go` runs with a slot, unless the wait is given up.
  void WaitFor(const std::shared_ptr<Slots>& slots, Phase phase,
               std::function<void(ModelWorker&)> go);
  void StartFetch();
  void Fetch();
  void OnFetched(const ModelSpec& spec, DownloadOutcome outcome);
  void StartCheck();
  void Check();
  void OnChecked(const ModelSpec& spec, const storage::VersionOutcome& outcome);
  void StartLoad(Phase phase);
  void OnLoadSlot(Phase phase);
  void LoadInstalled();
  void OnInstalledLoaded(const ServerAnswer& answer);
  void VerifyInstalled();
  void InstallCandidate();
  void LoadCandidate();
  void OnCandidateLoaded(const ServerAnswer& answer);
  void RollBack();
  void Commit();
  void Unload();
  void Remove();
  void EndLoad();

  void NoteLoaded();
  void FailLoad(Attempts& attempts, const ServerAnswer& answer);
  void Block(const CredentialsName& problem);
  void Fail(Attempts& attempts, std::string reason, std::string_view message,
            std::string_view verb);
  void RetrySoon(Attempts& attempts);
  void Complete() const;
  void SetPhase(Phase phase);
  void NoteChange();
  std::string NewFetchId();
  std::string StateName() const;
  const Attempts& CurrentAttempts() const;
  bool HasNothing() const;
  MonotonicTime Now() const { return context_.loop.clock().Now(); }
  // Runs `method` with what `work` returns, if this worker is still there then.
  template <typename T>
  void RunOn(os::ThreadPool& threads, UniqueFunction<T()> work, std::function<void(T)> then);

  WorkerContext& context_;
  const std::string name_;
  Aim aim_ = Aim::kUnknown;
  ModelSpec wanted_;  // when aim_ is kWanted
  std::optional<ModelRecord> installed_;
  std::optional<ModelRecord> candidate_;
  std::string name_problem_;    // of the candidate
  bool disk_is_dirty_ = false;  // there may be more on disk than installed_ says
  bool loaded_ = false;         // the server answers with what is installed
  bool load_again_ = false;     // all the same, it is to be told again
  bool tried_in_this_life_ = false;
  bool needs_commit_ = false;
  bool fetch_again_ = false;       // the store has other bytes by now
  bool candidate_failed_ = false;  // the store is asked whether it has better ones
  bool had_previous_ = false;      // what was installed is staged, while the candidate is tried
  bool is_retry_ = false;          // of the slot that is held
  bool load_abandoned_ = false;    // asked for and not waited for: it may come after an unload
  std::optional<std::string> held_uid_;  // whose bytes the server may hold; "": not known
  Attempts pull_;                        // fetching and loading what is wanted
  Attempts keep_;                        // loading what is installed
  Attempts remove_;
  Attempts commit_;
  MonotonicTime refresh_at_ = MonotonicTime::max();

  Phase phase_ = Phase::kIdle;
  uint64_t ticket_ = 0;  // of the slot that is waited for
  std::string last_state_;
  WallTime state_since_{};
  ModelSpec fetched_;                            // what the fetch, or check, that runs is for
  std::shared_ptr<storage::CancelFlag> cancel_;  // of it
  MonotonicTime fetch_started_{};
  std::unique_ptr<http::AsyncCall> call_;
  Duration used_{};  // of the attempt's time, by the fetch
  os::EventLoop::TimerId timer_ = 0;
  bool step_posted_ = false;
};

}  // namespace throng::agent
