#include "kube/server/event_recorder.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/control_limits.h"
#include "kube/object_meta.h"

namespace throng::kube::server {
namespace {

constexpr std::string_view kEventsResource = "events";
constexpr size_t kSeriesKept = 4096;
constexpr double kBurst = 25;
constexpr std::chrono::seconds kTokenEvery{300};
constexpr size_t kMessageBytes = 1024;  // Kubernetes' own bound
constexpr std::chrono::seconds kSweepEvery{60};
// Of old events: others want to write, too.
constexpr size_t kDeletionsAtOnce = 64;

Json Reference(const Json& object) {
  Json reference = {{"apiVersion", TextAt(object, {"apiVersion"})},
                    {"kind", TextAt(object, {"kind"})},
                    {"name", NameOf(object)},
                    {"uid", UidOf(object)}};
  if (const std::string name_space = NamespaceOf(object); !name_space.empty()) {
    reference["namespace"] = name_space;
  }
  if (const std::string revision = ResourceVersionOf(object); !revision.empty()) {
    reference["resourceVersion"] = revision;
  }
  return reference;
}

std::string Hex(uint64_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

std::string Cut(std::string_view text) {
  return text.size() <= kMessageBytes ? std::string(text)
                                      : std::string(text.substr(0, kMessageBytes - 3)) + "...";
}

}  // namespace

EventRecorder::EventRecorder(Executor& executor, Random& random, Objects& objects,
                             std::string component)
    : executor_(executor), random_(random), objects_(objects), component_(std::move(component)) {}

void EventRecorder::Record(const Json& object, EventType type, std::string_view reason,
                           std::string_view message) {
  std::string key = UidOf(object) + '\0' + (type == EventType::kNormal ? 'N' : 'W');
  key.append(1, '\0').append(reason).append(1, '\0').append(message);
  if (!TakeToken(UidOf(object))) return;
  const auto [found, is_new] = series_.try_emplace(key);
  Series& series = found->second;
  if (is_new) {
    series.event = MakeEvent(object, type, reason, message);
    series.name_space = NamespaceOf(series.event);
  }
  series.last = executor_.clock().Now();
  ++series.unwritten_count;
  if (!series.is_writing) Write(key);
  if (series_.size() > kSeriesKept) ForgetOld();
}

bool EventRecorder::TakeToken(const std::string& uid) {
  const MonotonicTime now = executor_.clock().Now();
  if (buckets_.size() > kSeriesKept) buckets_.clear();
  const auto [found, is_new] = buckets_.try_emplace(uid, Bucket{.tokens = kBurst, .last = now});
  Bucket& bucket = found->second;
  const std::chrono::duration<double> passed = now - bucket.last;
  bucket.tokens =
      std::min(kBurst, bucket.tokens + passed / std::chrono::duration<double>(kTokenEvery));
  bucket.last = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

Json EventRecorder::MakeEvent(const Json& object, EventType type, std::string_view reason,
                              std::string_view message) const {
  const std::string name_space = NamespaceOf(object);
  const std::string now = Timestamp(executor_.clock().WallNow());
  return {{"apiVersion", "v1"},
          {"kind", "Event"},
          // Objects without a namespace are talked about in the first one.
          {"metadata", {{"namespace", name_space.empty() ? "default" : name_space}}},
          {"involvedObject", Reference(object)},
          {"type", type == EventType::kNormal ? "Normal" : "Warning"},
          {"reason", std::string(reason)},
          {"message", Cut(message)},
          {"source", {{"component", component_}}},
          {"reportingComponent", component_},
          {"reportingInstance", ""},
          {"eventTime", nullptr},
          {"firstTimestamp", now},
          {"lastTimestamp", now},
          {"count", 0}};
}

void EventRecorder::Write(const std::string& key) {
  Series& series = series_.at(key);
  series.is_writing = true;
  if (!series.name.empty()) return WriteAgain(key, series);
  series.event["count"] = series.unwritten_count;
  series.unwritten_count = 0;
  const std::string about = TextAt(series.event, {"involvedObject", "name"});
  series.name = about.substr(0, limits::kObjectNameBytes - 17) + "." + Hex(random_.Next());
  series.event["metadata"]["name"] = series.name;
  objects_.Create(kEventsResource, series.event,
                  [this, life = std::weak_ptr<char>(life_), key](Result<Json> written) {
                    if (!life.expired()) Written(key, written.ok(), !written.ok());
                  });
}

void EventRecorder::WriteAgain(const std::string& key, Series& series) {
  Result<Json> event = objects_.Get(kEventsResource, series.name_space, series.name);
  if (!event.ok()) {
    // It is too old, or somebody has deleted it: the series begins anew.
    series.name.clear();
    series.event["firstTimestamp"] = Timestamp(executor_.clock().WallNow());
    series.event["lastTimestamp"] = series.event["firstTimestamp"];
    return Write(key);
  }
  const Json* count = FindPath(*event, {"count"});
  const uint64_t before = count != nullptr && count->is_number() ? count->get<uint64_t>() : 1;
  (*event)["count"] = before + std::exchange(series.unwritten_count, 0);
  (*event)["lastTimestamp"] = Timestamp(executor_.clock().WallNow());
  objects_.Update(kEventsResource, *std::move(event), Part::kAllButStatus,
                  [this, life = std::weak_ptr<char>(life_), key](Result<Json> written) {
                    const bool is_gone = written.status().code() == StatusCode::kNotFound;
                    if (!life.expired()) Written(key, written.ok(), is_gone);
                  });
}

void EventRecorder::Written(const std::string& key, bool ok, bool is_gone) {
  const auto found = series_.find(key);
  if (found == series_.end()) return;
  Series& series = found->second;
  series.is_writing = false;
  if (is_gone) series.name.clear();
  if (ok && series.unwritten_count > 0) Write(key);
}

void EventRecorder::ForgetOld() {
  // The older half: what is said again after that begins a new event.
  std::vector<MonotonicTime> times;
  for (const auto& [key, series] : series_) times.push_back(series.last);
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::erase_if(series_, [&](const auto& entry) {
    return entry.second.last <= *middle && !entry.second.is_writing;
  });
}

EventKeeper::EventKeeper(Executor& executor, Objects& objects, size_t most)
    : executor_(executor), objects_(objects), most_(most) {}

EventKeeper::~EventKeeper() { executor_.CancelTimer(timer_); }

void EventKeeper::Start() {
  watch_ = objects_.Watch(kEventsResource,
                          [this](EventKind kind, const Json& event) { Seen(kind, event); });
  timer_ = executor_.StartTimer(executor_.clock().Now() + kSweepEvery, [this] { Sweep(); });
}

void EventKeeper::Seen(EventKind kind, const Json& event) {
  const Key key(NamespaceOf(event), NameOf(event));
  if (const auto known = times_.find(key); known != times_.end()) {
    by_time_.erase({known->second, key});
    times_.erase(known);
  }
  if (kind == EventKind::kDeleted) return;
  std::string time;
  for (const char* field : {"lastTimestamp", "eventTime"}) {
    if (time.empty()) time = TextAt(event, {field});
  }
  if (time.empty()) time = TextAt(event, {"metadata", "creationTimestamp"});
  by_time_.insert({time, key});
  times_.emplace(key, std::move(time));
  if (times_.size() - deleting_.size() > most_) DeleteOld();
}

void EventKeeper::DeleteOld() {
  size_t too_many = times_.size() - std::min(times_.size(), most_);
  for (const auto& [time, key] : by_time_) {
    if (deleting_.size() >= kDeletionsAtOnce) return;
    if (too_many == 0 && !(time < eldest_)) return;
    if (too_many > 0) --too_many;
    if (deleting_.insert(key).second) DeleteOne(key);
  }
}

void EventKeeper::DeleteOne(const Key& key) {
  objects_.Delete(kEventsResource, key.first, key.second, Propagation::kBackground,
                  [this, life = std::weak_ptr<char>(life_), key](Result<Json> result) {
                    if (life.expired()) return;
                    deleting_.erase(key);
                    // One that could not be deleted waits for the next sweep.
                    if (result.ok() && !times_.contains(key)) DeleteOld();
                  });
}

void EventKeeper::Sweep() {
  eldest_ = Timestamp(executor_.clock().WallNow() - limits::kEventTimeToLive);
  DeleteOld();
  timer_ = executor_.StartTimer(executor_.clock().Now() + kSweepEvery, [this] { Sweep(); });
}

}  // namespace throng::kube::server
