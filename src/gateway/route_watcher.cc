#include "gateway/route_watcher.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"

namespace throng::gateway {
namespace {

constexpr char kRoutesTarget[] = "/apis/throng.dev/v1alpha1/gatewayroutes";
// A watch that ends sooner without an event is a failure: the API must not be asked in a loop.
constexpr std::chrono::seconds kShortWatch{1};
// So many failures in a row, and the revision itself is no longer trusted.
constexpr int kFailuresBeforeList = 3;

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

}  // namespace

// What arrives on a watch.
class RouteWatcher::Consumer final : public http::ReplyConsumer {
 public:
  explicit Consumer(RouteWatcher& watcher) : watcher_(watcher) {}
  void OnHead(http::ClientReply reply) override { watcher_.OnWatchHead(reply.status); }
  void OnBody(std::string_view bytes) override {
    if (!over_ && !watcher_.OnWatchBytes(bytes)) over_ = true;
  }
  void OnEnd(Status status) override {
    if (!over_) watcher_.OnWatchEnd(status);
  }

 private:
  RouteWatcher& watcher_;
  bool over_ = false;
};

RouteWatcher::RouteWatcher(os::EventLoop& loop, http::AsyncClient& client, http::ServerAddress api,
                           Random& random, const Logger& logger, RouteSink& sink)
    : loop_(loop),
      client_(client),
      api_(std::move(api)),
      random_(random),
      logger_(logger),
      sink_(sink) {}

RouteWatcher::~RouteWatcher() {
  loop_.CancelTimer(timer_);
  loop_.CancelTimer(silence_timer_);
}

void RouteWatcher::Start() { List(); }

void RouteWatcher::List() {
  http::CallSpec spec{.address = api_, .method = "GET", .target = kRoutesTarget};
  spec.headers = {{"Accept", "application/json"}};
  call_ = client_.Start(std::move(spec), loop_.clock().Now() + Duration(limits::kRouteListTime),
                        [this](Result<http::ClientReply> reply) { OnList(reply); });
}

void RouteWatcher::OnList(const Result<http::ClientReply>& reply) {
  call_.reset();
  if (!reply.ok()) return Fail("it cannot be reached");
  if (reply->status != 200) return Fail("it answered " + std::to_string(reply->status));
  Result<RouteList> list = ParseRouteList(reply->body);
  if (!list.ok()) return Fail("its list of routes cannot be read");
  Recover();
  ++stats_.lists;
  stats_.synced = true;
  resource_version_ = list->resource_version;
  for (const std::string& problem : list->problems) Tell(problem);
  sink_.OnAllRoutes(std::move(list->routes));
  Watch();
}

void RouteWatcher::Watch() {
  ++stats_.watches;
  line_.clear();
  watch_status_ = 0;
  watch_spoke_ = false;
  watch_started_ = last_heard_ = loop_.clock().Now();
  http::CallSpec spec{.address = api_, .method = "GET"};
  spec.target = std::string(kRoutesTarget) + "?watch=true&allowWatchBookmarks=true" +
                "&resourceVersion=" + QueryEscaped(resource_version_);
  spec.headers = {{"Accept", "application/json"}};
  call_ =
      client_.StartStream(std::move(spec), MonotonicTime::max(), std::make_unique<Consumer>(*this));
  CheckSilence();
}

// A connection may die without a word; bookmarks come in time while it lives.
void RouteWatcher::CheckSilence() {
  const MonotonicTime due = last_heard_ + Duration(limits::kRouteSilence);
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

void RouteWatcher::OnWatchHead(int status) {
  watch_status_ = status;
  last_heard_ = loop_.clock().Now();
}

bool RouteWatcher::OnWatchBytes(std::string_view bytes) {
  last_heard_ = loop_.clock().Now();
  // The body of a refusal says nothing that its status does not.
  if (watch_status_ != 200) return true;
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

bool RouteWatcher::OnLine(std::string_view line) {
  Result<WatchEvent> event = ParseWatchEvent(line);
  if (!event.ok()) {
    call_.reset();
    Fail("an event of its watch cannot be read");
    return false;
  }
  if (event->kind == WatchEventKind::kError) {
    call_.reset();
    if (event->error_code == 410) {
      ListAgain();
    } else {
      Fail("its watch failed with " + std::to_string(event->error_code));
    }
    return false;
  }
  watch_spoke_ = true;
  Recover();
  ++stats_.events;
  if (!event->resource_version.empty()) resource_version_ = event->resource_version;
  if (!event->problem.empty()) {
    Tell(event->problem);
  } else if (event->kind == WatchEventKind::kSet) {
    sink_.OnRoute(std::move(event->route));
  } else if (event->kind == WatchEventKind::kRemoved) {
    sink_.OnRouteGone(event->route.name);
  }
  return true;
}

void RouteWatcher::OnWatchEnd(const Status& status) {
  call_.reset();
  loop_.CancelTimer(std::exchange(silence_timer_, 0));
  if (watch_status_ == 410) return ListAgain();
  if (watch_status_ != 0 && watch_status_ != 200) {
    return Fail("it answered " + std::to_string(watch_status_));
  }
  const bool is_short = !watch_spoke_ && loop_.clock().Now() - watch_started_ < kShortWatch;
  // A server ends its watches from time to time: that is no failure.
  if (watch_status_ == 0 || is_short) {
    return Fail(status.ok() ? "its watch ended at once" : "its watch was lost");
  }
  Recover();
  RunLater(Duration(limits::kRouteBackOff) / 2, &RouteWatcher::Watch);
}

// The revision is too old, or of an earlier life of the API.
void RouteWatcher::ListAgain() {
  resource_version_.clear();
  loop_.CancelTimer(std::exchange(silence_timer_, 0));
  RunLater(BackOff(), &RouteWatcher::List);
}

void RouteWatcher::Fail(std::string_view what) {
  ++stats_.failures;
  loop_.CancelTimer(std::exchange(silence_timer_, 0));
  const Duration delay = BackOff();
  if (failures_++ == 0) {
    THRONG_LOG_WARNING(logger_) << "routes stay as they are while the API is away: " << what;
  }
  if (failures_ >= kFailuresBeforeList) resource_version_.clear();
  RunLater(delay, resource_version_.empty() ? &RouteWatcher::List : &RouteWatcher::Watch);
}

void RouteWatcher::Recover() {
  if (std::exchange(failures_, 0) > 0) THRONG_LOG_INFO(logger_) << "routes follow the API again";
}

// Half to whole of a time that doubles with each failure in a row.
Duration RouteWatcher::BackOff() {
  Duration most = limits::kRouteBackOffMost;
  const Duration doubled = Duration(limits::kRouteBackOff) * (1 << std::min(failures_, 16));
  most = std::min(most, doubled);
  const auto half = static_cast<uint64_t>(most.count() / 2);
  return Duration(static_cast<int64_t>(half + random_.Next() % (half + 1)));
}

void RouteWatcher::RunLater(Duration delay, void (RouteWatcher::*next)()) {
  loop_.CancelTimer(timer_);
  timer_ = loop_.StartTimer(loop_.clock().Now() + delay, [this, next] {
    timer_ = 0;
    (this->*next)();
  });
}

void RouteWatcher::Tell(const std::string& problem) {
  THRONG_LOG_WARNING(logger_) << "a route is left out: " << problem;
}

}  // namespace throng::gateway
