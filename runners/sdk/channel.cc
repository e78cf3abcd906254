#include "runners/sdk/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <cerrno>
#include <cstring>

namespace throng::sdk {
namespace {

// A Fork brings three descriptors, a Load one; more would be cut off by the kernel and closed.
constexpr size_t kDescriptorsPerRead = 8;

}  // namespace

uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Channel::Event Channel::Receive(Wait wait) {
  const std::span<std::byte> space = reader_.Prepare();
  iovec vector{space.data(), space.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsPerRead * sizeof(int))];
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::kDontWait ? MSG_DONTWAIT : 0);
  ssize_t count;
  do {
    count = recvmsg(socket_.get(), &message, flags);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Event::kNothing;
  if (count <= 0) return Event::kEnd;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t descriptor_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < descriptor_count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      descriptors_.emplace_back(fd);
    }
  }
  reader_.Commit(static_cast<size_t>(count));
  return Event::kBytes;
}

os::UniqueFd Channel::TakeDescriptor() {
  if (descriptors_.empty()) return os::UniqueFd();
  os::UniqueFd descriptor = std::move(descriptors_.front());
  descriptors_.pop_front();
  return descriptor;
}

bool Channel::Flush() {
  size_t sent = 0;
  while (sent < unsent_.size()) {
    iovec vector{unsent_.data() + sent, unsent_.size() - sent};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    const ssize_t count = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  unsent_.clear();
  return true;
}

}  // namespace throng::sdk
