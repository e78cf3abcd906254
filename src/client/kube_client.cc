#include "client/kube_client.h"

#include <algorithm>

#include "base/control_limits.h"
#include "client/server_error.h"

namespace throng::client {
namespace {

using kube::Json;

constexpr size_t kWarnings = 100;  // further ones are dropped

// Lines of a stream, one event each.
class EventLines {
 public:
  EventLines(const KubeClient::OnEvent& on_event) : on_event_(on_event) {}

  // False: enough, or `status` says why not.
  bool Add(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = std::min(bytes.find('\n'), bytes.size());
      if (line_.size() + end > limits::kClientEventBytes) {
        status = ResourceExhaustedError("an event of a watch is too large");
        return false;
      }
      line_.append(bytes.substr(0, end));
      if (end == bytes.size()) return true;
      bytes.remove_prefix(end + 1);
      const std::string line = std::exchange(line_, std::string());
      if (!line.empty() && !Handle(line)) return false;
    }
    return true;
  }

  Status status;

 private:
  bool Handle(const std::string& line) {
    const Result<Json> event = kube::ParseJson(line);
    const Json* object = event.ok() ? kube::FindPath(*event, {"object"}) : nullptr;
    if (object == nullptr) {
      status = DataLossError("an event of a watch cannot be read");
      return false;
    }
    const std::string type = kube::TextAt(*event, {"type"});
    if (type == "BOOKMARK") return true;
    if (type == "ERROR") {
      status = ServerError(*object, "");
      return false;
    }
    return on_event_(type, *object);
  }

  const KubeClient::OnEvent& on_event_;
  std::string line_;
};

}  // namespace

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 0xf];
  }
  return out;
}

std::string WithParameter(std::string path, std::string_view name, std::string_view value) {
  path += path.find('?') == std::string::npos ? '?' : '&';
  return path.append(name) + "=" + PercentEncode(value);
}

Result<KubeClient> KubeClient::Create(const ClusterAccess& access) {
  THRONG_ASSIGN_OR_RETURN(auto transport, Transport::Create(access));
  return KubeClient(std::move(transport));
}

void KubeClient::Warn(const HttpAnswer& answer) {
  for (const std::string& text : answer.warnings) {
    if (std::find(warned_.begin(), warned_.end(), text) != warned_.end()) continue;
    if (warned_.size() >= kWarnings) return;
    warned_.push_back(text);
    if (on_warning_) on_warning_(text);
  }
}

Result<Json> KubeClient::Send(const ApiCall& call) {
  const HttpCall http{.method = call.method,
                      .target = call.path,
                      .accept = call.accept,
                      .content_type = call.content_type,
                      .body = call.body,
                      .time_limit = std::nullopt};
  THRONG_ASSIGN_OR_RETURN(const HttpAnswer answer, transport_->Send(http));
  Warn(answer);
  if (answer.status < 200 || answer.status >= 300) {
    return ServerError(answer.status, answer.body, call.error_context);
  }
  Result<Json> parsed = kube::ParseJson(answer.body);
  if (!parsed.ok()) return parsed.status().WithContext("the server's answer is no JSON");
  return parsed;
}

Status KubeClient::Watch(const std::string& path, const std::string& accept,
                         std::optional<Duration> limit, const OnEvent& on_event) {
  const HttpCall http{
      .target = path, .accept = accept, .content_type = "", .body = "", .time_limit = limit};
  EventLines lines(on_event);
  THRONG_ASSIGN_OR_RETURN(
      const HttpAnswer answer,
      transport_->Stream(http, [&](std::string_view bytes) { return lines.Add(bytes); }));
  Warn(answer);
  if (answer.status < 200 || answer.status >= 300)
    return ServerError(answer.status, answer.body, "");
  return lines.status;
}

Status KubeClient::ReadText(const std::string& path, const Transport::OnBytes& on_bytes) {
  const HttpCall http{
      .target = path, .accept = "*/*", .content_type = "", .body = "", .time_limit = std::nullopt};
  THRONG_ASSIGN_OR_RETURN(const HttpAnswer answer, transport_->Stream(http, on_bytes));
  Warn(answer);
  if (answer.status < 200 || answer.status >= 300)
    return ServerError(answer.status, answer.body, "");
  return OkStatus();
}

}  // namespace throng::client
