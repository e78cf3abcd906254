#include "launcher/replica_process.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/control_limits.h"
#include "base/kill_point.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds kPortsPoll{20};
constexpr uint64_t kPortsFileBytes = 4096;
constexpr std::string_view kPath = "PATH=/usr/local/bin:/usr/bin:/bin";

std::vector<std::string> ServerArguments(const ReplicaSpec& spec, const std::string& directory) {
  std::vector<std::string> arguments = {"serve",
                                        "--model-repository=" + os::JoinPath(directory, "models"),
                                        "--load=explicit",
                                        "--http-port=0",
                                        "--grpc-port=0",
                                        "--metrics-port=0",
                                        "--ports-file=" + os::JoinPath(directory, "ports")};
  if (spec.memory_limit_bytes > 0) {
    arguments.push_back("--memory-limit=" + std::to_string(spec.memory_limit_bytes));
  }
  if (spec.compute_threads > 0) {
    arguments.push_back("--compute-threads=" + std::to_string(spec.compute_threads));
  }
  arguments.insert(arguments.end(), spec.server_arguments.begin(), spec.server_arguments.end());
  return arguments;
}

}  // namespace

std::string SpecToText(const ReplicaSpec& spec) {
  return Json{{"namespace", spec.name_space},
              {"pod", spec.pod},
              {"inferenceService", spec.inference_service},
              {"arguments", spec.server_arguments},
              {"environment", spec.environment},
              {"memoryLimitBytes", spec.memory_limit_bytes},
              {"computeThreads", spec.compute_threads}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Result<ReplicaSpec> SpecFromText(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    ReplicaSpec spec;
    json.at("namespace").get_to(spec.name_space);
    json.at("pod").get_to(spec.pod);
    json.at("inferenceService").get_to(spec.inference_service);
    json.at("arguments").get_to(spec.server_arguments);
    json.at("environment").get_to(spec.environment);
    json.at("memoryLimitBytes").get_to(spec.memory_limit_bytes);
    json.at("computeThreads").get_to(spec.compute_threads);
    return spec;
  } catch (const Json::exception&) {
    return InvalidArgumentError("the description of a replica cannot be read");
  }
}

ReplicaProcess::ReplicaProcess(os::EventLoop& loop, Random& random,
                               const LocalLauncherOptions& options, ReplicaSpec spec,
                               std::string directory, std::function<void()> on_change)
    : loop_(loop),
      options_(options),
      spec_(std::move(spec)),
      directory_(std::move(directory)),
      on_change_(std::move(on_change)) {
  server_ =
      std::make_unique<ManagedProcess>(loop, random, ServerOptions(), [this] { OnServerChange(); });
  agent_ = std::make_unique<ManagedProcess>(loop, random, AgentOptions(), [this] { on_change_(); });
}

ReplicaProcess::~ReplicaProcess() {
  if (timer_ != 0) loop_.CancelTimer(timer_);
}

ManagedProcessOptions ReplicaProcess::ServerOptions() {
  std::vector<std::string> environment = {std::string(kPath)};
  for (const auto* more : {&options_.server_environment, &spec_.environment}) {
    environment.insert(environment.end(), more->begin(), more->end());
  }
  return {.name = "server",
          .spec = {.program = options_.program,
                   .arguments = ServerArguments(spec_, directory_),
                   .environment = std::move(environment)},
          .log_path = LogPath("kfserving-container"),
          .state_path = os::JoinPath(directory_, "server.process"),
          .before_start = [ports = os::JoinPath(directory_, "ports")] {
            (void)os::RemoveFile(ports);  // of the one before
          }};
}

ManagedProcessOptions ReplicaProcess::AgentOptions() {
  std::vector<std::string> arguments = {"agent", "--api-socket=" + options_.api_socket,
                                        "--namespace=" + spec_.name_space, "--replica=" + spec_.pod,
                                        "--directory=" + directory_};
  arguments.insert(arguments.end(), options_.agent_arguments.begin(),
                   options_.agent_arguments.end());
  std::vector<std::string> environment = options_.agent_environment;
  environment.emplace_back(kPath);
  return {.name = "agent",
          .spec = {.program = options_.program,
                   .arguments = std::move(arguments),
                   .environment = std::move(environment)},
          .log_path = LogPath("agent"),
          .state_path = os::JoinPath(directory_, "agent.process")};
}

Status ReplicaProcess::Start() {
  THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(os::JoinPath(directory_, "models")));
  const std::string path = os::JoinPath(directory_, "replica.json");
  const std::string text = SpecToText(spec_);
  // One that is taken over has it: a full disk must not keep what runs from being found.
  const auto known = os::RealFileSystem().Read(path, text.size() + 1);
  if (!known.ok() || *known != text) THRONG_RETURN_IF_ERROR(os::WritePrivateFile(path, text));
  started_at_ = loop_.clock().WallNow();
  server_->Start();
  KillPoint("launcher.replica.server_started");
  agent_->Start();
  return OkStatus();
}

