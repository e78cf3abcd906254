#include "os/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "os/system_call.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3
#endif

namespace throng::os {
namespace {

Status AddSeals(int fd, int seals) {
  if (fcntl(fd, F_ADD_SEALS, seals) != 0) return ErrnoStatus("sealing a memory file", errno);
  return OkStatus();
}

Result<struct stat> FileStat(int fd) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return ErrnoStatus("reading the size of a memory file", errno);
  return info;
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_bytes_);
}

Result<Mapping> Mapping::Map(int fd, size_t size_bytes, bool writable) {
  Mapping mapping;
  if (size_bytes == 0) return mapping;
  void* address =
      mmap(nullptr, size_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) {
    if (errno == ENOMEM || errno == ENFILE) {
      return ResourceExhaustedError("no address space to map a memory file");
    }
    return ErrnoStatus("mapping a memory file", errno);
  }
  mapping.data_ = static_cast<std::byte*>(address);
  mapping.size_bytes_ = size_bytes;
  return mapping;
}

Result<UniqueFd> CreateArenaFile(std::string_view name, size_t size_bytes) {
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, CreateMemoryFile(name));
  if (ftruncate(fd.get(), static_cast<off_t>(size_bytes)) != 0) {
    return ErrnoStatus("sizing a memory file", errno);
  }
  THRONG_RETURN_IF_ERROR(AddSeals(fd.get(), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
  return fd;
}

Result<UniqueFd> CreateMemoryFile(std::string_view name) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const std::string name_text(name);
  UniqueFd fd(memfd_create(name_text.c_str(), kFlags | MFD_NOEXEC_SEAL));
  if (!fd.valid() && errno == EINVAL) fd.Reset(memfd_create(name_text.c_str(), kFlags));
  if (!fd.valid()) return ErrnoStatus("creating a memory file", errno);
  return fd;
}

Status AppendBytes(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus("writing to a memory file", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

Status SealReadOnly(int fd) {
  return AddSeals(fd, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

Result<UniqueFd> ReopenReadOnly(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd reopened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reopened.valid()) return ErrnoStatus("reopening a memory file", errno);
  return reopened;
}

Status PunchHole(int fd, uint64_t offset, uint64_t size_bytes) {
  if (size_bytes == 0) return OkStatus();
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(size_bytes)) != 0) {
    return ErrnoStatus("trimming a memory file", errno);
  }
  return OkStatus();
}

Result<uint64_t> AllocatedBytes(int fd) {
  constexpr uint64_t kBlockBytes = 512;  // unit of st_blocks, stat(2)
  THRONG_ASSIGN_OR_RETURN(const struct stat info, FileStat(fd));
  return static_cast<uint64_t>(info.st_blocks) * kBlockBytes;
}

Result<uint64_t> FileSize(int fd) {
  THRONG_ASSIGN_OR_RETURN(const struct stat info, FileStat(fd));
  return static_cast<uint64_t>(info.st_size);
}

}  // namespace throng::os
