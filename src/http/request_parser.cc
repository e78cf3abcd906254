#include "http/request_parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/syntax.h"

namespace throng::http {
namespace {

// A body up to this is given its memory at once; a longer one grows as its bytes arrive.
constexpr size_t kTrustedBodyBytes = 1024 * 1024;

}  // namespace

RequestParser::RequestParser(size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

size_t RequestParser::Feed(std::string_view bytes) {
  size_t used = 0;
  while (phase_ < Phase::kComplete) {
    if (phase_ == Phase::kBody || phase_ == Phase::kChunkData) {
      if (used == bytes.size()) break;
      used += TakeBody(bytes.substr(used));
      continue;
    }
    std::string_view line;
    if (!NextLine(bytes, used, LineLimit(), line)) break;
    OnLine(line);
  }
  return used;
}

void RequestParser::Reuse(Request request) {
  THRONG_CHECK(at_start());
  request_ = std::move(request);
  request_.method.clear();
  request_.body.clear();
}

Request RequestParser::TakeRequest() {
  THRONG_CHECK(phase_ == Phase::kComplete);
  request_.headers.resize(header_count_);
  Request request = std::move(request_);
  StartOver();
  return request;
}

void RequestParser::StartOver() {
  phase_ = Phase::kRequestLine;
  request_ = Request();
  header_count_ = 0;
  field_count_ = 0;
  header_bytes_ = 0;
  searched_bytes_ = 0;
  content_length_ = kNoLength;
  left_bytes_ = 0;
  chunk_count_ = 0;
  authority_.clear();
  is_absolute_ = false;
  has_host_ = false;
  is_chunked_ = false;
  skipped_empty_line_ = false;
  close_asked_ = false;
  keep_alive_asked_ = false;
  keep_alive_ = true;
  expects_continue_ = false;
}

size_t RequestParser::LineLimit() const {
  switch (phase_) {
    case Phase::kRequestLine:
      return limits::kHttpRequestLineBytes;
    case Phase::kChunkLine:
      return limits::kHttpChunkLineBytes;
    case Phase::kChunkEnd:
      return 0;
    default:
      return limits::kHttpHeaderBytes - header_bytes_;
  }
}

// Sets `line` to the next line without its end and moves `used` behind it. False when there is no
// whole line, or after an error.
bool RequestParser::NextLine(std::string_view bytes, size_t& used, size_t max_bytes,
                             std::string_view& line) {
  const std::string_view rest = bytes.substr(used);
  const char* const from = rest.data() + searched_bytes_;
  const void* const found = rest.size() > searched_bytes_
                                ? std::memchr(from, '\n', rest.size() - searched_bytes_)
                                : nullptr;
  if (found == nullptr) {
    searched_bytes_ = rest.size();
    // One byte more than allowed may be the carriage return.
    if (rest.size() > max_bytes + 1) OnLineTooLong();
    return false;
  }
  searched_bytes_ = 0;
  const auto length = static_cast<size_t>(static_cast<const char*>(found) - rest.data());
  if (length > max_bytes + 1) {
    OnLineTooLong();
    return false;
  }
  if (length == 0 || rest[length - 1] != '\r') {
    Fail(400, "malformed request: a line must end with CRLF");
    return false;
  }
  line = rest.substr(0, length - 1);
  used += length + 1;
  return true;
}

void RequestParser::OnLineTooLong() {
  switch (phase_) {
    case Phase::kRequestLine:
      return Fail(414, "request line exceeds the maximum allowed size of " +
                           std::to_string(limits::kHttpRequestLineBytes) + " bytes");
    case Phase::kChunkLine:
      return Fail(400, "malformed request body: chunk size line exceeds " +
                           std::to_string(limits::kHttpChunkLineBytes) + " bytes");
    case Phase::kChunkEnd:
      return Fail(400, "malformed request body: a chunk must end with CRLF");
    default:
      return Fail(431, "request headers exceed the maximum allowed size of " +
                           std::to_string(limits::kHttpHeaderBytes) + " bytes");
  }
}

void RequestParser::OnLine(std::string_view line) {
  switch (phase_) {
    case Phase::kRequestLine:
      return OnRequestLine(line);
    case Phase::kHeaders:
      return line.empty() ? OnHeadersEnd() : OnHeaderLine(line);
    case Phase::kChunkLine:
      return OnChunkLine(line);
    case Phase::kChunkEnd:
      phase_ = Phase::kChunkLine;
      return;
    default:
      return OnTrailerLine(line);
  }
}

void RequestParser::OnRequestLine(std::string_view line) {
  // RFC 9112 §2.2: one empty line before a request is forgiven.
  if (line.empty() && !skipped_empty_line_) {
    skipped_empty_line_ = true;
    return;
  }
  const size_t method_end = line.find(' ');
  const size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == target_end) {
    return Fail(400, "malformed request line");
  }
  const std::string_view method = line.substr(0, method_end);
  const std::string_view version = line.substr(target_end + 1);
  if (!IsToken(method)) return Fail(400, "malformed request line: bad method");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool is_other = version.size() == 8 && version.substr(0, 5) == "HTTP/" &&
                          version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                          version[7] >= '0' && version[7] <= '9';
    return is_other ? Fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
                    : Fail(400, "malformed request line: bad version");
  }
  request_.minor_version = version.back() - '0';
  request_.method.assign(method);
  if (!SetTarget(line.substr(method_end + 1, target_end - method_end - 1))) {
    return Fail(400, "malformed request line: bad request target");
  }
  phase_ = Phase::kHeaders;
}

