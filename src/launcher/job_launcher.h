// JobLauncher: runs what Jobs are made of: attacks (`throng attack`), one process for each pod, to
// its end and never again. Here: local processes, which outlive the control plane; whoever starts
// again on the same state directory takes them over, or learns how they ended meanwhile.
//
//   STATE/jobs/NAMESPACE/POD/  run.json  attack.json  result.json  process  log
//
// An ended run stays, with its log, until it is stopped. Everything on one executor.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_limits.h"
#include "base/log.h"
#include "base/random.h"
#include "base/status.h"
#include "os/event_loop.h"

namespace throng::launcher {

struct JobRunSpec {
  std::string name_space;
  std::string pod;
  std::string job;
  std::string container;  // its name, for logs
  std::string document;   // what `throng attack --job` reads
};

enum class JobRunPhase : uint8_t { kRunning, kSucceeded, kFailed, kStopping };

struct JobRunStatus {
  std::string name_space;
  std::string pod;
  std::string job;
  std::string container;
  JobRunPhase phase = JobRunPhase::kRunning;
  int exit_status = 0;  // of one that ended; -1: killed, or not known
  std::string message;  // "killed by signal 9"; empty after success
  WallTime started_at{};
  WallTime ended_at{};
};

class JobLauncher {
 public:
  virtual ~JobLauncher() = default;
  // Idempotent for a pod that runs or has ended. ERRORS: kInvalidArgument, kUnavailable — not yet,
  // kResourceExhausted — too many run.
  virtual Status Start(const JobRunSpec& spec) = 0;
  // Ends it, and removes its directory with the log. Idempotent.
  virtual void Stop(const std::string& name_space, const std::string& pod) = 0;
  virtual std::vector<JobRunStatus> List() const = 0;
  virtual std::optional<JobRunStatus> Find(const std::string& name_space,
                                           const std::string& pod) const = 0;
  // Called after every change of a status; `gone` when it was stopped and its directory is gone.
  virtual void OnChange(std::function<void(const JobRunStatus&, bool gone)> handler) = 0;
  // The file with the log of a container. ERRORS: kNotFound.
  virtual Result<std::string> LogFile(const std::string& name_space, const std::string& pod,
                                      const std::string& container) const = 0;
};

struct LocalJobLauncherOptions {
  std::string directory;                 // STATE/jobs
  std::string program;                   // the throng program
  std::function<std::string()> gateway;  // "127.0.0.1:8080"; empty: not known yet
  Duration grace = std::chrono::seconds(5);
  size_t max_runs = limits::kJobRuns;  // that run at once
};

class LocalJobLauncher : public JobLauncher {
 public:
  // Takes over what runs under `directory`. ERRORS: of the directory.
  static Result<std::unique_ptr<LocalJobLauncher>> Create(os::EventLoop& loop, Random& random,
                                                          const Logger& logger,
                                                          LocalJobLauncherOptions options);
  // Ends all processes and keeps their directories: the next launcher on the same directory tells
  // that they failed. Starts nothing more.
  virtual void Suspend() = 0;
  virtual bool suspended() const = 0;  // all have ended
};

}  // namespace throng::launcher
