#include "agent/disk/model_store.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/control_limits.h"
#include "base/kill_point.h"
#include "base/limits.h"
#include "os/disk/owned_files.h"
#include "storage/checksum.h"

namespace throng::agent {
namespace {

constexpr std::string_view kSuccessPrefix = "SUCCESS.";
constexpr std::string_view kRecordSuffix = ".json";
constexpr int kDepth = 64;  // of folders in a model

// The disk, or this process, is in trouble: nothing is known of what should have been read.
bool MayPass(StatusCode code) {
  return code == StatusCode::kUnavailable || code == StatusCode::kPermissionDenied ||
         code == StatusCode::kResourceExhausted;
}

// Files beneath `directory`, sorted; regular ones only, because the fetcher makes no others.
Status ListFiles(const os::BeneathDirectory& directory, const std::string& relative, int depth,
                 std::vector<std::string>& paths) {
  if (depth > kDepth) return InvalidArgumentError("folders are nested too deeply");
  THRONG_ASSIGN_OR_RETURN(const auto entries, directory.List(relative));
  for (const os::DirectoryEntry& entry : entries) {
    const std::string path = relative.empty() ? entry.name : os::JoinPath(relative, entry.name);
    if (entry.kind == os::FileKind::kDirectory) {
      THRONG_RETURN_IF_ERROR(ListFiles(directory, path, depth + 1, paths));
    } else {
      paths.push_back(path);
    }
  }
  return OkStatus();
}

Result<std::string> HashFile(const os::BeneathDirectory& directory, const std::string& path) {
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd file, directory.OpenFile(path));
  constexpr size_t kChunkBytes = size_t{256} * 1024;
  std::vector<char> buffer(kChunkBytes);
  storage::Hasher hasher(storage::Checksum::kSha256);
  for (uint64_t offset = 0;;) {
    THRONG_ASSIGN_OR_RETURN(const size_t count, os::ReadFileAt(file.get(), offset, buffer));
    if (count == 0) break;
    hasher.Update({buffer.data(), count});
    offset += count;
  }
  return storage::Hex(hasher.Finish());
}

}  // namespace

ModelStore::ModelStore(StoreOptions options)
    : options_(std::move(options)),
      disk_(options_.disk == nullptr ? os::RealDirectoryTree() : *options_.disk),
      files_(options_.files == nullptr ? os::RealFileSystem() : *options_.files) {}

std::string ModelStore::ModelPath(const std::string& model) const {
  return os::JoinPath(options_.models, model);
}

std::string ModelStore::StagingPath(const std::string& model) const {
  return os::JoinPath(options_.staging, model);
}

std::string ModelStore::RecordPath(const std::string& model) const {
  // A file's name is not much longer than the longest model's.
  constexpr size_t kPlainBytes = 200;
  const std::string name =
      model.size() <= kPlainBytes ? model : storage::Hex(storage::Sha256(model));
  return os::JoinPath(options_.records, name + std::string(kRecordSuffix));
}

Status ModelStore::Prepare() const {
  if (!options_.shares_models) THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(options_.models));
  THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(options_.staging));
  return os::EnsurePrivateDirectory(options_.records);
}

// --- Recovery -------------------------------------------------------------------------------

ModelStore::Recovered ModelStore::Recover() const {
  Recovered recovered;
  const auto entries = files_.List(options_.records);
  bool all_known = entries.ok() || entries.status().code() == StatusCode::kNotFound;
  if (!entries.ok()) recovered.problems.push_back("records: " + entries.status().message());
  for (const os::DirectoryEntry& entry :
       entries.ok() ? *entries : std::vector<os::DirectoryEntry>()) {
    const std::string path = os::JoinPath(options_.records, entry.name);
    Result<ModelRecord> record =
        entry.name.ends_with(kRecordSuffix) ? ReadRecord(path) : InvalidArgumentError("no record");
    if (!record.ok() && MayPass(record.status().code())) {
      all_known = false;
      recovered.problems.push_back("record '" + entry.name +
                                   "' cannot be read: " + record.status().message());
      continue;
    }
    if (record.ok() && RecordPath(record->model) == path && RecoverOne(*record)) {
      recovered.models.push_back(std::move(*record));
      continue;
    }
    recovered.problems.push_back("record '" + entry.name + "' has no whole model: it is removed");
    (void)disk_.RemoveTree(path);
  }
  // What is recorded and could not be read is no stranger.
  if (!all_known) return recovered;
  RecoverCandidates(recovered);
  RemoveStrangers(recovered);
  return recovered;
}

Result<ModelRecord> ModelStore::ReadRecord(const std::string& path) const {
  THRONG_ASSIGN_OR_RETURN(const std::string text, files_.Read(path, limits::kAgentRecordBytes));
  return RecordFromText(text);
}

