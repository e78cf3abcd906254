#include "storage/fetcher.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/control_limits.h"
#include "base/limits.h"
#include "base/random.h"
#include "os/file.h"
#include "storage/archive.h"
#include "storage/checksum.h"
#include "storage/downloader.h"
#include "storage/path_rules.h"
#include "storage/retry.h"
#include "storage/scheme_table.h"

namespace throng::storage {
namespace {

constexpr std::string_view kStagingPrefix = ".fetch-";
// Stays free behind a model. Others write to the same disk: the store of objects, without which
// nobody could delete the model that filled it; logs; the next version of this one.
constexpr uint64_t kSpareBytes = 4ULL * 1024 * 1024;

// Folders of a staging directory: made when a file needs them, and all synced at the end.
class FolderMaker {
 public:
  FolderMaker(os::DirectoryTree& disk, std::string root) : disk_(disk), root_(std::move(root)) {}

  std::string PathOf(const std::string& relative) const { return os::JoinPath(root_, relative); }

  Status MakeFolder(const std::string& relative) {
    if (!made_.insert(relative).second) return OkStatus();
    return disk_.MakeDirectory(PathOf(relative));
  }
  // `relative` was checked: its segments are names.
  Status MakeFoldersAbove(const std::string& relative) {
    for (size_t slash = relative.find('/'); slash != std::string::npos;
         slash = relative.find('/', slash + 1)) {
      THRONG_RETURN_IF_ERROR(MakeFolder(relative.substr(0, slash)));
    }
    return OkStatus();
  }
  Status SyncAll() const {
    for (const std::string& relative : made_) {
      THRONG_RETURN_IF_ERROR(disk_.SyncDirectory(PathOf(relative)));
    }
    return disk_.SyncDirectory(root_);
  }

 private:
  os::DirectoryTree& disk_;
  const std::string root_;
  std::set<std::string> made_;
};

// Members of an archive become files of the staging directory.
class DiskSink final : public ArchiveSink {
 public:
  DiskSink(os::DirectoryTree& disk, FolderMaker& folders) : disk_(disk), folders_(folders) {}

  Status AddFolder(const std::string& path) override {
    THRONG_RETURN_IF_ERROR(Keep(folders_.MakeFoldersAbove(path)));
    return Keep(folders_.MakeFolder(path));
  }
  Status StartFile(const std::string& path) override {
    THRONG_RETURN_IF_ERROR(Keep(folders_.MakeFoldersAbove(path)));
    Result<std::unique_ptr<os::StagedFile>> file = disk_.CreateFile(folders_.PathOf(path));
    if (!file.ok()) return Keep(file.status());
    file_ = std::move(*file);
    offset_ = 0;
    ++files_;
    return OkStatus();
  }
  Status Write(std::string_view bytes) override {
    THRONG_RETURN_IF_ERROR(Keep(file_->WriteAt(offset_, bytes)));
    offset_ += bytes.size();
    bytes_ += bytes.size();
    return OkStatus();
  }
  Status EndFile() override {
    const Status status = Keep(file_->Sync());
    file_.reset();
    return status;
  }

  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  const FetchFailure& disk_failure() const { return disk_failure_; }

 private:
  Status Keep(const Status& status) {
    if (!status.ok() && disk_failure_.ok()) disk_failure_ = DiskFailure(status);
    return status;
  }

