// The part of ModelWorker that decides. What it starts is in model_operations.cc.
#include "agent/model_worker.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"
#include "kube/object_meta.h"

namespace throng::agent {

ModelWorker::ModelWorker(WorkerContext& context, std::string name)
    : context_(context), name_(std::move(name)), state_since_(context.loop.clock().WallNow()) {}

ModelWorker::~ModelWorker() {
  context_.loop.CancelTimer(timer_);
  if (cancel_ != nullptr) cancel_->Cancel();
}

// --- What happens to it -----------------------------------------------------------------------

void ModelWorker::Adopt(ModelRecord record) { installed_ = std::move(record); }

void ModelWorker::AdoptCandidate(ModelRecord record, std::string name_problem) {
  candidate_ = std::move(record);
  name_problem_ = std::move(name_problem);
  disk_is_dirty_ = true;
}

void ModelWorker::Want(const ModelSpec& spec) {
  const bool is_new = aim_ != Aim::kWanted || !WantsSameBytes(wanted_, spec);
  if (is_new) {
    context_.log.Info("Worker is started for " + name_);
    pull_ = {};
    fetch_again_ = false;
  }
  if (is_new || wanted_.refresh != spec.refresh) {
    refresh_at_ = spec.refresh.count() > 0 ? Now() + spec.refresh : MonotonicTime::max();
  }
  // With other credentials a fetch that failed may succeed.
  if (!is_new && wanted_.credentials != spec.credentials && !CandidateIsWanted()) pull_ = {};
  aim_ = Aim::kWanted;
  wanted_ = spec;
  // Another generation of the same bytes is served already.
  if (InstalledIsWanted()) installed_->generation = spec.generation;
  NoteChange();
  StepLater();
}

void ModelWorker::WantNothing() {
  if (aim_ == Aim::kUnwanted) return;
  if (wanted_.uid.empty()) wanted_.uid = StrangerUid();
  aim_ = Aim::kUnwanted;
  remove_ = {};
  NoteChange();
  StepLater();
}

void ModelWorker::OnServerUp(bool is_ready) {
  held_uid_.reset();
  if (is_ready) {
    const auto& ours = installed_ ? installed_ : candidate_;
    held_uid_ = ours ? ours->uid : std::string();
  }
  // It has it; whether it is the same bytes, the next load tells: that is no work for a server that
  // has them.
  loaded_ = load_again_ = tried_in_this_life_ = is_ready && installed_;
  keep_ = {};
  remove_ = {};
  // What the last server refused, this one may take.
  if (candidate_failed_ && name_problem_.empty()) {
    candidate_failed_ = false;
    pull_ = {};
  }
  NoteChange();
  StepLater();
}

void ModelWorker::OnServerDown() {
  held_uid_.reset();
  load_abandoned_ = false;
  loaded_ = load_again_ = tried_in_this_life_ = false;
  if (phase_ == Phase::kLoading) {
    EndLoad();
    SetPhase(Phase::kIdle);
  } else if (phase_ == Phase::kLoadingCandidate) {
    EndLoad();
    RollBack();
  } else if (phase_ == Phase::kUnloading) {
    call_.reset();
    SetPhase(Phase::kIdle);
  }
  NoteChange();
  StepLater();
}

void ModelWorker::OnServerIndex(bool is_ready) {
  if (is_ready || !loaded_ || phase_ != Phase::kIdle) return;
  loaded_ = false;
  held_uid_.reset();
  NoteChange();
  StepLater();
}

void ModelWorker::OnCredentials() {
  if (aim_ == Aim::kWanted && phase_ == Phase::kIdle) StepLater();
}

// --- What comes next --------------------------------------------------------------------------

void ModelWorker::StepLater() {
  if (std::exchange(step_posted_, true)) return;
  context_.loop.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Step();
  });
}

