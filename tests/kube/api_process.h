// The API server of the control plane on a thread of the test, over a store that forgets, with
// everything that it has but controllers of KServe; and a program that asks it. Loopback, a free
// port, no credentials. What clients keep on disk lies in a temporary folder.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/control_limits.h"
#include "base/random.h"
#include "http/server.h"
#include "kube/server/api_server.h"
#include "kube/server/bootstrap.h"
#include "kube/server/event_recorder.h"
#include "kube/server/garbage_collector.h"
#include "kube/server/namespace_controller.h"
#include "kube/server/registry.h"
#include "os/event_loop.h"
#include "os/socket.h"
#include "store/memory_store.h"

namespace throng::kube::server::testing {

// "agent" and "server" of any pod say a line.
class LineLogs final : public LogSource {
 public:
  explicit LineLogs(Executor& executor) : executor_(executor) {}
  Result<std::unique_ptr<LogReading>> Read(const LogQuery& query, const Json& /*pod*/,
                                           Sink sink) override {
    executor_.Post([sink = std::make_shared<Sink>(std::move(sink)), query] {
      sink->write("hello from " + query.container + "\n");
      sink->finish(OkStatus());
    });
    return std::unique_ptr<LogReading>(std::make_unique<LogReading>());
  }

 private:
  Executor& executor_;
};

class ApiProcess {
 public:
  ApiProcess() {
    auto loop = os::EventLoop::Create(os::RealClock());
    auto listener = os::ListenTcp("127.0.0.1", 0);
    THRONG_CHECK(loop.ok() && listener.ok());
    loop_ = std::move(*loop);
    listener_ = std::move(*listener);
    port_ = *os::LocalPort(listener_.get());
    thread_ = std::thread([this] { Run(); });
  }
  ~ApiProcess() {
    loop_->Stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void Run() {
    SeededRandom random(7);
    store::MemoryStore durable(*loop_);
    store::MemoryStore derived(*loop_, 1'000'000);
    Registry registry(*loop_, random, durable, derived);
    registry.SetDerivedReady();
    GarbageCollector collector(*loop_, registry);
    NamespaceController namespaces(*loop_, registry);
    EventKeeper events(*loop_, registry);
    LineLogs logs(*loop_);
    collector.Start();
    namespaces.Start();
    events.Start();
    ApiServerOptions options;
    options.anonymous = http::PeerIdentity{"test", {std::string(kMastersGroup)}};
    options.logs = &logs;
    options.server_address = "127.0.0.1:" + std::to_string(port_);
    ApiServer api(*loop_, random, registry, std::move(options));
    std::unique_ptr<http::HttpServer> server;
    Bootstrap(registry, [&](const Status& status) {
      THRONG_CHECK(status.ok());
      http::ServerOptions limits;
      limits.max_body_bytes = limits::kObjectBodyBytes;
      auto started = http::HttpServer::Start(
          *loop_, listener_.get(), std::move(limits),
          [&](std::shared_ptr<http::Exchange> exchange) { api.Handle(std::move(exchange)); });
      THRONG_CHECK(started.ok());
      server = std::move(*started);
    });
    loop_->Run();
    api.EndStreams();
  }

  std::unique_ptr<os::EventLoop> loop_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace throng::kube::server::testing