  os::DirectoryTree& disk_;
  FolderMaker& folders_;
  std::unique_ptr<os::StagedFile> file_;
  uint64_t offset_ = 0;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
  FetchFailure disk_failure_;
};

// Names the state of what was listed. Empty when an object has neither version nor checksum.
std::string VersionText(const Listing& listing) {
  std::vector<std::string> lines;
  for (const ObjectInfo& object : listing.objects) {
    const std::string version = object.version.empty() ? Hex(object.digest) : object.version;
    if (version.empty()) return "";
    lines.push_back(object.relative_path + '\0' + version + '\0' +
                    std::to_string(object.size_bytes) + '\n');
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return Hex(Sha256(text));
}

// As FetchReport::digest says.
std::string DigestOf(const std::vector<DownloadTarget>& targets) {
  if (targets.size() == 1) return Hex(targets.front().sha256);
  std::vector<const DownloadTarget*> sorted;
  for (const DownloadTarget& target : targets) sorted.push_back(&target);
  std::sort(sorted.begin(), sorted.end(), [](const DownloadTarget* a, const DownloadTarget* b) {
    return a->object.relative_path < b->object.relative_path;
  });
  std::string text;
  for (const DownloadTarget* target : sorted) {
    text += Hex(target->sha256) + "  " + target->object.relative_path + "\n";
  }
  return Hex(Sha256(text));
}

// What a provider listed is not believed: names, counts, sizes.
Status CheckListing(const Listing& listing, uint64_t& total_bytes) {
  if (listing.objects.empty()) return NotFoundError("nothing is there");
  if (!listing.archive.empty() && listing.objects.size() != 1) {
    return InternalError("an archive is one object");
  }
  PathRules rules;
  total_bytes = 0;
  for (const ObjectInfo& object : listing.objects) {
    THRONG_RETURN_IF_ERROR(rules.AddFile(object.relative_path));
    if (!object.size_known) continue;
    if (object.size_bytes > limits::kArtifactBytes - total_bytes) {
      return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactBytes) +
                                    " bytes");
    }
    total_bytes += object.size_bytes;
  }
  return OkStatus();
}

class FetchJob {
 public:
  FetchJob(const StorageOptions& options, const FetcherSeams& seams, const FetchRequest& request)
      : options_(options),
        seams_(seams),
        request_(request),
        clock_(*seams.clock),
        disk_(*seams.disk),
        // Fetches that fail together do not come back together.
        random_(seams.random_seed ^ static_cast<uint64_t>(clock_.Now().time_since_epoch().count())),
        retrier_(seams.wait, random_.Next(), *seams.clock, request.deadline) {}

  FetchOutcome Fetch() {
    const MonotonicTime start = clock_.Now();
    FetchOutcome outcome;
    FetchFailure failure = Prepare();
    for (int attempt = 0; failure.ok() && attempt < limits::kStorageRereads; ++attempt) {
      failure = FetchOnce(outcome.report);
      // It changed under us: what is there now is wanted, as a whole.
      if (failure.status.code() != StatusCode::kAborted) break;
      if (attempt + 1 < limits::kStorageRereads) failure = {};
    }
    outcome.status = failure.status;
    outcome.reason = failure.reason;
    if (!failure.ok()) outcome.report = {};
    outcome.report.duration = clock_.Now() - start;
    outcome.report.retries = retrier_.retries();
    return outcome;
  }

  VersionOutcome CheckVersion() {
    VersionOutcome outcome;
    FetchFailure failure = MakeProviderOfUri();
    Listing listing;
    CancelFlag stop(request_.cancel);
    if (failure.ok()) failure = List(stop, listing);
    if (failure.ok()) outcome.version_text = VersionText(listing);
    outcome.status = failure.status;
    outcome.reason = failure.reason;
    return outcome;
  }

 private:
  FetchFailure MakeProviderOfUri() {
    Result<StorageUri> uri = ParseStorageUri(request_.uri);
    if (!uri.ok()) {
      return {uri.status(), uri.status().code() == StatusCode::kUnimplemented
                                ? FetchReason::kStorageNotSupported
                                : FetchReason::kStorageDenied};
    }
    uri_ = std::move(*uri);
    Result<std::unique_ptr<StorageProvider>> provider =
        seams_.make_provider ? seams_.make_provider(uri_, request_.credentials)
                             : MakeProvider({options_, request_.credentials, clock_}, uri_);
    if (!provider.ok()) {
      // Credentials that cannot be used are as good as refused ones.
      if (provider.status().code() == StatusCode::kInvalidArgument) {
        return {provider.status(), FetchReason::kStorageDenied};
      }
      return StoreFailure(provider.status());
    }
    provider_ = std::move(*provider);
    return {};
  }

  FetchFailure Prepare() {
    pin_ = request_.expected_sha256;
    if (!pin_.empty()) {
      const std::optional<std::string> raw = FromHex(pin_);
      if (!raw || raw->size() != 32) {
        return {InvalidArgumentError("sha256: not 64 hexadecimal digits"),
                FetchReason::kChecksumMismatch};
      }
      pin_ = Hex(*raw);
    }
    const Result<os::FileInfo> there = os::RealFileSystem().Stat(request_.destination);
    if (!there.ok()) return DiskFailure(there.status());
    if (there->kind != os::FileKind::kAbsent) {
      return DiskFailure(AlreadyExistsError("the destination is there already"));
    }
    return MakeProviderOfUri();
  }

  FetchFailure List(CancelFlag& stop, Listing& listing) {
    const Deadline deadline{clock_, request_.deadline, &stop};
    const Status status = retrier_.Run(stop, [&]() -> Retrier::Attempt {
      Result<Listing> result = provider_->List(uri_, deadline);
      if (!result.ok()) return {result.status()};
      listing = std::move(*result);
      return {};
    });
    if (!status.ok()) return StoreFailure(status);
    return StoreFailure(CheckListing(listing, total_bytes_));
  }

