#include "os/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "os/timer_heap.h"
#include "os/unique_fd.h"

namespace throng::os {
namespace {

constexpr size_t kEventsPerRound = 256;
// Tasks that keep posting tasks must not starve the descriptors.
constexpr int kPassesPerRound = 16;
// With this key no watched descriptor can be confused: generations start at 1.
constexpr uint64_t kWakeKey = 0;

uint32_t ToEpoll(uint32_t interest) {
  uint32_t events = 0;
  if (interest & kReadable) events |= EPOLLIN;
  if (interest & kWritable) events |= EPOLLOUT;
  return events;
}

uint32_t FromEpoll(uint32_t events) {
  uint32_t result = 0;
  if (events & EPOLLIN) result |= kReadable;
  if (events & EPOLLOUT) result |= kWritable;
  if (events & (EPOLLHUP | EPOLLERR)) result |= kHangUp;
  return result;
}

class EpollLoop final : public EventLoop {
 public:
  EpollLoop(const Clock& clock, UniqueFd epoll, UniqueFd wake)
      : clock_(clock),
        epoll_(std::move(epoll)),
        wake_(std::move(wake)),
        owner_(std::this_thread::get_id()) {}
  ~EpollLoop() override;

  void Post(Task task) override;
  TimerId StartTimer(MonotonicTime when, Task task) override {
    return timers_.Add(when, std::move(task));
  }
  void CancelTimer(TimerId timer) override { timers_.Cancel(timer); }
  bool IsCurrent() const override {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  const Clock& clock() const override { return clock_; }

  Status Watch(int fd, uint32_t interest, Handler handler, bool exclusive) override;
  void SetInterest(int fd, uint32_t interest) override;
  void Unwatch(int fd) override;
  void AtEndOfRound(Task task) override { end_of_round_.push_back(std::move(task)); }
  void Run() override;
  void RunOnce(Duration timeout) override;
  void Stop() override;

 private:
  struct Watched {
    uint32_t generation = 0;
    uint32_t interest = 0;
    bool exclusive = false;
    bool registered = false;  // in the epoll set
    Handler handler;
  };

  // Marks the thread inside the loop, so that its posts need no lock.
  class InsideScope;

  Watched* Find(int fd);
  int Control(int operation, int fd, const Watched& watched);
  int Register(int fd, Watched& watched);
  void Round(std::optional<Duration> limit);
  std::optional<Duration> WaitTime(std::optional<Duration> limit);
  int Wait(std::optional<Duration> time);
  void Dispatch(int count);
  void RunDueTimers();
  void TakeRemoteTasks();
  bool MaySleep();
  void RunPosted();
  void RunEndOfRound();
  void Wake();

  const Clock& clock_;
  const UniqueFd epoll_;
  const UniqueFd wake_;
  bool has_nanosecond_wait_ = true;
  std::atomic<bool> stop_ = false;
  std::atomic<std::thread::id> owner_;
  std::atomic<std::thread::id> inside_ = std::thread::id();

  std::vector<std::unique_ptr<Watched>> watched_;    // by descriptor
  std::vector<std::unique_ptr<Watched>> unwatched_;  // a handler may be running: freed later
  uint32_t next_generation_ = 1;
  TimerHeap timers_;
  std::vector<Task> posted_;
  std::vector<Task> end_of_round_;
  std::vector<Task> running_;  // kept for its capacity
  std::array<epoll_event, kEventsPerRound> events_;

  Mutex mutex_;
  std::vector<Task> remote_ THRONG_GUARDED_BY(mutex_);
  bool sleeping_ THRONG_GUARDED_BY(mutex_) = false;
};

class EpollLoop::InsideScope {
 public:
  explicit InsideScope(EpollLoop& loop) : loop_(loop) {
    loop_.owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    loop_.inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  ~InsideScope() { loop_.inside_.store(std::thread::id(), std::memory_order_relaxed); }

 private:
  EpollLoop& loop_;
};

EpollLoop::~EpollLoop() {
  // What is dropped here may post, watch, unwatch or cancel while it is destroyed.
  for (int pass = 0; pass < kPassesPerRound; ++pass) {
    TakeRemoteTasks();
    const auto watched = std::exchange(watched_, {});
    const auto unwatched = std::exchange(unwatched_, {});
    const auto posted = std::exchange(posted_, {});
    const auto end_of_round = std::exchange(end_of_round_, {});
    const auto timers = std::exchange(timers_, {});
  }
}

void EpollLoop::Post(Task task) {
  if (inside_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    posted_.push_back(std::move(task));
    return;
  }
  bool wake = false;
  {
    MutexLock lock(mutex_);
    remote_.push_back(std::move(task));
    wake = std::exchange(sleeping_, false);
  }
  if (wake) Wake();
}

EpollLoop::Watched* EpollLoop::Find(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= watched_.size()) return nullptr;
  return watched_[static_cast<size_t>(fd)].get();
}

int EpollLoop::Control(int operation, int fd, const Watched& watched) {
  epoll_event event{};
  event.events = ToEpoll(watched.interest) | (watched.exclusive ? EPOLLEXCLUSIVE : 0u);
  event.data.u64 = (static_cast<uint64_t>(watched.generation) << 32) | static_cast<uint32_t>(fd);
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

int EpollLoop::Register(int fd, Watched& watched) {
  int error = Control(EPOLL_CTL_ADD, fd, watched);
  if (error == EEXIST) error = Control(EPOLL_CTL_MOD, fd, watched);
  watched.registered = error == 0;
  return error;
}

Status EpollLoop::Watch(int fd, uint32_t interest, Handler handler, bool exclusive) {
  if (fd < 0) return InvalidArgumentError("cannot watch: not a descriptor");
  Unwatch(fd);
  if (watched_.size() <= static_cast<size_t>(fd)) watched_.resize(static_cast<size_t>(fd) + 1);
  auto watched = std::make_unique<Watched>();
  watched->generation = next_generation_++;
  if (next_generation_ == 0) next_generation_ = 1;
  watched->interest = interest;
  watched->exclusive = exclusive;
  watched->handler = std::move(handler);
  const int error = Register(fd, *watched);
  if (error == ENOSPC || error == ENOMEM) {
    return ResourceExhaustedError("cannot watch a descriptor: out of kernel memory or watches");
  }
  if (error != 0) {
    return InvalidArgumentError("cannot watch: the descriptor is closed or of a wrong kind");
  }
  watched_[static_cast<size_t>(fd)] = std::move(watched);
  return OkStatus();
}

void EpollLoop::SetInterest(int fd, uint32_t interest) {
  Watched* watched = Find(fd);
  THRONG_CHECK(watched != nullptr);
  if (watched->interest == interest) return;
  watched->interest = interest;
  if (!watched->exclusive) {
    Control(EPOLL_CTL_MOD, fd, *watched);
    return;
  }
  // EPOLLEXCLUSIVE cannot be modified (epoll_ctl(2)).
  if (watched->registered) Control(EPOLL_CTL_DEL, fd, *watched);
  watched->registered = false;
  if (interest != 0) Register(fd, *watched);
}

void EpollLoop::Unwatch(int fd) {
  Watched* watched = Find(fd);
  if (watched == nullptr) return;
  if (watched->registered) Control(EPOLL_CTL_DEL, fd, *watched);
  unwatched_.push_back(std::move(watched_[static_cast<size_t>(fd)]));
}

void EpollLoop::Run() {
  InsideScope inside(*this);
  while (!stop_.exchange(false)) Round(std::nullopt);
}

void EpollLoop::RunOnce(Duration timeout) {
  InsideScope inside(*this);
  Round(std::max(timeout, Duration::zero()));
}

void EpollLoop::Stop() {
  const int saved_errno = errno;
  stop_.store(true);
  Wake();
  errno = saved_errno;
}

void EpollLoop::Wake() {
  const uint64_t one = 1;
  // EAGAIN means that a wake-up is pending already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void EpollLoop::Round(std::optional<Duration> limit) {
  const int count = Wait(WaitTime(limit));
  TakeRemoteTasks();
  Dispatch(count);
  RunDueTimers();
  RunPosted();
  RunEndOfRound();
  unwatched_.clear();
}

bool EpollLoop::MaySleep() {
  if (!posted_.empty() || !end_of_round_.empty()) return false;
  MutexLock lock(mutex_);
  sleeping_ = remote_.empty();
  return sleeping_;
}

std::optional<Duration> EpollLoop::WaitTime(std::optional<Duration> limit) {
  if (!MaySleep()) return Duration::zero();
  const std::optional<MonotonicTime> next = timers_.NextTime();
  if (!next) return limit;
  const Duration until = std::max(*next - clock_.Now(), Duration::zero());
  return limit ? std::min(until, *limit) : until;
}

int EpollLoop::Wait(std::optional<Duration> time) {
  constexpr auto kMaxEvents = static_cast<int>(kEventsPerRound);
  if (has_nanosecond_wait_) {
    timespec wait{};
    if (time) {
      wait.tv_sec = static_cast<time_t>(time->count() / 1'000'000'000);
      wait.tv_nsec = static_cast<long>(time->count() % 1'000'000'000);
    }
    const int count =
        ::epoll_pwait2(epoll_.get(), events_.data(), kMaxEvents, time ? &wait : nullptr, nullptr);
    // Kernels before 5.11 lack it; some container filters refuse it.
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_nanosecond_wait_ = false;
  }
  int wait_ms = -1;
  if (time) {
    // Rounded up: a timer must not spin through its last millisecond.
    const int64_t milliseconds = (time->count() + 999'999) / 1'000'000;
    wait_ms = static_cast<int>(std::min<int64_t>(milliseconds, 3'600'000));
  }
  return ::epoll_wait(epoll_.get(), events_.data(), kMaxEvents, wait_ms);
}

void EpollLoop::TakeRemoteTasks() {
  MutexLock lock(mutex_);
  sleeping_ = false;
  if (remote_.empty()) return;
  if (posted_.empty()) {
    posted_.swap(remote_);
    return;
  }
  for (Task& task : remote_) posted_.push_back(std::move(task));
  remote_.clear();
}

void EpollLoop::Dispatch(int count) {
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<size_t>(i)];
    if (event.data.u64 == kWakeKey) {
      uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &ignored, sizeof(ignored));
      continue;
    }
    Watched* watched = Find(static_cast<int>(static_cast<uint32_t>(event.data.u64)));
    // An earlier handler of this round may have unwatched it.
    if (watched == nullptr || watched->generation != event.data.u64 >> 32) continue;
    watched->handler(FromEpoll(event.events));
  }
}

void EpollLoop::RunDueTimers() {
  if (timers_.size() == 0) return;
  // One reading: a timer started by a timer waits for the next round, even when it is due.
  const MonotonicTime now = clock_.Now();
  for (size_t left = timers_.size(); left > 0; --left) {
    Task task = timers_.TakeDue(now);
    if (!task) return;
    task();
  }
}

void EpollLoop::RunPosted() {
  for (int pass = 0; pass < kPassesPerRound && !posted_.empty(); ++pass) {
    running_.swap(posted_);
    for (Task& task : running_) {
      Task current = std::move(task);
      current();
    }
    running_.clear();
  }
}

void EpollLoop::RunEndOfRound() {
  for (int pass = 0; pass < kPassesPerRound && !end_of_round_.empty(); ++pass) {
    running_.swap(end_of_round_);
    for (Task& task : running_) {
      Task current = std::move(task);
      current();
    }
    running_.clear();
  }
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::Create(const Clock& clock) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.valid() || !wake.valid()) {
    return ResourceExhaustedError("cannot make an event loop: no file descriptor left");
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeKey;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return ResourceExhaustedError("cannot make an event loop: out of kernel memory");
  }
  return std::unique_ptr<EventLoop>(
      std::make_unique<EpollLoop>(clock, std::move(epoll), std::move(wake)));
}

}  // namespace throng::os
