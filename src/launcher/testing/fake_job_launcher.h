// FakeJobLauncher: runs that are entries of a map. A test ends them.
#pragma once

#include <map>
#include <utility>

#include "launcher/job_launcher.h"

namespace throng::launcher::testing {

class FakeJobLauncher final : public JobLauncher {
 public:
  Status Start(const JobRunSpec& spec) override {
    if (!start_status.ok()) return start_status;
    const Key key{spec.name_space, spec.pod};
    if (runs_.contains(key)) return OkStatus();
    specs_[key] = spec;
    runs_[key] = {.name_space = spec.name_space,
                  .pod = spec.pod,
                  .job = spec.job,
                  .container = spec.container,
                  .started_at = now};
    return OkStatus();
  }
  void Stop(const std::string& name_space, const std::string& pod) override {
    const auto found = runs_.find({name_space, pod});
    if (found == runs_.end()) return;
    JobRunStatus status = found->second;
    status.phase = JobRunPhase::kStopping;
    runs_.erase(found);
    ++stop_count;
    if (handler_) handler_(status, true);
  }
  std::vector<JobRunStatus> List() const override {
    std::vector<JobRunStatus> all;
    for (const auto& [key, status] : runs_) all.push_back(status);
    return all;
  }
  std::optional<JobRunStatus> Find(const std::string& name_space,
                                   const std::string& pod) const override {
    const auto found = runs_.find({name_space, pod});
    return found == runs_.end() ? std::nullopt : std::optional(found->second);
  }
  void OnChange(std::function<void(const JobRunStatus&, bool)> handler) override {
    handler_ = std::move(handler);
  }
  Result<std::string> LogFile(const std::string&, const std::string&,
                              const std::string&) const override {
    return NotFoundError("a fake has no logs");
  }

  // The process of `pod` ends; 0: it has done its work.
  void End(const std::string& name_space, const std::string& pod, int exit_status,
           const std::string& message = "") {
    JobRunStatus& status = runs_.at({name_space, pod});
    status.phase = exit_status == 0 ? JobRunPhase::kSucceeded : JobRunPhase::kFailed;
    status.exit_status = exit_status;
    status.message = message;
    status.ended_at = now;
    if (handler_) handler_(status, false);
  }
  // It is as if it had never been, as after the loss of its directory.
  void Lose(const std::string& name_space, const std::string& pod) {
    runs_.erase({name_space, pod});
  }
  const JobRunSpec& spec(const std::string& name_space, const std::string& pod) const {
    return specs_.at({name_space, pod});
  }

  Status start_status;  // of the next Start
  WallTime now{};
  int stop_count = 0;

 private:
  using Key = std::pair<std::string, std::string>;
  std::map<Key, JobRunStatus> runs_;
  std::map<Key, JobRunSpec> specs_;
  std::function<void(const JobRunStatus&, bool)> handler_;
};

}  // namespace throng::launcher::testing
