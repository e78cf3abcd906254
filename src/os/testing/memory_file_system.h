// MemoryFileSystem: a FileSystem without a disk, for tests of what reads folders. It passes the
// same contract test as the real one (os/file_test.cc). Paths are compared as text, after leaving
// out empty and "." components. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "os/file.h"

namespace throng::os::testing {

class MemoryFileSystem final : public FileSystem {
 public:
  // Makes the directories above it too. Replaces what is there, with a new inode and time.
  void PutFile(const std::string& path, std::string content);
  void MakeDirectory(const std::string& path);
  // Neither file nor directory: a FIFO, a device.
  void PutOther(const std::string& path);
  // With all beneath it. No effect when absent.
  void Remove(const std::string& path);
  // Every access to `path` fails with `failure` from now on; OkStatus() ends that.
  void Fail(const std::string& path, const Status& failure);
  // The next AppendTo of `path` sees it change while reading.
  void ChangeDuringNextAppend(const std::string& path);

  Result<FileInfo> Stat(const std::string& path) const override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) const override;
  Result<std::string> Read(const std::string& path, uint64_t max_bytes) const override;
  Result<std::string> ReadPrefix(const std::string& path, uint64_t max_bytes) const override;
  Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                uint64_t size_bytes) const override;
  Result<uint64_t> AppendTo(const std::string& path, int fd, uint64_t max_bytes) const override;
  Status WriteAtomically(const std::string& path, std::string_view content) override;

 private:
  struct Node {
    FileKind kind = FileKind::kDirectory;
    std::string content;
    int64_t modified_ns = 0;
    uint64_t inode = 0;
    bool changes_during_append = false;
  };

  Node& Put(const std::string& path, FileKind kind) THRONG_REQUIRES(mutex_);
  const Node* Find(const std::string& normal) const THRONG_REQUIRES(mutex_);
  Status Failure(const std::string& normal) const THRONG_REQUIRES(mutex_);
  Result<std::string> Content(const std::string& path) const THRONG_REQUIRES(mutex_);

  mutable Mutex mutex_;
  mutable std::map<std::string, Node> nodes_ THRONG_GUARDED_BY(mutex_);
  std::map<std::string, Status> failures_ THRONG_GUARDED_BY(mutex_);
  uint64_t changes_ THRONG_GUARDED_BY(mutex_) = 0;
};

}  // namespace throng::os::testing
