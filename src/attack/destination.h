// Where a request of an attack goes. Names of services of the cluster go to the gateway, which
// knows them by their Host; no other name is looked up. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "http/async_client.h"

namespace throng::attack {

struct DestinationRules {
  std::optional<http::ServerAddress> gateway;
  // Of commands that people give, not of jobs:
  bool reaches_loopback = false;  // 127.0.0.1, [::1] and localhost, any port
  bool every_name = false;        // goes to the gateway, when there is one
};

struct Destination {
  http::ServerAddress address;
  std::string host;    // the Host header
  std::string target;  // "/v2/models/cifar10/infer"
};

// ERRORS: kInvalidArgument — no URL, kPermissionDenied — a host that is not reached.
Result<Destination> FindDestination(const std::string& url, const DestinationRules& rules);

// "127.0.0.1:8080", "localhost:8080", "[::1]:8080". ERRORS: kInvalidArgument.
Result<http::ServerAddress> ParseGatewayAddress(const std::string& text);

}  // namespace throng::attack
