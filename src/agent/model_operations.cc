// The part of ModelWorker that does: every operation ends in kIdle and another look.
#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "agent/model_worker.h"
#include "base/back_off.h"
#include "base/control_limits.h"
#include "base/kill_point.h"
#include "base/utf8.h"
#include "storage/checksum.h"

namespace throng::agent {
namespace {

constexpr std::chrono::seconds kLeastLoadTime{1};

// At most as long as a report may say, and no half characters.
std::string ShortText(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const size_t length = std::max<size_t>(1, Utf8SequenceLength(text.substr(end)));
    if (end + length > limits::kAgentMessageBytes) break;
    end += length;
  }
  return std::string(text.substr(0, end));
}

std::string SecondsText(Duration duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s",
                std::chrono::duration<double>(duration).count());
  return text.data();
}

Duration BackOffAfter(int failures, Random& random) {
  return BackOff(limits::kAgentBackOff, limits::kAgentBackOffMost, failures - 1, random);
}

}  // namespace

template <typename T>
void ModelWorker::RunOn(os::ThreadPool& threads, UniqueFunction<T()> work,
                        std::function<void(T)> then) {
  threads.Run<T>(std::move(work), context_.loop,
                 [weak = weak_from_this(), then = std::move(then)](T value) {
                   if (const auto self = weak.lock()) then(std::move(value));
                 });
}

std::string ModelWorker::NewFetchId() {
  std::array<uint64_t, 2> numbers = {context_.random.Next(), context_.random.Next()};
  return storage::Hex({reinterpret_cast<const char*>(numbers.data()), sizeof(numbers)});
}

void ModelWorker::WaitFor(const std::shared_ptr<Slots>& slots, Phase phase,
                          std::function<void(ModelWorker&)> go) {
  SetPhase(phase);
  slots->Acquire(is_retry_, [weak = weak_from_this(), weak_slots = std::weak_ptr(slots),
                             ticket = ++ticket_, is_retry = is_retry_, go = std::move(go)] {
    const auto self = weak.lock();
    if (self != nullptr && self->ticket_ == ticket) return go(*self);
    if (const auto owner = weak_slots.lock()) owner->Release(is_retry);
  });
}

// --- Fetching ---------------------------------------------------------------------------------

void ModelWorker::StartFetch() {
  is_retry_ = pull_.failures > 0;
  WaitFor(context_.fetch_slots, Phase::kWaitingToFetch, [](ModelWorker& self) { self.Fetch(); });
}

void ModelWorker::Fetch() {
  const bool is_pointless = aim_ != Aim::kWanted || HoldsStrangers() || CandidateIsWanted() ||
                            (InstalledIsWanted() && !fetch_again_);
  const auto credentials = is_pointless ? nullptr : Credentials();
  if (credentials == nullptr) {
    context_.fetch_slots->Release(is_retry_);
    SetPhase(Phase::kIdle);
    return StepLater();
  }
  context_.log.Info("Downloading model from " + PrintableUri(wanted_.storage_uri));
  SetPhase(Phase::kFetching);
  candidate_.reset();
  candidate_failed_ = false;
  disk_is_dirty_ = true;
  fetched_ = wanted_;
  fetch_started_ = Now();
  cancel_ = std::make_shared<storage::CancelFlag>();
  RunOn<DownloadOutcome>(
      context_.fetch_threads,
      [&downloader = context_.downloader, spec = wanted_, credentials, id = NewFetchId(),
       deadline = Now() + wanted_.deadline,
       cancel = cancel_] { return downloader.Download(spec, *credentials, id, deadline, *cancel); },
      [this, spec = wanted_](DownloadOutcome outcome) { OnFetched(spec, std::move(outcome)); });
}

