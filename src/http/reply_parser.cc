#include "http/reply_parser.h"

#include <algorithm>

#include "http/syntax.h"

namespace throng::http {
namespace {

Status Malformed(const char* what) {
  return DataLossError(std::string("malformed HTTP reply: ") + what);
}

const std::string* Find(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return &header.value;
  }
  return nullptr;
}

}  // namespace

const std::string* ClientReply::FindHeader(std::string_view name) const {
  return Find(headers, name);
}

ReplyParser::ReplyParser(bool is_head, size_t max_body_bytes)
    : is_head_(is_head), max_body_bytes_(max_body_bytes) {}

Result<size_t> ReplyParser::Feed(std::string_view bytes) {
  size_t used = 0;
  while (phase_ != Phase::kComplete) {
    if (phase_ == Phase::kBody || phase_ == Phase::kChunkData || phase_ == Phase::kUntilEnd) {
      if (used == bytes.size()) break;
      THRONG_RETURN_IF_ERROR(TakeBody(bytes.substr(used), used));
      continue;
    }
    const size_t line_end = bytes.find("\r\n", used);
    const size_t line_bytes = std::min(line_end, bytes.size()) - used;
    if (head_bytes_ + line_bytes > limits::kHttpHeaderBytes) {
      return ResourceExhaustedError("the head of the HTTP reply is too large");
    }
    if (line_end == std::string_view::npos) break;
    // Chunk lines are bounded one by one: their number follows from the body's size.
    if (phase_ < Phase::kBody || phase_ == Phase::kTrailers) head_bytes_ += line_bytes + 2;
    const std::string_view line = bytes.substr(used, line_bytes);
    used = line_end + 2;
    THRONG_RETURN_IF_ERROR(OnLine(line));
  }
  return used;
}

Status ReplyParser::FeedEnd() {
  if (phase_ == Phase::kUntilEnd) phase_ = Phase::kComplete;
  if (phase_ == Phase::kComplete) return OkStatus();
  return DataLossError("the connection ended in the middle of the reply");
}

ClientReply ReplyParser::TakeHead() {
  std::string body = TakeBody();
  ClientReply head = std::exchange(reply_, ClientReply());
  reply_.body = std::move(body);
  return head;
}

Status ReplyParser::OnLine(std::string_view line) {
  switch (phase_) {
    case Phase::kStatusLine:
      return OnStatusLine(line);
    case Phase::kHeaders:
      return line.empty() ? OnHeadersEnd() : OnHeaderLine(line);
    case Phase::kChunkLine:
      return OnChunkLine(line);
    case Phase::kChunkEnd:
      if (!line.empty()) return Malformed("a chunk must end with CRLF");
      phase_ = Phase::kChunkLine;
      return OkStatus();
    default:
      if (line.empty()) phase_ = Phase::kComplete;
      return OkStatus();
  }
}

Status ReplyParser::OnStatusLine(std::string_view line) {
  const bool is_http = line.substr(0, 9) == "HTTP/1.1 " || line.substr(0, 9) == "HTTP/1.0 ";
  const uint64_t status = line.size() < 12 ? 0 : ParseDecimal(line.substr(9, 3)).value_or(0);
  if (!is_http || status < 100 || (line.size() > 12 && line[12] != ' ')) {
    return Malformed("bad status line");
  }
  keep_alive_ = line[7] == '1';
  reply_ = ClientReply();
  reply_.status = static_cast<int>(status);
  reply_.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  phase_ = Phase::kHeaders;
  return OkStatus();
}

Status ReplyParser::OnHeaderLine(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Malformed("bad header name");
  }
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!IsFieldValue(value)) return Malformed("control character in a header");
  if (reply_.headers.size() >= limits::kHttpHeaderCount) {
    return ResourceExhaustedError("the HTTP reply has too many headers");
  }
  reply_.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  return OkStatus();
}

Status ReplyParser::OnHeadersEnd() {
  if (reply_.status < 200) {
    if (reply_.status == 101) return Malformed("an upgrade that nobody asked for");
    phase_ = Phase::kStatusLine;
    return OkStatus();
  }
  bool close_asked = false;
  bool keep_alive_asked = false;
  int framings = 0;
  for (const Header& header : reply_.headers) {
    if (EqualsIgnoringCase(header.name, "Connection")) {
      close_asked |= ListHasToken(header.value, "close");
      keep_alive_asked |= ListHasToken(header.value, "keep-alive");
    }
    framings += EqualsIgnoringCase(header.name, "Content-Length") ||
                EqualsIgnoringCase(header.name, "Transfer-Encoding");
  }
  keep_alive_ = !close_asked && (keep_alive_ || keep_alive_asked);
  // Two readers might take different ones.
  if (framings > 1) return Malformed("more than one Content-Length or Transfer-Encoding");
  if (is_head_ || reply_.status == 204 || reply_.status == 304) {
    phase_ = Phase::kComplete;
    return OkStatus();
  }
  const std::string* const encoding = Find(reply_.headers, "Transfer-Encoding");
  const std::string* const length = Find(reply_.headers, "Content-Length");
  if (encoding != nullptr) {
    if (!EqualsIgnoringCase(*encoding, "chunked")) return Malformed("unknown Transfer-Encoding");
    phase_ = Phase::kChunkLine;
    return OkStatus();
  }
  if (length == nullptr) {
    phase_ = Phase::kUntilEnd;
    keep_alive_ = false;
    return OkStatus();
  }
  const std::optional<uint64_t> length_bytes = ParseDecimal(*length);
  if (!length_bytes) return Malformed("bad Content-Length");
  THRONG_RETURN_IF_ERROR(CheckBodySize(*length_bytes));
  left_bytes_ = *length_bytes;
  phase_ = left_bytes_ == 0 ? Phase::kComplete : Phase::kBody;
  return OkStatus();
}

Status ReplyParser::OnChunkLine(std::string_view line) {
  const std::optional<uint64_t> size = ParseHexadecimal(TrimBlanks(line.substr(0, line.find(';'))));
  if (!size) return Malformed("bad chunk size");
  THRONG_RETURN_IF_ERROR(CheckBodySize(*size));
  left_bytes_ = *size;
  phase_ = *size == 0 ? Phase::kTrailers : Phase::kChunkData;
  return OkStatus();
}

Status ReplyParser::TakeBody(std::string_view bytes, size_t& used) {
  size_t count = bytes.size();
  if (phase_ == Phase::kUntilEnd) {
    THRONG_RETURN_IF_ERROR(CheckBodySize(count));
  } else {
    count = static_cast<size_t>(std::min<uint64_t>(count, left_bytes_));
    left_bytes_ -= count;
    if (left_bytes_ == 0) {
      phase_ = phase_ == Phase::kBody ? Phase::kComplete : Phase::kChunkEnd;
    }
  }
  reply_.body.append(bytes.substr(0, count));
  used += count;
  return OkStatus();
}

Status ReplyParser::CheckBodySize(uint64_t more_bytes) const {
  if (more_bytes <= max_body_bytes_ - reply_.body.size()) return OkStatus();
  return ResourceExhaustedError("the HTTP reply exceeds " + std::to_string(max_body_bytes_) +
                                " bytes");
}

}  // namespace throng::http
