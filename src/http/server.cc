#include "http/server.h"

#include <utility>

#include "http/acceptor.h"
#include "http/connection.h"
#include "http/message_head.h"
#include "http/syntax.h"
#include "os/socket.h"

namespace throng::http {
namespace {

// What one read takes at most; the buffer is shared by the connections of a loop.
constexpr size_t kReadBytes = 64 * 1024;

class LoopHttpServer final : public HttpServer, public ConnectionOwner {
 public:
  LoopHttpServer(os::EventLoop& loop, ServerOptions options, Handler handler)
      : loop_(loop),
        options_(std::move(options)),
        handler_(std::move(handler)),
        read_buffer_(kReadBytes),
        requests_(std::make_shared<RequestPool>()),
        self_(std::make_shared<LoopHttpServer*>(this)) {}
  ~LoopHttpServer() override;

  Status Listen(int listener);
  void Adopt(os::UniqueFd fd, std::shared_ptr<const PeerIdentity> peer) override;
  void Drain() override;
  size_t connection_count() const override { return connections_.size(); }

  os::EventLoop& loop() override { return loop_; }
  const ServerOptions& options() const override { return options_; }
  void Handle(std::shared_ptr<Exchange> exchange) override { handler_(std::move(exchange)); }
  std::span<std::byte> read_buffer() override { return read_buffer_; }
  BufferPool& buffers() override { return buffers_; }
  const std::shared_ptr<RequestPool>& requests() override { return requests_; }
  std::string ErrorBody(int status, std::string_view text) override;
  void NeedsEndOfRound(Connection& connection) override;
  void OnClosed(Connection& connection) override;

 private:
  void TurnAway(const os::UniqueFd& fd);
  void ScheduleEndOfRound();
  void EndRound();

  os::EventLoop& loop_;
  const ServerOptions options_;
  const Handler handler_;
  std::vector<std::byte> read_buffer_;
  BufferPool buffers_;
  const std::shared_ptr<RequestPool> requests_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> closed_;  // may be on the stack: deleted later
  std::vector<Connection*> in_round_;
  bool round_scheduled_ = false;
  bool draining_ = false;
  // Null when the server is gone: the end of a round may come after it.
  const std::shared_ptr<LoopHttpServer*> self_;
};

LoopHttpServer::~LoopHttpServer() {
  *self_ = nullptr;
  acceptor_.reset();
  while (!connections_.empty()) connections_.back()->Close();
}

Status LoopHttpServer::Listen(int listener) {
  THRONG_ASSIGN_OR_RETURN(acceptor_, Acceptor::Start(loop_, listener, [this](os::UniqueFd fd) {
                            Adopt(std::move(fd), nullptr);
                          }));
  return OkStatus();
}

void LoopHttpServer::Adopt(os::UniqueFd fd, std::shared_ptr<const PeerIdentity> peer) {
  if (connections_.size() >= options_.max_connections) return TurnAway(fd);
  auto connection = std::make_unique<Connection>(*this, std::move(fd), std::move(peer));
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
  Connection& added = *connections_.back();
  if (!added.Start().ok()) return added.Close();
  if (draining_) added.Drain();
}

void LoopHttpServer::TurnAway(const os::UniqueFd& fd) {
  Reply reply;
  reply.status = 503;
  reply.headers = {{"Retry-After", "1"}};
  reply.body = ErrorBody(503, "the server has too many connections");
  std::string bytes;
  AppendReplyHead(reply, ConnectionHeader::kClose, bytes);
  bytes.append(reply.body);
  // One attempt: whoever is turned away must not cost more.
  os::WriteSome(fd.get(), std::as_bytes(std::span<const char>(bytes)));
  os::ShutdownWrite(fd.get());
}

std::string LoopHttpServer::ErrorBody(int status, std::string_view text) {
  if (options_.error_body) return options_.error_body(status, text);
  return "{\"error\":" + JsonQuote(text) + "}";
}

void LoopHttpServer::NeedsEndOfRound(Connection& connection) {
  if (connection.in_round) return;
  connection.in_round = true;
  in_round_.push_back(&connection);
  ScheduleEndOfRound();
}

void LoopHttpServer::OnClosed(Connection& connection) {
  const size_t index = connection.index;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index = index;
  closed_.push_back(std::move(connections_.back()));
  connections_.pop_back();
  if (acceptor_ != nullptr) acceptor_->Resume();
  ScheduleEndOfRound();
}

void LoopHttpServer::ScheduleEndOfRound() {
  if (round_scheduled_) return;
  round_scheduled_ = true;
  loop_.AtEndOfRound([self = self_] {
    if (*self != nullptr) (*self)->EndRound();
  });
}

void LoopHttpServer::EndRound() {
  const MonotonicTime now = loop_.clock().Now();
  for (size_t i = 0; i < in_round_.size(); ++i) {
    Connection& connection = *in_round_[i];
    if (!connection.closed()) connection.EndRound(now);
    connection.in_round = false;
  }
  in_round_.clear();
  closed_.clear();
  round_scheduled_ = false;
}

void LoopHttpServer::Drain() {
  if (draining_) return;
  draining_ = true;
  if (acceptor_ != nullptr) acceptor_->Stop();
  // A connection that closes changes places with the last one.
  std::vector<Connection*> connections;
  connections.reserve(connections_.size());
  for (const auto& connection : connections_) connections.push_back(connection.get());
  for (Connection* connection : connections) connection->Drain();
}

}  // namespace

const std::string* Request::FindHeader(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return &header.value;
  }
  return nullptr;
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(os::EventLoop& loop, int listener,
                                                      ServerOptions options, Handler handler) {
  auto server = std::make_unique<LoopHttpServer>(loop, std::move(options), std::move(handler));
  if (listener >= 0) THRONG_RETURN_IF_ERROR(server->Listen(listener));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace throng::http
