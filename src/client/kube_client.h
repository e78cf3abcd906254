// KubeClient: calls of a Kubernetes API with JSON in and out, watches and logs. Refusals of the
// server are Statuses with kubectl's words (client/server_error.h). Blocking; one call at a time,
// not thread-safe: one per thread.
//
//   THRONG_ASSIGN_OR_RETURN(KubeClient client, KubeClient::Create(access));
//   THRONG_ASSIGN_OR_RETURN(Json pods, client.Get("/api/v1/namespaces/default/pods"));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/transport.h"
#include "kube/json.h"

namespace throng::client {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kMergePatchType = "application/merge-patch+json";
inline constexpr std::string_view kTableAccept =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

struct ApiCall {
  std::string method = "GET";
  std::string path;  // with its query
  std::string content_type = {};
  std::string body = {};
  std::string error_context = {};  // before the server's message: "error when creating "f": "
  std::string accept = std::string(kJsonType);
};

class KubeClient {
 public:
  // Gets every event; false: it has seen enough.
  using OnEvent = std::function<bool(std::string_view type, const kube::Json& object)>;
  using OnWarning = std::function<void(const std::string& text)>;

  static Result<KubeClient> Create(const ClusterAccess& access);
  explicit KubeClient(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  // Texts of warnings that the server sends along, each once.
  void SetOnWarning(OnWarning on_warning) { on_warning_ = std::move(on_warning); }

  Result<kube::Json> Get(const std::string& path) { return Send({.path = path}); }
  Result<kube::Json> Send(const ApiCall& call);
  // Until `on_event` has seen enough or the server ends it (both: OK). BOOKMARKs are left out.
  // ERRORS: kDeadlineExceeded — the time is over; kOutOfRange — the version that it starts from is
  // gone: list again; as Send.
  Status Watch(const std::string& path, const std::string& accept, std::optional<Duration> limit,
               const OnEvent& on_event);
  // The text of a log as it comes.
  Status ReadText(const std::string& path, const Transport::OnBytes& on_bytes);

 private:
  void Warn(const HttpAnswer& answer);

  std::unique_ptr<Transport> transport_;
  OnWarning on_warning_;
  std::vector<std::string> warned_;
};

// Text in a path or query: everything but letters, digits and "-._~" as %XX.
std::string PercentEncode(std::string_view text);
// `path` with "?" or "&" and `name`=`value` after it.
std::string WithParameter(std::string path, std::string_view name, std::string_view value);

}  // namespace throng::client
