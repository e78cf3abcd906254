// An HttpServer, its loop and its clients on the thread of a test, with a clock that stands still
// until it is moved. No thread, no sleep, free ports on loopback.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/testing/simulated_executor.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/socket.h"

namespace throng::http::testing {

class ServerHarness {
 public:
  explicit ServerHarness(ServerOptions options = {}) {
    auto loop = os::EventLoop::Create(clock_);
    auto listener = os::ListenTcp("127.0.0.1", 0);
    THRONG_CHECK(loop.ok() && listener.ok());
    loop_ = std::move(*loop);
    listener_ = std::move(*listener);
    port_ = *os::LocalPort(listener_.get());
    auto server = HttpServer::Start(*loop_, listener_.get(), std::move(options),
                                    [this](std::shared_ptr<Exchange> exchange) {
                                      if (on_request) return on_request(std::move(exchange));
                                      held.push_back(std::move(exchange));
                                    });
    THRONG_CHECK(server.ok());
    server_ = std::move(*server);
  }

  // Unset: requests are held.
  std::function<void(std::shared_ptr<Exchange>)> on_request;
  std::vector<std::shared_ptr<Exchange>> held;

  os::EventLoop& loop() { return *loop_; }
  HttpServer& server() { return *server_; }
  uint16_t port() const { return port_; }
  int listener() const { return listener_.get(); }
  void DestroyServer() { server_.reset(); }

  // Runs rounds until `done` holds; false after about ten seconds.
  bool RunUntil(const std::function<bool()>& done) {
    for (int round = 0; round < 10'000; ++round) {
      if (done()) return true;
      loop_->RunOnce(std::chrono::milliseconds(1));
    }
    return false;
  }
  // Runs until everything that was sent over loopback has had its effect.
  void Settle() {
    for (int round = 0; round < 4; ++round) loop_->RunOnce(std::chrono::microseconds(300));
  }
  bool WaitForConnections(size_t count) {
    return RunUntil([&] { return server_->connection_count() == count; });
  }
  // Until `count` requests are held.
  bool WaitForHeld(size_t count) {
    return RunUntil([&] { return held.size() == count; });
  }
  void Advance(Duration duration) {
    Settle();
    clock_.Set(clock_.Now() + duration);
    Settle();
  }

 private:
  throng::testing::FakeClock clock_;
  std::unique_ptr<os::EventLoop> loop_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::unique_ptr<HttpServer> server_;
};

// A client of bare bytes.
class RawClient {
 public:
  explicit RawClient(ServerHarness& harness) : harness_(harness) {
    auto fd = os::ConnectTcp("127.0.0.1", harness.port());
    THRONG_CHECK(fd.ok());
    fd_ = std::move(*fd);
    harness_.Settle();
  }
  RawClient(ServerHarness& harness, os::UniqueFd fd) : harness_(harness), fd_(std::move(fd)) {}

  // Sends all of it, while the server runs.
  void Send(std::string_view bytes) {
    harness_.RunUntil([&] {
      while (!bytes.empty()) {
        const os::IoResult result = os::WriteSome(
            fd_.get(), std::as_bytes(std::span<const char>(bytes.data(), bytes.size())));
        if (result.kind == os::IoResult::Kind::kError) return true;
        if (result.kind != os::IoResult::Kind::kDone) return false;
        bytes.remove_prefix(result.bytes);
      }
      return true;
    });
    harness_.Settle();
  }

  // Reads what is there; `ended` and `failed` say how the connection went.
  void Read() {
    std::vector<std::byte> buffer(64 * 1024);
    while (!ended && !failed) {
      const os::IoResult result = os::ReadSome(fd_.get(), buffer);
      if (result.kind == os::IoResult::Kind::kWouldBlock) return;
      ended = result.kind == os::IoResult::Kind::kEnd;
      failed = result.kind == os::IoResult::Kind::kError;
      received.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
  }
  // Runs the server until `text` was received; false when that never happens.
  bool Receive(std::string_view text) {
    return harness_.RunUntil([&] {
      Read();
      return received.find(text) != std::string::npos || ended || failed;
    }) && received.find(text) != std::string::npos;
  }
  // Runs the server until it ends the connection.
  bool ReceiveEnd() {
    return harness_.RunUntil([&] {
      Read();
      return ended || failed;
    }) && !failed;
  }
  std::string Take() { return std::exchange(received, std::string()); }
  void Close() {
    fd_.Reset(-1);
    harness_.Settle();
  }
  void ShutdownWrite() {
    os::ShutdownWrite(fd_.get());
    harness_.Settle();
  }
  int fd() const { return fd_.get(); }

  std::string received;
  bool ended = false;
  bool failed = false;

 private:
  ServerHarness& harness_;
  os::UniqueFd fd_;
};

}  // namespace throng::http::testing
