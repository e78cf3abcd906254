#include "server/listeners.h"

#include "os/socket.h"

namespace throng::server {
namespace {

Result<Listener> Open(bool allowed, const std::string& address, uint16_t port,
                      std::string_view flag) {
  Listener listener;
  if (!allowed) return listener;
  listener.address = address;
  auto fd = os::ListenTcp(address, port);
  if (!fd.ok()) {
    std::string text = fd.status().message();
    if (fd.status().code() == StatusCode::kAlreadyExists) {
      text = "port " + std::to_string(port) + " is in use; --" + std::string(flag) +
             " 0 takes any free one";
    }
    return Status(fd.status().code(), std::move(text));
  }
  listener.fd = std::move(fd).value();
  THRONG_ASSIGN_OR_RETURN(listener.port, os::LocalPort(listener.fd.get()));
  return listener;
}

bool IsLoopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

}  // namespace

Result<Listeners> OpenListeners(const ServerOptions& options) {
  Listeners listeners;
  THRONG_ASSIGN_OR_RETURN(listeners.http, Open(options.allow_http, options.http_address,
                                               options.http_port, "http-port"));
  THRONG_ASSIGN_OR_RETURN(listeners.grpc, Open(options.allow_grpc, options.grpc_address,
                                               options.grpc_port, "grpc-port"));
  THRONG_ASSIGN_OR_RETURN(listeners.metrics, Open(options.allow_metrics, options.metrics_address,
                                                  options.metrics_port, "metrics-port"));
  return listeners;
}

Status WritePortsFile(os::FileSystem& files, const std::string& path, const Listeners& listeners) {
  std::string text;
  const auto add = [&text](std::string_view name, const Listener& listener) {
    if (!listener.fd.valid()) return;
    text +=
        (text.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + std::to_string(listener.port);
  };
  add("http", listeners.http);
  add("grpc", listeners.grpc);
  add("metrics", listeners.metrics);
  return files.WriteAtomically(path, text.empty() ? "{}\n" : text + "}\n");
}

std::string Authority(const Listener& listener) {
  const bool is_ipv6 = listener.address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + listener.address + "]" : listener.address) + ":" +
         std::to_string(listener.port);
}

void LogListeners(const Logger& logger, const Listeners& listeners) {
  const auto log = [&logger](std::string_view what, const Listener& listener) {
    if (!listener.fd.valid()) return;
    THRONG_LOG_INFO(logger) << what << " on " << EscapeForLog(Authority(listener));
  };
  log("HTTP", listeners.http);
  log("gRPC", listeners.grpc);
  log("metrics", listeners.metrics);
}

void WarnAboutOpenAddresses(const Logger& logger, const Listeners& listeners) {
  for (const Listener* listener : {&listeners.http, &listeners.grpc, &listeners.metrics}) {
    if (!listener->fd.valid() || IsLoopback(listener->address)) continue;
    THRONG_LOG_WARNING(logger) << "port " << listener->port << " listens on "
                               << EscapeForLog(listener->address)
                               << " and no key is configured: whoever reaches it can use it";
  }
}

}  // namespace throng::server
