// The part of ModelManager that knows which models there are: reads of the folder, and what they
// change.
#include <algorithm>
#include <unordered_set>

#include "base/limits.h"
#include "residency/model_manager.h"

namespace throng::residency {
namespace {

bool SameFiles(const repository::ModelVersionEntry& a, const repository::ModelVersionEntry& b) {
  return a.source.path == b.source.path && a.size_bytes == b.size_bytes &&
         a.modified_ns == b.modified_ns;
}

}  // namespace

void ModelManager::ScanAtStart(Done<Result<repository::Snapshot>> done) {
  source_.Scan([this, alive = alive_,
                done = std::move(done)](Result<repository::Snapshot> snapshot) mutable {
    if (!*alive) return;
    if (snapshot.ok()) {
      for (const auto& skipped : snapshot->skipped) skipped_[skipped.name] = skipped.reason;
      if (options_.policy != LoadPolicy::kExplicit || LoadsAllAtStart()) {
        for (const auto& entry : snapshot->models) {
          // What was found earlier and unloaded by name stays so.
          if (!on_disk_.contains(entry.name)) Register(entry);
        }
      } else {
        for (const auto& entry : snapshot->models) on_disk_.try_emplace(entry.name);
      }
    }
    scanned_ = true;
    LoadAtStart();
    UpdateServerReady();
    done(std::move(snapshot));
  });
}

bool ModelManager::LoadsAllAtStart() const {
  const auto& names = options_.load_at_start;
  return options_.policy == LoadPolicy::kEager ||
         std::find(names.begin(), names.end(), "*") != names.end();
}

void ModelManager::LoadAtStart() {
  if (LoadsAllAtStart()) {
    for (auto& [name, model] : models_) {
      for (auto& [number, version] : model.versions) {
        ++initial_loads_;
        version->load_dones.emplace_back([this](const Status&) { --initial_loads_; });
        StartLoad(version, 0);
      }
    }
    return;
  }
  for (const std::string& text : options_.load_at_start) {
    auto name = model::ModelName::Parse(text);
    if (!name.ok()) continue;  // the option table has checked it
    ++initial_loads_;
    const uint64_t failures = stats_.load_failures;
    Load(*name, [this, text, failures](const Status& status) {
      --initial_loads_;
      if (!status.ok()) {
        THRONG_LOG_ERROR(logger_) << EscapeForLog(status.message());
        // One that was not even found counts too.
        stats_.load_failures = std::max(stats_.load_failures, failures + 1);
      }
      UpdateServerReady();
    });
  }
}

void ModelManager::Rescan(Done<Status> done) {
  source_.Scan([this, alive = alive_, scan = ++scans_begun_,
                done = std::move(done)](Result<repository::Snapshot> snapshot) mutable {
    if (!*alive) return;
    // What cannot be read unloads nothing.
    const Status status = snapshot.status();
    if (status.ok()) ApplySnapshot(std::move(snapshot).value(), scan);
    done(status);
  });
}

void ModelManager::ApplySnapshot(repository::Snapshot snapshot, uint64_t scan) {
  skipped_.clear();
  for (auto& skipped : snapshot.skipped) skipped_[skipped.name] = std::move(skipped.reason);
  std::unordered_set<model::ModelName> found;
  for (const auto& entry : snapshot.models) found.insert(entry.name);
  std::vector<model::ModelName> gone;
  for (const auto& [name, model] : models_) {
    // What was loaded by name while the folder was being read may have come after the reader.
    if (!found.contains(name) && model.found_in_scan < scan) gone.push_back(name);
  }
  std::erase_if(on_disk_, [&](const auto& entry) { return !found.contains(entry.first); });
  for (auto& entry : snapshot.models) {
    if (models_.contains(entry.name)) {
      Register(std::move(entry));
    } else if (options_.policy == LoadPolicy::kExplicit) {
      on_disk_.try_emplace(entry.name);
    } else if (!on_disk_.contains(entry.name)) {
      Register(std::move(entry));
    }
  }
  for (const model::ModelName& name : gone) RemoveModel(name);
  UpdateServerReady();
}

void ModelManager::Register(repository::ModelEntry entry) {
  const auto [position, inserted] = models_.try_emplace(entry.name, Model{entry, {}, {}, 0});
  Model& model = position->second;
  model.found_in_scan = scans_begun_;
  on_disk_.erase(entry.name);
  TakeBack(model, entry);
  std::vector<VersionPtr> gone;
  for (const auto& [number, version] : model.versions) {
    const bool kept = std::any_of(entry.versions.begin(), entry.versions.end(),
                                  [n = number](const auto& v) { return v.version == n; });
    if (!kept) gone.push_back(version);
  }
  const bool config_changed = !inserted && *model.entry.config != *entry.config;
  if (inserted || config_changed) {
    for (const std::string& warning : entry.warnings) {
      THRONG_LOG_WARNING(logger_) << "model '" << entry.name.str()
                                  << "': " << EscapeForLog(warning, limits::kErrorTextBytes);
    }
  }
  model.entry = std::move(entry);
  for (const auto& version : model.entry.versions) UpdateVersion(model, version, config_changed);
  RemoveVersions(model, gone);
}

void ModelManager::RemoveVersions(Model& model, const std::vector<VersionPtr>& gone) {
  for (const VersionPtr& version : gone) model.versions.erase(version->key.version);
  const bool is_served =
      std::any_of(model.versions.begin(), model.versions.end(),
                  [](const auto& kept) { return kept.second->instance != nullptr; });
  if (!is_served && !model.versions.empty()) {
    for (const VersionPtr& version : gone) Leave(model, version);
  }
  std::vector<VersionPtr> successors;
  for (const auto& [number, version] : model.versions) {
    if (!model.leaving.empty() && version->instance == nullptr) successors.push_back(version);
  }
  // Nobody waits for them; whoever is answered from here on may unload the model.
  for (const VersionPtr& version : successors) StartLoad(version, 0);
  for (const VersionPtr& version : gone) {
    if (version->leaving) {
      // What waits for its move is answered where it is; that load is for nothing.
      if (version->load_dones.empty()) CompleteWaiters(version, OkStatus());
      version->instance = nullptr;
    }
    RemoveVersion(version);
  }
}

void ModelManager::Leave(Model& model, const VersionPtr& version) {
  std::shared_ptr<ModelInstance> instance = std::move(version->held_up);
  version->held_up = nullptr;
  if (version->instance != nullptr) instance = version->instance;
  if (instance == nullptr || !instance->cell->alive()) return;
  version->instance = instance;
  version->leaving = true;
  auto leaving = std::make_shared<Version>(version->key);
  leaving->entry = version->entry;
  leaving->instance = std::move(instance);
  leaving->leaving = leaving->removed = true;
  model.leaving[version->key.version] = std::move(leaving);
}

// What was leaving is on the disk again.
void ModelManager::TakeBack(Model& model, const repository::ModelEntry& entry) {
  for (const auto& on_disk : entry.versions) {
    const auto found = model.leaving.find(on_disk.version);
    if (found == model.leaving.end()) continue;
    auto version = std::make_shared<Version>(found->second->key);
    version->entry = found->second->entry;
    version->instance = std::move(found->second->instance);
    model.leaving.erase(found);
    model.versions.insert_or_assign(on_disk.version, std::move(version));
  }
}

void ModelManager::EndLeaving(Model& model) {
  const auto leaving = std::exchange(model.leaving, {});
  for (const auto& [number, version] : leaving) RemoveVersion(version);
}

ModelManager::VersionPtr ModelManager::Leaving(const Model& model, std::optional<int64_t> version) {
  for (auto candidate = model.leaving.rbegin(); candidate != model.leaving.rend(); ++candidate) {
    const auto& instance = candidate->second->instance;
    const bool is_asked = !version || *version == candidate->first;
    if (is_asked && instance != nullptr && instance->cell->alive()) return candidate->second;
  }
  return nullptr;
}

void ModelManager::UpdateVersion(Model& model, const repository::ModelVersionEntry& entry,
                                 bool config_changed) {
  auto found = model.versions.find(entry.version);
  if (found == model.versions.end()) {
    auto version = std::make_shared<Version>(model::ModelKey{model.entry.name, entry.version});
    version->entry = entry;
    model.versions.emplace(entry.version, std::move(version));
    return;
  }
  const VersionPtr& version = found->second;
  if (SameFiles(version->entry, entry) && !config_changed) return;
  version->entry = entry;
  version->failure.reset();
  version->offences = 0;
  if (version->loading) {
    version->load_again = true;
  } else if (version->instance != nullptr) {
    StartLoad(version, 0);
  }
}

void ModelManager::RemoveVersion(const VersionPtr& version) {
  version->removed = true;
  CompleteWaiters(version, NotReady(version->key));
  for (auto* instance : {&version->instance, &version->held_up}) {
    if (*instance != nullptr) Retire(std::move(*instance));
    *instance = nullptr;
  }
}

}  // namespace throng::residency
