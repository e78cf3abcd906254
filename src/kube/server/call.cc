#include "kube/server/call.h"

#include <utility>

namespace throng::kube::server {
namespace {

constexpr size_t kWarningBytes = 4096;  // of all of a reply, as kube-apiserver has it

// '299 - "text"', RFC 7234's warn-text quoted.
std::string WarningHeader(std::string_view text) {
  std::string header = "299 - \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') header += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) header += c;
  }
  return header + "\"";
}

}  // namespace

void Call::Send(int code, std::string body, std::string content_type,
                const std::vector<std::string>& warnings) {
  http::Reply reply;
  reply.status = code;
  reply.content_type = std::move(content_type);
  reply.body = std::move(body);
  size_t bytes = 0;
  for (const std::string& warning : warnings) {
    std::string header = WarningHeader(warning);
    bytes += header.size();
    if (bytes <= kWarningBytes) reply.headers.push_back({"Warning", std::move(header)});
  }
  reply.headers.push_back({"Cache-Control", "no-cache, private"});
  CompressReply(request(), reply);
  if (on_reply) std::exchange(on_reply, nullptr)(code);
  exchange->Send(std::move(reply));
}

void Call::SendJson(int code, const Json& json) { Send(code, PrintJson(json) + "\n"); }

void Call::SendObject(int code, const Json& object, const std::vector<std::string>& warnings) {
  Send(code, PrintJson(ObjectRenderer(*kind, form).Single(object, now)) + "\n", "application/json",
       warnings);
}

void Call::SendError(const ApiError& error) {
  if (error.retry_after_seconds == 0) return SendJson(error.code, StatusObject(error));
  http::Reply reply;
  reply.status = error.code;
  reply.body = PrintJson(StatusObject(error)) + "\n";
  reply.headers.push_back({"Retry-After", std::to_string(error.retry_after_seconds)});
  reply.headers.push_back({"Cache-Control", "no-cache, private"});
  if (on_reply) std::exchange(on_reply, nullptr)(error.code);
  exchange->Send(std::move(reply));
}

std::unique_ptr<http::ReplyStream> Call::StartStream(std::string content_type) {
  http::Reply head;
  head.content_type = std::move(content_type);
  head.headers.push_back({"Cache-Control", "no-cache, private"});
  if (on_reply) std::exchange(on_reply, nullptr)(head.status);
  return exchange->StartStream(std::move(head));
}

}  // namespace throng::kube::server