void ModelWorker::OnFetched(const ModelSpec& spec, DownloadOutcome outcome) {
  context_.fetch_slots->Release(is_retry_);
  const bool was_cancelled = cancel_->cancelled();
  cancel_.reset();
  used_ = Now() - fetch_started_;
  SetPhase(Phase::kIdle);
  StepLater();
  if (was_cancelled || aim_ != Aim::kWanted || !WantsSameBytes(spec, wanted_)) {
    context_.log.Info("Download of model " + name_ + " is given up");
    return Complete();
  }
  if (!outcome.status.ok()) {
    // There are others by now: tried with those at once.
    if (spec.credentials != wanted_.credentials) return void(pull_ = {});
    return Fail(pull_, std::move(outcome.reason), outcome.status.message(), "download");
  }
  name_problem_ = std::move(outcome.name_problem);
  if (fetch_again_ && InstalledIsWanted() && installed_->digest == outcome.record.digest) {
    context_.log.Info("Model " + name_ + " has the same bytes as before");
    installed_->version_text = std::move(outcome.record.version_text);
    fetch_again_ = false;
    needs_commit_ = true;
    pull_ = {};
    return Complete();
  }
  candidate_ = std::move(outcome.record);
}

void ModelWorker::StartCheck() {
  is_retry_ = true;
  WaitFor(context_.fetch_slots, Phase::kWaitingToCheck, [](ModelWorker& self) { self.Check(); });
}

void ModelWorker::Check() {
  if (aim_ != Aim::kWanted || HoldsStrangers()) {
    context_.fetch_slots->Release(is_retry_);
    SetPhase(Phase::kIdle);
    return StepLater();
  }
  SetPhase(Phase::kChecking);
  fetched_ = wanted_;
  cancel_ = std::make_shared<storage::CancelFlag>();
  const auto credentials = Credentials();
  if (credentials == nullptr) {
    return OnChecked(wanted_, {UnavailableError("its credentials are not known"),
                               storage::FetchReason::kStorageUnavailable, ""});
  }
  RunOn<storage::VersionOutcome>(
      context_.fetch_threads,
      [&downloader = context_.downloader, spec = wanted_, credentials,
       deadline = Now() + wanted_.deadline,
       cancel = cancel_] { return downloader.CheckVersion(spec, *credentials, deadline, *cancel); },
      [this, spec = wanted_](const storage::VersionOutcome& outcome) { OnChecked(spec, outcome); });
}

void ModelWorker::OnChecked(const ModelSpec& spec, const storage::VersionOutcome& outcome) {
  context_.fetch_slots->Release(is_retry_);
  const bool was_cancelled = cancel_->cancelled();
  cancel_.reset();
  SetPhase(Phase::kIdle);
  StepLater();
  if (was_cancelled || aim_ != Aim::kWanted || !WantsSameBytes(spec, wanted_)) return;
  if (CandidateIsWanted()) {
    // When the store cannot be asked, what is here is tried once more.
    if (!outcome.status.ok() ||
        (!outcome.version_text.empty() && outcome.version_text == candidate_->version_text)) {
      candidate_failed_ = false;
      used_ = {};
    } else {
      candidate_.reset();
    }
    return;
  }
  refresh_at_ = wanted_.refresh.count() > 0 ? Now() + wanted_.refresh : MonotonicTime::max();
  if (!outcome.status.ok()) {
    return context_.log.Warning("Storage cannot tell whether model " + name_ +
                                " has changed: " + outcome.status.message());
  }
  if (!InstalledIsWanted() || outcome.version_text.empty() ||
      outcome.version_text == installed_->version_text) {
    return;
  }
  context_.log.Info("Model " + name_ + " has changed in storage");
  pull_ = {};
  fetch_again_ = true;
}

// --- Loading ----------------------------------------------------------------------------------

void ModelWorker::StartLoad(Phase phase) {
  is_retry_ = false;
  WaitFor(context_.load_slots, Phase::kWaitingToLoad,
          [phase](ModelWorker& self) { self.OnLoadSlot(phase); });
}

void ModelWorker::OnLoadSlot(Phase phase) {
  const bool is_there = phase == Phase::kLoading ? installed_.has_value() : CandidateIsWanted();
  if (context_.server.up() && !HoldsStrangers() && is_there) {
    return phase == Phase::kLoading ? LoadInstalled() : InstallCandidate();
  }
  EndLoad();
  SetPhase(Phase::kIdle);
  StepLater();
}

// Gives the slot back, and forgets the call.
void ModelWorker::EndLoad() {
  call_.reset();
  context_.load_slots->Release(false);
}

void ModelWorker::LoadInstalled() {
  SetPhase(Phase::kLoading);
  held_uid_ = installed_->uid;
  call_ = context_.server.Load(name_, Now() + wanted_.deadline,
                               [this](const ServerAnswer& answer) { OnInstalledLoaded(answer); });
}

