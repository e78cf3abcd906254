#include "kube/server/log_handler.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/kinds/human_time.h"
#include "kube/object_meta.h"

namespace throng::kube::server {
namespace {

constexpr std::string_view kDefaultContainer = "kubectl.kubernetes.io/default-container";

std::vector<std::string> Containers(const Json& pod) {
  std::vector<std::string> names;
  const Json* containers = FindPath(pod, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array()) return names;
  for (const Json& container : *containers) names.push_back(TextAt(container, {"name"}));
  return names;
}

// The one that is meant when none is named.
ApiResult<std::string> ChooseContainer(const Json& pod) {
  const std::vector<std::string> names = Containers(pod);
  if (names.size() == 1) return names.front();
  const std::string preferred = AnnotationOf(pod, kDefaultContainer);
  if (!preferred.empty()) return preferred;
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
  return BadRequestError("a container name must be specified for pod " + NameOf(pod) +
                         ", choose one of: [" + all + "]");
}

ApiError InvalidLogOptions(ApiCause cause) {
  return InvalidError("", "PodLogOptions", "", {std::move(cause)});
}

// The same as sinceSeconds, told by a time; both at once mean nothing.
std::optional<ApiError> ReadSinceTime(const Call& call, LogQuery& query) {
  const std::string text = call.query.Get("sinceTime");
  if (text.empty()) return std::nullopt;
  if (query.since) {
    return InvalidLogOptions(
        ForbiddenValue("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  }
  const std::optional<WallTime> time = ParseTimestamp(text);
  if (!time) return BadRequestError("sinceTime: " + QuoteText(text) + " is no time of RFC 3339");
  query.since =
      std::max(std::chrono::seconds(0), std::chrono::ceil<std::chrono::seconds>(call.now - *time));
  return std::nullopt;
}

ApiResult<LogQuery> ReadQuery(const Call& call) {
  LogQuery query;
  query.name_space = call.asked.name_space;
  query.pod = call.asked.name;
  query.container = call.query.Get("container");
  query.follow = call.query.IsTrue("follow");
  query.previous = call.query.IsTrue("previous");
  const auto tail = call.query.Number("tailLines");
  if (!tail.ok()) return tail.error();
  if (*tail) query.tail_lines = static_cast<uint64_t>(**tail);
  const auto since = call.query.Number("sinceSeconds");
  if (!since.ok()) return since.error();
  if (*since && **since == 0) {
    return InvalidLogOptions(InvalidValue("sinceSeconds", 0, "must be greater than 0"));
  }
  // A longer time than a century is all there is.
  constexpr int64_t kLongestSeconds = 3'200'000'000;
  if (*since) query.since = std::chrono::seconds(std::min(**since, kLongestSeconds));
  const auto limit = call.query.Number("limitBytes");
  if (!limit.ok()) return limit.error();
  if (*limit && **limit == 0) {
    return InvalidLogOptions(InvalidValue("limitBytes", 0, "must be greater than 0"));
  }
  if (*limit) query.limit_bytes = static_cast<uint64_t>(**limit);
  query.timestamps = call.query.IsTrue("timestamps");
  if (auto error = ReadSinceTime(call, query)) return *std::move(error);
  return query;
}

}  // namespace

class LogHandler::Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(LogHandler& handler, SharedCall call, std::optional<uint64_t> limit_bytes)
      : handler_(handler), call_(std::move(call)), left_bytes_(limit_bytes) {}

  void Start(const LogQuery& query, const Json& pod) {
    const std::weak_ptr<Stream> weak = weak_from_this();
    auto reading = handler_.source_->Read(query, pod,
                                          {.write =
                                               [weak](std::string_view bytes) {
                                                 if (const auto self = weak.lock())
                                                   self->Write(bytes);
                                               },
                                           .finish =
                                               [weak](const Status& status) {
                                                 if (const auto self = weak.lock())
                                                   self->Ended(status);
                                               }});
    if (!reading.ok()) {
      const bool is_unknown = reading.status().code() == StatusCode::kInvalidArgument;
      return call_->SendError(is_unknown ? BadRequestError("container " + query.container +
                                                           " is not valid for pod " + query.pod)
                                         : BadRequestError(reading.status().message()));
    }
    reading_ = *std::move(reading);
    stream_ = call_->StartStream("text/plain");
    handler_.streams_.insert(shared_from_this());
    stream_->OnProgress([weak] {
      const auto self = weak.lock();
      if (self != nullptr && self->stream_ != nullptr && self->stream_->client_gone()) self->End();
    });
  }
  void Finish() {
    if (stream_ != nullptr) stream_->Finish();
    End();
  }

 private:
  void Write(std::string_view bytes) {
    if (stream_ == nullptr) return;
    if (stream_->client_gone() || stream_->unsent_bytes() > limits::kLogReplyBytes) return End();
    if (left_bytes_) bytes = bytes.substr(0, *left_bytes_);
    stream_->Write(bytes);
    if (!left_bytes_) return;
    *left_bytes_ -= bytes.size();
    if (*left_bytes_ == 0) Finish();
  }
  // A log that could not be read to its end is cut, so that the client sees it.
  void Ended(const Status& status) {
    if (status.ok()) return Finish();
    End();
  }
  void End() {
    const auto self = shared_from_this();
    reading_.reset();
    stream_.reset();
    handler_.streams_.erase(self);
  }

  LogHandler& handler_;
  const SharedCall call_;
  std::optional<uint64_t> left_bytes_;
  std::unique_ptr<LogReading> reading_;
  std::unique_ptr<http::ReplyStream> stream_;  // null: ended
};

LogHandler::LogHandler(Registry& registry, LogSource* source)
    : registry_(registry), source_(source) {}

LogHandler::~LogHandler() { EndAll(); }

void LogHandler::Start(const SharedCall& call) {
  if (source_ == nullptr) return call->SendError(UnknownResourceError());
  const ApiResult<Json> pod = registry_.Get({call->kind, call->asked.name_space, call->asked.name});
  if (!pod.ok()) return call->SendError(pod.error());
  ApiResult<LogQuery> query = ReadQuery(*call);
  if (!query.ok()) return call->SendError(query.error());
  if (query->container.empty()) {
    const ApiResult<std::string> chosen = ChooseContainer(*pod);
    if (!chosen.ok()) return call->SendError(chosen.error());
    query->container = *chosen;
  }
  // What is not followed is bounded; a file is never longer than that.
  std::optional<uint64_t> limit = query->limit_bytes;
  if (!query->follow)
    limit = std::min<uint64_t>(limit.value_or(limits::kLogReplyBytes), limits::kLogReplyBytes);
  std::make_shared<Stream>(*this, call, limit)->Start(*query, *pod);
}

void LogHandler::EndAll() {
  const std::set<std::shared_ptr<Stream>> streams = streams_;
  for (const std::shared_ptr<Stream>& stream : streams) stream->Finish();
}

}  // namespace throng::kube::server
