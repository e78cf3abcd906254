// The request parser over any bytes, whole and in pieces: never a crash, the same verdict, bounds
// held. What it accepts is then asked of the reply parser too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/reply_parser.h"
#include "http/request_parser.h"

namespace throng::http {
namespace {

constexpr size_t kMaxBodyBytes = 4096;

// One line for each request, and one for how it ended.
std::vector<std::string> Parse(std::string_view bytes, size_t piece_bytes) {
  std::vector<std::string> verdicts;
  RequestParser parser(kMaxBodyBytes);
  std::string kept;
  while (!bytes.empty() && parser.phase() != RequestParser::Phase::kFailed) {
    kept.append(bytes.substr(0, piece_bytes));
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    size_t used = 0;
    do {
      used = parser.Feed(kept);
      THRONG_CHECK(used <= kept.size());
      kept.erase(0, used);
      if (parser.phase() != RequestParser::Phase::kComplete) continue;
      Request request = parser.TakeRequest();
      THRONG_CHECK(request.body.size() <= kMaxBodyBytes);
      THRONG_CHECK(request.headers.size() <= limits::kHttpHeaderCount);
      THRONG_CHECK(request.path.find('\0') == std::string::npos);
      verdicts.push_back(request.method + " " + request.target + " " + request.path + " " +
                         std::to_string(request.headers.size()) + " " + request.body);
      parser.Reuse(std::move(request));
    } while (used > 0 && parser.phase() != RequestParser::Phase::kFailed);
    THRONG_CHECK(kept.size() <= limits::kHttpHeaderBytes + piece_bytes);
  }
  verdicts.push_back(parser.phase() == RequestParser::Phase::kFailed
                         ? std::to_string(parser.error_status()) + parser.error_text()
                         : "more");
  return verdicts;
}

void ParseReply(std::string_view bytes, size_t piece_bytes) {
  ReplyParser parser(false, kMaxBodyBytes);
  std::string kept;
  while (!bytes.empty() && !parser.complete()) {
    kept.append(bytes.substr(0, piece_bytes));
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    const auto used = parser.Feed(kept);
    if (!used.ok()) return;
    kept.erase(0, *used);
  }
  if (parser.FeedEnd().ok()) THRONG_CHECK(parser.TakeReply().body.size() <= kMaxBodyBytes);
}

}  // namespace
}  // namespace throng::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece_bytes = 1 + data[0] % 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  THRONG_CHECK(throng::http::Parse(bytes, size) == throng::http::Parse(bytes, piece_bytes));
  throng::http::ParseReply(bytes, piece_bytes);
  return 0;
}