void ModelWorker::OnInstalledLoaded(const ServerAnswer& answer) {
  KillPoint("agent.load.answered");
  EndLoad();
  SetPhase(Phase::kIdle);
  StepLater();
  load_again_ = false;
  if (answer.status.ok()) {
    keep_ = {};
    return NoteLoaded();
  }
  if (!answer.reached && !answer.timed_out) {
    load_again_ = loaded_;
    return RetrySoon(keep_);
  }
  tried_in_this_life_ = true;
  loaded_ = false;
  FailLoad(keep_, answer);
  VerifyInstalled();
}

void ModelWorker::NoteLoaded() {
  loaded_ = tried_in_this_life_ = true;
  context_.log.Info("Successfully loaded model " + name_);
  NoteChange();
  Complete();
}

// It was good once: is it still what it was?
void ModelWorker::VerifyInstalled() {
  SetPhase(Phase::kVerifying);
  RunOn<Status>(
      context_.disk_threads,
      [&store = context_.store, record = *installed_] { return store.Verify(record); },
      [this](const Status& status) {
        SetPhase(Phase::kIdle);
        StepLater();
        if (status.ok()) return;
        context_.log.Error("Model " + name_ + " is fetched again: " + status.message());
        keep_ = {};
        Remove();
      });
}

void ModelWorker::InstallCandidate() {
  SetPhase(Phase::kInstalling);
  RunOn<Result<bool>>(
      context_.disk_threads,
      [&store = context_.store, name = name_] { return store.Install(name); },
      [this](const Result<bool>& had_previous) {
        if (had_previous.ok()) {
          had_previous_ = *had_previous;
          return LoadCandidate();
        }
        EndLoad();
        candidate_.reset();
        disk_is_dirty_ = true;
        SetPhase(Phase::kIdle);
        StepLater();
        Fail(pull_, "DiskFailed", had_previous.status().message(), "install");
      });
}

void ModelWorker::LoadCandidate() {
  disk_is_dirty_ = true;
  if (!context_.server.up()) {
    EndLoad();
    return RollBack();
  }
  SetPhase(Phase::kLoadingCandidate);
  held_uid_ = candidate_->uid;
  const Duration left =
      std::max<Duration>(kLeastLoadTime, Duration(wanted_.deadline) - std::exchange(used_, {}));
  call_ = context_.server.Load(name_, Now() + left,
                               [this](const ServerAnswer& answer) { OnCandidateLoaded(answer); });
  // It may have been asked to go while it was put in its place.
  StepLater();
}

void ModelWorker::OnCandidateLoaded(const ServerAnswer& answer) {
  KillPoint("agent.load.answered");
  EndLoad();
  if (answer.status.ok()) {
    installed_ = std::exchange(candidate_, std::nullopt);
    if (InstalledIsWanted()) installed_->generation = wanted_.generation;
    load_again_ = fetch_again_ = false;
    pull_ = keep_ = commit_ = {};
    if (wanted_.refresh.count() > 0) refresh_at_ = Now() + wanted_.refresh;
    SetPhase(Phase::kIdle);
    NoteLoaded();
    return Commit();
  }
  if (answer.reached || answer.timed_out) {
    candidate_failed_ = true;
    FailLoad(pull_, answer);
  } else {
    RetrySoon(pull_);
  }
  RollBack();
}

// The one before is put back in its place, and the server told, which has kept it in memory.
void ModelWorker::RollBack() {
  SetPhase(Phase::kRollingBack);
  RunOn<Status>(
      context_.disk_threads,
      [&store = context_.store, name = name_, had_previous = had_previous_] {
        return store.RollBack(name, had_previous);
      },
      [this](const Status& status) {
        SetPhase(Phase::kIdle);
        StepLater();
        if (status.ok()) {
          load_again_ = had_previous_ && context_.server.up();
          return;
        }
        context_.log.Error("Model " + name_ + " cannot be put back: " + status.message());
        installed_.reset();
        candidate_.reset();
        loaded_ = false;
      });
}

