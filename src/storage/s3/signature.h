// AWS Signature Version 4 for requests without a body, as S3 wants it. Pure.
//
//   SignS3Request({.access_key_id = ..., .secret_access_key = ...}, "us-east-1", now, request);
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "storage/credentials.h"
#include "storage/http/http_transfer.h"

namespace throng::storage {

// What is signed: the path is encoded already, the query is not and is in any order.
struct S3Target {
  std::string method;  // "GET", "HEAD"
  std::string host;    // as the Host header will say: without the scheme's own port
  std::string path;    // "/bucket/key", percent-encoded
  std::vector<std::pair<std::string, std::string>> query;
  // More headers named "x-amz-..." in lower case: all of that name must be signed.
  HttpHeaders amz_headers;
};

// "a=b&c=d", sorted and encoded as the signature wants it; "" for none.
std::string CanonicalQuery(const S3Target& target);

// The headers to send along: Authorization, those named "x-amz-..." of the target, of the date, of
// the body and, for temporary credentials, of the session.
HttpHeaders SignS3(const S3Credentials& credentials, const std::string& region, WallTime now,
                   const S3Target& target);

}  // namespace throng::storage
