// HTTP to one API server as one user, over libcurl: TLS with the kubeconfig's authority and client
// certificate, its credential in every request, one connection that is kept open. Blocking; one
// call at a time, not thread-safe: one per thread.
//
//   THRONG_ASSIGN_OR_RETURN(auto transport, Transport::Create(access));
//   THRONG_ASSIGN_OR_RETURN(HttpAnswer answer, transport->Send({.target = "/api"}));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "client/kubeconfig.h"

namespace throng::client {

struct HttpCall {
  std::string method = "GET";
  std::string target;  // path and query
  std::string accept = "application/json";
  std::string content_type;  // of the body; empty: no body
  std::string body;
  std::optional<Duration> time_limit;  // of the whole call; nothing: the usual one
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::vector<std::string> warnings;  // texts of Warning headers
};

class Transport {
 public:
  // False: it has seen enough, the call ends.
  using OnBytes = std::function<bool(std::string_view bytes)>;

  // ERRORS: kInvalidArgument — a certificate, key or address that cannot be used.
  static Result<std::unique_ptr<Transport>> Create(const ClusterAccess& access);
  virtual ~Transport() = default;

  // Any status is a success here. ERRORS, in kubectl's words: kUnavailable — it cannot be reached,
  // or the connection was lost; kDeadlineExceeded; kResourceExhausted — the answer is too large.
  virtual Result<HttpAnswer> Send(const HttpCall& call) = 0;
  // The same, but the body of a 2xx goes to `on_bytes` as it comes; without a time limit it may go
  // on for ever.
  virtual Result<HttpAnswer> Stream(const HttpCall& call, const OnBytes& on_bytes) = 0;
};

}  // namespace throng::client
