// FailingDisk: the real disk with failures at the nth operation of a kind. Syncs are counted only:
// they cost a test seconds on a busy machine. Thread-safe.
//
//   FailingDisk disk;
//   disk.FailAt(DiskOperation::kWrite, 3, ResourceExhaustedError("full"));
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "os/disk/directory_tree.h"

namespace throng::storage::testing {

enum class DiskOperation : uint8_t {
  kMakeDirectory,
  kCreate,
  kWrite,
  kRead,
  kSync,
  kSyncDirectory,
  kRename,
  kFreeBytes,
};

class FailingDisk final : public os::DirectoryTree {
 public:
  // The `number`th (from 1) fails, once.
  void FailAt(DiskOperation operation, int number, Status status) {
    const std::lock_guard lock(mutex_);
    failures_.insert_or_assign({operation, number}, std::move(status));
  }
  // What is told of free space, one after the other; the last one stays. Empty: what there is.
  void SetFreeBytes(std::deque<uint64_t> answers) {
    const std::lock_guard lock(mutex_);
    free_bytes_ = std::move(answers);
  }
  int count(DiskOperation operation) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(operation);
    return found == counts_.end() ? 0 : found->second;
  }

  Status MakeDirectory(const std::string& path) override {
    THRONG_RETURN_IF_ERROR(Count(DiskOperation::kMakeDirectory));
    return real_.MakeDirectory(path);
  }
  Result<std::unique_ptr<os::StagedFile>> CreateFile(const std::string& path) override {
    THRONG_RETURN_IF_ERROR(Count(DiskOperation::kCreate));
    THRONG_ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> file, real_.CreateFile(path));
    return std::unique_ptr<os::StagedFile>(std::make_unique<File>(*this, std::move(file)));
  }
  Status SyncDirectory(const std::string&) override { return Count(DiskOperation::kSyncDirectory); }
  Status Rename(const std::string& from, const std::string& to) override {
    THRONG_RETURN_IF_ERROR(Count(DiskOperation::kRename));
    return real_.Rename(from, to);
  }
  Status Exchange(const std::string& a, const std::string& b) override {
    return real_.Exchange(a, b);
  }
  Status RemoveTree(const std::string& path) override { return real_.RemoveTree(path); }
  Result<uint64_t> FreeBytes(const std::string& path) override {
    THRONG_RETURN_IF_ERROR(Count(DiskOperation::kFreeBytes));
    const std::lock_guard lock(mutex_);
    if (free_bytes_.empty()) return real_.FreeBytes(path);
    const uint64_t bytes = free_bytes_.front();
    if (free_bytes_.size() > 1) free_bytes_.pop_front();
    return bytes;
  }

 private:
  class File final : public os::StagedFile {
   public:
    File(FailingDisk& disk, std::unique_ptr<os::StagedFile> file)
        : disk_(disk), file_(std::move(file)) {}
    Status WriteAt(uint64_t offset, std::string_view bytes) override {
      THRONG_RETURN_IF_ERROR(disk_.Count(DiskOperation::kWrite));
      return file_->WriteAt(offset, bytes);
    }
    Result<size_t> ReadAt(uint64_t offset, std::span<char> buffer) override {
      THRONG_RETURN_IF_ERROR(disk_.Count(DiskOperation::kRead));
      return file_->ReadAt(offset, buffer);
    }
    Result<uint64_t> Size() override { return file_->Size(); }
    Status Truncate(uint64_t size_bytes) override { return file_->Truncate(size_bytes); }
    Status Sync() override { return disk_.Count(DiskOperation::kSync); }

   private:
    FailingDisk& disk_;
    const std::unique_ptr<os::StagedFile> file_;
  };

  Status Count(DiskOperation operation) {
    const std::lock_guard lock(mutex_);
    const int number = ++counts_[operation];
    const auto found = failures_.find({operation, number});
    return found == failures_.end() ? OkStatus() : found->second;
  }

  os::DirectoryTree& real_ = os::RealDirectoryTree();
  mutable std::mutex mutex_;
  std::map<DiskOperation, int> counts_;
  std::map<std::pair<DiskOperation, int>, Status> failures_;
  std::deque<uint64_t> free_bytes_;
};

}  // namespace throng::storage::testing
