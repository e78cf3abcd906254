#include "storage/downloader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/control_limits.h"
#include "base/limits.h"
#include "os/thread_pool.h"
#include "storage/checksum.h"

namespace throng::storage {
namespace {

constexpr size_t kVerifyBytes = 1024 * 1024;

// A read may go on where it broke only when the rest is sure to be of the same bytes.
bool IsResumable(const ObjectInfo& object) { return object.ranges && !object.version.empty(); }

FetchReason ReasonOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return FetchReason::kNone;
    case StatusCode::kNotFound:
      return FetchReason::kStorageNotFound;
    case StatusCode::kPermissionDenied:
      return FetchReason::kStorageDenied;
    case StatusCode::kUnauthenticated:
      return FetchReason::kStorageUntrusted;
    case StatusCode::kDeadlineExceeded:
      return FetchReason::kDownloadTimeout;
    case StatusCode::kCancelled:
      return FetchReason::kCancelled;
    case StatusCode::kAborted:
    case StatusCode::kDataLoss:
      return FetchReason::kChecksumMismatch;
    case StatusCode::kUnimplemented:
      return FetchReason::kStorageNotSupported;
    case StatusCode::kResourceExhausted:
      return FetchReason::kModelTooLarge;
    case StatusCode::kInvalidArgument:
      return FetchReason::kModelRefused;
    default:
      return FetchReason::kStorageUnavailable;
  }
}

}  // namespace

FetchFailure StoreFailure(Status status) {
  const FetchReason reason = ReasonOf(status.code());
  return {std::move(status), reason};
}

FetchFailure DiskFailure(Status status) {
  if (status.ok()) return {};
  const FetchReason reason = status.code() == StatusCode::kResourceExhausted
                                 ? FetchReason::kDiskFull
                                 : FetchReason::kDiskFailed;
  return {status.WithContext("the disk"), reason};
}

Downloader::Downloader(const DownloadContext& context, std::vector<DownloadTarget>& targets)
    : context_(context), targets_(targets), files_(targets.size()) {
  progress_.files_total = targets_.size();
  for (size_t i = 0; i < targets_.size(); ++i) {
    const ObjectInfo& object = targets_[i].object;
    if (object.size_known) progress_.bytes_total += object.size_bytes;
    PlanParts(i);
  }
}

void Downloader::PlanParts(size_t target) {
  const ObjectInfo& object = targets_[target].object;
  if (!object.size_known || !IsResumable(object) ||
      object.size_bytes <= limits::kStoragePartBytes) {
    const uint64_t size_bytes = object.size_known ? object.size_bytes : kToTheEnd;
    parts_.push_back({.target = target, .size_bytes = size_bytes});
    files_[target].parts_left = 1;
    return;
  }
  for (uint64_t at = 0; at < object.size_bytes; at += limits::kStoragePartBytes) {
    const uint64_t size_bytes = std::min(limits::kStoragePartBytes, object.size_bytes - at);
    parts_.push_back({.target = target, .offset = at, .size_bytes = size_bytes});
    ++files_[target].parts_left;
  }
}

FetchFailure Downloader::Run() {
  {
    size_t threads = 0;
    {
      const MutexLock lock(mutex_);
      threads = std::min<size_t>(limits::kStorageParallelReads, parts_.size());
    }
    os::ThreadPool pool(static_cast<int>(std::max<size_t>(threads, 1)));
    for (size_t i = 0; i < threads; ++i) pool.Post([this] { Work(); });
  }  // joined
  const MutexLock lock(mutex_);
  return failure_;
}

void Downloader::Work() {
  for (;;) {
    Part part;
    {
      const MutexLock lock(mutex_);
      // A part in work may put parts back, when its file turns out to be wrong.
      while (parts_.empty() && in_work_ > 0 && failure_.ok()) changed_.wait(mutex_);
      if (!failure_.ok() || parts_.empty()) return;
      part = parts_.front();
      parts_.pop_front();
      ++in_work_;
    }
    FetchFailure failure = FetchPart(part);
    if (failure.ok()) failure = FinishPart(part);
    if (!failure.ok()) Fail(std::move(failure));
    {
      const MutexLock lock(mutex_);
      --in_work_;
    }
    changed_.notify_all();
  }
}

void Downloader::Fail(FetchFailure failure) {
  {
    const MutexLock lock(mutex_);
    // The first one is the cause; the others were cut off by it.
    if (failure_.ok()) failure_ = std::move(failure);
  }
  context_.stop.Cancel();
  changed_.notify_all();
}

FetchFailure Downloader::OpenFile(size_t target, os::StagedFile*& file) {
  const MutexLock lock(mutex_);
  if (files_[target].staged == nullptr) {
    Result<std::unique_ptr<os::StagedFile>> made = context_.disk.CreateFile(targets_[target].path);
    if (!made.ok()) return DiskFailure(made.status());
    files_[target].staged = std::move(*made);
  }
  file = files_[target].staged.get();
  return {};
}

