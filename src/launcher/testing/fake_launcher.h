// FakeLauncher: replicas that are entries of a map. A test moves them through their phases.
#pragma once

#include <map>
#include <utility>

#include "launcher/replica_launcher.h"

namespace throng::launcher::testing {

class FakeLauncher final : public ReplicaLauncher {
 public:
  Status Start(const ReplicaSpec& spec) override {
    if (!start_status.ok()) return start_status;
    const Key key{spec.name_space, spec.pod};
    if (specs_.contains(key)) return OkStatus();
    specs_[key] = spec;
    replicas_[key] = {.name_space = spec.name_space, .pod = spec.pod};
    return OkStatus();
  }
  void Stop(const std::string& name_space, const std::string& pod, Duration) override {
    const Key key{name_space, pod};
    const auto found = replicas_.find(key);
    if (found == replicas_.end()) return;
    found->second.phase = ReplicaPhase::kStopping;
    const ReplicaStatus status = found->second;
    replicas_.erase(found);
    specs_.erase(key);
    if (handler_) handler_(status, true);
  }
  std::vector<ReplicaStatus> List() const override {
    std::vector<ReplicaStatus> all;
    for (const auto& [key, status] : replicas_) all.push_back(status);
    return all;
  }
  std::optional<ReplicaStatus> Find(const std::string& name_space,
                                    const std::string& pod) const override {
    const auto found = replicas_.find({name_space, pod});
    return found == replicas_.end() ? std::nullopt : std::optional(found->second);
  }
  void OnChange(std::function<void(const ReplicaStatus&, bool)> handler) override {
    handler_ = std::move(handler);
  }
  Result<std::string> LogFile(const std::string&, const std::string&,
                              const std::string&) const override {
    return NotFoundError("a fake has no logs");
  }

  // The server of `pod` listens on `port`.
  void MakeReady(const std::string& name_space, const std::string& pod, uint16_t port) {
    ReplicaStatus& status = replicas_.at({name_space, pod});
    status.phase = ReplicaPhase::kReady;
    status.address = "127.0.0.1";
    status.http_port = port;
    status.server_life = std::to_string(port) + ".1";
    if (handler_) handler_(status, false);
  }
  // Its server ended and is not running again yet.
  void Crash(const std::string& name_space, const std::string& pod, const std::string& how) {
    ReplicaStatus& status = replicas_.at({name_space, pod});
    status.phase = ReplicaPhase::kBackOff;
    status.http_port = 0;
    status.server_life.clear();
    status.server_restart_count += 1;
    status.last_end = how;
    if (handler_) handler_(status, false);
  }
  // Its agent ended and is not running again yet.
  void CrashAgent(const std::string& name_space, const std::string& pod, const std::string& how) {
    ReplicaStatus& status = replicas_.at({name_space, pod});
    status.agent_waits = true;
    status.agent_restart_count += 1;
    status.last_end = "agent: " + how;
    if (handler_) handler_(status, false);
  }
  const ReplicaSpec& spec(const std::string& name_space, const std::string& pod) const {
    return specs_.at({name_space, pod});
  }

  Status start_status;  // of the next Start

 private:
  using Key = std::pair<std::string, std::string>;
  std::map<Key, ReplicaStatus> replicas_;
  std::map<Key, ReplicaSpec> specs_;
  std::function<void(const ReplicaStatus&, bool)> handler_;
};

}  // namespace throng::launcher::testing
