// The part of ModelManager that answers questions and explicit commands (see model_control.h).
#include <algorithm>

#include "base/limits.h"
#include "residency/model_manager.h"

namespace throng::residency {

void ModelManager::Load(const model::ModelName& name, Done<Status> done) {
  std::shared_ptr<LoadsBegun>& begun = loads_begun_[name];
  if (begun == nullptr) begun = std::make_shared<LoadsBegun>();
  ++begun->count;
  source_.Find(name, [this, alive = alive_, name, begun,
                      done = std::move(done)](Result<repository::ModelEntry> entry) mutable {
    if (!*alive) return;
    if (begun->unloaded) {
      return done(UnavailableError("model '" + name.str() + "' was unloaded meanwhile"));
    }
    if (--begun->count == 0) loads_begun_.erase(name);
    if (!entry.ok()) {
      if (entry.status().code() == StatusCode::kNotFound) {
        return done(InternalError("failed to load '" + name.str() +
                                  "', failed to poll from model repository"));
      }
      return done(InvalidArgumentError("load failed for model '" + name.str() +
                                       "': " + entry.status().message()));
    }
    skipped_.erase(name.str());
    Register(std::move(entry).value());
    UpdateServerReady();
    LoadRegistered(name, std::move(done));
  });
}

void ModelManager::LoadRegistered(const model::ModelName& name, Done<Status> done) {
  struct Progress {
    size_t left = 0;
    Status first_failure;
    Done<Status> done;
  };
  auto progress = std::make_shared<Progress>();
  progress->done = std::move(done);
  std::vector<VersionPtr> to_load;
  for (auto& [number, version] : models_.find(name)->second.versions) {
    const bool serves = version->instance != nullptr && !version->loading && !version->failure;
    if (!serves) to_load.push_back(version);
  }
  if (to_load.empty()) return progress->done(OkStatus());
  progress->left = to_load.size();
  for (const VersionPtr& version : to_load) {
    version->load_dones.emplace_back([progress, version](const Status& status) {
      if (!status.ok() && progress->first_failure.ok()) {
        const std::string& reason = version->failure ? version->failure->reason : status.message();
        progress->first_failure = InvalidArgumentError(
            "load failed for model '" + version->key.name.str() + "': version " +
            std::to_string(version->key.version) + " is at UNAVAILABLE state: " + reason);
      }
      if (--progress->left == 0) progress->done(progress->first_failure);
    });
    StartLoad(version, 0);  // an explicit load does not wait for a back-off
  }
}

void ModelManager::RemoveModel(const model::ModelName& name) {
  const auto found = models_.find(name);
  if (found == models_.end()) return;
  Model model = std::move(found->second);
  models_.erase(found);
  for (auto& [number, version] : model.versions) RemoveVersion(version);
  EndLeaving(model);
  UpdateServerReady();
}

void ModelManager::Unload(const model::ModelName& name, Done<Status> done) {
  // A load that was asked for before is not to come after.
  if (const auto begun = loads_begun_.find(name); begun != loads_begun_.end()) {
    begun->second->unloaded = true;
    loads_begun_.erase(begun);
  }
  const auto found = models_.find(name);
  if (found != models_.end()) {
    OnDisk& unloaded = on_disk_[name];
    unloaded.unloaded = true;
    for (const auto& [number, version] : found->second.versions) {
      unloaded.versions.push_back(number);
    }
    RemoveModel(name);
    // KServe's agent deletes the files first: then there is nothing left to list.
    source_.Find(name, [this, alive = alive_, name](const Result<repository::ModelEntry>& entry) {
      if (*alive && entry.status().code() == StatusCode::kNotFound) on_disk_.erase(name);
    });
  }
  done(OkStatus());
}

Status ModelManager::CheckReady(const model::ModelName& name,
                                std::optional<int64_t> version) const {
  auto resolved = Resolve(name, version);
  if (!resolved.ok()) return resolved.status();
  const Version& target = **resolved;
  switch (StateOf(target)) {
    case model::ResidencyState::kFailed:
      return UnavailableError(target.failure->reason);
    case model::ResidencyState::kLoading:
      // With lazy loading a request that comes now is answered; elsewhere the word is a promise
      // that the model has loaded.
      if (options_.policy == LoadPolicy::kLazy) return OkStatus();
      return UnavailableError("the model is being loaded");
    default:
      return OkStatus();
  }
}

std::shared_ptr<const model::ModelMetadata> ModelManager::Peek(
    const model::ModelName& name, std::optional<int64_t> version) const {
  const auto resolved = Resolve(name, version);
  if (!resolved.ok() || (*resolved)->instance == nullptr) return nullptr;
  return (*resolved)->instance->metadata;
}

std::vector<IndexEntry> ModelManager::Index(bool ready_only) const {
  std::vector<IndexEntry> entries;
  for (const auto& [name, model] : models_) {
    for (const auto& [number, version] : model.versions) {
      IndexEntry entry{name.str(), number, StateOf(*version), ""};
      if (ready_only && entry.state != model::ResidencyState::kReady) continue;
      if (entry.state == model::ResidencyState::kOnDisk) {
        entry.reason = "not in memory; loads at its first request";
      }
      if (version->failure) entry.reason = version->failure->reason;
      entries.push_back(std::move(entry));
    }
    for (const auto& [number, version] : model.leaving) {
      entries.push_back({name.str(), number, model::ResidencyState::kReady, ""});
    }
  }
  if (!ready_only) {
    for (const auto& [name, reason] : skipped_) {
      entries.push_back({name, std::nullopt, std::nullopt, reason});
    }
    for (const auto& [name, on_disk] : on_disk_) {
      if (!on_disk.unloaded) entries.push_back({name.str(), std::nullopt, std::nullopt, ""});
      for (const int64_t version : on_disk.versions) {
        entries.push_back({name.str(), version, model::ResidencyState::kAbsent, "unloaded"});
      }
    }
  }
  std::sort(entries.begin(), entries.end(), [](const IndexEntry& a, const IndexEntry& b) {
    return std::tie(a.name, a.version) < std::tie(b.name, b.version);
  });
  return entries;
}

ModelView ModelManager::View(const ModelInstance& instance, std::optional<int64_t> asked) const {
  ModelView view;
  view.name = instance.key.name.str();
  view.version = instance.key.version;
  view.platform =
      instance.config->platform.empty() ? instance.config->backend : instance.config->platform;
  view.config = instance.config;
  view.metadata = instance.metadata;
  const auto found = models_.find(instance.key.name);
  if (asked || found == models_.end()) {
    view.versions.push_back(instance.key.version);
    return view;
  }
  for (const auto& [number, version] : found->second.versions) {
    if (StateOf(*version) != model::ResidencyState::kFailed) view.versions.push_back(number);
  }
  for (const auto& [number, version] : found->second.leaving) view.versions.push_back(number);
  std::sort(view.versions.begin(), view.versions.end());
  return view;
}

void ModelManager::UpdateServerReady() {
  bool ready = scanned_ && initial_loads_ == 0;
  if (ready && options_.strict_readiness) {
    for (const auto& [name, model] : models_) {
      for (const auto& [number, version] : model.versions) {
        const auto state = StateOf(*version);
        ready = ready && state != model::ResidencyState::kFailed &&
                state != model::ResidencyState::kLoading;
      }
    }
  }
  server_ready_.store(ready, std::memory_order_relaxed);
}

ManagerStats ModelManager::stats() const {
  ManagerStats stats = stats_;
  for (const auto& [name, model] : models_) {
    stats.registered += model.versions.size();
    for (const auto& [number, version] : model.versions) {
      stats.ready += StateOf(*version) == model::ResidencyState::kReady;
    }
  }
  return stats;
}

}  // namespace throng::residency
