// Incremental, strict parser of HTTP/1.1 requests (RFC 9112, read narrowly: what two readers could
// understand differently is refused). It keeps no bytes of an unfinished line: its caller does.
//
//   const size_t used = parser.Feed(bytes);     // drop `used` bytes from the front
//   if (parser.phase() == RequestParser::Phase::kComplete) Handle(parser.TakeRequest());
//
// Bounded by base/limits.h. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "http/server.h"

namespace throng::http {

class RequestParser {
 public:
  enum class Phase : uint8_t {
    kRequestLine,
    kHeaders,
    kBody,
    kChunkLine,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kComplete,
    kFailed,
  };

  // More than `max_body_bytes` of body is refused: at its Content-Length, or at the chunk that
  // exceeds it.
  explicit RequestParser(size_t max_body_bytes);

  // Uses a prefix of `bytes` and returns its length; stops behind the end of a request and at an
  // error. What was not used must come again, with more bytes behind it.
  size_t Feed(std::string_view bytes);

  Phase phase() const { return phase_; }
  // Between requests: nothing of the next one was used yet (a line may be waiting at the caller).
  bool at_start() const { return phase_ == Phase::kRequestLine; }
  // The headers are complete, the body is not.
  bool reading_body() const { return phase_ >= Phase::kBody && phase_ < Phase::kComplete; }
  // The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  // The connection may carry another request after this one. REQUIRES: kComplete.
  bool keep_alive() const { return keep_alive_; }
  bool is_head() const { return request_.method == "HEAD"; }
  // Body bytes so far.
  size_t body_bytes() const { return request_.body.size(); }
  // Memory that the body holds (tests).
  size_t body_capacity_bytes() const { return request_.body.capacity(); }

  // Of the error. REQUIRES: kFailed.
  int error_status() const { return error_status_; }
  const std::string& error_text() const { return error_text_; }

  // Gives the memory of an earlier request to the next one. REQUIRES: at_start().
  void Reuse(Request request);
  // Returns the request and starts over. REQUIRES: kComplete.
  Request TakeRequest();

 private:
  static constexpr uint64_t kNoLength = ~uint64_t{0};

  bool NextLine(std::string_view bytes, size_t& used, size_t max_bytes, std::string_view& line);
  void OnLine(std::string_view line);
  void OnLineTooLong();
  void OnRequestLine(std::string_view line);
  bool SetTarget(std::string_view target);
  bool SetAbsoluteTarget(std::string_view target);
  void OnHeaderLine(std::string_view line);
  void OnKnownHeader(std::string_view name, std::string_view value);
  void OnContentLength(std::string_view value);
  void OnTransferEncoding(std::string_view value);
  void OnHost(std::string_view value);
  void OnConnection(std::string_view value);
  void OnExpect(std::string_view value);
  void OnHeadersEnd();
  void OnTrailerLine(std::string_view line);
  void OnChunkLine(std::string_view line);
  size_t TakeBody(std::string_view bytes);
  void AppendBody(std::string_view bytes);
  size_t LineLimit() const;
  bool SplitHeader(std::string_view line, std::string_view& name, std::string_view& value);
  void BodyTooLarge(uint64_t bytes);
  void Fail(int status, std::string text);
  void StartOver();

  const size_t max_body_bytes_;
  Phase phase_ = Phase::kRequestLine;
  Request request_;
  size_t header_count_ = 0;    // of request_.headers; those behind are spare memory
  size_t field_count_ = 0;     // header and trailer lines so far
  size_t header_bytes_ = 0;    // of those lines
  size_t searched_bytes_ = 0;  // of the unfinished line, without a line feed
  uint64_t content_length_ = kNoLength;
  uint64_t left_bytes_ = 0;  // of the body or the chunk
  size_t chunk_count_ = 0;
  size_t host_index_ = 0;
  std::string authority_;  // of an absolute target
  bool is_absolute_ = false;
  bool has_host_ = false;
  bool is_chunked_ = false;
  bool skipped_empty_line_ = false;
  bool close_asked_ = false;
  bool keep_alive_asked_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  int error_status_ = 0;
  std::string error_text_;
};

}  // namespace throng::http
