// RunnerPool: the CellFactory over real processes. One zygote per framework, started at first need;
// spare cells, so that a model's first request does not wait for a fork; one unused user id per
// cell when started as root.
//
// A runner is a program throng-runner-FRAMEWORK in options.program_directory. It is looked for when
// it is needed, so one that is installed later joins without a restart.
//
// Runs on the data plane's event loop only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "model/framework.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/thread_pool.h"
#include "runner/cell_process.h"
#include "runner/runner.h"
#include "runner/runner_options.h"
#include "runner/zygote_process.h"

namespace throng::runner {

// Counts for the metrics page.
struct RunnerPoolStats {
  uint64_t cells_started = 0;
  uint64_t cells_crashed = 0;
  uint64_t cells_killed_from_outside = 0;
  uint64_t zygotes_started = 0;
  uint64_t zygotes_ended = 0;
  uint64_t sandbox_parts_refused = 0;  // counted once per framework
  size_t cells = 0;
  size_t zygotes = 0;
};

class RunnerPool final : public CellFactory {
 public:
  RunnerPool(os::EventLoop& loop, os::ThreadPool& threads, const os::FileSystem& files,
             const Logger& logger, RunnerOptions options,
             std::vector<model::FrameworkManifest> manifests);
  ~RunnerPool() override;

  Status CanStart(std::string_view framework) const override;
  void Start(const CellSpec& spec, Done<Result<std::shared_ptr<Cell>>> done) override;
  void SetExitHandler(ExitHandler handler) override { exit_handler_ = std::move(handler); }

  RunnerPoolStats stats() const;
  // Process ids of the zygotes, by framework (tests, metrics).
  std::map<std::string, int64_t> zygote_pids() const;

 private:
  using StartDone = Done<Result<std::shared_ptr<Cell>>>;
  struct Waiting {
    int retries = 0;
    StartDone done;
    bool is_spare = false;
  };
  struct Spare {
    std::shared_ptr<CellProcess> cell;
    MonotonicTime since;
  };
  struct Framework {
    std::unique_ptr<ZygoteProcess> zygote;
    std::deque<Waiting> waiting;  // for the zygote to be ready
    std::deque<Spare> spares;
    size_t spares_starting = 0;
    int spare_failures = 0;  // in a row
    Executor::TimerId spare_timer = 0;
    int failed_starts = 0;   // of the zygote, in a row
    bool announced = false;  // its sandbox report was logged
  };

  void ForkWhenReady(const std::string& name, int retries, StartDone done);
  void StartZygote(const std::string& name, Framework& framework);
  void OnZygoteReady(const std::string& name, const Result<wire::Hello>& hello);
  void OnZygoteEnded(const std::string& name, const std::string& reason);
  // `retries`: how often another cell may be tried when this one, or the zygote, is killed before
  // the cell is ready.
  void ForkCell(const std::string& name, Waiting start);
  void AddCell(const std::string& name, const std::shared_ptr<CellProcess>& cell, Waiting start);
  void OnForkFailed(const std::string& name, int retries, const Status& status, StartDone done);
  void OnCellHello(const std::string& name, const std::shared_ptr<CellProcess>& cell,
                   const Result<wire::Hello>& hello, int retries, StartDone done);
  Status CheckSandbox(const std::string& name, const wire::Hello& hello);
  void OnCellExit(CellExit exit);
  bool WantsSpare(const Framework& framework) const;
  // Makes a spare in a while, when one is wanted: the later the more of them failed in a row.
  void ReplenishSpares(const std::string& name);
  void StartSpare(const std::string& name);
  void OnSpareTaken(const std::string& name);
  void OnSpareLost(const std::string& name, Duration lived);
  uint32_t NextUserId();

  os::EventLoop& loop_;
  os::ThreadPool& threads_;
  const os::FileSystem& files_;
  const Logger& logger_;
  const RunnerOptions options_;
  const std::vector<model::FrameworkManifest> manifests_;
  ExitHandler exit_handler_;
  std::map<std::string, Framework, std::less<>> frameworks_;
  std::unordered_map<CellId, std::shared_ptr<CellProcess>> cells_;  // every living one
  RunnerPoolStats stats_;
  size_t forks_in_flight_ = 0;
  CellId last_cell_id_ = 0;
  uint32_t last_user_id_ = 0;
  // Outlives nothing: handlers that the loop still holds look here whether the pool is alive.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace throng::runner