bool RequestParser::SetTarget(std::string_view target) {
  if (!IsRequestTarget(target)) return false;
  request_.target.assign(target);
  if (target == "*" && request_.method == "OPTIONS") {
    request_.path.assign(target);
    return true;
  }
  if (target.front() != '/') return SetAbsoluteTarget(target);
  return DecodePercent(target.substr(0, target.find('?')), request_.path);
}

// RFC 9112 §3.2.2: the authority of the target counts, not Host.
bool RequestParser::SetAbsoluteTarget(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!EqualsIgnoringCase(target.substr(0, kScheme.size()), kScheme)) return false;
  target.remove_prefix(kScheme.size());
  const std::string_view authority = target.substr(0, target.find_first_of("/?"));
  if (authority.empty() || !IsAuthority(authority)) return false;
  authority_.assign(authority);
  is_absolute_ = true;
  target.remove_prefix(authority.size());
  const std::string_view path = target.substr(0, target.find('?'));
  return DecodePercent(path.empty() ? "/" : path, request_.path);
}

bool RequestParser::SplitHeader(std::string_view line, std::string_view& name,
                                std::string_view& value) {
  if (++field_count_ > limits::kHttpHeaderCount) {
    Fail(431, "request has more than " + std::to_string(limits::kHttpHeaderCount) + " headers");
    return false;
  }
  header_bytes_ += line.size();
  const size_t colon = line.find(':');
  // A folded line begins with a blank, so its name is no token either.
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    Fail(400, "malformed request header: bad name");
    return false;
  }
  name = line.substr(0, colon);
  value = TrimBlanks(line.substr(colon + 1));
  if (IsFieldValue(value)) return true;
  Fail(400, "malformed request header: control character in a value");
  return false;
}

void RequestParser::OnHeaderLine(std::string_view line) {
  std::string_view name;
  std::string_view value;
  if (!SplitHeader(line, name, value)) return;
  if (header_count_ == request_.headers.size()) request_.headers.emplace_back();
  Header& header = request_.headers[header_count_++];
  header.name.assign(name);
  header.value.assign(value);
  OnKnownHeader(name, value);
}

void RequestParser::OnKnownHeader(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 4:
      if (EqualsIgnoringCase(name, "Host")) OnHost(value);
      return;
    case 6:
      if (EqualsIgnoringCase(name, "Expect")) OnExpect(value);
      return;
    case 10:
      if (EqualsIgnoringCase(name, "Connection")) OnConnection(value);
      return;
    case 14:
      if (EqualsIgnoringCase(name, "Content-Length")) OnContentLength(value);
      return;
    case 17:
      if (EqualsIgnoringCase(name, "Transfer-Encoding")) OnTransferEncoding(value);
      return;
    default:
      return;
  }
}

void RequestParser::OnHost(std::string_view value) {
  if (has_host_) return Fail(400, "request has more than one Host header");
  if (!IsAuthority(value)) return Fail(400, "malformed Host header");
  has_host_ = true;
  host_index_ = header_count_ - 1;
}

void RequestParser::OnExpect(std::string_view value) {
  // RFC 9110 §10.1.1: ignored in HTTP/1.0.
  if (request_.minor_version == 0) return;
  if (!EqualsIgnoringCase(value, "100-continue")) {
    return Fail(417, "only 'Expect: 100-continue' can be met");
  }
  expects_continue_ = true;
}