  // Listing, reading, verifying and renaming, in a staging directory that is gone afterwards.
  FetchFailure FetchOnce(FetchReport& report) {
    CancelFlag stop(request_.cancel);
    Listing listing;
    if (FetchFailure failure = List(stop, listing); !failure.ok()) return failure;
    const std::string parent = os::DirectoryName(request_.destination);
    if (FetchFailure failure = CheckSpace(parent, total_bytes_); !failure.ok()) return failure;
    std::string staging;
    if (FetchFailure failure = MakeStaging(parent, staging); !failure.ok()) return failure;
    FetchFailure failure = FetchInto(staging, listing, stop, report);
    const Status removed = disk_.RemoveTree(staging);
    if (failure.ok() && !removed.ok()) {
      // The model is there; what is left over is taken away by RemoveLeftovers.
      return {};
    }
    return failure;
  }

  FetchFailure CheckSpace(const std::string& parent, uint64_t needed_bytes) const {
    const Result<uint64_t> free_bytes = disk_.FreeBytes(parent);
    if (!free_bytes.ok()) return DiskFailure(free_bytes.status());
    if (*free_bytes >= kSpareBytes && needed_bytes <= *free_bytes - kSpareBytes) return {};
    return DiskFailure(ResourceExhaustedError("not enough free space for the model"));
  }

  FetchFailure MakeStaging(const std::string& parent, std::string& staging) {
    constexpr int kAttempts = 16;
    Status status;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const uint64_t number = random_.Next();
      const std::string name(reinterpret_cast<const char*>(&number), sizeof(number));
      staging = os::JoinPath(parent, std::string(kStagingPrefix) + Hex(name));
      status = disk_.MakeDirectory(staging);
      if (status.code() != StatusCode::kAlreadyExists) break;
    }
    return DiskFailure(status);
  }

  FetchFailure FetchInto(const std::string& staging, const Listing& listing, CancelFlag& stop,
                         FetchReport& report) {
    const std::string content = os::JoinPath(staging, "content");
    if (const Status made = disk_.MakeDirectory(content); !made.ok()) return DiskFailure(made);
    FolderMaker folders(disk_, content);
    std::vector<DownloadTarget> targets;
    for (const ObjectInfo& object : listing.objects) {
      std::string path = folders.PathOf(object.relative_path);
      if (!listing.archive.empty()) {
        path = os::JoinPath(staging, "archive");
      } else if (const Status made = folders.MakeFoldersAbove(object.relative_path); !made.ok()) {
        return DiskFailure(made);
      }
      targets.push_back({.object = object, .path = std::move(path), .sha256 = ""});
    }
    const Deadline deadline{clock_, request_.deadline, &stop};
    const DownloadContext context{*provider_,       uri_, disk_, retrier_, deadline, stop,
                                  request_.progress};
    FetchFailure failure = Downloader(context, targets).Run();
    if (!failure.ok()) return failure;
    if (failure = CheckWhole(targets, listing, report); !failure.ok()) return failure;
    if (!listing.archive.empty()) {
      failure = Unpack(listing.archive, targets.front(), folders, stop, report);
      if (!failure.ok()) return failure;
    }
    return Publish(folders, content);
  }

  FetchFailure CheckWhole(const std::vector<DownloadTarget>& targets, const Listing& listing,
                          FetchReport& report) const {
    report = {};
    report.files = targets.size();
    for (const DownloadTarget& target : targets) report.bytes += target.object.size_bytes;
    if (report.bytes > limits::kArtifactBytes) {
      return StoreFailure(
          ResourceExhaustedError("more than " + std::to_string(limits::kArtifactBytes) + " bytes"));
    }
    report.digest = DigestOf(targets);
    report.version_text = VersionText(listing);
    if (pin_.empty() || pin_ == report.digest) return {};
    return StoreFailure(DataLossError("the model's SHA-256 is " + report.digest +
                                      ", not the one that is asked for"));
  }

