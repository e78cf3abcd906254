#include "kube/server/watch_handler.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <deque>
#include <utility>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/kinds/kind_table.h"
#include "kube/object_meta.h"
#include "kube/server/resource_handler.h"

namespace throng::kube::server {
namespace {

constexpr size_t kInitialPage = 500;
// Of what was there already: more is sent when the client has taken that.
constexpr size_t kInitialUnsentBytes = 1024 * 1024;

struct WatchOptions {
  std::string resource_version;
  bool has_initial = false;   // first what there is
  bool ends_initial = false;  // ... and a bookmark behind it
  bool has_bookmarks = false;
  Duration timeout{};
};

ApiError InvalidWatch(ApiCause cause) {
  return InvalidError("meta.k8s.io", "ListOptions", "", {std::move(cause)});
}

std::optional<ApiError> CheckMatch(const Query& query) {
  constexpr std::array<std::string_view, 1> kMatches = {"NotOlderThan"};
  const std::string match = query.Get("resourceVersionMatch");
  if (!query.Has("sendInitialEvents")) {
    if (match.empty()) return std::nullopt;
    return InvalidWatch(ForbiddenValue("resourceVersionMatch",
                                       "resourceVersionMatch is forbidden for watch unless "
                                       "sendInitialEvents is provided"));
  }
  if (match == "NotOlderThan") return std::nullopt;
  if (match.empty()) {
    return InvalidWatch(
        ForbiddenValue("resourceVersionMatch",
                       "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  }
  return InvalidWatch(UnsupportedValue("resourceVersionMatch", match, kMatches));
}

ApiResult<WatchOptions> ReadOptions(const Query& query, Random& random) {
  if (auto error = CheckMatch(query)) return *std::move(error);
  WatchOptions options;
  options.resource_version = query.Get("resourceVersion");
  const bool is_any = options.resource_version.empty() || options.resource_version == "0";
  options.ends_initial = query.IsTrue("sendInitialEvents");
  options.has_initial = query.Has("sendInitialEvents") ? options.ends_initial : is_any;
  options.has_bookmarks = query.IsTrue("allowWatchBookmarks");
  const auto seconds = query.Number("timeoutSeconds");
  if (!seconds.ok()) return seconds.error();
  const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(limits::kWatchLongest);
  if (seconds->value_or(0) > 0) {
    options.timeout = std::min<Duration>(
        longest, std::chrono::seconds(std::min<int64_t>(**seconds, longest.count() / 1000)));
  } else {
    // Not all of them at once, after a start.
    const auto half = static_cast<uint64_t>(longest.count() / 2);
    options.timeout = std::chrono::milliseconds(half + random.Next() % half);
  }
  return options;
}

std::optional<uint64_t> ParseRevision(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view EventName(EventKind kind) {
  switch (kind) {
    case EventKind::kAdded:
      return "ADDED";
    case EventKind::kModified:
      return "MODIFIED";
    case EventKind::kDeleted:
      break;
  }
  return "DELETED";
}

}  // namespace

class WatchHandler::Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(WatchHandler& handler, SharedCall call, WatchOptions options, ObjectFilter filter)
      : handler_(handler),
        call_(std::move(call)),
        options_(std::move(options)),
        filter_(std::move(filter)),
        renderer_(*call_->kind, call_->form) {}
  ~Stream() {
    handler_.executor_.CancelTimer(bookmark_timer_);
    handler_.executor_.CancelTimer(end_timer_);
  }

  // The first page of what there is, or the watch itself, so that its errors are replies.
  void Start(uint64_t since) {
    if (options_.has_initial) {
      ApiResult<ObjectPage> page = NextPage(options_.resource_version);
      if (!page.ok()) return call_->SendError(page.error());
      Open();
      TakePage(*page);
      return Continue();
    }
    Open();
    GoLive(since);
  }
  void Finish() {
    if (stream_ != nullptr) stream_->Finish();
    End();
  }

 private:
  ApiResult<ObjectPage> NextPage(const std::string& resource_version) {
    ListOptions list;
    list.filter = filter_;
    list.limit = kInitialPage;
    list.continue_token = next_page_;
    if (list.continue_token.empty() && !resource_version.empty()) {
      list.resource_version = resource_version;
      list.resource_version_match = "NotOlderThan";
    }
    return handler_.registry_.List(*call_->kind, call_->asked.name_space, list);
  }

  void Open() {
    stream_ = call_->StartStream("application/json");
    handler_.streams_.insert(shared_from_this());
    stream_->OnProgress([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Continue();
    });
    Executor& executor = handler_.executor_;
    end_timer_ = executor.StartTimer(executor.clock().Now() + options_.timeout, [this] {
      end_timer_ = 0;
      Finish();
    });
  }

  void TakePage(const ObjectPage& page) {
    since_ = page.revision;
    initial_.assign(page.objects.begin(), page.objects.end());
    next_page_ = page.continue_token;
  }
  bool HasInitial() const { return !initial_.empty() || !next_page_.empty(); }

  // Sends more of what was there already, as fast as the client takes it.
  void Continue() {
    const auto self = shared_from_this();
    if (stream_ == nullptr) return;
    if (stream_->client_gone()) return End();
    // One by one: a page of large objects is more than a client may be behind.
    while (HasInitial() && stream_ != nullptr && stream_->unsent_bytes() < kInitialUnsentBytes) {
      if (initial_.empty()) {
        const ApiResult<ObjectPage> page = NextPage("");
        if (!page.ok()) return SendErrorAndFinish(page.error());
        TakePage(*page);
        continue;
      }
      const SharedObject object = std::move(initial_.front());
      initial_.pop_front();
      Send(EventName(EventKind::kAdded), *object);
    }
    if (stream_ == nullptr || HasInitial() || is_live_) return;
    if (options_.ends_initial) SendBookmark(since_, true);
    GoLive(since_);
  }

  void GoLive(uint64_t since) {
    is_live_ = true;
    if (stream_ == nullptr) return;
    auto watch = handler_.registry_.Watch(*call_->kind, call_->asked.name_space, filter_, since,
                                          [this](const WatchEvent& event) {
                                            const auto self = shared_from_this();
                                            if (stream_ == nullptr) return;
                                            Send(EventName(event.kind), *event.object);
                                          });
    if (!watch.ok()) return SendErrorAndFinish(watch.error());
    watch_ = std::move(*watch);
    if (options_.has_bookmarks) StartBookmarkTimer();
  }

  void StartBookmarkTimer() {
    Executor& executor = handler_.executor_;
    bookmark_timer_ =
        executor.StartTimer(executor.clock().Now() + limits::kWatchBookmarkEvery, [this] {
          bookmark_timer_ = 0;
          const auto self = shared_from_this();
          SendBookmark(handler_.registry_.RevisionOf(*call_->kind), false);
          if (stream_ != nullptr) StartBookmarkTimer();
        });
  }

  void Send(std::string_view type, const Json& object) {
    const WallTime now = handler_.executor_.clock().WallNow();
    SendLine(type, renderer_.Event(ViewAs(*call_->kind, object), now));
  }
  void SendBookmark(uint64_t revision, bool ends_initial) {
    SendLine("BOOKMARK", renderer_.Bookmark(revision, ends_initial));
  }
  void SendLine(std::string_view type, const Json& object) {
    if (stream_ == nullptr) return;
    // A client that does not read comes back for what it missed; a cut tells it so.
    if (stream_->unsent_bytes() > limits::kWatchUnsentBytes) return End();
    stream_->Write("{\"type\":\"" + std::string(type) + "\",\"object\":" + PrintJson(object) +
                   "}\n");
  }
  void SendErrorAndFinish(const ApiError& error) {
    SendLine("ERROR", StatusObject(error));
    Finish();
  }

  void End() {
    const auto self = shared_from_this();
    watch_.reset();
    stream_.reset();
    handler_.streams_.erase(self);
  }

  WatchHandler& handler_;
  const SharedCall call_;
  const WatchOptions options_;
  const ObjectFilter filter_;
  ObjectRenderer renderer_;
  std::unique_ptr<http::ReplyStream> stream_;  // null: ended
  std::unique_ptr<ObjectWatch> watch_;
  std::deque<SharedObject> initial_;  // of what was there: read and not sent yet
  std::string next_page_;             // empty: all of it was read
  bool is_live_ = false;
  uint64_t since_ = 0;
  Executor::TimerId bookmark_timer_ = 0;
  Executor::TimerId end_timer_ = 0;
};

WatchHandler::WatchHandler(Executor& executor, Random& random, Registry& registry)
    : executor_(executor), random_(random), registry_(registry) {}

WatchHandler::~WatchHandler() { EndAll(); }

void WatchHandler::Start(const SharedCall& call) {
  ApiResult<ObjectFilter> filter = MakeFilter(*call);
  if (!filter.ok()) return call->SendError(filter.error());
  ApiResult<WatchOptions> options = ReadOptions(call->query, random_);
  if (!options.ok()) return call->SendError(options.error());
  if (auto error = registry_.RefuseRead(*call->kind)) return call->SendError(*error);
  uint64_t since = registry_.RevisionOf(*call->kind);
  const std::string& text = options->resource_version;
  if (!text.empty() && text != "0") {
    const std::optional<uint64_t> revision = ParseRevision(text);
    if (!revision) {
      return call->SendError(BadRequestError("resourceVersion: Invalid value: " + QuoteText(text) +
                                             ": is no resource version"));
    }
    since = *revision;
  }
  std::make_shared<Stream>(*this, call, std::move(*options), std::move(*filter))->Start(since);
}

void WatchHandler::EndAll() {
  const std::set<std::shared_ptr<Stream>> streams = streams_;
  for (const std::shared_ptr<Stream>& stream : streams) stream->Finish();
}

}  // namespace throng::kube::server