void ModelWorker::Step() {
  step_posted_ = false;
  if (phase_ != Phase::kIdle) return StopPointlessWork();
  if (aim_ == Aim::kUnknown) return;
  if (TearDown()) return;
  if (aim_ == Aim::kUnwanted) return context_.on_gone(name_, wanted_.uid);
  if (KeepInstalled() || Refresh()) return;
  Pull();
}

// Unloaded first, then removed. True: there is something left to do.
bool ModelWorker::TearDown() {
  if (!HoldsStrangers()) return false;
  if (!context_.server.known()) return true;  // it tells when it is
  if (Now() < remove_.retry_at) {
    Sleep();
  } else if (held_uid_ && context_.server.up()) {
    Unload();
  } else {
    Remove();
  }
  return true;
}

// What was good once answers first, whatever is wanted by now.
bool ModelWorker::KeepInstalled() {
  if (!installed_) return false;
  const bool is_right = loaded_ && !load_again_;
  if (context_.server.up() && !is_right && Now() >= keep_.retry_at) {
    StartLoad(Phase::kLoading);
    return true;
  }
  if (needs_commit_ && !candidate_ && Now() >= commit_.retry_at) {
    Commit();
    return true;
  }
  return false;
}

bool ModelWorker::Refresh() {
  if (!InstalledIsWanted() || !loaded_ || fetch_again_ || Now() < refresh_at_) return false;
  StartCheck();
  return true;
}

void ModelWorker::Pull() {
  if ((InstalledIsWanted() && !fetch_again_) || Now() < pull_.retry_at) return Sleep();
  if (!CandidateIsWanted()) return MayFetch() ? StartFetch() : Sleep();
  if (candidate_failed_) return StartCheck();
  if (!name_problem_.empty()) {
    candidate_failed_ = true;
    Fail(pull_, "ModelNameMismatch", name_problem_, "load");
    return Sleep();
  }
  if (context_.server.up()) return StartLoad(Phase::kInstalling);
  Sleep();
}

// Whether the credentials are there. Without them there is nothing to try until there is news.
bool ModelWorker::MayFetch() {
  if (!wanted_.credentials.reason.empty()) Block(wanted_.credentials);
  return Credentials() != nullptr;
}

std::shared_ptr<const storage::Credentials> ModelWorker::Credentials() const {
  if (!wanted_.credentials.reason.empty()) return nullptr;
  return context_.credentials(wanted_.credentials.version);
}

// Until the first time at which something is to be done.
void ModelWorker::Sleep() {
  context_.loop.CancelTimer(std::exchange(timer_, 0));
  const MonotonicTime now = Now();
  MonotonicTime first = MonotonicTime::max();
  for (const MonotonicTime due :
       {pull_.retry_at, keep_.retry_at, remove_.retry_at, commit_.retry_at, refresh_at_}) {
    if (due > now) first = std::min(first, due);
  }
  if (first == MonotonicTime::max()) return;
  timer_ = context_.loop.StartTimer(first, [this] {
    timer_ = 0;
    Step();
  });
}

void ModelWorker::StopPointlessWork() {
  const bool is_other_object = aim_ == Aim::kUnwanted || (held_uid_ && *held_uid_ != wanted_.uid);
  switch (phase_) {
    case Phase::kWaitingToFetch:
    case Phase::kWaitingToCheck:
    case Phase::kWaitingToLoad:
      if (aim_ != Aim::kUnwanted && !HoldsStrangers()) return;
      ++ticket_;
      SetPhase(Phase::kIdle);
      return StepLater();
    case Phase::kFetching:
    case Phase::kChecking:
      if (aim_ == Aim::kUnwanted || !WantsSameBytes(fetched_, wanted_)) cancel_->Cancel();
      return;
    case Phase::kLoading:
    case Phase::kLoadingCandidate:
      if (!is_other_object) return;
      EndLoad();
      load_abandoned_ = true;
      disk_is_dirty_ = true;
      SetPhase(Phase::kIdle);
      return StepLater();
    default:
      return;
  }
}

