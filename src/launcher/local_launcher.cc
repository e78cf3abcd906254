#include "launcher/local_launcher.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/control_limits.h"
#include "base/kill_point.h"
#include "launcher/removed_directories.h"
#include "launcher/replica_process.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

constexpr uint64_t kSpecFileBytes = 1024 * 1024;
constexpr std::chrono::seconds kRotateEvery{30};

using ReplicaKey = std::pair<std::string, std::string>;  // namespace, pod

// Names become directories: the API's rules for names have made them safe, which is checked again.
bool IsDirectoryName(std::string_view name) {
  if (name.empty() || name.size() > limits::kObjectNameBytes || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

class PairLauncher final : public LocalLauncher {
 public:
  PairLauncher(os::EventLoop& loop, Random& random, const Logger& logger,
               LocalLauncherOptions options)
      : loop_(loop),
        random_(random),
        logger_(logger),
        options_(std::move(options)),
        removed_(loop, logger, options_.directory) {}

  ~PairLauncher() override {
    if (timer_ != 0) loop_.CancelTimer(timer_);
  }

  Status TakeOverAll() {
    THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(options_.directory));
    THRONG_ASSIGN_OR_RETURN(const auto name_spaces, os::RealFileSystem().List(options_.directory));
    removed_.Resume();
    for (const auto& name_space : name_spaces) {
      if (RemovedDirectories::IsOne(name_space.name)) continue;
      const auto pods =
          os::RealFileSystem().List(os::JoinPath(options_.directory, name_space.name));
      if (!pods.ok()) continue;
      for (const auto& pod : *pods) TakeOver(name_space.name, pod.name);
    }
    RotateLater();
    return OkStatus();
  }

  Status Start(const ReplicaSpec& spec) override {
    if (!IsDirectoryName(spec.name_space) || !IsDirectoryName(spec.pod)) {
      return InvalidArgumentError("a replica's name must be a DNS-1123 name");
    }
    if (const ReplicaProcess* known = FindReplica({spec.name_space, spec.pod})) {
      if (SpecToText(known->spec()) == SpecToText(spec) && !known->stopping()) return OkStatus();
      return AlreadyExistsError("replica '" + spec.pod + "' runs with another specification");
    }
    if (suspending_) return UnavailableError("replicas are being stopped");
    if (replicas_.size() >= options_.max_replicas) {
      return ResourceExhaustedError("there are " + std::to_string(options_.max_replicas) +
                                    " replicas, which is the most");
    }
    return Run(spec);
  }

  void Stop(const std::string& name_space, const std::string& pod, Duration grace) override {
    if (ReplicaProcess* replica = FindReplica({name_space, pod})) replica->Stop(grace);
  }

  void Suspend(Duration grace) override {
    suspending_ = true;
    for (const auto& [key, replica] : replicas_) replica->Stop(grace);
  }

  bool suspended() const override {
    return suspending_ && std::all_of(replicas_.begin(), replicas_.end(),
                                      [](const auto& entry) { return entry.second->stopped(); });
  }

  std::vector<ReplicaStatus> List() const override {
    std::vector<ReplicaStatus> all;
    for (const auto& [key, replica] : replicas_) all.push_back(replica->status());
    return all;
  }

  std::optional<ReplicaStatus> Find(const std::string& name_space,
                                    const std::string& pod) const override {
    const ReplicaProcess* replica = FindReplica({name_space, pod});
    return replica == nullptr ? std::nullopt : std::optional(replica->status());
  }

  void OnChange(std::function<void(const ReplicaStatus&, bool)> handler) override {
    handlers_.push_back(std::move(handler));
  }

  Result<std::string> LogFile(const std::string& name_space, const std::string& pod,
                              const std::string& container) const override {
    const ReplicaProcess* replica = FindReplica({name_space, pod});
    if (replica == nullptr) return NotFoundError("no replica '" + pod + "' runs here");
    const std::string path = replica->LogPath(container);
    if (path.empty())
      return NotFoundError("container " + container + " is not valid for pod " + pod);
    return path;
  }

 private:
  ReplicaProcess* FindReplica(const ReplicaKey& key) const {
    const auto found = replicas_.find(key);
    return found == replicas_.end() ? nullptr : found->second.get();
  }

  std::string Directory(const std::string& name_space, const std::string& pod) const {
    return os::JoinPath(os::JoinPath(options_.directory, name_space), pod);
  }

  void TakeOver(const std::string& name_space, const std::string& pod) {
    const std::string directory = Directory(name_space, pod);
    const auto text =
        os::RealFileSystem().Read(os::JoinPath(directory, "replica.json"), kSpecFileBytes);
    auto spec = text.ok() ? SpecFromText(*text) : Result<ReplicaSpec>(text.status());
    if (!spec.ok() || spec->name_space != name_space || spec->pod != pod) {
      THRONG_LOG_WARNING(logger_)
          << "a directory under replicas/ holds no replica and is left alone: "
          << EscapeForLog(name_space + "/" + pod);
      return;
    }
    const Status started = Run(*spec);
    if (!started.ok()) {
      THRONG_LOG_ERROR(logger_) << "replica '" << pod
                                << "' cannot be taken over: " << started.ToString();
    }
  }

  Status Run(const ReplicaSpec& spec) {
    const ReplicaKey key{spec.name_space, spec.pod};
    auto replica = std::make_unique<ReplicaProcess>(loop_, random_, options_, spec,
                                                    Directory(spec.name_space, spec.pod),
                                                    [this, key] { OnReplicaChange(key); });
    THRONG_RETURN_IF_ERROR(replica->Start());
    replicas_[key] = std::move(replica);
    return OkStatus();
  }

  void OnReplicaChange(const ReplicaKey& key) {
    const ReplicaProcess* replica = FindReplica(key);
    if (replica == nullptr) return;
    const ReplicaStatus status = replica->status();
    const bool gone = replica->stopped() && !suspending_;
    if (gone) {
      KillPoint("launcher.replica.stopped");
      removed_.Remove(replica->directory());
      // Not from inside its own call.
      loop_.Post([replica = std::shared_ptr<ReplicaProcess>(std::move(replicas_[key]))] {});
      replicas_.erase(key);
    }
    for (const auto& handler : handlers_) handler(status, gone);
  }

  void RotateLater() {
    timer_ = loop_.StartTimer(loop_.clock().Now() + kRotateEvery, [this] {
      for (const auto& [key, replica] : replicas_) replica->RotateLogs();
      RotateLater();
    });
  }

  os::EventLoop& loop_;
  Random& random_;
  const Logger& logger_;
  const LocalLauncherOptions options_;
  RemovedDirectories removed_;
  std::map<ReplicaKey, std::unique_ptr<ReplicaProcess>> replicas_;
  std::vector<std::function<void(const ReplicaStatus&, bool)>> handlers_;
  Executor::TimerId timer_ = 0;
  bool suspending_ = false;
};

}  // namespace

Result<std::unique_ptr<LocalLauncher>> LocalLauncher::Create(os::EventLoop& loop, Random& random,
                                                             const Logger& logger,
                                                             LocalLauncherOptions options) {
  auto launcher = std::make_unique<PairLauncher>(loop, random, logger, std::move(options));
  THRONG_RETURN_IF_ERROR(launcher->TakeOverAll());
  return std::unique_ptr<LocalLauncher>(std::move(launcher));
}

}  // namespace throng::launcher
