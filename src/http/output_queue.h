// Bytes on their way to one socket: heads and small bodies gathered in shared buffers, large bodies
// moved in as they are, all written with as few system calls as possible. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/spare_memory.h"

namespace throng::http {

class OutputQueue {
 public:
  enum class Progress : uint8_t { kAllSent, kBlocked, kFailed };

  explicit OutputQueue(BufferPool& pool) : pool_(pool) {}

  bool empty() const { return unsent_bytes_ == 0; }
  size_t unsent_bytes() const { return unsent_bytes_; }
  uint64_t sent_bytes() const { return sent_bytes_; }

  // A buffer to append to; call Appended afterwards.
  std::string& Tail();
  void Appended();
  void Append(std::string body);
  void AppendCopy(std::string_view bytes);

  // Writes until all is sent or the socket takes no more. The memory goes back when all is sent.
  Progress Write(int fd);
  void Clear();

 private:
  void Drop(size_t bytes);

  BufferPool& pool_;
  std::vector<std::string> segments_;
  size_t first_segment_ = 0;  // those before are sent
  size_t first_offset_ = 0;   // of the first segment
  size_t tail_bytes_ = 0;     // counted bytes of the last segment, when it is open
  bool tail_open_ = false;
  size_t unsent_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
};

}  // namespace throng::http
