// One client of a TlsAcceptor: the handshake, then plain text between TLS and one end of a socket
// pair, both ways. Internal to tls/. Owned by its acceptor; everything on the loop's thread.
//
//   handshaking ──done: the other end of the pair is handed out──> open ──both ways ended──> closed
//
// Back pressure: at most one record per direction is kept; while it cannot go on, nothing more is
// read at the other side. An end in one direction is passed on as an end (close_notify, half
// close). A side that has hung up is no longer watched; what it still holds is read.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"
#include "tls/openssl.h"

namespace throng::tls {

class TlsConnection;

class TlsConnectionOwner {
 public:
  virtual ~TlsConnectionOwner() = default;
  virtual os::EventLoop& loop() = 0;
  // Of one record at least; used within one call only.
  virtual std::span<std::byte> scratch() = 0;
  virtual Duration handshake_timeout() const = 0;
  virtual void OnHandshake(os::UniqueFd plain, std::shared_ptr<const http::PeerIdentity> peer) = 0;
  // The connection is done with: delete it later, it may be on the stack.
  virtual void OnClosed(TlsConnection& connection) = 0;
};

class TlsConnection {
 public:
  TlsConnection(TlsConnectionOwner& owner, os::UniqueFd fd, SslPointer ssl);
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;
  ~TlsConnection();

  // ERRORS: as EventLoop::Watch.
  Status Start();
  void Close();

  // For the owner's books.
  size_t index = 0;

 private:
  // What an operation of OpenSSL needs before it is called again.
  enum class Wants : uint8_t { kNothing, kRead, kWrite };
  enum class Step : uint8_t { kMoved, kBlocked, kFailed };

  // A descriptor and what is asked of it.
  struct Side {
    os::UniqueFd fd;
    uint32_t interest = 0;
    bool hung_up = false;  // no longer watched
  };

  void OnEvents(Side& side, uint32_t events);
  Status Watch(Side& side);
  void Handshake();
  Status OpenPlain();
  void Pump();
  // Client to server. kMoved: call again.
  Step MoveIn();
  Step WriteIn(std::span<const std::byte> bytes);
  // Server to client.
  Step MoveOut();
  Step WriteOut(std::span<const std::byte> bytes);
  Step EndOut();
  // Of an operation of OpenSSL that returned `result`: what it wants, kFailed when it is hopeless.
  Step Blocked(int result, Wants& wants);

  uint32_t TlsInterest() const;
  uint32_t PlainInterest() const;
  void SetInterest(Side& side, uint32_t interest);
  void UpdateInterest();
  // When the server has hung up, nobody else watches over what is left to be sent.
  void UpdateDeadline(bool moved_out);
  void SetTimer(Duration after);

  TlsConnectionOwner& owner_;
  Side tls_;
  Side plain_;
  SslPointer ssl_;
  std::string in_left_;   // decrypted, not taken by the plain side yet
  std::string out_left_;  // given to OpenSSL, to be given again
  Wants handshake_wants_ = Wants::kRead;
  Wants read_wants_ = Wants::kRead;
  Wants write_wants_ = Wants::kNothing;
  os::EventLoop::TimerId timer_ = 0;
  bool open_ = false;        // the handshake is done
  bool in_ended_ = false;    // the client sends no more
  bool in_closed_ = false;   // and the server was told
  bool in_refused_ = false;  // the server takes no more: what comes is dropped
  bool out_ended_ = false;   // the server sends no more
  bool out_closed_ = false;  // and the client was told
  bool lingering_ = false;   // the timer runs that ends it after that
  bool closed_ = false;
};

}  // namespace throng::tls
