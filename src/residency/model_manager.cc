#include "residency/model_manager.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/limits.h"

namespace throng::residency {
namespace {

constexpr std::chrono::seconds kFirstRetryDelay{1};
constexpr std::chrono::seconds kLongestRetryDelay{300};
// An offence older than this no longer counts against a model.
constexpr std::chrono::minutes kOffenceMemory{10};
constexpr std::chrono::seconds kOrphanCheckInterval{5};
// The first offence only makes it run alone; from this one on it waits.
constexpr int kQuarantineOffences = 2;

Duration RetryDelay(int count) {
  Duration delay = kFirstRetryDelay;
  for (int i = 1; i < count && delay < kLongestRetryDelay; ++i) delay *= 2;
  return std::min<Duration>(delay, kLongestRetryDelay);
}

int SecondsUntil(MonotonicTime when, MonotonicTime now) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(when - now).count();
  return static_cast<int>(std::max<int64_t>(1, seconds));
}

}  // namespace

ModelManager::ModelManager(Executor& executor, ModelSource& source, runner::CellFactory& cells,
                           const Logger& logger, ManagerOptions options,
                           std::vector<model::FrameworkManifest> manifests)
    : executor_(executor),
      source_(source),
      logger_(logger),
      options_(std::move(options)),
      manifests_(std::move(manifests)),
      loader_(executor, source, cells, table_, logger, options_.max_queued_loads) {
  cells.SetExitHandler([this, alive = alive_](const runner::CellExit& exit) {
    if (*alive) OnCellExit(exit);
  });
  DrainOrphans();
}

ModelManager::~ModelManager() {
  *alive_ = false;
  // Handles may outlive the manager by a moment while the program ends.
  for (auto& [name, model] : models_) {
    for (auto* versions : {&model.versions, &model.leaving}) {
      for (auto& [number, version] : *versions) {
        if (version->instance) version->instance->on_unpinned = nullptr;
      }
    }
  }
}

model::ResidencyState ModelManager::StateOf(const Version& version) {
  if (version.instance != nullptr || version.held_up != nullptr) {
    return model::ResidencyState::kReady;
  }
  if (version.loading) return model::ResidencyState::kLoading;
  if (version.failure) return model::ResidencyState::kFailed;
  return model::ResidencyState::kOnDisk;
}

const model::FrameworkManifest* ModelManager::FindManifest(const std::string& framework) const {
  for (const auto& manifest : manifests_) {
    if (manifest.framework == framework) return &manifest;
  }
  return nullptr;
}

// --- resolution ---------------------------------------------------------------------------

Status ModelManager::NotReady(const model::ModelKey& key) {
  return UnavailableError("'" + key.name.str() + "' version " + std::to_string(key.version) +
                          " is not at ready state");
}

Status ModelManager::UnknownModel(const model::ModelName& name,
                                  std::optional<int64_t> version) const {
  const auto on_disk = on_disk_.find(name);
  if (on_disk != on_disk_.end() && on_disk->second.unloaded) {
    const auto& versions = on_disk->second.versions;
    if (version && std::find(versions.begin(), versions.end(), *version) != versions.end()) {
      return NotReady({name, *version});
    }
    if (!version) {
      return NotFoundError("Request for unknown model: '" + name.str() +
                           "' has no available versions");
    }
  }
  std::string text = "Request for unknown model: '" + name.str() + "' is not found";
  const auto skipped = skipped_.find(name.str());
  if (skipped != skipped_.end()) text += "; it is in the folder but not served: " + skipped->second;
  return NotFoundError(std::move(text));
}

