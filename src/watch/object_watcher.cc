#include "watch/object_watcher.h"

#include <algorithm>
#include <utility>

#include "base/back_off.h"
#include "base/control_limits.h"

namespace throng::watch {
namespace {

// A watch that ends sooner without an event is a failure: the API must not be asked in a loop.
constexpr std::chrono::seconds kShortWatch{1};
// So many failures in a row, and the revision itself is no longer trusted.
constexpr int kFailuresBeforeList = 3;
constexpr int kOk = 200;
constexpr int kGone = 410;

std::string TextAt(const Json& json, const char* outer, const char* inner) {
  const auto found = json.find(outer);
  if (found == json.end() || !found->is_object()) return "";
  const auto value = found->find(inner);
  return value != found->end() && value->is_string() ? value->get<std::string>() : "";
}

// Revisions are opaque: what they hold is escaped.
std::string QueryEscaped(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
    if (is_plain) {
      escaped += c;
      continue;
    }
    escaped += '%';
    escaped += kDigits[static_cast<unsigned char>(c) >> 4];
    escaped += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return escaped;
}

Json ParseObject(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json();
}

}  // namespace

class ObjectWatcher::Consumer final : public http::ReplyConsumer {
 public:
  explicit Consumer(ObjectWatcher& watcher) : watcher_(watcher) {}
  void OnHead(http::ClientReply reply) override {
    watcher_.watch_status_ = reply.status;
    watcher_.last_heard_ = watcher_.loop_.clock().Now();
  }
  void OnBody(std::string_view bytes) override {
    if (!over_ && !watcher_.OnWatchBytes(bytes)) over_ = true;
  }
  void OnEnd(Status status) override {
    if (!over_) watcher_.OnWatchEnd(status);
  }

 private:
  ObjectWatcher& watcher_;
  bool over_ = false;
};

ObjectWatcher::ObjectWatcher(os::EventLoop& loop, http::AsyncClient& client,
                             http::ServerAddress api, ObjectWatcherOptions options, Random& random,
                             ObjectSink& sink)
    : loop_(loop),
      client_(client),
      api_(std::move(api)),
      options_(std::move(options)),
      random_(random),
      sink_(sink) {}

ObjectWatcher::~ObjectWatcher() {
  loop_.CancelTimer(timer_);
  loop_.CancelTimer(silence_timer_);
}

void ObjectWatcher::Start() { List(); }

std::string ObjectWatcher::Target(std::string_view parameters) const {
  if (parameters.empty()) return options_.target;
  const bool has_query = options_.target.find('?') != std::string::npos;
  return options_.target + (has_query ? "&" : "?") + std::string(parameters);
}

void ObjectWatcher::List() {
  http::CallSpec spec{.address = api_, .method = "GET", .target = Target("")};
  spec.headers = {{"Accept", "application/json"}};
  call_ = client_.Start(std::move(spec), loop_.clock().Now() + Duration(limits::kWatchListTime),
                        [this](Result<http::ClientReply> reply) { OnList(reply); });
}

void ObjectWatcher::OnList(const Result<http::ClientReply>& reply) {
  call_.reset();
  if (!reply.ok()) return Fail("it cannot be reached");
  if (reply->status != kOk) return Fail("it answered " + std::to_string(reply->status));
  const Json list = ParseObject(reply->body);
  const auto items = list.find("items");
  resource_version_ = list.is_object() ? TextAt(list, "metadata", "resourceVersion") : "";
  if (items == list.end() || !items->is_array() || resource_version_.empty()) {
    return Fail("its list cannot be read");
  }
  // A list that can be had does not mean that a watch can: only that forgets the failures.
  TellRecovery();
  synced_ = true;
  sink_.OnAll(items->get_ref<const std::vector<Json>&>());
  Watch();
}

void ObjectWatcher::Watch() {
  line_.clear();
  watch_status_ = 0;
  watch_spoke_ = false;
  watch_started_ = last_heard_ = loop_.clock().Now();
  http::CallSpec spec{.address = api_, .method = "GET"};
  spec.target = Target("watch=true&allowWatchBookmarks=true&resourceVersion=" +
                       QueryEscaped(resource_version_));
  spec.headers = {{"Accept", "application/json"}};
  call_ =
      client_.StartStream(std::move(spec), MonotonicTime::max(), std::make_unique<Consumer>(*this));
  CheckSilence();
}

// A connection may die without a word; bookmarks come in time while it lives.
void ObjectWatcher::CheckSilence() {
  const MonotonicTime due = last_heard_ + Duration(limits::kWatchSilence);
  if (loop_.clock().Now() >= due) {
    call_.reset();
    return Fail("its watch fell silent");
  }
  loop_.CancelTimer(silence_timer_);
  silence_timer_ = loop_.StartTimer(due, [this] {
    silence_timer_ = 0;
    CheckSilence();
  });
}

bool ObjectWatcher::OnWatchBytes(std::string_view bytes) {
  last_heard_ = loop_.clock().Now();
  // The body of a refusal says nothing that its status does not.
  if (watch_status_ != kOk) return true;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (line_.size() + std::min(end, bytes.size()) > limits::kObjectBytes) {
      call_.reset();
      Fail("an event of its watch is too large");
      return false;
    }
    line_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, std::string());
    if (!line.empty() && !OnLine(line)) return false;
  }
  return true;
}

