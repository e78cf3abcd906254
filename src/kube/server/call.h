// Call: one request to the API on its way from the parser to its reply: who asks, what for, in
// which form the answer is wanted. Made by ApiServer, answered by one of the handlers, once.
//
//   if (!object.ok()) return call->SendError(object.error());
//   call->SendObject(200, *object);
//
// Everything on the executor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/server.h"
#include "kube/api_error.h"
#include "kube/kind.h"
#include "kube/rest/access.h"
#include "kube/rest/api_request.h"
#include "kube/rest/reply_format.h"

namespace throng::kube::server {

struct Call {
  std::shared_ptr<http::Exchange> exchange;
  Query query;
  http::PeerIdentity user;
  Attributes asked;
  const Kind* kind = nullptr;
  ReplyForm form;
  WallTime now;
  // Told once, with the code of the reply: metrics, the log of writes.
  std::function<void(int code)> on_reply;

  http::Request& request() { return exchange->request(); }

  void Send(int code, std::string body, std::string content_type = "application/json",
            const std::vector<std::string>& warnings = {});
  void SendJson(int code, const Json& json);
  // In the wanted form, with warnings as headers.
  void SendObject(int code, const Json& object, const std::vector<std::string>& warnings = {});
  void SendError(const ApiError& error);
  std::unique_ptr<http::ReplyStream> StartStream(std::string content_type);
};

using SharedCall = std::shared_ptr<Call>;

}  // namespace throng::kube::server