Result<ModelManager::VersionPtr> ModelManager::Resolve(const model::ModelName& name,
                                                       std::optional<int64_t> version) const {
  const auto found = models_.find(name);
  if (found == models_.end()) return UnknownModel(name, version);
  const auto& versions = found->second.versions;
  if (version) {
    const auto exact = versions.find(*version);
    if (exact != versions.end()) return exact->second;
    if (VersionPtr leaving = Leaving(found->second, version)) return leaving;
    return NotFoundError("Request for unknown model: '" + name.str() + "' version " +
                         std::to_string(*version) + " is not found");
  }
  if (versions.empty()) {
    return NotFoundError("Request for unknown model: '" + name.str() +
                         "' has no available versions");
  }
  if (VersionPtr leaving = Leaving(found->second, {})) return leaving;
  // The highest that serves or can be tried; when all have failed, the highest says why.
  for (auto candidate = versions.rbegin(); candidate != versions.rend(); ++candidate) {
    if (StateOf(*candidate->second) != model::ResidencyState::kFailed) return candidate->second;
  }
  return versions.rbegin()->second;
}

void ModelManager::RetryHigherVersions(const model::ModelName& name, int64_t resolved) {
  const MonotonicTime now = executor_.clock().Now();
  const Model& model = models_.find(name)->second;
  const auto& versions = model.versions;
  const bool is_leaving = model.leaving.contains(resolved);
  for (auto higher = is_leaving ? versions.begin() : versions.upper_bound(resolved);
       higher != versions.end(); ++higher) {
    const VersionPtr& version = higher->second;
    if (version->failure && !version->loading && now >= version->failure->retry_at) {
      StartLoad(version, 0);
    }
  }
}

void ModelManager::FindEarly(const model::ModelName& name, FindDone done) {
  const auto [position, inserted] = finding_.try_emplace(name.str());
  if (inserted && finding_.size() > options_.max_queued_loads) {
    finding_.erase(position);
    return done(ResourceExhaustedError("Exceeds maximum queue size").WithRetryAfter(1));
  }
  position->second.push_back(std::move(done));
  if (!inserted) return;
  source_.Find(name, [this, alive = alive_, name](Result<repository::ModelEntry> entry) {
    if (!*alive) return;
    const auto node = finding_.extract(name.str());
    if (entry.ok()) Register(*entry);
    for (FindDone& waiting : node.mapped()) waiting(entry);
  });
}

// The folder is still being read: asks for this one model.
void ModelManager::AcquireEarly(const model::ModelName& name, std::optional<int64_t> version,
                                MonotonicTime deadline, AcquireDone done) {
  if (options_.policy == LoadPolicy::kExplicit) return done(UnknownModel(name, version));
  FindEarly(name, [this, name, version, deadline,
                   done = std::move(done)](Result<repository::ModelEntry> entry) mutable {
    if (entry.status().code() == StatusCode::kResourceExhausted) return done(entry.status());
    if (!entry.ok()) {
      Status status = UnknownModel(name, version);
      if (entry.status().code() == StatusCode::kInvalidArgument) {
        status = NotFoundError(status.message() +
                               "; it is in the folder but not served: " + entry.status().message());
      }
      return done(status);
    }
    auto resolved = Resolve(name, version);
    if (!resolved.ok()) return done(resolved.status());
    Wait(*resolved, deadline, std::move(done));
  });
}

void ModelManager::Acquire(const model::ModelName& name, std::optional<int64_t> version,
                           MonotonicTime deadline, AcquireDone done) {
  if (!scanned_ && !models_.contains(name) && !on_disk_.contains(name)) {
    return AcquireEarly(name, version, deadline, std::move(done));
  }
  auto resolved = Resolve(name, version);
  if (!resolved.ok()) return done(resolved.status());
  const VersionPtr target = *resolved;
  if (!version) RetryHigherVersions(name, target->key.version);
  if (target->instance != nullptr && target->instance->cell->alive()) {
    return done(ModelHandle(target->instance));
  }
  Wait(target, deadline, std::move(done));
}