void ReplicaProcess::Stop(Duration grace) {
  if (stopping_) return;
  stopping_ = true;
  agent_->Stop(grace);
  server_->Stop(grace);
  on_change_();
}

bool ReplicaProcess::stopped() const {
  return stopping_ && server_->state() == ManagedState::kStopped &&
         agent_->state() == ManagedState::kStopped;
}

void ReplicaProcess::OnServerChange() {
  if (server_->state() != ManagedState::kRunning) {
    http_port_ = grpc_port_ = metrics_port_ = 0;
    // Its port may be another program's by now, which the agent must not take for its server.
    const bool is_gone = server_->state() != ManagedState::kStopping;
    if (is_gone) (void)os::RemoveFile(os::JoinPath(directory_, "ports"));
  } else if (http_port_ == 0 && timer_ == 0) {
    return LookForPorts();
  }
  on_change_();
}

void ReplicaProcess::LookForPorts() {
  if (server_->state() == ManagedState::kRunning && !ReadPorts()) {
    timer_ = loop_.StartTimer(loop_.clock().Now() + kPortsPoll, [this] {
      timer_ = 0;
      LookForPorts();
    });
    return;
  }
  on_change_();
}

bool ReplicaProcess::ReadPorts() {
  const std::string path = os::JoinPath(directory_, "ports");
  const auto text = os::RealFileSystem().Read(path, kPortsFileBytes);
  if (!text.ok()) return false;
  const Json ports = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!ports.is_object()) return false;
  const auto port = [&ports](const char* name) {
    const auto found = ports.find(name);
    return found != ports.end() && found->is_number_unsigned() ? found->get<uint16_t>()
                                                               : uint16_t{0};
  };
  const auto info = os::RealFileSystem().Stat(path);
  if (!info.ok()) return false;
  http_port_ = port("http");
  server_life_ = std::to_string(http_port_) + "." + std::to_string(info->modified_ns);
  grpc_port_ = port("grpc");
  metrics_port_ = port("metrics");
  return http_port_ != 0;
}

ReplicaStatus ReplicaProcess::status() const {
  ReplicaStatus status;
  status.name_space = spec_.name_space;
  status.pod = spec_.pod;
  status.address = http_port_ != 0 ? "127.0.0.1" : "";
  status.http_port = http_port_;
  status.grpc_port = grpc_port_;
  status.metrics_port = metrics_port_;
  status.server_life = http_port_ != 0 ? server_life_ : "";
  status.server_restart_count = server_->restart_count();
  status.agent_restart_count = agent_->restart_count();
  const bool server_waits = server_->state() == ManagedState::kWaiting;
  status.agent_waits = agent_->state() == ManagedState::kWaiting;
  // Of the one that is in trouble now, when one is.
  const bool tells_agent = !agent_->last_end().empty() &&
                           (server_->last_end().empty() || (status.agent_waits && !server_waits));
  status.last_end = tells_agent ? "agent: " + agent_->last_end() : server_->last_end();
  status.started_at = started_at_;
  status.server_started_at = server_->started_at();
  if (stopping_) {
    status.phase = ReplicaPhase::kStopping;
  } else if (server_waits) {
    status.phase = ReplicaPhase::kBackOff;
  } else {
    status.phase = http_port_ != 0 ? ReplicaPhase::kReady : ReplicaPhase::kStarting;
  }
  return status;
}

std::string ReplicaProcess::LogPath(const std::string& container) const {
  if (container == "agent") return os::JoinPath(directory_, "agent.log");
  if (container == "kfserving-container" || container == "kserve-container") {
    return os::JoinPath(directory_, "server.log");
  }
  return "";
}

void ReplicaProcess::RotateLogs() {
  for (const char* container : {"agent", "kfserving-container"}) {
    (void)os::RotateLog(LogPath(container), limits::kLogFileBytes);
  }
}

}  // namespace throng::launcher
