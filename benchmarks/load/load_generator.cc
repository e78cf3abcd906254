#include "benchmarks/load/load_generator.h"

#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include "os/event_loop.h"
#include "os/socket.h"

namespace throng::bench {
namespace {

constexpr std::chrono::seconds kReplyTimeout{30};
// A wake-up takes about this long, so waits that are shorter are spent polling.
constexpr std::chrono::microseconds kPollInstead{80};
constexpr size_t kReadBytes = 64 * 1024;

MonotonicTime Now() { return os::RealClock().Now(); }

// The value of Content-Length in `head`, -1 when absent.
int64_t ContentLength(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  for (size_t at = head.find("\r\n"); at != std::string_view::npos;
       at = head.find("\r\n", at + 2)) {
    if (head.size() - at < kName.size()) return -1;
    if (strncasecmp(head.data() + at, kName.data(), kName.size()) != 0) continue;
    const size_t begin = head.find_first_not_of(' ', at + kName.size());
    if (begin == std::string_view::npos) return -1;
    int64_t value = -1;
    std::from_chars(head.data() + begin, head.data() + head.size(), value);
    return value;
  }
  return -1;
}

}  // namespace

struct LoadGenerator::Connection {
  Stream* stream = nullptr;
  os::UniqueFd fd;
  bool busy = false;
  bool wants_write = false;
  MonotonicTime counted_from{};
  MonotonicTime not_before{};  // closed loop with a pause
  const std::string* request = nullptr;
  size_t written = 0;
  std::string reply;
  size_t reply_bytes = 0;  // 0: the head is not complete
};

struct LoadGenerator::Stream {
  explicit Stream(StreamSpec spec_in)
      : spec(std::move(spec_in)),
        plan(std::max(spec.rate_per_second, 1e-6), spec.poisson, 20240607) {}
  bool open_loop() const { return spec.rate_per_second > 0; }
  bool exhausted() const { return spec.max_count != 0 && sent + due.size() >= spec.max_count; }

  const StreamSpec spec;
  SendPlan plan;
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<Connection*> idle;
  std::deque<MonotonicTime> due;  // planned and not sent
  uint64_t sent = 0;              // in this run
  size_t next_request = 0;
  StreamResult result;
};

LoadGenerator::LoadGenerator() = default;
LoadGenerator::~LoadGenerator() = default;

Status LoadGenerator::AddStream(StreamSpec spec) {
  if (!epoll_.valid()) epoll_ = os::UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return ResourceExhaustedError("no descriptor for epoll");
  auto stream = std::make_unique<Stream>(std::move(spec));
  for (int i = 0; i < stream->spec.connections; ++i) {
    auto connection = std::make_unique<Connection>();
    connection->stream = stream.get();
    THRONG_ASSIGN_OR_RETURN(connection->fd, os::ConnectTcp("127.0.0.1", stream->spec.port));
    if (!os::WaitWritable(connection->fd.get(), 5000)) return UnavailableError("cannot connect");
    THRONG_RETURN_IF_ERROR(os::SocketError(connection->fd.get()));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), &event) != 0) {
      return ResourceExhaustedError("epoll refuses a connection");
    }
    stream->connections.push_back(std::move(connection));
  }
  streams_.push_back(std::move(stream));
  return OkStatus();
}

void LoadGenerator::Start(MonotonicTime now) {
  for (const auto& stream : streams_) {
    stream->plan.StartAt(now);
    stream->due.clear();
    stream->idle.clear();
    stream->sent = 0;
    stream->result = StreamResult();
    for (const auto& connection : stream->connections) {
      connection->not_before = now;
      stream->idle.push_back(connection.get());
    }
  }
}

Result<LoadResult> LoadGenerator::Run(Duration duration) {
  const MonotonicTime begin = Now();
  stop_at_ = begin + duration;
  Start(begin);
  while (true) {
    const MonotonicTime now = Now();
    THRONG_RETURN_IF_ERROR(Pump(now));
    if (Finished(now)) break;
    if (now > stop_at_ + kReplyTimeout) return DeadlineExceededError("replies are missing");
    THRONG_RETURN_IF_ERROR(Wait(NextWait(now)));
  }
  LoadResult result;
  result.seconds = std::chrono::duration<double>(Now() - begin).count();
  for (const auto& stream : streams_) result.streams.push_back(std::move(stream->result));
  return result;
}

Status LoadGenerator::Pump(MonotonicTime now) {
  for (const auto& stream : streams_) THRONG_RETURN_IF_ERROR(PumpStream(*stream, now));
  return OkStatus();
}

Status LoadGenerator::PumpStream(Stream& stream, MonotonicTime now) {
  if (stream.open_loop()) {
    while (stream.plan.next() <= now && stream.plan.next() < stop_at_ && !stream.exhausted()) {
      stream.due.push_back(stream.plan.next());
      stream.plan.Advance();
    }
    while (!stream.due.empty() && !stream.idle.empty()) {
      Connection* connection = stream.idle.back();
      stream.idle.pop_back();
      const MonotonicTime planned = stream.due.front();
      stream.due.pop_front();
      THRONG_RETURN_IF_ERROR(Send(*connection, planned));
    }
    return OkStatus();
  }
  for (size_t i = 0; i < stream.idle.size();) {
    Connection* connection = stream.idle[i];
    if (now >= stop_at_ || stream.exhausted()) return OkStatus();
    if (connection->not_before > now) {
      ++i;
      continue;
    }
    stream.idle[i] = stream.idle.back();
    stream.idle.pop_back();
    THRONG_RETURN_IF_ERROR(Send(*connection, Now()));
  }
  return OkStatus();
}

