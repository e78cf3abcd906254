#include "store/watch_set.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace throng::store {
namespace {

// Changes that a late watch looks at before others get their turn.
constexpr size_t kCatchUpStep = 256;

}  // namespace

struct WatchSet::Watcher {
  bool Wants(const Change& change) const {
    const RecordKey& key = change.record.key;
    return key.resource == selection.resource &&
           (selection.name_space.empty() || key.name_space == selection.name_space);
  }

  Selection selection;
  RecordStore::ChangeHandler handler;
  uint64_t position = 0;  // a late one: changes up to here are done
  bool is_late = false;
  bool ended = false;
};

struct WatchSet::State : std::enable_shared_from_this<WatchSet::State> {
  using Watchers = std::vector<std::shared_ptr<Watcher>>;

  State(Executor& executor, const RecordIndex& index) : executor(executor), index(&index) {}

  void End(const std::shared_ptr<Watcher>& watcher);
  void Sweep();
  void CatchUpSoon(std::shared_ptr<Watcher> watcher);
  void CatchUp(const std::shared_ptr<Watcher>& watcher);

  Executor& executor;
  const RecordIndex* index;  // null: the store is gone
  std::map<std::string, Watchers> by_resource;
  Watchers late;
  size_t count = 0;
  bool delivering = false;
  bool sweep_needed = false;
};

class WatchSet::Handle final : public RecordWatch {
 public:
  Handle(std::weak_ptr<State> state, std::shared_ptr<Watcher> watcher)
      : state_(std::move(state)), watcher_(std::move(watcher)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() override {
    watcher_->ended = true;
    if (const auto state = state_.lock()) state->End(watcher_);
  }

 private:
  const std::weak_ptr<State> state_;
  const std::shared_ptr<Watcher> watcher_;
};

void WatchSet::State::End(const std::shared_ptr<Watcher>& watcher) {
  --count;
  std::erase(late, watcher);
  sweep_needed = true;
  if (!delivering) Sweep();
}

void WatchSet::State::Sweep() {
  if (!std::exchange(sweep_needed, false)) return;
  for (auto entry = by_resource.begin(); entry != by_resource.end();) {
    std::erase_if(entry->second, [](const auto& watcher) { return watcher->ended; });
    entry = entry->second.empty() ? by_resource.erase(entry) : std::next(entry);
  }
}

void WatchSet::State::CatchUpSoon(std::shared_ptr<Watcher> watcher) {
  executor.Post([weak = weak_from_this(), watcher = std::move(watcher)] {
    if (const auto state = weak.lock()) state->CatchUp(watcher);
  });
}

void WatchSet::State::CatchUp(const std::shared_ptr<Watcher>& watcher) {
  if (index == nullptr || watcher->ended) return;
  const auto& history = index->history();
  auto next = std::upper_bound(history.begin(), history.end(), watcher->position,
                               [](uint64_t position, const SharedChange& logged) {
                                 return position < logged->change.record.revision;
                               });
  for (size_t step = 0; next != history.end(); ++next, ++step) {
    if (step == kCatchUpStep) return CatchUpSoon(watcher);
    // Kept: the handler may end the store.
    const SharedChange logged = *next;  // NOLINT(performance-unnecessary-copy-initialization)
    watcher->position = logged->change.record.revision;
    if (!watcher->Wants(logged->change)) continue;
    watcher->handler(logged->change);
    if (index == nullptr || watcher->ended) return;
  }
  watcher->position = index->revision();
  watcher->is_late = false;
  std::erase(late, watcher);
}

WatchSet::WatchSet(Executor& executor, const RecordIndex& index, size_t most)
    : state_(std::make_shared<State>(executor, index)), most_(most) {}

WatchSet::~WatchSet() { state_->index = nullptr; }

Result<std::unique_ptr<RecordWatch>> WatchSet::Add(Selection selection, uint64_t since_revision,
                                                   RecordStore::ChangeHandler handler) {
  if (since_revision > state_->index->revision()) {
    return Status(StatusCode::kOutOfRange, "the revision has not happened");
  }
  if (since_revision < state_->index->floor()) {
    return Status(StatusCode::kOutOfRange, "the revision is too old");
  }
  if (state_->count >= most_) {
    return ResourceExhaustedError("there are " + std::to_string(most_) +
                                  " watches, the most that are allowed");
  }
  auto watcher = std::make_shared<Watcher>();
  watcher->selection = std::move(selection);
  watcher->handler = std::move(handler);
  watcher->position = since_revision;
  state_->by_resource[watcher->selection.resource].push_back(watcher);
  ++state_->count;
  if (since_revision < state_->index->revision()) {
    watcher->is_late = true;
    state_->late.push_back(watcher);
    state_->CatchUpSoon(watcher);
  }
  return std::unique_ptr<RecordWatch>(std::make_unique<Handle>(state_, std::move(watcher)));
}

void WatchSet::Deliver(const LoggedChange& logged) {
  const std::shared_ptr<State> state = state_;
  const auto found = state->by_resource.find(logged.change.record.key.resource);
  if (found == state->by_resource.end()) return;
  state->delivering = true;
  // Handlers may add watches, which are behind this change already.
  State::Watchers& watchers = found->second;
  for (size_t i = 0; i < watchers.size() && state->index != nullptr; ++i) {
    const std::shared_ptr<Watcher> watcher = watchers[i];
    const bool is_due =
        !watcher->ended && !watcher->is_late && watcher->position < logged.change.record.revision;
    if (is_due && watcher->Wants(logged.change)) watcher->handler(logged.change);
  }
  state->delivering = false;
  state->Sweep();
}

uint64_t WatchSet::NeededAfter() const {
  uint64_t needed_after = std::numeric_limits<uint64_t>::max();
  for (const auto& watcher : state_->late) {
    needed_after = std::min(needed_after, watcher->position);
  }
  return needed_after;
}

}  // namespace throng::store
