// The sockets that a server listens on, opened before anything else is done, so that a port in use
// is reported at once and --ports-file can be written early.
#pragma once

#include <cstdint>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "os/file.h"
#include "os/unique_fd.h"
#include "server/server_options.h"

namespace throng::server {

struct Listener {
  os::UniqueFd fd;  // not valid when not allowed
  std::string address;
  uint16_t port = 0;
};

struct Listeners {
  Listener http;
  Listener grpc;
  Listener metrics;
};

// ERRORS: kAlreadyExists — "port 8000 is in use; --http-port 0 takes any free one".
Result<Listeners> OpenListeners(const ServerOptions& options);

// {"http":N,"grpc":N,"metrics":N}; a listener that is not allowed is left out.
Status WritePortsFile(os::FileSystem& files, const std::string& path, const Listeners& listeners);

// "[::1]:8000"
std::string Authority(const Listener& listener);
// One line for each listener: where it listens.
void LogListeners(const Logger& logger, const Listeners& listeners);

// One line for each listener that others can reach.
void WarnAboutOpenAddresses(const Logger& logger, const Listeners& listeners);

}  // namespace throng::server