bool ModelWorker::InstalledIsWanted() const {
  return aim_ == Aim::kWanted && installed_ && Holds(*installed_, wanted_);
}

bool ModelWorker::CandidateIsWanted() const {
  return aim_ == Aim::kWanted && candidate_ && Holds(*candidate_, wanted_);
}

bool ModelWorker::HasNothing() const {
  return !held_uid_ && !installed_ && !candidate_ && !disk_is_dirty_;
}

bool ModelWorker::HoldsStrangers() const {
  if (aim_ == Aim::kUnwanted) return !HasNothing();
  return (held_uid_ && *held_uid_ != wanted_.uid) ||
         (installed_ && installed_->uid != wanted_.uid) ||
         (candidate_ && candidate_->uid != wanted_.uid);
}

std::string ModelWorker::StrangerUid() const {
  if (installed_) return installed_->uid;
  if (candidate_) return candidate_->uid;
  if (held_uid_ && !held_uid_->empty()) return *held_uid_;
  return wanted_.uid;
}

// --- What it says of itself -------------------------------------------------------------------

void ModelWorker::SetPhase(Phase phase) {
  phase_ = phase;
  NoteChange();
}

void ModelWorker::NoteChange() {
  std::string state = StateName();
  if (state != last_state_) {
    last_state_ = std::move(state);
    state_since_ = context_.loop.clock().WallNow();
  }
  context_.on_change(name_);
}

const Attempts& ModelWorker::CurrentAttempts() const {
  if (HoldsStrangers()) return remove_;
  return InstalledIsWanted() && !fetch_again_ ? keep_ : pull_;
}

std::string ModelWorker::StateName() const {
  if (aim_ == Aim::kUnwanted || HoldsStrangers()) return "Unloading";
  const bool is_new = fetch_again_ && pull_.failures > 0;
  if (loaded_ && InstalledIsWanted() && !is_new) return "Loaded";
  switch (phase_) {
    case Phase::kFetching:
      return "Downloading";
    case Phase::kLoading:
      if (InstalledIsWanted()) return "Loading";
      break;
    case Phase::kInstalling:
    case Phase::kLoadingCandidate:
      return "Loading";
    default:
      break;
  }
  if (CurrentAttempts().failures > 0) return "Failed";
  return InstalledIsWanted() || CandidateIsWanted() ? "Downloaded" : "Pending";
}

Json ModelWorker::Report() const {
  if (aim_ == Aim::kUnknown) return nullptr;
  const bool goes = aim_ == Aim::kUnwanted || HoldsStrangers();
  const Attempts& attempts = CurrentAttempts();
  // Nobody is told "failed" of a server that was not asked yet.
  const bool is_settled = !installed_ || tried_in_this_life_;
  Json report = {
      {"model", name_},
      {"uid", goes ? StrangerUid() : wanted_.uid},
      {"generation", wanted_.generation},
      {"state", StateName()},
      {"downloaded", !goes && (InstalledIsWanted() || CandidateIsWanted())},
      {"loaded", loaded_},
      {"failures", is_settled ? attempts.failures : 0},
      {"bytes", installed_   ? installed_->bytes
                : candidate_ ? candidate_->bytes
                             : 0},
      {"time", kube::Timestamp(attempts.failures > 0 ? attempts.failed_at : state_since_)}};
  report["reason"] = attempts.reason;
  report["message"] = attempts.message;
  const bool has_retry = attempts.failures > 0 && attempts.retry_at != MonotonicTime::max();
  report["retryAt"] = has_retry ? kube::Timestamp(attempts.retry_wall) : "";
  if (loaded_ && installed_) {
    report["serving"] = {{"generation", installed_->generation},
                         {"storageUri", installed_->storage_uri}};
  }
  return report;
}

}  // namespace throng::agent
