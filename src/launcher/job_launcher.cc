#include "launcher/job_launcher.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "launcher/managed_process.h"
#include "launcher/removed_directories.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

using Json = nlohmann::json;
using RunKey = std::pair<std::string, std::string>;  // namespace, pod

constexpr uint64_t kSmallFileBytes = 64 * 1024;

bool IsDirectoryName(std::string_view name) {
  if (name.empty() || name.size() > limits::kObjectNameBytes || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

WallTime WallTimeOf(int64_t nanoseconds) { return WallTime(Duration(nanoseconds)); }

std::string RunText(const JobRunStatus& status) {
  return Json{{"namespace", status.name_space},
              {"pod", status.pod},
              {"job", status.job},
              {"container", status.container},
              {"startedAtNs", status.started_at.time_since_epoch().count()}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Result<JobRunStatus> ReadRun(const std::string& path) {
  THRONG_ASSIGN_OR_RETURN(const std::string text, os::RealFileSystem().Read(path, kSmallFileBytes));
  try {
    const Json json = Json::parse(text);
    JobRunStatus status;
    json.at("namespace").get_to(status.name_space);
    json.at("pod").get_to(status.pod);
    json.at("job").get_to(status.job);
    json.at("container").get_to(status.container);
    status.started_at = WallTimeOf(json.at("startedAtNs").get<int64_t>());
    return status;
  } catch (const Json::exception&) {
    return InvalidArgumentError("the description of a run cannot be read");
  }
}

// How it ended; false: it has not said.
bool ReadResult(const std::string& path, JobRunStatus& status) {
  const auto text = os::RealFileSystem().Read(path, kSmallFileBytes);
  if (!text.ok()) return false;
  try {
    const Json json = Json::parse(*text);
    status.exit_status = json.at("exit").get<int>();
    status.message = json.at("message").get<std::string>();
    status.ended_at = WallTimeOf(json.at("finishedAtNs").get<int64_t>());
  } catch (const Json::exception&) {
    return false;
  }
  status.phase = status.exit_status == 0 ? JobRunPhase::kSucceeded : JobRunPhase::kFailed;
  return true;
}

class ProcessLauncher final : public LocalJobLauncher {
 public:
  ProcessLauncher(os::EventLoop& loop, Random& random, const Logger& logger,
                  LocalJobLauncherOptions options)
      : loop_(loop),
        random_(random),
        logger_(logger),
        options_(std::move(options)),
        removed_(loop, logger, options_.directory) {}

  ~ProcessLauncher() override { *alive_ = false; }

  Status TakeOverAll() {
    THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(options_.directory));
    THRONG_ASSIGN_OR_RETURN(const auto name_spaces, os::RealFileSystem().List(options_.directory));
    removed_.Resume();
    for (const auto& name_space : name_spaces) {
      if (RemovedDirectories::IsOne(name_space.name)) continue;
      const auto pods =
          os::RealFileSystem().List(os::JoinPath(options_.directory, name_space.name));
      if (!pods.ok()) continue;
      for (const auto& pod : *pods) TakeOver({name_space.name, pod.name});
    }
    return OkStatus();
  }

  Status Start(const JobRunSpec& spec) override;
  void Stop(const std::string& name_space, const std::string& pod) override;
  void Suspend() override;

  bool suspended() const override {
    return suspending_ && std::all_of(runs_.begin(), runs_.end(), [](const auto& entry) {
             return entry.second->process == nullptr || HasEnded(*entry.second->process);
           });
  }
  std::vector<JobRunStatus> List() const override {
    std::vector<JobRunStatus> all;
    for (const auto& [key, run] : runs_) all.push_back(run->status);
    return all;
  }
  std::optional<JobRunStatus> Find(const std::string& name_space,
                                   const std::string& pod) const override {
    const auto found = runs_.find({name_space, pod});
    return found == runs_.end() ? std::nullopt : std::optional(found->second->status);
  }
  void OnChange(std::function<void(const JobRunStatus&, bool)> handler) override {
    handlers_.push_back(std::move(handler));
  }
  Result<std::string> LogFile(const std::string& name_space, const std::string& pod,
                              const std::string& container) const override {
    const auto found = runs_.find({name_space, pod});
    if (found == runs_.end()) return NotFoundError("no job of pod '" + pod + "' runs here");
    if (found->second->status.container != container) {
      return NotFoundError("container " + container + " is not valid for pod " + pod);
    }
    return os::JoinPath(found->second->directory, "log");
  }

 private:
  struct Run {
    JobRunStatus status;
    std::string directory;
    std::unique_ptr<ManagedProcess> process;  // null: it ended before this launcher came
  };

  static bool HasEnded(const ManagedProcess& process) {
    return process.state() == ManagedState::kStopped || process.state() == ManagedState::kEnded;
  }

  std::string Directory(const RunKey& key) const {
    return os::JoinPath(os::JoinPath(options_.directory, key.first), key.second);
  }
  void TakeOver(const RunKey& key);
  std::unique_ptr<ManagedProcess> MakeProcess(const RunKey& key, const std::string& directory,
                                              const std::string& gateway, bool may_launch);
  void OnProcessChange(const RunKey& key);
  void SetResult(Run& run);
  void Remove(const RunKey& key);
  void Tell(const JobRunStatus& status, bool gone) {
    for (const auto& handler : handlers_) handler(status, gone);
  }

  os::EventLoop& loop_;
  Random& random_;
  const Logger& logger_;
  const LocalJobLauncherOptions options_;
  RemovedDirectories removed_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<RunKey, std::unique_ptr<Run>> runs_;
  std::vector<std::function<void(const JobRunStatus&, bool)>> handlers_;
  bool suspending_ = false;
};

std::unique_ptr<ManagedProcess> ProcessLauncher::MakeProcess(const RunKey& key,
                                                             const std::string& directory,
                                                             const std::string& gateway,
                                                             bool may_launch) {
  ManagedProcessOptions options{
      .name = "attack",
      .spec = {.program = options_.program,
               .arguments = {"attack", "--job=" + os::JoinPath(directory, "attack.json"),
                             "--result=" + os::JoinPath(directory, "result.json"),
                             "--gateway=" + gateway},
               .environment = {"PATH=/usr/local/bin:/usr/bin:/bin"}},
      .log_path = os::JoinPath(directory, "log"),
      .state_path = os::JoinPath(directory, "process"),
      .restart = false,
      .may_launch = may_launch};
  return std::make_unique<ManagedProcess>(loop_, random_, std::move(options),
                                          [this, key] { OnProcessChange(key); });
}

void ProcessLauncher::TakeOver(const RunKey& key) {
  const std::string directory = Directory(key);
  auto status = ReadRun(os::JoinPath(directory, "run.json"));
  if (!status.ok() || status->name_space != key.first || status->pod != key.second) {
    THRONG_LOG_WARNING(logger_) << "a directory under jobs/ holds no run and is left alone: "
                                << EscapeForLog(key.first + "/" + key.second);
    return;
  }
  auto run = std::make_unique<Run>();
  run->status = *std::move(status);
  run->directory = directory;
  // One that has said how it ended is not looked for.
  if (!ReadResult(os::JoinPath(directory, "result.json"), run->status)) {
    run->process = MakeProcess(key, directory, "", /*may_launch=*/false);
    run->process->Start();
  }
  runs_[key] = std::move(run);
}

Status ProcessLauncher::Start(const JobRunSpec& spec) {
  const RunKey key{spec.name_space, spec.pod};
  if (!IsDirectoryName(spec.name_space) || !IsDirectoryName(spec.pod)) {
    return InvalidArgumentError("a pod's name must be a DNS-1123 name");
  }
  if (runs_.contains(key)) return OkStatus();
  if (suspending_) return UnavailableError("jobs are being stopped");
  const std::string gateway = options_.gateway ? options_.gateway() : "";
  if (gateway.empty()) return UnavailableError("the gateway is not there yet");
  const auto running = std::count_if(runs_.begin(), runs_.end(), [](const auto& entry) {
    return entry.second->status.phase == JobRunPhase::kRunning;
  });
  if (static_cast<size_t>(running) >= options_.max_runs) {
    return ResourceExhaustedError(std::to_string(options_.max_runs) +
                                  " jobs run, which is the most");
  }
  auto run = std::make_unique<Run>();
  run->status = {.name_space = spec.name_space,
                 .pod = spec.pod,
                 .job = spec.job,
                 .container = spec.container,
                 .started_at = loop_.clock().WallNow()};
  run->directory = Directory(key);
  THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(run->directory));
  THRONG_RETURN_IF_ERROR(
      os::WritePrivateFile(os::JoinPath(run->directory, "attack.json"), spec.document));
  THRONG_RETURN_IF_ERROR(
      os::WritePrivateFile(os::JoinPath(run->directory, "run.json"), RunText(run->status)));
  run->process = MakeProcess(key, run->directory, gateway, /*may_launch=*/true);
  run->process->Start();
  runs_[key] = std::move(run);
  return OkStatus();
}

void ProcessLauncher::OnProcessChange(const RunKey& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end() || suspending_) return;
  Run& run = *found->second;
  if (!HasEnded(*run.process)) return;
  if (run.status.phase == JobRunPhase::kStopping) return Remove(key);
  if (run.status.phase != JobRunPhase::kRunning) return;
  SetResult(run);
  Tell(run.status, false);
}

void ProcessLauncher::SetResult(Run& run) {
  const std::string path = os::JoinPath(run.directory, "result.json");
  (void)os::RemoveFile(os::JoinPath(run.directory, "attack.json"));
  if (ReadResult(path, run.status)) return;
  run.status.phase = JobRunPhase::kFailed;
  // Without a result it has not done its work, whatever it says.
  const int exit_status = run.process->last_exit_status();
  run.status.exit_status = exit_status == 0 ? -1 : exit_status;
  const std::string& end = run.process->last_end();
  run.status.message = end.empty() ? "it ended while nobody looked" : end;
  run.status.ended_at = loop_.clock().WallNow();
  // For those that come later.
  const Json result = {{"exit", run.status.exit_status},
                       {"message", run.status.message},
                       {"finishedAtNs", run.status.ended_at.time_since_epoch().count()}};
  (void)os::WritePrivateFile(path, result.dump() + "\n");
}

void ProcessLauncher::Stop(const std::string& name_space, const std::string& pod) {
  const RunKey key{name_space, pod};
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  Run& run = *found->second;
  if (run.status.phase == JobRunPhase::kStopping) return;
  run.status.phase = JobRunPhase::kStopping;
  if (run.process != nullptr && !HasEnded(*run.process)) return run.process->Stop(options_.grace);
  // Not from inside.
  loop_.Post([this, key, alive = alive_] {
    if (*alive) Remove(key);
  });
}

void ProcessLauncher::Remove(const RunKey& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  const std::shared_ptr<Run> run = std::move(found->second);
  runs_.erase(found);
  removed_.Remove(run->directory);
  // It may be what called.
  loop_.Post([run] {});
  Tell(run->status, true);
}

void ProcessLauncher::Suspend() {
  suspending_ = true;
  for (const auto& [key, run] : runs_) {
    if (run->process != nullptr && !HasEnded(*run->process)) run->process->Stop(options_.grace);
  }
}

}  // namespace

Result<std::unique_ptr<LocalJobLauncher>> LocalJobLauncher::Create(
    os::EventLoop& loop, Random& random, const Logger& logger, LocalJobLauncherOptions options) {
  auto launcher = std::make_unique<ProcessLauncher>(loop, random, logger, std::move(options));
  THRONG_RETURN_IF_ERROR(launcher->TakeOverAll());
  return std::unique_ptr<LocalJobLauncher>(std::move(launcher));
}

}  // namespace throng::launcher
