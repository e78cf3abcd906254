#include "http/client.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>

#include "http/message_head.h"
#include "http/reply_parser.h"
#include "os/event_loop.h"
#include "os/socket.h"

namespace throng::http {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
// A server may answer before it has read everything: how often that is looked for while sending.
constexpr int kEarlyReplyCheckMs = 20;

// Rounded up; 0 when the time is over.
int MillisecondsUntil(MonotonicTime deadline) {
  const Duration left = deadline - os::RealClock().Now();
  if (left <= Duration::zero()) return 0;
  const int64_t milliseconds = (left.count() + 999'999) / 1'000'000;
  return static_cast<int>(std::min<int64_t>(milliseconds, 1'000'000'000));
}

std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

// What is left of a request to send.
struct Unsent {
  std::array<std::span<const std::byte>, 2> parts;  // head, body

  bool empty() const { return parts[0].empty() && parts[1].empty(); }

  // Writes what the socket takes. After an error nothing is sent any more: what can still be read
  // may explain it.
  void Write(int fd) {
    while (!empty()) {
      const os::IoResult result =
          os::WriteSome(fd, std::span<const std::span<const std::byte>>(parts));
      if (result.kind == os::IoResult::Kind::kWouldBlock) return;
      if (result.kind != os::IoResult::Kind::kDone) {
        parts = {};
        return;
      }
      const size_t of_head = std::min(result.bytes, parts[0].size());
      parts[0] = parts[0].subspan(of_head);
      parts[1] = parts[1].subspan(result.bytes - of_head);
    }
  }
};

}  // namespace

HttpClient::HttpClient(size_t max_reply_bytes) : max_reply_bytes_(max_reply_bytes) {}

Result<ClientReply> HttpClient::Send(const std::string& address, uint16_t port,
                                     std::string_view method, std::string_view target,
                                     const std::vector<Header>& headers, std::string_view body,
                                     MonotonicTime deadline) {
  THRONG_ASSIGN_OR_RETURN(
      const std::string head,
      ComposeRequestHead(method, target, headers, HostHeader(address, port), body.size()));
  // What can be read before a request was sent is the end of the connection, or nothing to trust.
  const bool is_kept = connection_.valid() && address_ == address && port_ == port &&
                       !os::WaitReadable(connection_.get(), 0);
  if (!is_kept) THRONG_RETURN_IF_ERROR(Connect(address, port, deadline));
  bool got_bytes = false;
  for (bool may_retry = is_kept;; may_retry = false) {
    Result<ClientReply> reply = Transfer(head, body, method == "HEAD", deadline, got_bytes);
    if (reply.ok()) return reply;
    const Status status = reply.status();
    connection_.Reset(-1);
    if (!may_retry || got_bytes || status.code() != StatusCode::kUnavailable) return status;
    THRONG_RETURN_IF_ERROR(Connect(address, port, deadline));
  }
}

Status HttpClient::Connect(const std::string& address, uint16_t port, MonotonicTime deadline) {
  connection_.Reset(-1);
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd fd, os::ConnectTcp(address, port));
  if (!os::WaitWritable(fd.get(), MillisecondsUntil(deadline))) {
    return DeadlineExceededError("no connection in time");
  };
  const Status status = os::SocketError(fd.get());
  if (!status.ok()) {
    return status.WithContext("cannot connect to " + address + ":" + std::to_string(port));
  }
  connection_ = std::move(fd);
  address_ = address;
  port_ = port;
  return OkStatus();
}

Result<ClientReply> HttpClient::Transfer(std::string_view head, std::string_view body, bool is_head,
                                         MonotonicTime deadline, bool& got_bytes) {
  const int fd = connection_.get();
  ReplyParser parser(is_head, max_reply_bytes_);
  std::vector<std::byte> buffer(kReadBytes);
  std::string kept;
  Unsent unsent{{BytesOf(head), BytesOf(body)}};
  // A server may answer before it has read everything, so both directions are looked after.
  while (!parser.complete()) {
    unsent.Write(fd);
    const os::IoResult result = os::ReadSome(fd, buffer);
    if (result.kind == os::IoResult::Kind::kWouldBlock) {
      const int left_ms = MillisecondsUntil(deadline);
      if (left_ms == 0) return DeadlineExceededError("no reply in time");
      if (unsent.empty()) {
        os::WaitReadable(fd, left_ms);
      } else {
        os::WaitWritable(fd, std::min(left_ms, kEarlyReplyCheckMs));
      }
      continue;
    }
    if (result.kind == os::IoResult::Kind::kError || (result.bytes == 0 && !got_bytes)) {
      return UnavailableError("the connection was lost before the reply was complete");
    }
    if (result.kind == os::IoResult::Kind::kEnd) {
      THRONG_RETURN_IF_ERROR(parser.FeedEnd());
      break;
    }
    got_bytes = true;
    kept.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    THRONG_ASSIGN_OR_RETURN(const size_t used, parser.Feed(kept));
    kept.erase(0, used);
  }
  // Bytes behind the reply: the server and we disagree about its length.
  if (!parser.keep_alive() || !kept.empty() || !unsent.empty()) connection_.Reset(-1);
  return parser.TakeReply();
}

}  // namespace throng::http
