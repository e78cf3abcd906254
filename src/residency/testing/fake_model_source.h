// A ModelSource over a list in memory. Every model is of framework "fake" unless told otherwise.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/executor.h"
#include "residency/model_source.h"

namespace throng::residency::testing {

class FakeModelSource final : public ModelSource {
 public:
  explicit FakeModelSource(Executor& executor) : executor_(executor) {}

  repository::ModelEntry& Add(const std::string& name, int64_t version = 1) {
    auto config = std::make_shared<model::ModelConfig>();
    config->name = name;
    config->platform = "fake";
    auto [position, inserted] = entries_.try_emplace(
        name, repository::ModelEntry{*model::ModelName::Parse(name), "fake", config, {}});
    repository::ModelVersionEntry entry;
    entry.version = version;
    entry.source.path = name;
    entry.size_bytes = 4;
    entry.file_name = "model.fake";
    position->second.versions.push_back(entry);
    return position->second;
  }
  void Remove(const std::string& name) { entries_.erase(name); }
  repository::ModelEntry& entry(const std::string& name) { return entries_.at(name); }

  void Scan(Done<Result<repository::Snapshot>> done) override {
    auto read = [this, done = std::move(done)]() mutable {
      if (!scan_status.ok()) return done(scan_status);
      repository::Snapshot snapshot;
      for (const auto& [name, entry] : entries_) {
        if (name != hide_from_scan) snapshot.models.push_back(entry);
      }
      snapshot.skipped = skipped;
      done(std::move(snapshot));
    };
    if (scan_time == Duration::zero()) return executor_.Post(std::move(read));
    executor_.StartTimer(executor_.clock().Now() + scan_time, std::move(read));
  }
  void Find(const model::ModelName& name, Done<Result<repository::ModelEntry>> done) override {
    ++finds;
    executor_.Post([this, name, done = std::move(done)]() mutable {
      const auto found = entries_.find(name.str());
      if (found == entries_.end()) return done(NotFoundError("no such model"));
      done(found->second);
    });
  }
  void Read(const artifact::ArtifactSource&,
            Done<Result<std::shared_ptr<const artifact::Artifact>>> done) override {
    ++reads;
    executor_.Post([this, done = std::move(done)]() mutable {
      if (!read_status.ok()) return done(read_status);
      auto artifact = std::make_shared<artifact::Artifact>();
      artifact->size_bytes = artifact_bytes;
      done(std::shared_ptr<const artifact::Artifact>(std::move(artifact)));
    });
  }

  std::vector<repository::SkippedEntry> skipped;
  Status scan_status;
  Status read_status;
  uint64_t artifact_bytes = 4096;
  size_t reads = 0;
  size_t finds = 0;
  Duration scan_time{};
  std::string hide_from_scan;  // a model that the scan does not see

 private:
  Executor& executor_;
  std::map<std::string, repository::ModelEntry> entries_;
};

}  // namespace throng::residency::testing