void ModelManager::Wait(const VersionPtr& version, MonotonicTime deadline, AcquireDone done) {
  if (version->leaving) return done(ModelHandle(version->instance));
  const MonotonicTime now = executor_.clock().Now();
  if (version->failure && !version->loading && now < version->failure->retry_at) {
    Status status = version->failure->status;
    if (status.code() != StatusCode::kNotFound) {
      status = status.WithRetryAfter(SecondsUntil(version->failure->retry_at, now));
    }
    return done(status);
  }
  if (version->waiters.size() >= limits::kLoadWaitersPerModel) {
    return done(ResourceExhaustedError("Exceeds maximum queue size: too many requests wait for '" +
                                       version->key.name.str() + "' to be loaded")
                    .WithRetryAfter(1));
  }
  const uint64_t id = ++last_waiter_id_;
  Waiter waiter;
  waiter.done = std::move(done);
  waiter.timer = executor_.StartTimer(deadline, [version, id] {
    auto found = version->waiters.find(id);
    if (found == version->waiters.end()) return;
    Waiter late = std::move(found->second);
    version->waiters.erase(found);
    late.done(DeadlineExceededError("the model was not loaded before the request's deadline"));
  });
  version->waiters.emplace(id, std::move(waiter));
  StartLoad(version, 0);
}

// --- loading ------------------------------------------------------------------------------

void ModelManager::StartLoad(const VersionPtr& version, runner::CellId avoid) {
  if (version->loading || version->removed) return;
  version->loading = true;
  const auto found = models_.find(version->key.name);
  const repository::ModelEntry& entry = found->second.entry;
  LoadJob job{
      version->key, entry.config, entry.framework, FindManifest(entry.framework), version->entry,
      false,        avoid};
  job.alone =
      version->offences > 0 && executor_.clock().Now() - version->last_offence < kOffenceMemory;
  loader_.Load(std::move(job), [this, alive = alive_, version](LoadOutcome outcome) {
    if (*alive) OnLoadOutcome(version, std::move(outcome));
  });
  UpdateServerReady();
}

void ModelManager::OnLoadOutcome(const VersionPtr& version, LoadOutcome outcome) {
  version->loading = false;
  if (version->removed) {
    if (outcome.instance.ok()) Retire(std::move(outcome.instance).value());
    return;
  }
  const bool load_again = std::exchange(version->load_again, false);
  if (load_again && !outcome.instance.ok()) return StartLoad(version, 0);  // those files have gone
  // Who asked for a load by name is told of the files that were there then.
  std::vector<Done<Status>> load_dones;
  if (load_again) load_dones.swap(version->load_dones);
  if (outcome.instance.ok()) {
    OnLoadSucceeded(version, std::move(outcome.instance).value());
  } else {
    OnLoadFailed(version, outcome);
  }
  if (load_again) {
    std::move(load_dones.begin(), load_dones.end(), std::back_inserter(version->load_dones));
    if (version->removed) return CompleteWaiters(version, NotReady(version->key));
    StartLoad(version, 0);
  }
  UpdateServerReady();
}

void ModelManager::OnLoadSucceeded(const VersionPtr& version,
                                   std::shared_ptr<ModelInstance> instance) {
  ++stats_.loads;
  logger_.Info("model_repository_manager.cc", 925,
               "successfully loaded '" + version->key.name.str() + "' version " +
                   std::to_string(version->key.version));
  version->failure.reset();
  std::shared_ptr<ModelInstance> old = std::move(version->instance);
  std::shared_ptr<ModelInstance> held_up = std::move(version->held_up);
  version->instance = std::move(instance);
  version->held_up = nullptr;
  CompleteWaiters(version, OkStatus());
  const auto found = models_.find(version->key.name);
  if (found != models_.end() && !version->removed) EndLeaving(found->second);
  if (old != nullptr) Retire(std::move(old));
  if (held_up != nullptr) Retire(std::move(held_up));
}

