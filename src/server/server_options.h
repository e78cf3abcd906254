// Everything that `throng serve` can be told. Filled by the option table (cli/serve_options.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "frontend/rest/error_reply.h"
#include "residency/model_manager.h"
#include "runner/runner_options.h"
#include "scheduler/scheduler.h"

namespace throng::server {

struct ServerOptions {
  std::vector<std::string> model_repositories;
  std::string server_id = "triton";

  std::string http_address = "127.0.0.1";
  std::string grpc_address = "127.0.0.1";
  std::string metrics_address = "127.0.0.1";
  uint16_t http_port = 8000;
  uint16_t grpc_port = 8001;
  uint16_t metrics_port = 8002;
  bool allow_http = true;
  bool allow_grpc = true;
  bool allow_metrics = true;
  std::string ports_file;
  int compute_threads = 0;    // 0: all processors that this process may use
  int http_thread_count = 0;  // 0: half of the processors, as the other half runs models
  size_t http_max_input_bytes = limits::kHttpBodyBytes;
  std::vector<std::string> cors_origins;
  frontend::rest::ErrorStyle error_style = frontend::rest::ErrorStyle::kTriton;

  residency::ManagerOptions models;
  bool exit_on_error = false;
  bool poll = false;
  std::chrono::seconds poll_interval{15};
  std::chrono::seconds drain_timeout{30};
  Duration request_deadline = limits::kRequestDeadline;
  scheduler::SchedulerOptions scheduling;
  runner::RunnerOptions runners;

  LogOptions log;
};

}  // namespace throng::server