Status LoadGenerator::Send(Connection& connection, MonotonicTime counted_from) {
  Stream& stream = *connection.stream;
  ++stream.sent;
  connection.request = &stream.spec.requests[stream.next_request];
  stream.next_request = (stream.next_request + 1) % stream.spec.requests.size();
  connection.busy = true;
  connection.counted_from = counted_from;
  connection.written = 0;
  connection.reply.clear();
  connection.reply_bytes = 0;
  return Write(connection);
}

Status LoadGenerator::Write(Connection& connection) {
  const auto bytes = std::as_bytes(std::span(*connection.request));
  while (connection.written < bytes.size()) {
    const os::IoResult io = os::WriteSome(connection.fd.get(), bytes.subspan(connection.written));
    if (io.kind == os::IoResult::Kind::kWouldBlock) break;
    if (io.kind != os::IoResult::Kind::kDone) return UnavailableError("a connection was lost");
    connection.written += io.bytes;
  }
  const bool wants_write = connection.written < bytes.size();
  if (wants_write == connection.wants_write) return OkStatus();
  connection.wants_write = wants_write;
  epoll_event event{};
  event.events = EPOLLIN | (wants_write ? static_cast<uint32_t>(EPOLLOUT) : 0U);
  event.data.ptr = &connection;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  return OkStatus();
}

Status LoadGenerator::Read(Connection& connection) {
  char buffer[kReadBytes];
  const os::IoResult io =
      os::ReadSome(connection.fd.get(), std::as_writable_bytes(std::span(buffer)));
  if (io.kind == os::IoResult::Kind::kWouldBlock) return OkStatus();
  if (io.kind != os::IoResult::Kind::kDone || !connection.busy) {
    return UnavailableError("a connection was closed by the server");
  }
  connection.reply.append(buffer, io.bytes);
  if (connection.reply_bytes == 0) {
    const size_t end = connection.reply.find("\r\n\r\n");
    if (end == std::string::npos) return OkStatus();
    const int64_t length = ContentLength(std::string_view(connection.reply).substr(0, end));
    if (length < 0) return DataLossError("a reply has no Content-Length");
    connection.reply_bytes = end + 4 + static_cast<size_t>(length);
  }
  if (connection.reply.size() < connection.reply_bytes) return OkStatus();
  int status = 0;
  std::from_chars(connection.reply.data() + 9, connection.reply.data() + 12, status);
  OnReply(connection, status);
  return OkStatus();
}

void LoadGenerator::OnReply(Connection& connection, int status) {
  const MonotonicTime now = Now();
  Stream& stream = *connection.stream;
  StreamResult& result = stream.result;
  connection.busy = false;
  connection.not_before = now + stream.spec.pause;
  stream.idle.push_back(&connection);
  if (status == 200) {
    ++result.ok;
    result.latency.Record((now - connection.counted_from).count());
    return;
  }
  ++result.failed;
  if (result.first_error.empty()) result.first_error = connection.reply;
}

bool LoadGenerator::Finished(MonotonicTime now) const {
  for (const auto& stream : streams_) {
    if (stream->idle.size() < stream->connections.size() || !stream->due.empty()) return false;
    if (now < stop_at_ && !stream->exhausted()) return false;
  }
  return true;
}

Duration LoadGenerator::NextWait(MonotonicTime now) const {
  MonotonicTime next = now < stop_at_ ? stop_at_ : now + std::chrono::milliseconds(100);
  for (const auto& stream : streams_) {
    if (now >= stop_at_ || stream->exhausted()) continue;
    if (stream->open_loop()) next = std::min(next, stream->plan.next());
    if (stream->open_loop()) continue;
    for (const Connection* connection : stream->idle) next = std::min(next, connection->not_before);
  }
  return std::max<Duration>(next - now, Duration(0));
}

Status LoadGenerator::Wait(Duration timeout) {
  if (timeout < kPollInstead) timeout = Duration(0);
  timespec wait{};
  wait.tv_sec = timeout.count() / 1'000'000'000;
  wait.tv_nsec = timeout.count() % 1'000'000'000;
  epoll_event events[64];
  const int count = epoll_pwait2(epoll_.get(), events, 64, &wait, nullptr);
  for (int i = 0; i < count; ++i) {
    auto& connection = *static_cast<Connection*>(events[i].data.ptr);
    if ((events[i].events & EPOLLOUT) != 0) THRONG_RETURN_IF_ERROR(Write(connection));
    if ((events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
      THRONG_RETURN_IF_ERROR(Read(connection));
    }
  }
  return OkStatus();
}

std::string MakePost(std::string_view target, std::string_view body) {
  std::string request = "POST ";
  request += target;
  request += " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ";
  request += std::to_string(body.size());
  request += "\r\n\r\n";
  request += body;
  return request;
}

std::string MakeInferRequest(std::string_view model, std::string_view body) {
  return MakePost("/v2/models/" + std::string(model) + "/infer", body);
}

}  // namespace throng::bench