bool ModelStore::IsWhole(const ModelRecord& record, const std::string& path) const {
  const auto sealed = ReadRecord(os::JoinPath(path, record.success_file));
  if (!sealed.ok() || sealed->fetch_id != record.fetch_id) return false;
  const auto directory = os::BeneathDirectory::Open(path);
  if (!directory.ok()) return false;
  return std::all_of(record.files.begin(), record.files.end(), [&](const RecordedFile& file) {
    const auto info = directory->Stat(file.path);
    if (!info.ok() || info->kind != os::FileKind::kRegular) return false;
    if (info->size_bytes != file.size_bytes) return false;
    if (info->modified_ns == file.modified_ns) return true;
    const auto sha256 = HashFile(*directory, file.path);
    return sha256.ok() && *sha256 == file.sha256;
  });
}

// What is recorded may lie in staging, when the agent ended between two steps.
bool ModelStore::RecoverOne(const ModelRecord& record) const {
  const std::string place = ModelPath(record.model);
  if (IsWhole(record, place)) return true;
  const std::string staged = StagingPath(record.model);
  if (!IsWhole(record, staged)) return false;
  Status moved = disk_.Rename(staged, place);
  if (moved.code() == StatusCode::kAlreadyExists) moved = disk_.Exchange(staged, place);
  return moved.ok() && disk_.SyncDirectory(options_.models).ok();
}

// Its SUCCESS file is the last that is written of a fetch. Nobody has vouched for these bytes
// since, so every one is read.
std::optional<ModelRecord> ModelStore::ReadSealed(const std::string& model,
                                                  const std::string& path) const {
  const auto entries = files_.List(path);
  if (!entries.ok()) return std::nullopt;
  for (const os::DirectoryEntry& entry : *entries) {
    if (!entry.name.starts_with(kSuccessPrefix)) continue;
    auto record = ReadRecord(os::JoinPath(path, entry.name));
    const bool is_its = record.ok() && record->model == model && record->success_file == entry.name;
    if (is_its && VerifyIn(path, *record).ok()) return *std::move(record);
  }
  return std::nullopt;
}

void ModelStore::RecoverCandidates(Recovered& recovered) const {
  std::set<std::string> recorded;
  for (const ModelRecord& record : recovered.models) recorded.insert(record.model);
  const auto entries = files_.List(options_.models);
  for (const os::DirectoryEntry& entry :
       entries.ok() ? *entries : std::vector<os::DirectoryEntry>()) {
    if (recorded.contains(entry.name)) continue;
    const std::string place = ModelPath(entry.name);
    auto record = ReadSealed(entry.name, place);
    if (!record) continue;
    // As if it had not been put in its place: there is only what is recorded. What is staged itself
    // may hold a SUCCESS file of the bucket's, and is fetched again.
    const std::string staged = StagingPath(entry.name);
    if (!disk_.RemoveTree(staged).ok() || !disk_.Rename(place, staged).ok()) continue;
    recovered.candidates.push_back(*std::move(record));
  }
}

bool ModelStore::IsOurs(const std::string& directory) const {
  if (!options_.shares_models) return true;
  const auto entries = files_.List(directory);
  return entries.ok() &&
         std::any_of(entries->begin(), entries->end(), [](const os::DirectoryEntry& entry) {
           return entry.name.starts_with(kSuccessPrefix);
         });
}

// Also when its SUCCESS file is gone, as long as there is a record.
bool ModelStore::MayReplace(const std::string& model) const {
  return IsOurs(ModelPath(model)) || ReadRecord(RecordPath(model)).ok();
}

void ModelStore::RemoveStrangers(Recovered& recovered) const {
  std::set<std::string> kept;
  std::set<std::string> staged;
  for (const ModelRecord& record : recovered.models) kept.insert(record.model);
  if (const auto entries = files_.List(options_.models); entries.ok()) {
    for (const os::DirectoryEntry& entry : *entries) {
      const std::string path = os::JoinPath(options_.models, entry.name);
      if (kept.contains(entry.name) || (entry.name.front() == '.' && options_.shares_models)) {
        continue;
      }
      if (!IsOurs(path)) continue;
      recovered.problems.push_back("'" + entry.name + "' is not recorded: it is removed");
      (void)disk_.RemoveTree(path);
    }
  }
  for (const ModelRecord& record : recovered.candidates) staged.insert(record.model);
  if (const auto entries = files_.List(options_.staging); entries.ok()) {
    for (const os::DirectoryEntry& entry : *entries) {
      if (staged.contains(entry.name)) continue;
      (void)disk_.RemoveTree(os::JoinPath(options_.staging, entry.name));
    }
  }
}