bool ObjectWatcher::OnLine(std::string_view line) {
  const Json event = ParseObject(line);
  const auto object = event.find("object");
  const auto named = event.find("type");
  const std::string type =
      named != event.end() && named->is_string() ? named->get<std::string>() : "";
  if (object == event.end() || !object->is_object() || type.empty()) {
    call_.reset();
    Fail("an event of its watch cannot be read");
    return false;
  }
  if (type == "ERROR") {
    call_.reset();
    const auto code = object->find("code");
    if (code != object->end() && *code == kGone) {
      ListAgain();
    } else {
      Fail("its watch failed");
    }
    return false;
  }
  watch_spoke_ = true;
  Recover();
  const std::string revision = TextAt(*object, "metadata", "resourceVersion");
  if (!revision.empty()) resource_version_ = revision;
  if (type == "ADDED" || type == "MODIFIED") sink_.OnObject(*object);
  if (type == "DELETED") sink_.OnGone(*object);
  return true;
}

void ObjectWatcher::OnWatchEnd(const Status& status) {
  call_.reset();
  loop_.CancelTimer(std::exchange(silence_timer_, 0));
  if (watch_status_ == kGone) return ListAgain();
  if (watch_status_ != 0 && watch_status_ != kOk) {
    return Fail("it answered " + std::to_string(watch_status_));
  }
  const bool is_short = !watch_spoke_ && loop_.clock().Now() - watch_started_ < kShortWatch;
  // A server ends its watches from time to time: that is no failure.
  if (watch_status_ == 0 || is_short) {
    return Fail(status.ok() ? "its watch ended at once" : "its watch was lost");
  }
  Recover();
  RunLater(Duration(limits::kWatchBackOff) / 2, &ObjectWatcher::Watch);
}

// The revision is too old, or of an earlier life of the API.
void ObjectWatcher::ListAgain() {
  resource_version_.clear();
  loop_.CancelTimer(std::exchange(silence_timer_, 0));
  RunLater(BackOff(limits::kWatchBackOff, limits::kWatchBackOffMost, failures_, random_),
           &ObjectWatcher::List);
}

void ObjectWatcher::Fail(std::string_view what) {
  loop_.CancelTimer(std::exchange(silence_timer_, 0));
  const Duration delay =
      BackOff(limits::kWatchBackOff, limits::kWatchBackOffMost, failures_, random_);
  ++failures_;
  ++failure_count_;
  if (!std::exchange(has_problem_, true) && options_.on_problem) options_.on_problem(what);
  if (failures_ >= kFailuresBeforeList) resource_version_.clear();
  RunLater(delay, resource_version_.empty() ? &ObjectWatcher::List : &ObjectWatcher::Watch);
}

void ObjectWatcher::Recover() {
  failures_ = 0;
  TellRecovery();
}

void ObjectWatcher::TellRecovery() {
  if (std::exchange(has_problem_, false) && options_.on_problem) options_.on_problem("");
}

void ObjectWatcher::RunLater(Duration delay, void (ObjectWatcher::*next)()) {
  loop_.CancelTimer(timer_);
  timer_ = loop_.StartTimer(loop_.clock().Now() + delay, [this, next] {
    timer_ = 0;
    (this->*next)();
  });
}

}  // namespace throng::watch
