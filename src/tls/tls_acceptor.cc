#include "tls/tls_acceptor.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "os/socket.h"
#include "tls/tls_connection.h"
#include "tls/tls_context.h"

namespace throng::tls {
namespace {

constexpr int kAcceptsPerEvent = 16;
// The backlog that ListenTcp asks for.
constexpr int kBacklog = 1024;

class LoopTlsAcceptor final : public TlsAcceptor, public TlsConnectionOwner {
 public:
  LoopTlsAcceptor(os::EventLoop& loop, int listener, TlsContext context, const TlsOptions& options,
                  Accepted accepted)
      : loop_(loop),
        listener_(listener),
        context_(std::move(context)),
        max_connections_(options.max_connections),
        handshake_timeout_(options.handshake_timeout),
        accepted_(std::move(accepted)),
        scratch_(SSL3_RT_MAX_PLAIN_LENGTH),
        self_(std::make_shared<LoopTlsAcceptor*>(this)) {}
  ~LoopTlsAcceptor() override;

  Status Listen();
  void StopAccepting() override;
  size_t connection_count() const override { return connections_.size(); }

  os::EventLoop& loop() override { return loop_; }
  std::span<std::byte> scratch() override { return scratch_; }
  Duration handshake_timeout() const override { return handshake_timeout_; }
  void OnHandshake(os::UniqueFd plain, std::shared_ptr<const http::PeerIdentity> peer) override {
    accepted_(std::move(plain), std::move(peer));
  }
  void OnClosed(TlsConnection& connection) override;

 private:
  // False when there was nothing to take.
  bool AcceptOne();
  void Add(os::UniqueFd fd);
  void Rest();

  os::EventLoop& loop_;
  const int listener_;
  const TlsContext context_;
  const size_t max_connections_;
  const Duration handshake_timeout_;
  const Accepted accepted_;
  std::vector<std::byte> scratch_;
  std::vector<std::unique_ptr<TlsConnection>> connections_;
  std::vector<std::unique_ptr<TlsConnection>> closed_;  // may be on the stack: deleted later
  os::EventLoop::TimerId rest_timer_ = 0;
  bool stopped_ = true;
  // Null when the acceptor is gone: the end of a round may come after it.
  const std::shared_ptr<LoopTlsAcceptor*> self_;
};

LoopTlsAcceptor::~LoopTlsAcceptor() {
  *self_ = nullptr;
  loop_.CancelTimer(rest_timer_);
  if (!stopped_) loop_.Unwatch(listener_);
  while (!connections_.empty()) connections_.back()->Close();
  closed_.clear();
}

Status LoopTlsAcceptor::Listen() {
  THRONG_RETURN_IF_ERROR(loop_.Watch(
      listener_, os::kReadable,
      [this](uint32_t) {
        for (int i = 0; i < kAcceptsPerEvent && AcceptOne(); ++i) {
        }
      },
      /*exclusive=*/true));
  stopped_ = false;
  return OkStatus();
}

bool LoopTlsAcceptor::AcceptOne() {
  Result<std::optional<os::UniqueFd>> accepted = os::Accept(listener_);
  if (!accepted.ok()) {
    Rest();
    return false;
  }
  if (!accepted->has_value()) return false;
  Add(std::move(**accepted));
  return true;
}

void LoopTlsAcceptor::Add(os::UniqueFd fd) {
  if (connections_.size() >= max_connections_) return;
  auto ssl = context_.MakeConnection(fd.get());
  if (!ssl.ok()) return;
  auto connection = std::make_unique<TlsConnection>(*this, std::move(fd), std::move(*ssl));
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
  if (!connections_.back()->Start().ok()) connections_.back()->Close();
}

void LoopTlsAcceptor::Rest() {
  if (stopped_ || rest_timer_ != 0) return;
  loop_.SetInterest(listener_, 0);
  rest_timer_ = loop_.StartTimer(loop_.clock().Now() + limits::kAcceptBackOff, [this] {
    rest_timer_ = 0;
    loop_.SetInterest(listener_, os::kReadable);
  });
}

void LoopTlsAcceptor::OnClosed(TlsConnection& connection) {
  const size_t index = connection.index;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index = index;
  closed_.push_back(std::move(connections_.back()));
  connections_.pop_back();
  if (closed_.size() > 1) return;
  loop_.AtEndOfRound([self = self_] {
    if (*self != nullptr) (*self)->closed_.clear();
  });
}

void LoopTlsAcceptor::StopAccepting() {
  if (stopped_) return;
  for (int taken = 0; taken < kBacklog && AcceptOne(); ++taken) {
  }
  loop_.CancelTimer(std::exchange(rest_timer_, 0));
  stopped_ = true;
  loop_.Unwatch(listener_);
}

}  // namespace

Result<std::unique_ptr<TlsAcceptor>> TlsAcceptor::Start(os::EventLoop& loop, int listener,
                                                        TlsOptions options, Accepted accepted) {
  THRONG_ASSIGN_OR_RETURN(TlsContext context, TlsContext::Create(options));
  auto acceptor = std::make_unique<LoopTlsAcceptor>(loop, listener, std::move(context), options,
                                                    std::move(accepted));
  THRONG_RETURN_IF_ERROR(acceptor->Listen());
  return std::unique_ptr<TlsAcceptor>(std::move(acceptor));
}

}  // namespace throng::tls