// --- One model ------------------------------------------------------------------------------

Status ModelStore::ClearStaging(const std::string& model) const {
  return disk_.RemoveTree(StagingPath(model));
}

Result<std::string> ModelStore::ReadStaged(const std::string& model, const std::string& file,
                                           uint64_t max_bytes) const {
  return files_.Read(os::JoinPath(StagingPath(model), file), max_bytes);
}

Status ModelStore::Seal(ModelRecord& record) const {
  const std::string path = StagingPath(record.model);
  THRONG_ASSIGN_OR_RETURN(const auto directory, os::BeneathDirectory::Open(path));
  std::vector<std::string> names;
  THRONG_RETURN_IF_ERROR(ListFiles(directory, "", 0, names));
  record.files.clear();
  record.bytes = 0;
  for (const std::string& name : names) {
    // A bucket that KServe's agent wrote to may hold one; it would say something else.
    if (name.starts_with(kSuccessPrefix) && name.find('/') == std::string::npos) {
      THRONG_RETURN_IF_ERROR(disk_.RemoveTree(os::JoinPath(path, name)));
      continue;
    }
    THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, directory.Stat(name));
    THRONG_ASSIGN_OR_RETURN(std::string sha256, HashFile(directory, name));
    record.bytes += info.size_bytes;
    record.files.push_back({name, info.size_bytes, info.modified_ns, std::move(sha256)});
  }
  const std::string success = os::JoinPath(path, record.success_file);
  THRONG_ASSIGN_OR_RETURN(const auto file, disk_.CreateFile(success));
  THRONG_RETURN_IF_ERROR(file->WriteAt(0, RecordToText(record)));
  THRONG_RETURN_IF_ERROR(file->Sync());
  KillPoint("agent.success.written");
  return disk_.SyncDirectory(path);
}

Result<bool> ModelStore::Install(const std::string& model) const {
  const std::string staged = StagingPath(model);
  const std::string place = ModelPath(model);
  const Status renamed = disk_.Rename(staged, place);
  const bool had_previous = renamed.code() == StatusCode::kAlreadyExists;
  if (had_previous && !MayReplace(model)) {
    return FailedPreconditionError("a folder of that name is there that is somebody else's");
  }
  if (had_previous) {
    THRONG_RETURN_IF_ERROR(disk_.Exchange(staged, place));
  } else if (!renamed.ok()) {
    return renamed;
  }
  KillPoint("agent.model.installed");
  return had_previous;
}

Status ModelStore::RollBack(const std::string& model, bool had_previous) const {
  const std::string staged = StagingPath(model);
  const std::string place = ModelPath(model);
  const Status back = had_previous ? disk_.Exchange(staged, place) : disk_.Rename(place, staged);
  KillPoint("agent.model.rolled_back");
  return back;
}

// Only here must the names on disk be what they seem: Recover finds the recorded one in either
// place.
Status ModelStore::Commit(const ModelRecord& record) const {
  THRONG_RETURN_IF_ERROR(disk_.SyncDirectory(options_.models));
  THRONG_RETURN_IF_ERROR(os::WritePrivateFile(RecordPath(record.model), RecordToText(record)));
  KillPoint("agent.record.written");
  return ClearStaging(record.model);
}

Status ModelStore::Remove(const std::string& model) const {
  const bool is_ours = MayReplace(model);
  THRONG_RETURN_IF_ERROR(os::RemoveFile(RecordPath(model)));
  KillPoint("agent.record.removed");
  THRONG_RETURN_IF_ERROR(ClearStaging(model));
  const std::string staged = StagingPath(model);
  if (!is_ours) return OkStatus();  // or it is not there
  const Status moved = disk_.Rename(ModelPath(model), staged);
  if (moved.code() == StatusCode::kNotFound) return OkStatus();
  THRONG_RETURN_IF_ERROR(moved);
  KillPoint("agent.bytes.moved");
  THRONG_RETURN_IF_ERROR(disk_.RemoveTree(staged));
  KillPoint("agent.bytes.removed");
  return OkStatus();
}

Status ModelStore::Verify(const ModelRecord& record) const {
  return VerifyIn(ModelPath(record.model), record);
}

Status ModelStore::VerifyIn(const std::string& path, const ModelRecord& record) {
  const auto damaged = [] { return DataLossError("the files of the model were changed on disk"); };
  const auto directory = os::BeneathDirectory::Open(path);
  if (!directory.ok()) return damaged();
  for (const RecordedFile& file : record.files) {
    const auto sha256 = HashFile(*directory, file.path);
    if (!sha256.ok() || *sha256 != file.sha256) return damaged();
  }
  return OkStatus();
}

}  // namespace throng::agent
