// Memory files (memfd) and mappings: arenas between the front door and cells, and the bytes of
// artefacts. Sealed against shrinking and growing before they are shared, so that a peer's truncate
// cannot become our SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

// A mapping that unmaps itself. Movable.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::byte* data() const { return data_; }
  size_t size() const { return size_bytes_; }
  std::span<std::byte> bytes() const { return {data_, size_bytes_}; }

  // ERRORS: kResourceExhausted — no address space or descriptor.
  static Result<Mapping> Map(int fd, size_t size_bytes, bool writable);

 private:
  std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

// A memfd of `size_bytes` (sparse), sealed against shrink, grow and further seals. `name` shows in
// /proc only. Close-on-exec.
Result<UniqueFd> CreateArenaFile(std::string_view name, size_t size_bytes);

// A memfd, not sealed yet, to be filled by writing; then SealReadOnly.
Result<UniqueFd> CreateMemoryFile(std::string_view name);
// Writes `bytes` after what `fd` holds. REQUIRES: not sealed. ERRORS: kResourceExhausted.
Status AppendBytes(int fd, std::string_view bytes);
// Seals against write, shrink, grow and further seals. REQUIRES: no writable mapping of it exists.
Status SealReadOnly(int fd);

// A second descriptor of the same memory file that can only be read and mapped read-only.
Result<UniqueFd> ReopenReadOnly(int fd);

// Gives the pages of [offset, offset+size) back to the system; reads as zero afterwards.
Status PunchHole(int fd, uint64_t offset, uint64_t size_bytes);

// Bytes that the file really occupies (not its sparse length).
Result<uint64_t> AllocatedBytes(int fd);
Result<uint64_t> FileSize(int fd);

}  // namespace throng::os
