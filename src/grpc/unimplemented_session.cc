#include "grpc/unimplemented_session.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/limits.h"

namespace throng::grpc {
namespace {

constexpr std::string_view kMessage =
    "gRPC is not available yet in this version of Throng: use the HTTP port";

nghttp2_nv NameValue(std::string_view name, std::string_view value) {
  // nghttp2 copies both unless told otherwise; its type lacks const.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

Result<std::unique_ptr<UnimplementedSession>> UnimplementedSession::Create(MonotonicTime now) {
  std::unique_ptr<UnimplementedSession> session(new UnimplementedSession(now));
  THRONG_RETURN_IF_ERROR(session->Start());
  return session;
}

UnimplementedSession::~UnimplementedSession() = default;

Status UnimplementedSession::Start() {
  control_credit_ = limits::kGrpcControlFrames;
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) {
    return ResourceExhaustedError("no memory for an HTTP/2 session");
  }
  SetCallbacks(callbacks);
  nghttp2_option* option = nullptr;
  nghttp2_session* session = nullptr;
  int error = nghttp2_option_new(&option);
  if (error == 0) {
    // Closed streams are remembered for priorities only.
    nghttp2_option_set_no_closed_streams(option, 1);
    error = nghttp2_session_server_new2(&session, callbacks, this, option);
    nghttp2_option_del(option);
  }
  nghttp2_session_callbacks_del(callbacks);
  if (error != 0) return ResourceExhaustedError("no memory for an HTTP/2 session");
  session_.reset(session);
  const std::array<nghttp2_settings_entry, 2> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kGrpcStreams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kGrpcHeaderListBytes},
  }};
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0) {
    return ResourceExhaustedError("no memory for an HTTP/2 session");
  }
  return OkStatus();
}

void UnimplementedSession::SetCallbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_frame_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame_hd* header, void* self) {
        return static_cast<UnimplementedSession*>(self)->OnBeginFrame(*header);
      });
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame*, void* self) {
        return static_cast<UnimplementedSession*>(self)->OnBeginHeaders();
      });
  nghttp2_session_callbacks_set_on_header_callback2(
      callbacks, [](nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, uint8_t, void* self) {
        return static_cast<UnimplementedSession*>(self)->OnHeader(nghttp2_rcbuf_get_buf(name).len,
                                                                  nghttp2_rcbuf_get_buf(value).len);
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        return static_cast<UnimplementedSession*>(self)->OnFrameReceived(*frame);
      });
  nghttp2_session_callbacks_set_on_frame_send_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        return static_cast<UnimplementedSession*>(self)->OnFrameSent(*frame);
      });
}

Status UnimplementedSession::Receive(std::span<const std::byte> bytes, MonotonicTime now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - credit_time_);
  if (seconds.count() > 0) {
    control_credit_ =
        std::min<int64_t>(limits::kGrpcControlFrames,
                          control_credit_ + seconds.count() * limits::kGrpcControlFramesPerSecond);
    credit_time_ += seconds;
  }
  const ssize_t used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) return InvalidArgumentError("not HTTP/2, or broken beyond an answer");
  return OkStatus();
}

Status UnimplementedSession::Produce(std::string& out, size_t max_bytes) {
  while (out.size() < max_bytes) {
    const uint8_t* data = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_.get(), &data);
    if (count < 0) return ResourceExhaustedError("no memory for an HTTP/2 frame");
    if (count == 0) return OkStatus();
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(count));
  }
  return OkStatus();
}

void UnimplementedSession::GoAway() {
  nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
}

bool UnimplementedSession::finished() const {
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

void UnimplementedSession::CountControlFrame() {
  if (--control_credit_ >= 0 || calming_) return;
  calming_ = true;
  nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

int UnimplementedSession::OnBeginFrame(const nghttp2_frame_hd& header) {
  received_anything_ = true;
  const bool is_call = header.type == NGHTTP2_HEADERS;
  const bool is_body = header.type == NGHTTP2_DATA &&
                       (header.length > 0 || (header.flags & NGHTTP2_FLAG_END_STREAM) != 0);
  if (!is_call && !is_body) CountControlFrame();
  return 0;
}

int UnimplementedSession::OnBeginHeaders() {
  header_list_bytes_ = 0;
  return 0;
}

int UnimplementedSession::OnHeader(size_t name_bytes, size_t value_bytes) {
  header_list_bytes_ += name_bytes + value_bytes + 32;
  if (header_list_bytes_ <= limits::kGrpcHeaderListBytes) return 0;
  CountControlFrame();
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // this stream alone is reset
}

int UnimplementedSession::OnFrameReceived(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  // "Trailers-Only" (gRPC over HTTP/2): the status stands in the first and only header block.
  const std::array<nghttp2_nv, 4> headers = {
      NameValue(":status", "200"),
      NameValue("content-type", "application/grpc"),
      NameValue("grpc-status", "12"),
      NameValue("grpc-message", kMessage),
  };
  const int error = nghttp2_submit_response(session_.get(), frame.hd.stream_id, headers.data(),
                                            headers.size(), nullptr);
  return error == NGHTTP2_ERR_NOMEM ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

int UnimplementedSession::OnFrameSent(const nghttp2_frame& frame) {
  const bool ends_call =
      frame.hd.type == NGHTTP2_HEADERS && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!ends_call) return 0;
  // Real clients send pings, window updates and resets around each call; what is reset before it is
  // answered earns nothing.
  control_credit_ = std::min<int64_t>(limits::kGrpcControlFrames,
                                      control_credit_ + limits::kGrpcControlFramesPerCall);
  // The rest of the request is not wanted (RFC 9113 §8.1).
  if (nghttp2_session_get_stream_remote_close(session_.get(), frame.hd.stream_id) == 0) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                              NGHTTP2_NO_ERROR);
  }
  return 0;
}

}  // namespace throng::grpc
