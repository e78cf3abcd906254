// ReplicaProcess: the two processes of one replica and the directory they share. Internal to
// launcher/. On the launcher's event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "launcher/local_launcher.h"
#include "launcher/managed_process.h"

namespace throng::launcher {

// What of a spec is kept in the replica's directory, so that a later keeper finds it.
std::string SpecToText(const ReplicaSpec& spec);
// ERRORS: kInvalidArgument — no such text.
Result<ReplicaSpec> SpecFromText(const std::string& text);

class ReplicaProcess {
 public:
  ReplicaProcess(os::EventLoop& loop, Random& random, const LocalLauncherOptions& options,
                 ReplicaSpec spec, std::string directory, std::function<void()> on_change);
  ~ReplicaProcess();

  // ERRORS: of its directory.
  Status Start();
  void Stop(Duration grace);
  bool stopped() const;  // both have ended after Stop
  bool stopping() const { return stopping_; }
  const ReplicaSpec& spec() const { return spec_; }
  const std::string& directory() const { return directory_; }
  ReplicaStatus status() const;
  std::string LogPath(const std::string& container) const;  // empty: no such container
  void RotateLogs();

 private:
  ManagedProcessOptions ServerOptions();
  ManagedProcessOptions AgentOptions();
  void OnServerChange();
  void LookForPorts();
  bool ReadPorts();

  os::EventLoop& loop_;
  const LocalLauncherOptions& options_;
  const ReplicaSpec spec_;
  const std::string directory_;
  const std::function<void()> on_change_;
  std::unique_ptr<ManagedProcess> server_;
  std::unique_ptr<ManagedProcess> agent_;
  Executor::TimerId timer_ = 0;
  WallTime started_at_{};
  bool stopping_ = false;
  std::string server_life_;
  uint16_t http_port_ = 0;
  uint16_t grpc_port_ = 0;
  uint16_t metrics_port_ = 0;
};

}  // namespace throng::launcher