void ModelManager::OnLoadFailed(const VersionPtr& version, const LoadOutcome& outcome) {
  // Its cell was killed from outside, or ended through another model's call: nothing is known
  // against this one; try again at once, but not for ever.
  const bool innocent =
      outcome.lost && (!outcome.lost->was_running || !runner::IsOffence(outcome.lost->cause));
  const int count = version->failure ? version->failure->count + 1 : 1;
  const Status reason = outcome.instance.status();
  Failure failure{reason, reason.message(), executor_.clock().Now(), count};
  if (innocent && count <= limits::kLoadRetries) {
    version->failure = std::move(failure);
    return StartLoad(version, 0);
  }
  ++stats_.load_failures;
  const std::string& name = version->key.name.str();
  if (version->held_up != nullptr && version->held_up->cell->alive()) {
    THRONG_LOG_WARNING(logger_) << "'" << name << "' stays where it is: "
                                << EscapeForLog(reason.message(), limits::kErrorTextBytes);
    version->move_again_at = executor_.clock().Now() + RetryDelay(count);
    version->instance = std::move(version->held_up);
    version->held_up = nullptr;
    version->failure.reset();
    return CompleteWaiters(version, OkStatus());
  }
  // A runner that is installed later joins at the next request.
  if (reason.code() != StatusCode::kUnimplemented) failure.retry_at += RetryDelay(count);
  if (outcome.lost || reason.code() == StatusCode::kUnavailable ||
      reason.code() == StatusCode::kResourceExhausted) {
    failure.status =
        UnavailableError("model '" + name + "' could not be loaded: " + reason.message());
  } else {
    failure.status = NotFoundError("Request for unknown model: '" + name +
                                   "' has no available versions: " + reason.message());
  }
  if (outcome.lost && !innocent) CountOffence(*version);
  THRONG_LOG_ERROR(logger_) << "failed to load '" << name << "' version " << version->key.version
                            << ": " << EscapeForLog(reason.message(), limits::kErrorTextBytes);
  version->failure = std::move(failure);
  const Status status = version->failure->status.WithRetryAfter(
      SecondsUntil(version->failure->retry_at, executor_.clock().Now()));
  CompleteWaiters(version,
                  status.code() == StatusCode::kNotFound ? version->failure->status : status);
}

void ModelManager::CompleteWaiters(const VersionPtr& version, const Status& status) {
  std::map<uint64_t, Waiter> waiters = std::move(version->waiters);
  version->waiters.clear();
  std::vector<Done<Status>> load_dones = std::move(version->load_dones);
  version->load_dones.clear();
  // All pins before the first call: what one answer leads to may unload the model.
  std::vector<Result<ModelHandle>> handles;
  handles.reserve(waiters.size());
  for (auto& [id, waiter] : waiters) {
    executor_.CancelTimer(waiter.timer);
    handles.push_back(status.ok() ? Result<ModelHandle>(ModelHandle(version->instance)) : status);
  }
  auto handle = handles.begin();
  for (auto& [id, waiter] : waiters) waiter.done(std::move(*handle++));
  for (auto& done : load_dones) done(status);
}

// --- unloading ----------------------------------------------------------------------------

void ModelManager::Retire(std::shared_ptr<ModelInstance> instance) {
  instance->retired = true;
  if (instance->pins == 0) return UnloadNow(instance);
  // The last pin is released inside somebody's call: unload after that returns.
  instance->on_unpinned = [this, alive = alive_, weak = std::weak_ptr<ModelInstance>(instance)] {
    auto last = weak.lock();
    if (!*alive || last == nullptr) return;
    executor_.Post([this, alive, last] {
      if (*alive && last->pins == 0) UnloadNow(last);
    });
  };
}

void ModelManager::UnloadNow(const std::shared_ptr<ModelInstance>& instance) {
  if (!instance->cell->alive()) return;
  logger_.Info("model_repository_manager.cc", 769, "unloading: " + instance->key.ToString());
  CellTable::Record* record = table_.Find(instance->cell->id());
  const bool last = record != nullptr && record->instances.size() == 1 && !record->loading;
  auto finish = [this, alive = alive_, instance](const Status&) {
    if (!*alive) return;
    ++stats_.unloads;
    logger_.Info("model_repository_manager.cc", 1093,
                 "successfully unloaded '" + instance->key.name.str() + "' version " +
                     std::to_string(instance->key.version));
    table_.RemoveInstance(instance);
  };
  if (last) return finish(OkStatus());  // the process ends with its last model
  instance->cell->Unload(instance->slot, std::move(finish));
}

