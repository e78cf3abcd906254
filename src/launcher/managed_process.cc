#include "launcher/managed_process.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "base/control_limits.h"
#include "base/kill_point.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

constexpr std::string_view kMarkName = "THRONG_PROCESS=";
constexpr uint64_t kStampFileBytes = 4096;
constexpr int kSignalTerminate = 15;
constexpr int kSignalKill = 9;

// "MARK PID START BOOT", or "MARK" alone while the process is being started.
struct SavedProcess {
  std::string mark;
  os::ProcessStamp stamp;
};

std::optional<SavedProcess> ReadSaved(const std::string& path) {
  const auto text = os::RealFileSystem().Read(path, kStampFileBytes);
  if (!text.ok()) return std::nullopt;
  std::istringstream fields(*text);
  SavedProcess saved;
  if (!(fields >> saved.mark)) return std::nullopt;
  if (!(fields >> saved.stamp.pid >> saved.stamp.start_ticks >> saved.stamp.boot)) saved.stamp = {};
  return saved;
}

std::string DescribeEnd(const os::ProcessExit& end) {
  if (end.signal != 0) return "killed by signal " + std::to_string(end.signal);
  if (end.status_code < 0) return "ended";
  return "exit status " + std::to_string(end.status_code);
}

std::string MakeMark(Random& random) {
  std::ostringstream mark;
  mark << std::hex << random.Next() << random.Next();
  return mark.str();
}

}  // namespace

ManagedProcess::ManagedProcess(os::EventLoop& loop, Random& random, ManagedProcessOptions options,
                               std::function<void()> on_change)
    : loop_(loop),
      random_(random),
      options_(std::move(options)),
      on_change_(std::move(on_change)) {}

ManagedProcess::~ManagedProcess() {
  *alive_ = false;
  if (process_.valid()) loop_.Unwatch(process_.pidfd());
  if (timer_ != 0) loop_.CancelTimer(timer_);
}

void ManagedProcess::Start() {
  if (state_ != ManagedState::kStopped) return;
  if (TakeOver()) return;
  if (!options_.may_launch) return SetState(ManagedState::kEnded);
  Launch();
}

bool ManagedProcess::TakeOver() {
  const auto saved = ReadSaved(options_.state_path);
  if (!saved) return false;
  os::ProcessStamp stamp = saved->stamp;
  if (stamp.pid == 0) {
    // The keeper ended between starting it and noting it.
    const auto found = os::FindProcessByEnvironment(std::string(kMarkName) + saved->mark);
    if (!found.ok()) return false;
    stamp = *found;
  }
  auto process = os::FindProcess(stamp);
  if (!process.ok()) return false;
  process_ = std::move(*process);
  taken_over_ = true;
  Watch();
  return true;
}

void ManagedProcess::Launch() {
  if (options_.before_start) options_.before_start();
  const Status launched = TryLaunch();
  if (launched.ok()) return Watch();
  last_end_ = launched.message();
  WaitToRestart();
}

Status ManagedProcess::TryLaunch() {
  const std::string mark = MakeMark(random_);
  THRONG_RETURN_IF_ERROR(os::WritePrivateFile(options_.state_path, mark + "\n"));
  KillPoint("launcher.mark.written");
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd log, os::OpenForAppend(options_.log_path));
  os::SpawnSpec spec = options_.spec;
  spec.environment.push_back(std::string(kMarkName) + mark);
  spec.outlives_parent = true;
  spec.output_descriptor = log.get();
  THRONG_ASSIGN_OR_RETURN(process_, os::Spawn(spec));
  KillPoint("launcher.process.forked");
  taken_over_ = false;
  const auto stamp = os::StampOfProcess(process_.pid());
  if (!stamp.ok()) return OkStatus();  // ended already; its end is seen by Watch
  std::ostringstream text;
  text << mark << ' ' << stamp->pid << ' ' << stamp->start_ticks << ' ' << stamp->boot << '\n';
  // Without it the mark still finds the process.
  (void)os::WritePrivateFile(options_.state_path, text.str());
  KillPoint("launcher.process.stamped");
  return OkStatus();
}

void ManagedProcess::Watch() {
  started_ = loop_.clock().Now();
  started_at_ = loop_.clock().WallNow();
  const Status watched =
      loop_.Watch(process_.pidfd(), os::kReadable, [this](uint32_t) { OnEnded(); });
  if (!watched.ok()) {
    last_end_ = watched.message();
    process_.Signal(kSignalKill);
    process_ = {};
    return WaitToRestart();
  }
  SetState(ManagedState::kRunning);
}

void ManagedProcess::OnEnded() {
  const auto end = process_.TryReap();
  if (!end) return;
  loop_.Unwatch(process_.pidfd());
  process_ = {};
  last_end_ = DescribeEnd(*end);
  last_exit_status_ = end->signal != 0 ? -1 : end->status_code;
  if (timer_ != 0) loop_.CancelTimer(timer_);
  timer_ = 0;
  (void)os::RemoveFile(options_.state_path);
  if (state_ == ManagedState::kStopping) return SetState(ManagedState::kStopped);
  if (!options_.restart) return SetState(ManagedState::kEnded);
  if (loop_.clock().Now() - started_ >= options_.proven_after) delay_ = Duration(0);
  WaitToRestart();
}

void ManagedProcess::WaitToRestart() {
  if (!options_.restart) return SetState(ManagedState::kEnded);
  delay_ =
      delay_.count() == 0 ? options_.first_delay : std::min(delay_ * 2, options_.longest_delay);
  // Up to a quarter more, so that many do not start at once.
  const auto jitter = Duration(static_cast<int64_t>(
      random_.Next() % static_cast<uint64_t>(std::max<int64_t>(1, delay_.count() / 4))));
  timer_ = loop_.StartTimer(loop_.clock().Now() + delay_ + jitter, [this] {
    timer_ = 0;
    ++restart_count_;
    Launch();
  });
  SetState(ManagedState::kWaiting);
}

void ManagedProcess::Stop(Duration grace) {
  if (state_ == ManagedState::kStopped || state_ == ManagedState::kStopping) return;
  if (timer_ != 0) loop_.CancelTimer(timer_);
  timer_ = 0;
  if (!process_.valid()) return SetState(ManagedState::kStopped);
  process_.Signal(kSignalTerminate);
  timer_ = loop_.StartTimer(loop_.clock().Now() + grace, [this] {
    timer_ = 0;
    process_.Signal(kSignalKill);
  });
  SetState(ManagedState::kStopping);
}

void ManagedProcess::SetState(ManagedState state) {
  state_ = state;
  loop_.Post([this, alive = alive_] {
    if (*alive) on_change_();
  });
}

}  // namespace throng::launcher