  FetchFailure Unpack(const std::string& kind, const DownloadTarget& target, FolderMaker& folders,
                      CancelFlag& stop, FetchReport& report) {
    const Result<os::BeneathDirectory> staging =
        os::BeneathDirectory::Open(os::DirectoryName(target.path));
    if (!staging.ok()) return DiskFailure(staging.status());
    const Result<os::UniqueFd> file = staging->OpenFile(std::string(os::BaseName(target.path)));
    if (!file.ok()) return DiskFailure(file.status());
    FetchFailure read_failure;
    const ArchiveSource source{.size_bytes = target.object.size_bytes,
                               .read_at = [&](uint64_t offset, std::span<char> buffer) {
                                 Result<size_t> count = os::ReadFileAt(file->get(), offset, buffer);
                                 if (!count.ok()) read_failure = DiskFailure(count.status());
                                 return count;
                               }};
    DiskSink sink(disk_, folders);
    const Status status = UnpackArchive(kind, source, sink, [&]() -> Status {
      if (stop.cancelled()) return CancelledError("the fetch was cancelled");
      if (clock_.Now() < request_.deadline) return OkStatus();
      return DeadlineExceededError("the deadline passed while unpacking");
    });
    if (!sink.disk_failure().ok()) return sink.disk_failure();
    if (!read_failure.ok()) return read_failure;
    if (!status.ok()) return StoreFailure(status);
    report.files = sink.files();
    report.bytes = sink.bytes();
    return {};
  }

  // From here on it is there, also after a power cut; or it never was.
  FetchFailure Publish(const FolderMaker& folders, const std::string& content) {
    if (request_.cancel != nullptr && request_.cancel->cancelled()) {
      return StoreFailure(CancelledError("the fetch was cancelled"));
    }
    if (const Status synced = folders.SyncAll(); !synced.ok()) return DiskFailure(synced);
    // What was unpacked was not known before, and others may have fetched as well.
    const std::string parent = os::DirectoryName(request_.destination);
    if (FetchFailure failure = CheckSpace(parent, 0); !failure.ok()) return failure;
    const Status renamed = disk_.Rename(content, request_.destination);
    if (!renamed.ok()) return DiskFailure(renamed);
    const Status synced = disk_.SyncDirectory(parent);
    if (synced.ok()) return {};
    // Not known to last: whoever reads "failed" must find nothing. Should this fail as well, the
    // next fetch says that the destination is there.
    (void)disk_.RemoveTree(request_.destination);
    return DiskFailure(synced);
  }

  const StorageOptions& options_;
  const FetcherSeams& seams_;
  const FetchRequest& request_;
  const Clock& clock_;
  os::DirectoryTree& disk_;
  SeededRandom random_;
  Retrier retrier_;
  StorageUri uri_;
  std::string pin_;
  uint64_t total_bytes_ = 0;  // as far as known
  std::unique_ptr<StorageProvider> provider_;
};

}  // namespace

std::string_view FetchReasonName(FetchReason reason) {
  switch (reason) {
    case FetchReason::kNone:
      return "";
    case FetchReason::kStorageDenied:
      return "StorageDenied";
    case FetchReason::kStorageNotSupported:
      return "StorageNotSupported";
    case FetchReason::kStorageNotFound:
      return "StorageNotFound";
    case FetchReason::kStorageUnavailable:
      return "StorageUnavailable";
    case FetchReason::kStorageUntrusted:
      return "StorageUntrusted";
    case FetchReason::kDownloadTimeout:
      return "DownloadTimeout";
    case FetchReason::kChecksumMismatch:
      return "ChecksumMismatch";
    case FetchReason::kModelRefused:
      return "ModelRefused";
    case FetchReason::kModelTooLarge:
      return "ModelTooLarge";
    case FetchReason::kDiskFull:
      return "DiskFull";
    case FetchReason::kDiskFailed:
      return "DiskFailed";
    case FetchReason::kCancelled:
      return "Cancelled";
  }
  return "";
}

Fetcher::Fetcher(StorageOptions options, FetcherSeams seams)
    : options_(std::move(options)), seams_(std::move(seams)) {}

FetchOutcome Fetcher::Fetch(const FetchRequest& request) const {
  return FetchJob(options_, seams_, request).Fetch();
}

VersionOutcome Fetcher::CheckVersion(const FetchRequest& request) const {
  return FetchJob(options_, seams_, request).CheckVersion();
}

Status Fetcher::RemoveLeftovers(const std::string& parent) const {
  THRONG_ASSIGN_OR_RETURN(const std::vector<os::DirectoryEntry> entries,
                          os::RealFileSystem().List(parent));
  Status result;
  for (const os::DirectoryEntry& entry : entries) {
    if (!entry.name.starts_with(kStagingPrefix)) continue;
    const Status removed = seams_.disk->RemoveTree(os::JoinPath(parent, entry.name));
    if (result.ok()) result = removed;
  }
  return result;
}

}  // namespace throng::storage
