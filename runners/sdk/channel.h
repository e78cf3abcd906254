// Channel: a runner's end of a stream socket to the front door: frames and descriptors in, replies
// out. Replies are gathered and sent together by Flush. Owned by the zygote or the cell that reads
// it; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/status.h"
#include "os/unique_fd.h"
#include "wire/frame_reader.h"
#include "wire/messages.h"

namespace throng::sdk {

// CLOCK_MONOTONIC.
uint64_t NowNs();

class Channel {
 public:
  enum class Wait : uint8_t { kBlock, kDontWait };
  enum class Event : uint8_t { kBytes, kNothing, kEnd };

  explicit Channel(os::UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  // One read of the socket. kEnd: the other side has closed, or the socket is broken.
  Event Receive(Wait wait);
  // The next whole frame of what was received; its body is valid until the next call of Next or
  // Receive. ERRORS: kInvalidArgument — the stream is not the protocol; give it up.
  Result<std::optional<wire::Frame>> Next() { return reader_.Next(); }
  // The oldest descriptor that came and was not taken. Invalid when there is none.
  os::UniqueFd TakeDescriptor();

  // Encode replies to the end of this, then Flush (now or later).
  std::vector<std::byte>& unsent() { return unsent_; }
  // Blocks until all is sent. False: the other side is gone.
  bool Flush();

 private:
  os::UniqueFd socket_;
  wire::FrameReader reader_;
  std::deque<os::UniqueFd> descriptors_;
  std::vector<std::byte> unsent_;
};

}  // namespace throng::sdk
