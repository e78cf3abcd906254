// Incremental parser of HTTP/1.1 replies, for the client. Interim replies (1xx) are skipped, the
// body is de-chunked, trailers are dropped. It keeps no bytes of an unfinished line. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "http/client.h"

namespace throng::http {

class ReplyParser {
 public:
  // `is_head`: the reply of a HEAD request has no body.
  ReplyParser(bool is_head, size_t max_body_bytes);

  // Uses a prefix of `bytes`; what was not used must come again with more behind it. ERRORS:
  // kDataLoss — not HTTP, kResourceExhausted — a body or head over its bound.
  Result<size_t> Feed(std::string_view bytes);
  // The connection has ended. ERRORS: kDataLoss — in the middle of the reply.
  Status FeedEnd();

  bool complete() const { return phase_ == Phase::kComplete; }
  // Another request may follow on the connection. REQUIRES: complete().
  bool keep_alive() const { return keep_alive_; }
  ClientReply TakeReply() { return std::move(reply_); }

  // For a body that is taken as it arrives: status and headers are known; they are taken, without
  // the body; what there is of the body is taken.
  bool head_complete() const { return phase_ >= Phase::kBody; }
  ClientReply TakeHead();
  std::string TakeBody() { return std::exchange(reply_.body, std::string()); }

 private:
  enum class Phase : uint8_t {
    kStatusLine,
    kHeaders,
    kBody,
    kUntilEnd,
    kChunkLine,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kComplete,
  };

  Status OnLine(std::string_view line);
  Status OnStatusLine(std::string_view line);
  Status OnHeaderLine(std::string_view line);
  Status OnHeadersEnd();
  Status OnChunkLine(std::string_view line);
  Status TakeBody(std::string_view bytes, size_t& used);
  Status CheckBodySize(uint64_t more_bytes) const;

  const bool is_head_;
  const size_t max_body_bytes_;
  Phase phase_ = Phase::kStatusLine;
  ClientReply reply_;
  size_t head_bytes_ = 0;
  uint64_t left_bytes_ = 0;
  bool keep_alive_ = true;
};

}  // namespace throng::http
