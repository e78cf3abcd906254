// What a server's refusal becomes: a Status whose message is what kubectl prints, so that people
// and scripts that know kubectl know it ("Error from server (NotFound): pods "x" not found"). Pure.
//
//   if (reply.status >= 400) return ServerError(reply.status, reply.body, "");
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "kube/json.h"

namespace throng::client {

// `body` is a Status object, or any text. `context` goes before the server's message ("error when
// creating "a.yaml": "). Codes: kNotFound, kAlreadyExists, kAborted (Conflict), kInvalidArgument
// (400, 415, 422), kUnauthenticated, kPermissionDenied, kOutOfRange (410), kResourceExhausted (413,
// 429), kUnavailable, kInternal.
Status ServerError(int http_status, std::string_view body, std::string_view context);
// The same of a Status object, as an ERROR event of a watch holds one.
Status ServerError(const kube::Json& status, std::string_view context);

// What a person reads: errors of a server as they are, others with "error: " before them.
std::string ErrorLine(const Status& status);

}  // namespace throng::client
