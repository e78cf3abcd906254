// RestFrontend: the V2 protocol over HTTP/1.1. Turns a request into a question to Inference or
// ModelControl and the answer into JSON; it knows nothing of processes.
//
// One per event loop; Handle and every completion run on that loop. Completions hold what they
// need, so the frontend may go away before they run; the two interfaces and the executor must not.
//
//   RestFrontend rest(options, inference, control, loop);
//   HttpServer::Start(loop, listener, {}, [&](auto exchange) { rest.Handle(std::move(exchange));
//   });
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/limits.h"
#include "frontend/rest/error_reply.h"
#include "frontend/rest/origin_rule.h"
#include "frontend/rest/route.h"
#include "http/server.h"
#include "model/model_name.h"
#include "residency/model_control.h"
#include "scheduler/inference.h"

namespace throng::frontend::rest {

struct RestOptions {
  std::string server_name = "triton";  // --id; Triton's clients assert this default
  std::string server_version = "0.1.0";
  ErrorStyle error_style = ErrorStyle::kTriton;
  std::vector<std::string> cors_origins;  // --cors-origin
  Duration request_deadline = limits::kRequestDeadline;
};

class RestFrontend {
 public:
  RestFrontend(RestOptions options, scheduler::Inference& inference,
               residency::ModelControl& control, Executor& executor);

  // Answers `exchange` now or later, exactly once. REQUIRES: called on the executor.
  void Handle(std::shared_ptr<http::Exchange> exchange);

  // Thread-safe. From now on readiness is 503; requests are still answered.
  void StartDraining() { draining_.store(true, std::memory_order_relaxed); }

 private:
  class Responder;

  void Dispatch(const Route& route, http::Request& request, Responder responder);
  void DispatchModel(const Route& route, http::Request& request, Responder responder);

  void ServerReady(Responder responder) const;
  void ModelReady(const Route& route, const model::ModelName& name, Responder responder);
  void Describe(const Route& route, const model::ModelName& name, Responder responder);
  void RefuseBody(const Route& route, const model::ModelName& name, Status status,
                  Responder responder);
  void Infer(const Route& route, const model::ModelName& name, http::Request& request,
             Responder responder);
  void Index(const http::Request& request, Responder responder);
  void Load(const model::ModelName& name, const http::Request& request, Responder responder);
  void Unload(const model::ModelName& name, const http::Request& request, Responder responder);
  MonotonicTime Deadline() const;

  const RestOptions options_;
  const OriginRule origin_rule_;
  scheduler::Inference& inference_;
  residency::ModelControl& control_;
  Executor& executor_;
  std::atomic<bool> draining_{false};
};

}  // namespace throng::frontend::rest
