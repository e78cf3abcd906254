// Downloader: brings the objects of one listing into files of a staging directory, several parts at
// a time; resumes, verifies and syncs each. Knows nothing of schemes or of where it all goes in the
// end. Used once, by the thread that calls Run; `provider` is called on threads of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "os/disk/directory_tree.h"
#include "storage/fetcher.h"
#include "storage/retry.h"
#include "storage/storage_provider.h"

namespace throng::storage {

struct FetchFailure {
  Status status;
  FetchReason reason = FetchReason::kNone;

  bool ok() const { return status.ok(); }
};
// What a provider's, and what the disk's, status means.
FetchFailure StoreFailure(Status status);
FetchFailure DiskFailure(Status status);

struct DownloadContext {
  StorageProvider& provider;
  const StorageUri& uri;
  os::DirectoryTree& disk;
  Retrier& retrier;
  const Deadline& deadline;  // its flag is `stop`
  CancelFlag& stop;          // cancelled by the first failure, to end the other reads
  const std::function<void(const FetchProgress&)>& progress;  // may be empty
};

struct DownloadTarget {
  ObjectInfo object;
  std::string path;    // of the file to make; its folder exists
  std::string sha256;  // raw; filled by Run, and the size when it was not known
};

class Downloader {
 public:
  Downloader(const DownloadContext& context, std::vector<DownloadTarget>& targets);

  // ERRORS: kAborted — an object changed: list again.
  FetchFailure Run();

 private:
  struct File {
    std::unique_ptr<os::StagedFile> staged;
    size_t parts_left = 0;
    int rereads = 0;
  };
  struct Part {
    size_t target = 0;
    uint64_t offset = 0;
    uint64_t size_bytes = 0;  // or kToTheEnd
    uint64_t done_bytes = 0;
  };

  void PlanParts(size_t target) THRONG_REQUIRES(mutex_);
  void Work();
  FetchFailure FetchPart(Part& part);
  FetchFailure FetchPartOnce(Part& part, os::StagedFile& file, bool& progressed);
  FetchFailure FinishPart(const Part& part);
  FetchFailure Verify(DownloadTarget& target, os::StagedFile& file) const;
  FetchFailure OpenFile(size_t target, os::StagedFile*& file);
  void Fail(FetchFailure failure);
  void ReportProgress(int64_t bytes, uint64_t files);

  const DownloadContext context_;
  std::vector<DownloadTarget>& targets_;

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<File> files_ THRONG_GUARDED_BY(mutex_);
  std::deque<Part> parts_ THRONG_GUARDED_BY(mutex_);
  size_t in_work_ THRONG_GUARDED_BY(mutex_) = 0;
  FetchFailure failure_ THRONG_GUARDED_BY(mutex_);
  Mutex progress_mutex_;
  FetchProgress progress_ THRONG_GUARDED_BY(progress_mutex_);
};

}  // namespace throng::storage