FetchFailure Downloader::FetchPartOnce(Part& part, os::StagedFile& file, bool& progressed) {
  const ObjectInfo& object = targets_[part.target].object;
  FetchFailure disk_failure;
  const ByteSink sink = [&](std::string_view bytes) {
    if (context_.stop.cancelled()) return CancelledError("the fetch was cancelled");
    const uint64_t at = part.offset + part.done_bytes;
    if (at + bytes.size() > limits::kArtifactBytes) {
      return ResourceExhaustedError("an object has more than " +
                                    std::to_string(limits::kArtifactBytes) + " bytes");
    }
    disk_failure = DiskFailure(file.WriteAt(at, bytes));
    if (!disk_failure.ok()) return disk_failure.status;
    part.done_bytes += bytes.size();
    progressed = true;
    ReportProgress(static_cast<int64_t>(bytes.size()), 0);
    return OkStatus();
  };
  const uint64_t left =
      part.size_bytes == kToTheEnd ? kToTheEnd : part.size_bytes - part.done_bytes;
  if (left == 0) return {};
  Status status = context_.provider.Read(context_.uri, object, part.offset + part.done_bytes, left,
                                         context_.deadline, sink);
  if (!disk_failure.ok()) return disk_failure;
  const bool starts_over =
      status.code() == StatusCode::kDataLoss || (!status.ok() && !IsResumable(object));
  if (starts_over) {
    ReportProgress(-static_cast<int64_t>(part.done_bytes), 0);
    part.done_bytes = 0;
    progressed = false;
    // Of unknown size: what comes next may be shorter.
    if (part.size_bytes == kToTheEnd) {
      if (const Status cut = file.Truncate(0); !cut.ok()) return DiskFailure(cut);
    }
  }
  return StoreFailure(std::move(status));
}

FetchFailure Downloader::FetchPart(Part& part) {
  os::StagedFile* file = nullptr;
  if (FetchFailure failure = OpenFile(part.target, file); !failure.ok()) return failure;
  FetchFailure failure;
  for (int reread = 0; reread < limits::kStorageRereads; ++reread) {
    const Status status = context_.retrier.Run(context_.stop, [&] {
      bool progressed = false;
      failure = FetchPartOnce(part, *file, progressed);
      // The disk's kUnavailable is no reason to ask the store again.
      const bool is_disks =
          failure.reason == FetchReason::kDiskFull || failure.reason == FetchReason::kDiskFailed;
      return Retrier::Attempt{is_disks ? InternalError("disk") : failure.status, progressed};
    });
    if (status.code() == StatusCode::kCancelled) failure = StoreFailure(status);
    if (failure.status.code() != StatusCode::kDataLoss) break;
  }
  return failure;
}

FetchFailure Downloader::Verify(DownloadTarget& target, os::StagedFile& file) const {
  const ObjectInfo& object = target.object;
  const Result<uint64_t> size_bytes = file.Size();
  if (!size_bytes.ok()) return DiskFailure(size_bytes.status());
  const auto wrong = [&object](std::string_view what) {
    return StoreFailure(DataLossError(object.relative_path + ": its " + std::string(what) +
                                      " is not what the store declares"));
  };
  if (object.size_known && *size_bytes != object.size_bytes) return wrong("size");
  Hasher sha256(Checksum::kSha256);
  Hasher declared(object.checksum == Checksum::kSha256 ? Checksum::kNone : object.checksum);
  std::vector<char> buffer(std::clamp<uint64_t>(*size_bytes, 1, kVerifyBytes));
  for (uint64_t at = 0; at < *size_bytes;) {
    if (context_.stop.cancelled()) return StoreFailure(CancelledError("the fetch was cancelled"));
    const Result<size_t> count = file.ReadAt(at, buffer);
    if (!count.ok()) return DiskFailure(count.status());
    if (*count == 0) return DiskFailure(UnavailableError("a file lost what was written to it"));
    sha256.Update({buffer.data(), *count});
    declared.Update({buffer.data(), *count});
    at += *count;
  }
  target.object.size_bytes = *size_bytes;
  target.sha256 = sha256.Finish();
  const std::string digest =
      object.checksum == Checksum::kSha256 ? target.sha256 : declared.Finish();
  if (object.checksum != Checksum::kNone && digest != object.digest) {
    return wrong(ChecksumName(object.checksum));
  }
  return DiskFailure(file.Sync());
}

// The last part of a file verifies it. A file that is wrong is read again as a whole.
FetchFailure Downloader::FinishPart(const Part& part) {
  std::unique_ptr<os::StagedFile> file;
  {
    const MutexLock lock(mutex_);
    if (--files_[part.target].parts_left > 0) return {};
    file = std::move(files_[part.target].staged);
  }
  DownloadTarget& target = targets_[part.target];
  FetchFailure failure = Verify(target, *file);
  if (failure.ok()) {
    ReportProgress(0, 1);
    return failure;
  }
  if (failure.status.code() != StatusCode::kDataLoss) return failure;
  const Result<uint64_t> size_bytes = file->Size();
  const Status cut = file->Truncate(0);
  if (!size_bytes.ok() || !cut.ok()) return DiskFailure(cut.ok() ? size_bytes.status() : cut);
  ReportProgress(-static_cast<int64_t>(*size_bytes), 0);
  const MutexLock lock(mutex_);
  if (++files_[part.target].rereads >= limits::kStorageRereads) return failure;
  files_[part.target].staged = std::move(file);
  PlanParts(part.target);
  return {};
}

void Downloader::ReportProgress(int64_t bytes, uint64_t files) {
  const MutexLock lock(progress_mutex_);
  progress_.bytes_done += static_cast<uint64_t>(bytes);
  progress_.files_done += files;
  if (context_.progress) context_.progress(progress_);
}

}  // namespace throng::storage
