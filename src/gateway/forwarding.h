// What of a request and of a reply goes through a gateway, and what is its own business
// (RFC 9110 §7.6). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"
#include "http/server.h"

namespace throng::gateway {

// The host that a request is for, as it came: of Host, or of an absolute target without one.
std::string HostOf(const http::Request& request);
// "/path?query" of any form of target; "*" stays.
std::string OriginForm(std::string_view target);

// True: it would have the replica load or unload a model. Whoever may infer may not do that: models
// are there because of their TrainedModels, and whoever sees to that is told nothing of it.
bool ControlsModels(const http::Request& request);

// The headers that a replica gets: without those of the connection, the body's framing (it is added
// anew) and Expect (answered here); with X-Request-Id, which is `request_id` when there was none,
// and with `client_address` behind what X-Forwarded-For says already.
std::vector<http::Header> ForwardedHeaders(const http::Request& request,
                                           std::string_view client_address,
                                           const std::string& request_id);

// The head that the client gets. A Content-Length stays: the body is of that length.
http::Reply ForwardedReply(http::ClientReply reply);

}  // namespace throng::gateway
