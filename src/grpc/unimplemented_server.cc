#include "grpc/unimplemented_server.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grpc/unimplemented_session.h"
#include "http/acceptor.h"
#include "os/socket.h"
#include "os/unique_fd.h"

namespace throng::grpc {
namespace {

constexpr size_t kReadBytes = 16 * 1024;

class Connection;

class LoopServer final : public UnimplementedServer {
 public:
  LoopServer(os::EventLoop& loop, UnimplementedServerOptions options)
      : loop_(loop),
        options_(options),
        read_buffer_(kReadBytes),
        self_(std::make_shared<LoopServer*>(this)) {}
  ~LoopServer() override;

  Status Listen(int listener);
  void Drain() override;
  size_t connection_count() const override { return connections_.size(); }

  os::EventLoop& loop() { return loop_; }
  const UnimplementedServerOptions& options() const { return options_; }
  std::span<std::byte> read_buffer() { return read_buffer_; }
  // The connection is done with; it is deleted at the end of the round.
  void OnClosed(size_t index);

 private:
  void OnAccepted(os::UniqueFd fd);

  os::EventLoop& loop_;
  const UnimplementedServerOptions options_;
  std::vector<std::byte> read_buffer_;
  std::unique_ptr<http::Acceptor> acceptor_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> closed_;
  // Null when the server is gone: the end of a round may come after it.
  const std::shared_ptr<LoopServer*> self_;
};

class Connection {
 public:
  Connection(LoopServer& server, os::UniqueFd fd, size_t index)
      : index_(index), server_(server), fd_(std::move(fd)) {}

  Status Start();
  void GoAway();
  void Close();
  void set_index(size_t index) { index_ = index; }

 private:
  void OnEvents(uint32_t events);
  bool Read();
  void Flush();
  bool WriteUnsent();
  void SetTimer();

  size_t index_;  // in its server's list
  LoopServer& server_;
  os::UniqueFd fd_;
  std::unique_ptr<UnimplementedSession> session_;
  std::string unsent_;
  MonotonicTime read_deadline_;
  MonotonicTime write_deadline_ = MonotonicTime::max();
  MonotonicTime timer_time_;
  os::EventLoop::TimerId timer_ = 0;
  bool closed_ = false;
};

Status Connection::Start() {
  const MonotonicTime now = server_.loop().clock().Now();
  THRONG_ASSIGN_OR_RETURN(session_, UnimplementedSession::Create(now));
  THRONG_RETURN_IF_ERROR(server_.loop().Watch(fd_.get(), os::kReadable,
                                              [this](uint32_t events) { OnEvents(events); }));
  read_deadline_ = now + server_.options().preface_timeout;
  SetTimer();
  return OkStatus();
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  server_.loop().CancelTimer(timer_);
  server_.loop().Unwatch(fd_.get());
  fd_.Reset(-1);
  server_.OnClosed(index_);
}

void Connection::OnEvents(uint32_t events) {
  if (events & os::kHangUp) return Close();
  if ((events & os::kReadable) && !Read()) return Close();
  Flush();
}

bool Connection::Read() {
  const os::IoResult result = os::ReadSome(fd_.get(), server_.read_buffer());
  if (result.kind == os::IoResult::Kind::kWouldBlock) return true;
  if (result.kind != os::IoResult::Kind::kDone) return false;
  const MonotonicTime now = server_.loop().clock().Now();
  if (!session_->Receive(server_.read_buffer().first(result.bytes), now).ok()) return false;
  if (session_->received_anything()) read_deadline_ = now + server_.options().idle_timeout;
  return true;
}

void Connection::Flush() {
  bool more = true;
  while (more) {
    if (!session_->Produce(unsent_, limits::kGrpcUnsentBytes).ok()) return Close();
    more = !unsent_.empty();
    if (!WriteUnsent()) return Close();
    more = more && unsent_.empty();
  }
  if (unsent_.empty() && session_->finished()) return Close();
  if (unsent_.empty()) {
    std::string().swap(unsent_);
    write_deadline_ = MonotonicTime::max();
  } else if (write_deadline_ == MonotonicTime::max()) {
    write_deadline_ = server_.loop().clock().Now() + server_.options().write_timeout;
  }
  // A client that does not read is not read from.
  server_.loop().SetInterest(fd_.get(), unsent_.empty() ? os::kReadable : os::kWritable);
  SetTimer();
}

// False when the connection failed.
bool Connection::WriteUnsent() {
  size_t sent = 0;
  while (sent < unsent_.size()) {
    const os::IoResult result =
        os::WriteSome(fd_.get(), std::as_bytes(std::span<const char>(unsent_).subspan(sent)));
    if (result.kind == os::IoResult::Kind::kWouldBlock) break;
    if (result.kind != os::IoResult::Kind::kDone) return false;
    sent += result.bytes;
  }
  unsent_.erase(0, sent);
  return true;
}

void Connection::GoAway() {
  session_->GoAway();
  Flush();
}

// Moved only when the deadline comes nearer; a timer that fires early looks again.
void Connection::SetTimer() {
  const MonotonicTime deadline = std::min(read_deadline_, write_deadline_);
  if (timer_ != 0 && timer_time_ <= deadline) return;
  server_.loop().CancelTimer(timer_);
  timer_time_ = deadline;
  timer_ = server_.loop().StartTimer(deadline, [this] {
    timer_ = 0;
    const MonotonicTime now = server_.loop().clock().Now();
    if (now >= std::min(read_deadline_, write_deadline_)) return Close();
    SetTimer();
  });
}

LoopServer::~LoopServer() {
  *self_ = nullptr;
  acceptor_.reset();
  while (!connections_.empty()) connections_.back()->Close();
}

Status LoopServer::Listen(int listener) {
  THRONG_ASSIGN_OR_RETURN(acceptor_, http::Acceptor::Start(loop_, listener, [this](auto fd) {
                            OnAccepted(std::move(fd));
                          }));
  return OkStatus();
}

void LoopServer::OnAccepted(os::UniqueFd fd) {
  if (connections_.size() >= options_.max_connections) return;
  connections_.push_back(std::make_unique<Connection>(*this, std::move(fd), connections_.size()));
  Connection& added = *connections_.back();
  if (!added.Start().ok()) added.Close();
}

void LoopServer::OnClosed(size_t index) {
  std::swap(connections_[index], connections_.back());
  connections_[index]->set_index(index);
  closed_.push_back(std::move(connections_.back()));
  connections_.pop_back();
  if (acceptor_ != nullptr) acceptor_->Resume();
  loop_.AtEndOfRound([self = self_] {
    if (*self != nullptr) (*self)->closed_.clear();
  });
}

void LoopServer::Drain() {
  acceptor_->Stop();
  std::vector<Connection*> connections;
  for (const auto& connection : connections_) connections.push_back(connection.get());
  for (Connection* connection : connections) connection->GoAway();
}

}  // namespace

Result<std::unique_ptr<UnimplementedServer>> UnimplementedServer::Start(
    os::EventLoop& loop, int listener, UnimplementedServerOptions options) {
  auto server = std::make_unique<LoopServer>(loop, options);
  THRONG_RETURN_IF_ERROR(server->Listen(listener));
  return std::unique_ptr<UnimplementedServer>(std::move(server));
}

}  // namespace throng::grpc
