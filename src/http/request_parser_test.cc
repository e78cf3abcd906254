#include "http/request_parser.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace throng::http {
namespace {

using Phase = RequestParser::Phase;

constexpr size_t kMaxBody = 1000;

struct Outcome {
  bool complete = false;
  int status = 0;  // of the error; 0: none
  std::string text;
  bool keep_alive = false;
  Request request;
  std::string rest;  // what was not used
};

// Feeds `bytes` in pieces of `piece_bytes`, as a connection does.
Outcome ParseInPieces(std::string_view bytes, size_t piece_bytes) {
  RequestParser parser(kMaxBody);
  std::string kept;
  while (!bytes.empty() && parser.phase() < Phase::kComplete) {
    kept.append(bytes.substr(0, piece_bytes));
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    kept.erase(0, parser.Feed(kept));
  }
  Outcome outcome;
  outcome.rest = kept + std::string(bytes);
  if (parser.phase() == Phase::kComplete) {
    outcome.complete = true;
    outcome.keep_alive = parser.keep_alive();
    outcome.request = parser.TakeRequest();
  } else if (parser.phase() == Phase::kFailed) {
    outcome.status = parser.error_status();
    outcome.text = parser.error_text();
  }
  return outcome;
}

// Whole, byte by byte and in pieces: all the same.
Outcome Parse(std::string_view bytes) {
  const Outcome whole = ParseInPieces(bytes, bytes.size() + 1);
  for (const size_t piece_bytes : {1, 2, 7}) {
    const Outcome pieces = ParseInPieces(bytes, piece_bytes);
    EXPECT_EQ(pieces.complete, whole.complete) << bytes.substr(0, 200);
    EXPECT_EQ(pieces.status, whole.status) << bytes.substr(0, 200);
    EXPECT_EQ(pieces.text, whole.text);
    EXPECT_EQ(pieces.request.body, whole.request.body);
    EXPECT_EQ(pieces.request.headers.size(), whole.request.headers.size());
  }
  return whole;
}

int StatusOf(std::string_view bytes) {
  const Outcome outcome = Parse(bytes);
  EXPECT_FALSE(outcome.complete) << bytes.substr(0, 200);
  return outcome.status;
}

std::string Get(std::string_view headers) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

std::string Chunked(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

TEST(RequestParserTest, ReadsRequestWithBody) {
  const Outcome outcome = Parse(
      "POST /v2/models/a%20b/infer?x=%31 HTTP/1.1\r\nHost: localhost:8000\r\nX-Blank:\r\n"
      "X-Padded: \t a b \t\r\ncontent-length: 5\r\n\r\nhelloGET");
  ASSERT_TRUE(outcome.complete) << outcome.text;
  EXPECT_EQ(outcome.request.method, "POST");
  EXPECT_EQ(outcome.request.target, "/v2/models/a%20b/infer?x=%31");
  EXPECT_EQ(outcome.request.path, "/v2/models/a b/infer");
  EXPECT_EQ(outcome.request.minor_version, 1);
  EXPECT_EQ(outcome.request.body, "hello");
  ASSERT_EQ(outcome.request.headers.size(), 4u);
  EXPECT_EQ(*outcome.request.FindHeader("x-blank"), "");
  EXPECT_EQ(*outcome.request.FindHeader("X-PADDED"), "a b");
  EXPECT_EQ(outcome.request.FindHeader("X"), nullptr);
  EXPECT_EQ(outcome.rest, "GET");
  EXPECT_TRUE(outcome.keep_alive);
}

TEST(RequestParserTest, ReadsChunkedBodyAndDropsTrailers) {
  const Outcome outcome = Parse(
      Chunked("5;name=\"v\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(outcome.complete) << outcome.text;
  EXPECT_EQ(outcome.request.body, "hello0123456789");
  EXPECT_EQ(outcome.request.headers.size(), 2u);
  EXPECT_EQ(outcome.request.FindHeader("X-T"), nullptr);
}

TEST(RequestParserTest, ReuseOfMemoryLeavesNothingBehind) {
  RequestParser parser(kMaxBody);
  const std::string first =
      "HEAD /first?q HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(parser.Feed(first), first.size());
  Request old = parser.TakeRequest();
  parser.Reuse(std::move(old));
  EXPECT_FALSE(parser.is_head());
  const std::string second = "GET /2 HTTP/1.0\r\nC: 3\r\n\r\n";
  EXPECT_EQ(parser.Feed(second), second.size());
  EXPECT_FALSE(parser.keep_alive());
  const Request request = parser.TakeRequest();
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/2");
  EXPECT_EQ(request.path, "/2");
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(request.minor_version, 0);
  ASSERT_EQ(request.headers.size(), 1u);
  EXPECT_EQ(request.headers[0].name, "C");
}

TEST(RequestParserTest, RefusesAmbiguousLengths) {
  EXPECT_EQ(StatusOf(Get("Content-Length: 1\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 1\r\nContent-Length: 2\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 1, 1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n")), 400);
  for (const char* bad : {"+1", "-1", "0x1", "1 1", "", "1a", "99999999999999999999"}) {
    EXPECT_EQ(StatusOf(Get("Content-Length: " + std::string(bad) + "\r\n")), 400) << bad;
  }
}

TEST(RequestParserTest, RefusesTransferEncodingOtherThanChunked) {
  for (const char* bad : {"gzip", "gzip, chunked", "chunked, chunked", "identity", "xchunked", "",
                          "chunked;q=1", "\"chunked\"", "chunked\x0b"}) {
    EXPECT_EQ(StatusOf(Get("Transfer-Encoding: " + std::string(bad) + "\r\n")), 400) << bad;
  }
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_TRUE(Parse(Get("Transfer-Encoding: CHUNKED\r\n") + "0\r\n\r\n").complete);
}

TEST(RequestParserTest, RefusesLinesThatTwoReadersCouldSplitDifferently) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: h\r\n\n"), 400);
  EXPECT_EQ(StatusOf(Get("A: b\rC: d\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("A: b\r\n folded\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("A: b\r\n\tfolded\r\n")), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length : 1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get(": nameless\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("no colon\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("a b: c\r\n")), 400);
}

TEST(RequestParserTest, RefusesControlCharactersInHeaders) {
  for (const char c : {'\0', '\1', '\b', '\x1f', '\x7f', '\r'}) {
    EXPECT_EQ(StatusOf(Get("A: x" + std::string(1, c) + "y\r\n")), 400) << int{c};
    EXPECT_EQ(StatusOf(Get("A" + std::string(1, c) + ": x\r\n")), 400) << int{c};
  }
}

TEST(RequestParserTest, RefusesBadRequestLines) {
  for (const char* bad : {"GET",
                          "GET /",
                          "GET  / HTTP/1.1",
                          "GET / HTTP/1.1 ",
                          " GET / HTTP/1.1",
                          "GET / HTTP/1,1",
                          "GET / http/1.1",
                          "GET / HTTP/1.10",
                          "G(T / HTTP/1.1",
                          "GET /a b HTTP/1.1",
                          "GET /\x80 HTTP/1.1",
                          "GET /a#b HTTP/1.1",
                          "GET a HTTP/1.1",
                          "GET * HTTP/1.1",
                          "GET\t/ HTTP/1.1",
                          "GET /\x01 HTTP/1.1",
                          "CONNECT host:80 HTTP/1.1",
                          "GET ? HTTP/1.1",
                          "GET http:// HTTP/1.1",
                          "GET http://u@h/ HTTP/1.1",
                          "GET ftp://h/ HTTP/1.1",
                          "OPTIONS ** HTTP/1.1",
                          "GET /% HTTP/1.1",
                          "GET /%0 HTTP/1.1",
                          "GET /%zz HTTP/1.1",
                          "GET /a%00b HTTP/1.1"}) {
    EXPECT_EQ(StatusOf(std::string(bad) + "\r\nHost: h\r\n\r\n"), 400) << bad;
  }
  EXPECT_EQ(StatusOf("\r\n\r\nGET / HTTP/1.1\r\n"), 400);
  EXPECT_TRUE(Parse("\r\n" + Get("")).complete);
}

TEST(RequestParserTest, RefusesOtherVersions) {
  for (const char* version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"}) {
    EXPECT_EQ(StatusOf("GET / " + std::string(version) + "\r\nHost: h\r\n\r\n"), 505) << version;
  }
  EXPECT_EQ(StatusOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
}

TEST(RequestParserTest, KeepsTargetAndDecodesPathOnce) {
  const struct {
    const char* target;
    const char* path;
  } rows[] = {
      {"//v2//models", "//v2//models"}, {"/v2/../etc/./passwd", "/v2/../etc/./passwd"},
      {"/%2e%2e/a", "/../a"},           {"/%252e", "/%2e"},
      {"/a?b=%00&c=/../", "/a"},        {"/?", "/"},
      {"http://other:1/a%41?x", "/aA"}, {"HTTP://other", "/"},
      {"http://other?x", "/"},
  };
  for (const auto& row : rows) {
    const Outcome outcome =
        Parse("GET " + std::string(row.target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(outcome.complete) << row.target;
    EXPECT_EQ(outcome.request.target, row.target);
    EXPECT_EQ(outcome.request.path, row.path);
  }
}

TEST(RequestParserTest, AuthorityOfAbsoluteTargetReplacesHost) {
  const Outcome outcome = Parse("GET http://real:80/a HTTP/1.1\r\nX: y\r\nHost: claimed\r\n\r\n");
  ASSERT_TRUE(outcome.complete);
  EXPECT_EQ(*outcome.request.FindHeader("Host"), "real:80");
}

TEST(RequestParserTest, AsteriskIsForOptionsAlone) {
  const Outcome outcome = Parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.request.path, "*");
}

TEST(RequestParserTest, WantsExactlyOneHost) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\n\r\n").complete);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
}

TEST(RequestParserTest, KeepAliveFollowsVersionAndConnection) {
  EXPECT_TRUE(Parse(Get("")).keep_alive);
  EXPECT_FALSE(Parse(Get("Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(Parse(Get("Connection: keep-alive\r\nConnection: x, CLOSE\r\n")).keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST(RequestParserTest, ExpectsContinueOnlyWithABody) {
  RequestParser parser(kMaxBody);
  const std::string head = Get("Expect: 100-Continue\r\nContent-Length: 3\r\n");
  EXPECT_EQ(parser.Feed(head), head.size());
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_TRUE(parser.reading_body());
  RequestParser empty(kMaxBody);
  empty.Feed(Get("Expect: 100-continue\r\n"));
  EXPECT_FALSE(empty.expects_continue());
  EXPECT_EQ(StatusOf(Get("Expect: 200-ok\r\n")), 417);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\nExpect: anything\r\n\r\n").complete);
}

TEST(RequestParserTest, BoundsRequestLine) {
  const auto line = [](size_t bytes) {
    const std::string frame = "GET / HTTP/1.1";
    return "GET /" + std::string(bytes - frame.size(), 'a') + " HTTP/1.1\r\n";
  };
  EXPECT_TRUE(Parse(line(limits::kHttpRequestLineBytes) + "Host: h\r\n\r\n").complete);
  EXPECT_EQ(StatusOf(line(limits::kHttpRequestLineBytes + 1) + "Host: h\r\n\r\n"), 414);
  EXPECT_EQ(StatusOf(std::string(limits::kHttpRequestLineBytes + 2, 'G')), 414);
}

TEST(RequestParserTest, BoundsHeaderBytes) {
  const auto headers = [](size_t bytes) {
    const std::string host = "Host: h";
    return "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(bytes - host.size() - 3, 'a') +
           "\r\n\r\n";
  };
  EXPECT_TRUE(Parse(headers(limits::kHttpHeaderBytes)).complete);
  EXPECT_EQ(StatusOf(headers(limits::kHttpHeaderBytes + 1)), 431);
  EXPECT_EQ(StatusOf(Get("X: " + std::string(2 * limits::kHttpHeaderBytes, 'a'))), 431);
}

TEST(RequestParserTest, BoundsHeaderCountTrailersIncluded) {
  const auto headers = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += "a: b\r\n";
    return text;
  };
  EXPECT_TRUE(Parse(Get(headers(limits::kHttpHeaderCount - 1))).complete);
  EXPECT_EQ(StatusOf(Get(headers(limits::kHttpHeaderCount))), 431);
  EXPECT_TRUE(Parse(Chunked("0\r\n" + headers(limits::kHttpHeaderCount - 2) + "\r\n")).complete);
  EXPECT_EQ(StatusOf(Chunked("0\r\n" + headers(limits::kHttpHeaderCount - 1) + "\r\n")), 431);
}

TEST(RequestParserTest, BodyOverLimitIsRefusedAtItsContentLength) {
  EXPECT_EQ(Parse(Get("Content-Length: 1000\r\n")).status, 0);
  const Outcome outcome = Parse(Get("Content-Length: 1001\r\n"));
  EXPECT_EQ(outcome.status, 400);
  EXPECT_EQ(outcome.text,
            "request JSON size of 1001 bytes exceeds the maximum allowed input size of 1000 bytes");
  EXPECT_EQ(StatusOf(Get("Content-Length: 9223372036854775808\r\n")), 400);
}

TEST(RequestParserTest, BodyOverLimitIsRefusedAtTheChunkThatExceedsIt) {
  EXPECT_EQ(Parse(Chunked("3e8\r\n")).status, 0);
  EXPECT_EQ(StatusOf(Chunked("3e9\r\n")), 400);
  const Outcome outcome = Parse(Chunked("3e7\r\n" + std::string(999, 'x') + "\r\n2\r\n"));
  EXPECT_EQ(outcome.status, 400);
  EXPECT_EQ(outcome.text,
            "request JSON size of 1001 bytes exceeds the maximum allowed input size of 1000 bytes");
  EXPECT_EQ(StatusOf(Chunked("ffffffffffffffff\r\n")), 400);
  EXPECT_EQ(StatusOf(Chunked("1\r\nx\r\nffffffffffffffff\r\n")), 400);
}

TEST(RequestParserTest, RefusesBadChunks) {
  for (const char* bad :
       {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\nx\r\n", "1 \r\nx\r\n", "1 ;a\r\n",
        "10000000000000000\r\n", "1\nx\r\n", "1\r\nxy\r\n", "1\r\nx\n0\r\n", "1\r\nx0\r\n\r\n",
        "1;a\x01\r\n", "1\r\n\r\n\r\n\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\n: x\r\n\r\n"}) {
    EXPECT_EQ(StatusOf(Chunked(bad)), 400) << bad;
  }
}

TEST(RequestParserTest, BoundsChunkLine) {
  const auto line = [](size_t bytes) { return "1;" + std::string(bytes - 2, 'a') + "\r\n"; };
  const std::string rest = "x\r\n0\r\n\r\n";
  EXPECT_TRUE(Parse(Chunked(line(limits::kHttpChunkLineBytes) + rest)).complete);
  EXPECT_EQ(StatusOf(Chunked(line(limits::kHttpChunkLineBytes + 1) + rest)), 400);
  EXPECT_EQ(StatusOf(Chunked(std::string(limits::kHttpChunkLineBytes + 2, '1'))), 400);
}

TEST(RequestParserTest, BoundsChunkCount) {
  std::string head = Chunked("");
  for (const size_t count : {limits::kHttpChunkCount, limits::kHttpChunkCount + 1}) {
    RequestParser parser(limits::kHttpBodyBytes);
    parser.Feed(head);
    for (size_t i = 0; i < count; ++i) parser.Feed("1\r\nx\r\n");
    parser.Feed("0\r\n\r\n");
    EXPECT_EQ(parser.phase(), count == limits::kHttpChunkCount ? Phase::kComplete : Phase::kFailed);
  }
}

TEST(RequestParserTest, MemoryForALongBodyFollowsTheBytesThatCame) {
  constexpr size_t kSlack = 4096;
  constexpr size_t kMebibyte = 1024 * 1024;
  RequestParser parser(limits::kHttpBodyBytes);
  const std::string head = Get("Content-Length: 67108864\r\n");
  EXPECT_EQ(parser.Feed(head), head.size());
  EXPECT_LT(parser.body_capacity_bytes(), kSlack);
  EXPECT_EQ(parser.Feed("x"), 1u);
  EXPECT_LE(parser.body_capacity_bytes(), kMebibyte + kSlack);
  const std::string mebibyte(kMebibyte, 'y');
  for (size_t i = 0; i < 63; ++i) {
    parser.Feed(mebibyte);
    EXPECT_LE(parser.body_capacity_bytes(), 2 * parser.body_bytes() + kSlack);
  }
  parser.Feed(mebibyte.substr(1));
  ASSERT_EQ(parser.phase(), Phase::kComplete);
  EXPECT_EQ(parser.body_bytes(), 64 * kMebibyte);
  EXPECT_LE(parser.body_capacity_bytes(), 64 * kMebibyte + kSlack);
}

}  // namespace
}  // namespace throng::http