void ModelWorker::Commit() {
  SetPhase(Phase::kCommitting);
  RunOn<Status>(
      context_.disk_threads,
      [&store = context_.store, record = *installed_] { return store.Commit(record); },
      [this](const Status& status) {
        SetPhase(Phase::kIdle);
        StepLater();
        needs_commit_ = !status.ok();
        if (status.ok()) {
          disk_is_dirty_ = false;
          commit_ = {};
          return;
        }
        ++commit_.failures;
        commit_.retry_at = Now() + BackOffAfter(commit_.failures, context_.random);
        context_.log.Warning("Model " + name_ +
                             " is loaded but cannot be recorded: " + status.message());
      });
}

// --- Removing ---------------------------------------------------------------------------------

void ModelWorker::Unload() {
  context_.log.Info("Unloading model " + name_);
  SetPhase(Phase::kUnloading);
  call_ = context_.server.Unload(name_, [this](const ServerAnswer& answer) {
    KillPoint("agent.unload.answered");
    call_.reset();
    SetPhase(Phase::kIdle);
    StepLater();
    if (answer.status.ok()) {
      held_uid_.reset();
      loaded_ = load_again_ = false;
      remove_ = {};
      context_.log.Info("Successfully unloaded model " + name_);
    } else if (answer.reached) {
      Fail(remove_, "ModelUnloadFailed", answer.status.message(), "unload");
    } else {
      RetrySoon(remove_);
    }
  });
}

void ModelWorker::Remove() {
  SetPhase(Phase::kRemoving);
  RunOn<Status>(
      context_.disk_threads, [&store = context_.store, name = name_] { return store.Remove(name); },
      [this](const Status& status) {
        SetPhase(Phase::kIdle);
        StepLater();
        if (!status.ok()) {
          return Fail(remove_, "DiskFailed", status.message(), "remove");
        }
        context_.log.Info("Removed model " + name_ + " from disk");
        installed_.reset();
        candidate_.reset();
        disk_is_dirty_ = needs_commit_ = candidate_failed_ = fetch_again_ = false;
        // Without bytes no further load begins: what came late is unloaded now.
        if (std::exchange(load_abandoned_, false) && context_.server.up()) {
          held_uid_ = std::string();
        }
        remove_ = keep_ = {};
        Complete();
      });
}

// --- Failures ---------------------------------------------------------------------------------

void ModelWorker::FailLoad(Attempts& attempts, const ServerAnswer& answer) {
  if (answer.timed_out) {
    // The server may go on with it: the next load, or unload, finds that.
    load_abandoned_ = true;
    return Fail(attempts, "ModelLoadFailed",
                "it was not loaded within " + std::to_string(wanted_.deadline.count()) + " s",
                "load");
  }
  Fail(attempts, "ModelLoadFailed", answer.status.message(), "load");
}

// Told once; another assignment is what ends it.
void ModelWorker::Block(const CredentialsName& problem) {
  pull_.failures = 1;
  pull_.reason = problem.reason;
  pull_.message = ShortText(problem.message);
  pull_.failed_at = context_.loop.clock().WallNow();
  pull_.retry_at = MonotonicTime::max();
  context_.log.Error("Failed to download model " + name_ + ": " + pull_.reason + ": " +
                     pull_.message);
  NoteChange();
  Complete();
}

void ModelWorker::Fail(Attempts& attempts, std::string reason, std::string_view message,
                       std::string_view verb) {
  const Duration delay = BackOffAfter(++attempts.failures, context_.random);
  attempts.reason = std::move(reason);
  attempts.message = ShortText(message);
  attempts.failed_at = context_.loop.clock().WallNow();
  attempts.retry_at = Now() + delay;
  attempts.retry_wall = attempts.failed_at + delay;
  context_.log.Error("Failed to " + std::string(verb) + " model " + name_ + ": " + attempts.reason +
                     ": " + attempts.message + "; next try in " + SecondsText(delay));
  NoteChange();
  Complete();
}

// Not the model's fault, and nothing that anybody is told.
void ModelWorker::RetrySoon(Attempts& attempts) {
  attempts.retry_at = Now() + BackOffAfter(1, context_.random);
}

void ModelWorker::Complete() const {
  const bool has_more = aim_ == Aim::kUnwanted
                            ? !HasNothing()
                            : aim_ == Aim::kWanted && !InstalledIsWanted() && pull_.failures == 0;
  context_.log.Info("completion event for model " + name_ + ", in flight ops " +
                    (has_more ? "1" : "0"));
}

}  // namespace throng::agent
