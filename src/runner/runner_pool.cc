#include "runner/runner_pool.h"

#include <algorithm>

#include "base/limits.h"
#include "os/process.h"

namespace throng::runner {
namespace {

// User ids that no distribution hands out; each cell gets one that no other living cell has.
constexpr uint32_t kFirstUserId = 0x54480000;
constexpr uint32_t kUserIdCount = 0x10000;

}  // namespace

RunnerPool::RunnerPool(os::EventLoop& loop, os::ThreadPool& threads, const os::FileSystem& files,
                       const Logger& logger, RunnerOptions options,
                       std::vector<model::FrameworkManifest> manifests)
    : loop_(loop),
      threads_(threads),
      files_(files),
      logger_(logger),
      options_(std::move(options)),
      manifests_(std::move(manifests)) {}

RunnerPool::~RunnerPool() { *alive_ = false; }

Status RunnerPool::CanStart(std::string_view framework) const {
  const std::string program = "throng-runner-" + std::string(framework);
  const auto info = files_.Stat(os::JoinPath(options_.program_directory, program));
  if (info.ok() && info->kind == os::FileKind::kRegular) return OkStatus();
  for (const model::FrameworkManifest& manifest : manifests_) {
    if (manifest.framework == framework) {
      return UnimplementedError("the runner for " + manifest.framework +
                                " models is not installed; get it with: " + manifest.get_it);
    }
  }
  return UnimplementedError("no runner is known for this kind of model");
}

void RunnerPool::Start(const CellSpec& spec, StartDone done) {
  Framework& framework = frameworks_[spec.framework];
  while (!framework.spares.empty()) {
    std::shared_ptr<CellProcess> cell = std::move(framework.spares.front().cell);
    framework.spares.pop_front();
    if (!cell->accepts_models()) {
      cell->End(CellExitCause::kStopped);
      continue;
    }
    OnSpareTaken(spec.framework);
    loop_.Post(
        [this, spec, cell = std::move(cell), done = std::move(done), alive = alive_]() mutable {
          // Whoever gets a cell whose end was told already would never hear of it.
          if (*alive && !cell->accepts_models()) {
            cell->End(CellExitCause::kStopped);
            return Start(spec, std::move(done));
          }
          std::shared_ptr<Cell> result = std::move(cell);
          done(std::move(result));
        });
    return;
  }
  ForkWhenReady(spec.framework, limits::kCellStartRetries, std::move(done));
}

void RunnerPool::ForkWhenReady(const std::string& name, int retries, StartDone done) {
  Framework& framework = frameworks_[name];
  if (framework.zygote != nullptr && framework.zygote->ready()) {
    ReplenishSpares(name);
    return ForkCell(name, {.retries = retries, .done = std::move(done)});
  }
  framework.waiting.push_back({.retries = retries, .done = std::move(done)});
  if (framework.zygote == nullptr) StartZygote(name, framework);
}

void RunnerPool::StartZygote(const std::string& name, Framework& framework) {
  Status status = CanStart(name);
  if (status.ok()) {
    framework.zygote = std::make_unique<ZygoteProcess>(loop_, threads_, name, options_);
    status = framework.zygote->Start(
        [this, name](Result<wire::Hello> hello) { OnZygoteReady(name, hello); },
        [this, name](std::string reason) { OnZygoteEnded(name, reason); });
    if (status.ok()) ++stats_.zygotes_started;
  }
  if (status.ok()) return;
  framework.zygote = nullptr;
  loop_.Post([this, name, status, alive = alive_] {
    if (*alive) OnZygoteReady(name, status);
  });
}

void RunnerPool::OnZygoteReady(const std::string& name, const Result<wire::Hello>& hello) {
  Framework& framework = frameworks_[name];
  // Killed while it warmed up: OnZygoteEnded, which follows, starts another one.
  const bool killed =
      !hello.ok() && framework.zygote != nullptr && framework.zygote->killed_from_outside();
  if (killed && ++framework.failed_starts <= limits::kZygoteStartRetries) return;
  framework.failed_starts = 0;
  std::deque<Waiting> waiting = std::move(framework.waiting);
  framework.waiting.clear();
  if (!hello.ok()) {
    THRONG_LOG_ERROR(logger_) << "framework " << name << " could not be started: "
                              << EscapeForLog(hello.status().message());
    for (Waiting& start : waiting) start.done(hello.status());
    return;
  }
  THRONG_LOG_INFO(logger_) << "framework " << name << " " << EscapeForLog(hello->framework_version)
                           << " is warm, process " << framework.zygote->process_id();
  for (Waiting& start : waiting) ForkCell(name, std::move(start));
  ReplenishSpares(name);
}

void RunnerPool::OnZygoteEnded(const std::string& name, const std::string& reason) {
  ++stats_.zygotes_ended;
  THRONG_LOG_WARNING(logger_) << "framework " << name << "'s process ended: " << reason
                              << "; its cells go on, another is started when needed";
  Framework& framework = frameworks_[name];
  // This runs inside the zygote's own handler: it is destroyed after that returns.
  loop_.Post([zygote = std::shared_ptr<ZygoteProcess>(std::move(framework.zygote))] {});
  for (auto& [id, cell] : cells_) {
    if (cell->framework() == name) cell->SetOrphaned();
  }
  for (const Spare& spare : framework.spares) spare.cell->End(CellExitCause::kStopped);
  framework.spares.clear();
  if (!framework.waiting.empty()) StartZygote(name, framework);
}

uint32_t RunnerPool::NextUserId() {
  if (!os::IsRoot() || options_.sandbox == SandboxPolicy::kOff) return 0;
  while (true) {
    const uint32_t candidate = kFirstUserId + (last_user_id_++ % kUserIdCount);
    bool used = false;
    for (const auto& [id, cell] : cells_) used = used || cell->user_id() == candidate;
    if (!used) return candidate;
  }
}

void RunnerPool::ForkCell(const std::string& name, Waiting start) {
  if (cells_.size() + forks_in_flight_ >= options_.max_cells) {
    const Status status = ResourceExhaustedError("all " + std::to_string(options_.max_cells) +
                                                 " model processes are in use")
                              .WithRetryAfter(1);
    return loop_.Post([done = std::move(start.done), status]() mutable { done(status); });
  }
  const ZygoteProcess::CellOptions cell_options = {++last_cell_id_, NextUserId(), start.is_spare};
  ++forks_in_flight_;
  frameworks_[name].zygote->Fork(
      cell_options,
      [this, name, start = std::move(start)](Result<std::shared_ptr<CellProcess>> forked) mutable {
        --forks_in_flight_;
        if (!forked.ok()) {
          return OnForkFailed(name, start.retries, forked.status(), std::move(start.done));
        }
        AddCell(name, *forked, std::move(start));
      });
}

void RunnerPool::AddCell(const std::string& name, const std::shared_ptr<CellProcess>& cell,
                         Waiting start) {
  cells_.emplace(cell->id(), cell);
  ++stats_.cells_started;
  cell->Start(
      [this, name, weak = std::weak_ptr<CellProcess>(cell),
       start = std::move(start)](Result<wire::Hello> hello) mutable {
        OnCellHello(name, weak.lock(), hello, start.retries, std::move(start.done));
      },
      [this, alive = alive_](CellExit exit) {
        if (*alive) OnCellExit(std::move(exit));
      });
}

// No byte of a user's has been near what ended: whoever killed it meant no model.
void RunnerPool::OnForkFailed(const std::string& name, int retries, const Status& status,
                              StartDone done) {
  if (status.code() != StatusCode::kUnavailable || retries <= 0) {
    return loop_.Post([status, done = std::move(done)]() mutable { done(status); });
  }
  // After the handler that reports it has run to its end, so that it is known to have ended.
  loop_.Post([this, name, retries, done = std::move(done), alive = alive_]() mutable {
    if (*alive) ForkWhenReady(name, retries - 1, std::move(done));
  });
}

void RunnerPool::OnCellHello(const std::string& name, const std::shared_ptr<CellProcess>& cell,
                             const Result<wire::Hello>& hello, int retries, StartDone done) {
  Status status = hello.ok() ? CheckSandbox(name, *hello) : hello.status();
  if (status.ok()) {
    std::shared_ptr<Cell> result = cell;
    return done(std::move(result));
  }
  if (cell != nullptr && cell->alive()) {
    cell->End(CellExitCause::kStopped);
    return done(status);
  }
  OnForkFailed(name, retries, status, std::move(done));
}

Status RunnerPool::CheckSandbox(const std::string& name, const wire::Hello& hello) {
  if (options_.sandbox == SandboxPolicy::kOff) return OkStatus();
  const int missing = !hello.syscall_filter + !hello.landlock + !hello.resource_limits +
                      (!hello.own_user && os::IsRoot());
  const bool complete = missing == 0;
  Framework& framework = frameworks_[name];
  if (!framework.announced) {
    framework.announced = true;
    if (!complete) {
      stats_.sandbox_parts_refused += static_cast<uint64_t>(missing);
      THRONG_LOG_WARNING(logger_) << "cells of framework " << name
                                  << " run with less than the whole sandbox; missing: "
                                  << EscapeForLog(hello.sandbox_refused);
    }
  }
  if (complete || options_.sandbox != SandboxPolicy::kRequired) return OkStatus();
  return FailedPreconditionError("--sandbox required: this system refuses part of the sandbox (" +
                                 EscapeForLog(hello.sandbox_refused) + ")");
}

void RunnerPool::OnCellExit(CellExit exit) {
  const auto found = cells_.find(exit.cell);
  if (found == cells_.end()) return;
  const std::shared_ptr<CellProcess> cell = found->second;
  cells_.erase(found);
  if (IsOffence(exit.cause)) ++stats_.cells_crashed;
  if (exit.cause == CellExitCause::kOutside) ++stats_.cells_killed_from_outside;
  auto& spares = frameworks_[cell->framework()].spares;
  const auto spare =
      std::find_if(spares.begin(), spares.end(), [&](const Spare& s) { return s.cell == cell; });
  if (spare != spares.end()) {
    const Duration lived = loop_.clock().Now() - spare->since;
    spares.erase(spare);
    OnSpareLost(cell->framework(), lived);
  }
  if (exit_handler_) exit_handler_(exit);
  // This runs inside the cell's own handler: it is destroyed after that returns.
  loop_.Post([cell] {});
}

bool RunnerPool::WantsSpare(const Framework& framework) const {
  return framework.zygote != nullptr && framework.zygote->ready() &&
         framework.spares.size() + framework.spares_starting <
             static_cast<size_t>(options_.spare_cells);
}

// A little after one was taken, so that its fork does not compete with the load that took it; much
// later when spares do not live, so that one that always crashes does not keep the machine busy.
void RunnerPool::ReplenishSpares(const std::string& name) {
  Framework& framework = frameworks_[name];
  if (framework.spare_timer != 0 || !WantsSpare(framework)) return;
  Duration delay = limits::kSpareDelay;
  for (int i = 0; i < framework.spare_failures && delay < limits::kSpareDelayMost; ++i) delay *= 2;
  delay = std::min<Duration>(delay, limits::kSpareDelayMost);
  framework.spare_timer =
      loop_.StartTimer(loop_.clock().Now() + delay, [this, name, alive = alive_] {
        if (!*alive) return;
        frameworks_[name].spare_timer = 0;
        StartSpare(name);
      });
}

void RunnerPool::StartSpare(const std::string& name) {
  Framework& framework = frameworks_[name];
  if (!WantsSpare(framework)) return;
  ++framework.spares_starting;
  Waiting spare;
  spare.is_spare = true;
  spare.done = [this, name, alive = alive_](Result<std::shared_ptr<Cell>> cell) {
    if (!*alive) return;
    Framework& owner = frameworks_[name];
    --owner.spares_starting;
    if (!cell.ok()) return OnSpareLost(name, Duration::zero());
    if ((*cell)->accepts_models()) {
      owner.spares.push_back({std::static_pointer_cast<CellProcess>(*cell), loop_.clock().Now()});
    } else {
      (*cell)->End(CellExitCause::kStopped);  // its zygote has gone meanwhile
    }
    ReplenishSpares(name);  // more than one may be wanted
  };
  ForkCell(name, std::move(spare));
}

void RunnerPool::OnSpareTaken(const std::string& name) {
  Framework& framework = frameworks_[name];
  framework.spare_failures = 0;
  loop_.CancelTimer(framework.spare_timer);
  framework.spare_timer = 0;
  ReplenishSpares(name);
}

void RunnerPool::OnSpareLost(const std::string& name, Duration lived) {
  int& failures = frameworks_[name].spare_failures;
  failures = lived >= limits::kSpareProven ? 0 : failures + 1;
  ReplenishSpares(name);
}

RunnerPoolStats RunnerPool::stats() const {
  RunnerPoolStats result = stats_;
  result.cells = cells_.size();
  for (const auto& [name, framework] : frameworks_) result.zygotes += framework.zygote != nullptr;
  return result;
}

std::map<std::string, int64_t> RunnerPool::zygote_pids() const {
  std::map<std::string, int64_t> pids;
  for (const auto& [name, framework] : frameworks_) {
    if (framework.zygote != nullptr) pids[name] = framework.zygote->process_id();
  }
  return pids;
}

}  // namespace throng::runner
