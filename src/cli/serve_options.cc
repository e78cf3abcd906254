#include "cli/serve_options.h"

#include <algorithm>
#include <optional>

#include "model/model_name.h"

namespace throng::cli {
namespace {

using residency::LoadPolicy;

// With less, no runner could load anything.
constexpr uint64_t kMinCellMemoryBytes = uint64_t{16} << 20;

// What the flags said, before it is checked as a whole.
struct Draft {
  server::ServerOptions options;
  std::optional<LoadPolicy> by_mode;  // --model-control-mode
  std::optional<LoadPolicy> by_load;  // --load
  int64_t http_threads = 0;
  int64_t compute_threads = 0;
  uint64_t memory_limit_bytes = 0;
  int64_t log_verbose = 0;
  uint64_t http_max_input_bytes = limits::kHttpBodyBytes;
  std::chrono::seconds execution_deadline = limits::kExecutionDeadline;
  std::chrono::seconds request_deadline = limits::kRequestDeadline;
  bool ignored = false;
  bool poll_interval_given = false;
};

void AddRepositoryOptions(OptionTable& table, Draft& draft) {
  server::ServerOptions& options = draft.options;
  table.Heading("Models:");
  table.AddList(
      {"model-repository", "DIR",
       "folder of models, one model's folder, or one file; may be given several times (or as "
       "plain arguments)",
       TextList(&options.model_repositories)});
  table.AddList({"model-store", "DIR", "", TextList(&options.model_repositories), true});
  table.Add({"load", "WHEN",
             "lazy (default): each model at its first request; eager: all at the start; explicit: "
             "only what is loaded by name",
             Choice({"lazy", "eager", "explicit"},
                    [&draft](size_t choice) { draft.by_load = static_cast<LoadPolicy>(choice); })});
  table.Add({"model-control-mode", "MODE",
             "Triton's name for the same: none is eager, poll is lazy and rescans the folder, "
             "explicit is explicit",
             Choice({"none", "poll", "explicit"}, [&draft](size_t choice) {
               constexpr LoadPolicy kPolicies[] = {LoadPolicy::kEager, LoadPolicy::kLazy,
                                                   LoadPolicy::kExplicit};
               draft.by_mode = kPolicies[choice];
               draft.options.poll = choice == 1;
             })});
  table.AddList({"load-model", "NAME", "with explicit: load this model at the start (repeatable)",
                 TextList(&options.models.load_at_start)});
  table.Add({"repository-poll-secs", "SECONDS", "with poll: time between scans (default 15)",
             [&draft, set = Seconds(&options.poll_interval, 1, 86400)](std::string_view value) {
               draft.poll_interval_given = true;
               return set(value);
             }});
  table.Add({"exit-on-error", "", "with eager: exit when a model cannot be loaded (default false)",
             Boolean(&options.exit_on_error)});
  table.Add({"strict-readiness", "",
             "not ready while any model is loading or has failed (default false)",
             Boolean(&options.models.strict_readiness)});
}

void AddListenerOptions(OptionTable& table, Draft& draft) {
  server::ServerOptions& options = draft.options;
  table.Heading("Listeners (port 0: any free port; all bind 127.0.0.1 unless told otherwise):");
  table.Add({"http-port", "PORT", "HTTP port (default 8000)", Port(&options.http_port)});
  table.Add({"http-address", "ADDRESS", "address of the HTTP port", Text(&options.http_address)});
  table.Add({"grpc-port", "PORT", "gRPC port (default 8001); answers UNIMPLEMENTED for now",
             Port(&options.grpc_port)});
  table.Add({"grpc-address", "ADDRESS", "address of the gRPC port", Text(&options.grpc_address)});
  table.Add(
      {"metrics-port", "PORT", "port of /metrics (default 8002)", Port(&options.metrics_port)});
  table.Add({"metrics-address", "ADDRESS", "address of the metrics port",
             Text(&options.metrics_address)});
  table.Add({"allow-http", "", "listen for HTTP (default true)", Boolean(&options.allow_http)});
  table.Add({"allow-grpc", "", "listen for gRPC (default true)", Boolean(&options.allow_grpc)});
  table.Add(
      {"allow-metrics", "", "listen for metrics (default true)", Boolean(&options.allow_metrics)});
  table.Add({"ports-file", "FILE",
             "write the real ports as {\"http\":N,\"grpc\":N,\"metrics\":N} once they listen",
             Text(&options.ports_file)});
  table.Add({"http-thread-count", "N",
             "event loops (default: half of the processors; the others run models)",
             Integer(&draft.http_threads, 1, 256)});
  table.Add({"http-max-input-size", "BYTES", "largest request body (default 64Mi)",
             Bytes(&draft.http_max_input_bytes)});
  table.AddList({"cors-origin", "ORIGIN",
                 "web pages of this origin may call (repeatable; * for all); others are refused",
                 TextList(&options.cors_origins)});
  table.Add({"id", "NAME", "server name in its metadata (default triton, which clients expect)",
             Text(&options.server_id)});
  table.Add({"error-style", "STYLE",
             "status codes of errors: triton (default), oip (400 for bad JSON), legacy-400 (always "
             "400)",
             Choice({"triton", "oip", "legacy-400"}, [&options](size_t choice) {
               options.error_style = static_cast<frontend::rest::ErrorStyle>(choice);
             })});
}

void AddRunOptions(OptionTable& table, Draft& draft) {
  server::ServerOptions& options = draft.options;
  table.Heading("Running:");
  table.Add({"sandbox", "MODE",
             "on (default): confine model processes as far as this system allows; required: refuse "
             "to serve where it does not; off: for debuggers",
             Choice({"on", "required", "off"}, [&options](size_t choice) {
               options.runners.sandbox = static_cast<runner::SandboxPolicy>(choice);
             })});
  table.Add({"runner-directory", "DIR", "where the runner programs are (default: ../libexec)",
             Text(&options.runners.program_directory)});
  table.Add({"cell-memory", "BYTES", "most memory one model process may take (default 4Gi)",
             [set = Bytes(&options.runners.cell_memory_bytes),
              &options](std::string_view value) -> Status {
               THRONG_RETURN_IF_ERROR(set(value));
               if (options.runners.cell_memory_bytes >= kMinCellMemoryBytes) return OkStatus();
               return InvalidArgumentError("must be 16Mi or more");
             }});
  table.Add({"memory-limit", "BYTES",
             "most memory of this server; a model process may take no more than this (for now each "
             "by itself)",
             [set = Bytes(&draft.memory_limit_bytes), &draft](std::string_view value) -> Status {
               THRONG_RETURN_IF_ERROR(set(value));
               if (draft.memory_limit_bytes >= kMinCellMemoryBytes) return OkStatus();
               return InvalidArgumentError("must be 16Mi or more");
             }});
  table.Add({"compute-threads", "N",
             "processors that this server and its models may use (default: all)",
             Integer(&draft.compute_threads, 1, 1024)});
  table.Add({"execution-deadline", "SECONDS",
             "a call that runs longer is ended, with its process (default 60)",
             Seconds(&draft.execution_deadline, 1, 86400)});
  table.Add({"request-deadline", "SECONDS",
             "longest time from a request to its reply, loading included (default 150)",
             Seconds(&draft.request_deadline, 1, 86400)});
  table.Add({"drain-timeout", "SECONDS", "after SIGTERM, wait this long for requests (default 30)",
             Seconds(&options.drain_timeout, 0, 3600)});
  table.Add({"exit-timeout-secs", "SECONDS", "", Seconds(&options.drain_timeout, 0, 3600), true});
  table.Heading("Logs:");
  table.Add({"log-verbose", "LEVEL", "0 (default) or more", Integer(&draft.log_verbose, 0, 9)});
  table.Add({"log-format", "FORMAT", "default (glog's prefix) or json",
             Choice({"default", "json"}, [&options](size_t choice) {
               options.log.format = choice == 1 ? LogFormat::kJson : LogFormat::kGlog;
             })});
  // Flags that manifests for Triton carry and that mean nothing here.
  for (const char* name : {"strict-model-config", "allow-sagemaker", "log-info", "log-warning",
                           "log-error", "disable-auto-complete-config"}) {
    table.Add({name, "", "", Boolean(&draft.ignored), true});
  }
}

OptionTable MakeTable(Draft& draft) {
  OptionTable table;
  AddRepositoryOptions(table, draft);
  AddListenerOptions(table, draft);
  AddRunOptions(table, draft);
  return table;
}

Status CheckTogether(Draft& draft) {
  server::ServerOptions& options = draft.options;
  if (draft.by_mode && draft.by_load && *draft.by_mode != *draft.by_load) {
    return InvalidArgumentError("--load and --model-control-mode contradict each other");
  }
  if (draft.by_mode) options.models.policy = *draft.by_mode;
  if (draft.by_load) options.models.policy = *draft.by_load;
  const auto& load = options.models.load_at_start;
  if (!load.empty() && options.models.policy != LoadPolicy::kExplicit) {
    return InvalidArgumentError("--load-model needs --load explicit");
  }
  for (const std::string& name : load) {
    if (name == "*" && load.size() == 1) continue;
    const auto parsed = model::ModelName::Parse(name);
    if (!parsed.ok()) return parsed.status().WithContext("--load-model");
  }
  if (draft.poll_interval_given && !options.poll) {
    return InvalidArgumentError("--repository-poll-secs needs --model-control-mode poll");
  }
  if (!options.allow_http && !options.allow_grpc && !options.allow_metrics) {
    return InvalidArgumentError(
        "nothing to listen on: --allow-http, --allow-grpc and --allow-metrics are all false");
  }
  if (options.model_repositories.empty()) {
    return InvalidArgumentError("no folder given; try: throng serve DIR");
  }
  options.http_thread_count = static_cast<int>(draft.http_threads);
  options.compute_threads = static_cast<int>(draft.compute_threads);
  if (draft.memory_limit_bytes > 0) {
    options.runners.cell_memory_bytes =
        std::min(options.runners.cell_memory_bytes, draft.memory_limit_bytes);
  }
  options.http_max_input_bytes = draft.http_max_input_bytes;
  options.log.verbose = static_cast<int>(draft.log_verbose);
  options.scheduling.execution_deadline = draft.execution_deadline;
  options.request_deadline = draft.request_deadline;
  return OkStatus();
}

}  // namespace

Result<server::ServerOptions> ParseServeOptions(std::span<const std::string> arguments) {
  Draft draft;
  THRONG_ASSIGN_OR_RETURN(const std::vector<std::string> folders,
                          MakeTable(draft).Parse(arguments));
  auto& repositories = draft.options.model_repositories;
  repositories.insert(repositories.end(), folders.begin(), folders.end());
  THRONG_RETURN_IF_ERROR(CheckTogether(draft));
  return std::move(draft.options);
}

std::string ServeHelp() {
  Draft draft;
  return "usage: throng serve DIR [options]\n\nServes every model in DIR.\n" +
         MakeTable(draft).Help();
}

}  // namespace throng::cli
