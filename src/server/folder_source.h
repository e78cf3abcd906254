// FolderSource: a ModelSource that reads folders on helper threads.
#pragma once

#include "os/thread_pool.h"
#include "repository/repository.h"
#include "residency/model_source.h"

namespace throng::server {

class FolderSource final : public residency::ModelSource {
 public:
  // REQUIRES: all outlive it, and the work it has posted.
  FolderSource(Executor& executor, os::ThreadPool& threads, const os::FileSystem& files,
               const repository::Repository& repository)
      : executor_(executor), threads_(threads), files_(files), repository_(repository) {}

  void Scan(Done<Result<repository::Snapshot>> done) override {
    threads_.Run<Result<repository::Snapshot>>([this] { return repository_.Scan(); }, executor_,
                                               std::move(done));
  }
  void Find(const model::ModelName& name, Done<Result<repository::ModelEntry>> done) override {
    threads_.Run<Result<repository::ModelEntry>>([this, name] { return repository_.Find(name); },
                                                 executor_, std::move(done));
  }
  void Read(const artifact::ArtifactSource& source,
            Done<Result<std::shared_ptr<const artifact::Artifact>>> done) override {
    threads_.Run<Result<std::shared_ptr<const artifact::Artifact>>>(
        [this, source] { return artifact::ReadArtifact(files_, source); }, executor_,
        std::move(done));
  }

 private:
  Executor& executor_;
  os::ThreadPool& threads_;
  const os::FileSystem& files_;
  const repository::Repository& repository_;
};

}  // namespace throng::server
