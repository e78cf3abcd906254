// One HTTP/2 connection as bytes in and bytes out: nghttp2 with every call answered UNIMPLEMENTED.
// Request bodies are dropped while their flow-control credit is given back. Bounded: open streams,
// header lists (base/limits.h), and frames that cost us work but carry no call (RFC 9113 §10.5).
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <nghttp2/nghttp2.h>

#include "base/clock.h"
#include "base/status.h"

namespace throng::grpc {

class UnimplementedSession {
 public:
  // ERRORS: kResourceExhausted — no memory.
  static Result<std::unique_ptr<UnimplementedSession>> Create(MonotonicTime now);
  ~UnimplementedSession();
  UnimplementedSession(const UnimplementedSession&) = delete;
  UnimplementedSession& operator=(const UnimplementedSession&) = delete;

  // ERRORS: kInvalidArgument — not HTTP/2: close the connection.
  Status Receive(std::span<const std::byte> bytes, MonotonicTime now);
  // Appends what is to be sent, until `out` has `max_bytes` or more.
  Status Produce(std::string& out, size_t max_bytes);
  // Tells the client that no more calls are taken.
  void GoAway();
  // Nothing is left to receive or to send.
  bool finished() const;
  bool received_anything() const { return received_anything_; }

 private:
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  explicit UnimplementedSession(MonotonicTime now) : credit_time_(now) {}

  Status Start();
  void CountControlFrame();
  int OnBeginFrame(const nghttp2_frame_hd& header);
  int OnBeginHeaders();
  int OnHeader(size_t name_bytes, size_t value_bytes);
  int OnFrameReceived(const nghttp2_frame& frame);
  int OnFrameSent(const nghttp2_frame& frame);
  static void SetCallbacks(nghttp2_session_callbacks* callbacks);

  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  size_t header_list_bytes_ = 0;  // of the header block being received
  // A bucket of control frames that refills with time.
  int64_t control_credit_ = 0;
  MonotonicTime credit_time_;
  bool calming_ = false;
  bool received_anything_ = false;
};

}  // namespace throng::grpc