// --- cells --------------------------------------------------------------------------------

void ModelManager::OnCellExit(const runner::CellExit& exit) {
  CellTable::Record* record = table_.Find(exit.cell);
  if (record == nullptr) return;
  const auto instances = record->instances;
  const bool blamed = record->blamed;
  table_.Remove(exit.cell);
  if (exit.cause != runner::CellExitCause::kStopped) {
    THRONG_LOG_WARNING(logger_) << "a model process ended: " << EscapeForLog(exit.reason) << "; "
                                << instances.size()
                                << " models of it are loaded again at their next request";
  }
  for (const auto& instance : instances) {
    const VersionPtr version = FindVersion(instance->key);
    if (version == nullptr) continue;
    if (version->instance == instance) version->instance = nullptr;
    if (version->leaving) {
      models_.find(instance->key.name)->second.leaving.erase(instance->key.version);
    }
    if (version->held_up == instance) version->held_up = nullptr;
    // It ended while it ran nothing for us; with one model in it there is no doubt whose doing.
    if (runner::IsOffence(exit.cause) && !blamed && instances.size() == 1) {
      RecordOffence(*version, exit.reason);
    }
  }
  UpdateServerReady();
}

ModelManager::VersionPtr ModelManager::FindVersion(const model::ModelKey& key) const {
  const auto found = models_.find(key.name);
  if (found == models_.end()) return nullptr;
  const auto version = found->second.versions.find(key.version);
  if (version != found->second.versions.end()) return version->second;
  const auto leaving = found->second.leaving.find(key.version);
  return leaving == found->second.leaving.end() ? nullptr : leaving->second;
}

void ModelManager::OnOffence(const ModelInstance& instance, const std::string& reason) {
  if (CellTable::Record* record = table_.Find(instance.cell->id())) record->blamed = true;
  if (const VersionPtr version = FindVersion(instance.key)) RecordOffence(*version, reason);
}

void ModelManager::CountOffence(Version& version) {
  const MonotonicTime now = executor_.clock().Now();
  if (now - version.last_offence > kOffenceMemory) version.offences = 0;
  ++version.offences;
  ++stats_.offences;
  version.last_offence = now;
}

void ModelManager::RecordOffence(Version& version, const std::string& reason) {
  CountOffence(version);
  const std::string text = "model '" + version.key.name.str() + "' ended its process " +
                           std::to_string(version.offences) + " times: " + reason;
  THRONG_LOG_ERROR(logger_) << EscapeForLog(text, limits::kErrorTextBytes);
  if (version.offences < kQuarantineOffences) return;
  const int count = version.offences - kQuarantineOffences + 1;
  version.failure = Failure{UnavailableError(text + "; it is kept out for a while"),
                            text + "; it is kept out for a while",
                            version.last_offence + RetryDelay(count), count};
}

bool ModelManager::MoveElsewhere(const std::shared_ptr<ModelInstance>& instance) {
  const VersionPtr version = FindVersion(instance->key);
  if (version == nullptr || version->instance != instance) return true;  // it has gone already
  if (version->leaving) return false;                                    // its files have gone
  if (executor_.clock().Now() < version->move_again_at) return false;
  version->held_up = std::move(version->instance);
  version->instance = nullptr;
  StartLoad(version, instance->cell->id());
  return true;
}

void ModelManager::NoteRan(const ModelInstance& instance) {
  table_.NoteRan(instance.cell->id(), executor_.clock().Now());
}

// Cells whose zygote has gone share no pages with anything, and get no further models.
void ModelManager::DrainOrphans() {
  const MonotonicTime now = executor_.clock().Now();
  table_.DrainOrphans(now);
  executor_.StartTimer(now + kOrphanCheckInterval, [this, alive = alive_] {
    if (*alive) DrainOrphans();
  });
}

}  // namespace throng::residency