void RequestParser::OnConnection(std::string_view value) {
  if (ListHasToken(value, "close")) close_asked_ = true;
  if (ListHasToken(value, "keep-alive")) keep_alive_asked_ = true;
}

void RequestParser::OnContentLength(std::string_view value) {
  if (content_length_ != kNoLength) {
    return Fail(400, "request has more than one Content-Length header");
  }
  const std::optional<uint64_t> length = ParseDecimal(value);
  if (!length) return Fail(400, "malformed Content-Length header");
  content_length_ = *length;
}

void RequestParser::OnTransferEncoding(std::string_view value) {
  if (is_chunked_) return Fail(400, "request has more than one Transfer-Encoding header");
  if (!EqualsIgnoringCase(value, "chunked")) {
    return Fail(400, "the only Transfer-Encoding taken is 'chunked'");
  }
  is_chunked_ = true;
}

void RequestParser::OnHeadersEnd() {
  if (!has_host_ && request_.minor_version == 1) return Fail(400, "request has no Host header");
  if (is_chunked_ && content_length_ != kNoLength) {
    return Fail(400, "request has both Content-Length and Transfer-Encoding");
  }
  if (is_chunked_ && request_.minor_version == 0) {
    return Fail(400, "HTTP/1.0 has no Transfer-Encoding");
  }
  if (is_absolute_ && has_host_) request_.headers[host_index_].value.assign(authority_);
  keep_alive_ = !close_asked_ && (request_.minor_version == 1 || keep_alive_asked_);
  if (is_chunked_) {
    phase_ = Phase::kChunkLine;
    return;
  }
  left_bytes_ = content_length_ == kNoLength ? 0 : content_length_;
  if (left_bytes_ > max_body_bytes_) return BodyTooLarge(left_bytes_);
  if (left_bytes_ == 0) expects_continue_ = false;
  phase_ = left_bytes_ == 0 ? Phase::kComplete : Phase::kBody;
}

void RequestParser::OnChunkLine(std::string_view line) {
  const size_t size_end = std::min(line.find(';'), line.size());
  const std::optional<uint64_t> size = ParseHexadecimal(line.substr(0, size_end));
  if (!size) return Fail(400, "malformed request body: bad chunk size");
  if (!IsFieldValue(line.substr(size_end))) {
    return Fail(400, "malformed request body: bad chunk extension");
  }
  if (*size == 0) {
    phase_ = Phase::kTrailers;
    return;
  }
  if (*size > max_body_bytes_ - request_.body.size()) {
    const uint64_t total = request_.body.size() + *size;
    return BodyTooLarge(total < *size ? *size : total);
  }
  if (++chunk_count_ > limits::kHttpChunkCount) {
    return Fail(
        400, "request body has more than " + std::to_string(limits::kHttpChunkCount) + " chunks");
  }
  left_bytes_ = *size;
  phase_ = Phase::kChunkData;
}

void RequestParser::OnTrailerLine(std::string_view line) {
  if (line.empty()) {
    phase_ = Phase::kComplete;
    return;
  }
  // Read for its form and dropped: nothing behind the body may change what the request means.
  std::string_view name;
  std::string_view value;
  SplitHeader(line, name, value);
}

size_t RequestParser::TakeBody(std::string_view bytes) {
  const size_t count = static_cast<size_t>(std::min<uint64_t>(left_bytes_, bytes.size()));
  AppendBody(bytes.substr(0, count));
  left_bytes_ -= count;
  if (left_bytes_ == 0) {
    phase_ = phase_ == Phase::kBody ? Phase::kComplete : Phase::kChunkEnd;
  }
  return count;
}

void RequestParser::AppendBody(std::string_view bytes) {
  std::string& body = request_.body;
  const size_t needed = body.size() + bytes.size();
  if (phase_ == Phase::kBody && needed > body.capacity()) {
    // Never more than the request says, never more than twice what really came or 1 MiB.
    const size_t wanted = std::max({needed, 2 * body.capacity(), kTrustedBodyBytes});
    body.reserve(std::min(wanted, static_cast<size_t>(content_length_)));
  }
  body.append(bytes);
}

void RequestParser::BodyTooLarge(uint64_t bytes) {
  // Triton's text, see the error table of the V2 front end.
  Fail(400, "request JSON size of " + std::to_string(bytes) +
                " bytes exceeds the maximum allowed input size of " +
                std::to_string(max_body_bytes_) + " bytes");
}

void RequestParser::Fail(int status, std::string text) {
  phase_ = Phase::kFailed;
  error_status_ = status;
  error_text_ = std::move(text);
}

}  // namespace throng::http
