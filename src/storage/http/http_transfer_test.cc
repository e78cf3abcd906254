#include "storage/http/http_transfer.h"

#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "os/event_loop.h"
#include "os/testing/temporary_directory.h"
#include "storage/testing/scripted_server.h"

namespace throng::storage {
namespace {

using std::chrono::seconds;
using testing::ScriptedServer;
using testing::ServeContent;
using testing::ServedReply;
using testing::ServedRequest;

Deadline In(Duration duration, const CancelFlag* cancel = nullptr) {
  return {os::RealClock(), os::RealClock().Now() + duration, cancel};
}

StorageOptions OptionsFor(const ScriptedServer& server) {
  StorageOptions options;
  options.addresses.allowed_hosts = {server.host_port()};
  return options;
}

Result<HttpReply> Get(const StorageOptions& options, const std::string& url) {
  HttpTransfer transfer(options);
  HttpRequest request;
  request.url = url;
  return transfer.Send(request, In(seconds(20)));
}

ServedReply Redirect(int status, const std::string& location) {
  ServedReply reply;
  reply.status = status;
  reply.headers.emplace_back("Location", location);
  return reply;
}

TEST(HttpTransferTest, RepliesComeWithStatusHeadersAndBody) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply;
    reply.status = request.path == "/missing" ? 404 : 200;
    reply.headers.emplace_back("X-Test", "  a b ");
    reply.body = request.method + " " + request.target + " " + request.body;
    return reply;
  });
  HttpTransfer transfer(OptionsFor(server));
  HttpRequest request;
  request.url = server.url() + "/a?b=c";
  request.headers = {{"X-Mine", "value"}};
  Result<HttpReply> reply = transfer.Send(request, In(seconds(20)));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "GET /a?b=c ");
  EXPECT_EQ(*reply->Find("x-test"), "a b");
  EXPECT_EQ(reply->Find("none"), nullptr);
  EXPECT_EQ(server.requests()[0].headers.at("x-mine"), "value");
  request.method = "POST";
  request.body = "the body";
  request.url = server.url() + "/missing";
  reply = transfer.Send(request, In(seconds(20)));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "POST /missing the body");
  request.method = "HEAD";
  reply = transfer.Send(request, In(seconds(20)));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->body, "");
}

TEST(HttpTransferTest, AddressesAreCheckedBeforeAnythingIsSent) {
  ScriptedServer server([](const ServedRequest&) { return ServedReply{}; });
  const std::string port = std::to_string(server.port());
  for (const std::string host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"}) {
    const Result<HttpReply> reply = Get({}, "http://" + host + ":" + port + "/");
    EXPECT_EQ(reply.status().code(), StatusCode::kPermissionDenied) << host;
  }
  EXPECT_EQ(Get({}, "http://169.254.169.254/latest/meta-data/").status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(server.request_count(), 0u);
  StorageOptions options;
  options.addresses.allow_private = true;
  EXPECT_TRUE(Get(options, "http://localhost:" + port + "/").ok());
  // The environment's proxy is not asked, and could not be told by a model's owner.
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_TRUE(Get(options, "http://localhost:" + port + "/").ok());
  unsetenv("http_proxy");
}

TEST(HttpTransferTest, AProxyOfTheOperatorsIsUsed) {
  ScriptedServer proxy([](const ServedRequest& request) {
    return ServedReply{.body = "proxied " + request.target};
  });
  StorageOptions options;
  options.proxy = proxy.url();
  const Result<HttpReply> reply = Get(options, "http://models.example/a");
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  EXPECT_EQ(reply->body, "proxied http://models.example/a");
  EXPECT_EQ(Get(options, "http://10.0.0.1/a").status().code(), StatusCode::kPermissionDenied);
}

TEST(HttpTransferTest, RedirectsAreFollowedAndJudgedOneByOne) {
  ScriptedServer other([](const ServedRequest& request) {
    return ServedReply{.body = request.headers.count("authorization") ? "secret" : "clean"};
  });
  ScriptedServer server([&other](const ServedRequest& request) {
    if (request.path == "/relative") return Redirect(301, "/end?x=1");
    if (request.path == "/loop") return Redirect(301, "/loop");
    if (request.path == "/other") return Redirect(302, other.url() + "/");
    if (request.path == "/metadata") return Redirect(302, "http://169.254.169.254/");
    if (request.path == "/file") return Redirect(302, "file:///etc/passwd");
    if (request.path == "/user") return Redirect(307, "http://u:p@127.0.0.1/");
    if (request.path == "/nothing") return ServedReply{.status = 302, .body = "no location"};
    return ServedReply{.body = request.headers.count("authorization") ? "secret" : "clean"};
  });
  StorageOptions options = OptionsFor(server);
  HttpTransfer transfer(options);
  HttpRequest request;
  request.secret_headers = {{"Authorization", "Bearer x"}};
  const auto send = [&](const std::string& path) {
    request.url = server.url() + path;
    return transfer.Send(request, In(seconds(20)));
  };
  EXPECT_EQ(send("/relative")->body, "secret");
  EXPECT_EQ(send("/relative")->url, server.url() + "/end?x=1");
  EXPECT_EQ(send("/other").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(other.request_count(), 0u);
  EXPECT_EQ(send("/metadata").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(send("/file").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(send("/user").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(send("/nothing")->status, 302);
  const size_t before = server.request_count();
  EXPECT_EQ(send("/loop").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(server.request_count() - before, size_t{limits::kStorageRedirects} + 1);
  options.addresses.allowed_hosts.push_back(other.host_port());
  HttpTransfer wider(options);
  request.url = server.url() + "/other";
  EXPECT_EQ(wider.Send(request, In(seconds(20)))->body, "clean");
  request.follow_redirects = false;
  EXPECT_EQ(wider.Send(request, In(seconds(20)))->status, 302);
}

TEST(HttpTransferTest, FailuresAreClassified) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply{.body = std::string(1000, 'x')};
    if (request.path == "/reset") reply.reset_after = 100;
    if (request.path == "/short") reply.close_after = 100;
    if (request.path == "/close") reply.close_after = 0;
    if (request.path == "/hang") reply.hang_after = 10;
    if (request.path == "/drip") reply.bytes_per_second = 4;
    if (request.path == "/heads") {
      for (int i = 0; i < 100; ++i) reply.headers.emplace_back("X", std::string(1000, 'h'));
    }
    return reply;
  });
  StorageOptions options = OptionsFor(server);
  options.low_speed_time = seconds(1);
  for (const char* path : {"/reset", "/short", "/close", "/hang", "/drip", "/heads"}) {
    const Result<HttpReply> reply = Get(options, server.url() + path);
    EXPECT_EQ(reply.status().code(), StatusCode::kUnavailable) << path;
    EXPECT_EQ(reply.status().message().find("127.0"), std::string::npos);
  }
  EXPECT_EQ(Get(options, "http://does-not-exist.invalid/").status().code(),
            StatusCode::kUnavailable);
  HttpTransfer transfer(OptionsFor(server));
  HttpRequest request;
  request.url = server.url() + "/hang";
  EXPECT_EQ(transfer.Send(request, In(std::chrono::milliseconds(200))).status().code(),
            StatusCode::kDeadlineExceeded);
  EXPECT_EQ(transfer.Send(request, In(seconds(-1))).status().code(), StatusCode::kDeadlineExceeded);
  request.headers = {{"X", "a\r\nHost: b"}};
  EXPECT_EQ(transfer.Send(request, In(seconds(1))).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Get(options, "gopher://host/").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Get(options, "").status().code(), StatusCode::kFailedPrecondition);
}

TEST(HttpTransferTest, ARequestThatHangsIsCancelled) {
  ScriptedServer server(
      [](const ServedRequest&) { return ServedReply{.body = "xxxx", .hang_after = 2}; });
  CancelFlag cancel;
  HttpTransfer transfer(OptionsFor(server));
  HttpRequest request;
  request.url = server.url();
  std::thread canceller;
  const Result<HttpReply> reply =
      transfer.Send(request, In(seconds(60), &cancel), nullptr, [&](std::string_view) {
        canceller = std::thread([&cancel] { cancel.Cancel(); });
        return OkStatus();
      });
  canceller.join();
  EXPECT_EQ(reply.status().code(), StatusCode::kCancelled);
}

TEST(HttpTransferTest, TheBodyIsBounded) {
  ScriptedServer server([](const ServedRequest& request) {
    return ServedReply{
        .body = std::string(
            limits::kStorageReplyBytes + static_cast<size_t>(request.path == "/over"), 'x')};
  });
  EXPECT_TRUE(Get(OptionsFor(server), server.url() + "/").ok());
  EXPECT_EQ(Get(OptionsFor(server), server.url() + "/over").status().code(),
            StatusCode::kResourceExhausted);
}

TEST(HttpTransferTest, CertificatesAreChecked) {
  const os::testing::TemporaryDirectory directory;
  const auto attempt = [&directory](const testing::TlsIdentity& identity) {
    ScriptedServer server([](const ServedRequest&) { return ServedReply{.body = "tls"}; },
                          identity);
    StorageOptions options = OptionsFor(server);
    options.ca_bundle = directory.path() + "/ca.pem";
    std::ofstream(options.ca_bundle) << identity.certificate_pem;
    return Get(options, server.url() + "/");
  };
  const Result<HttpReply> good = attempt(testing::MakeTlsIdentity("127.0.0.1", -60, 3600));
  ASSERT_TRUE(good.ok()) << good.status().ToString();
  EXPECT_EQ(good->body, "tls");
  EXPECT_EQ(attempt(testing::MakeTlsIdentity("127.0.0.1", -3600, -60)).status().code(),
            StatusCode::kUnauthenticated);
  EXPECT_EQ(attempt(testing::MakeTlsIdentity("other.example", -60, 3600)).status().code(),
            StatusCode::kUnauthenticated);
  ScriptedServer server([](const ServedRequest&) { return ServedReply{}; },
                        testing::MakeTlsIdentity("127.0.0.1", -60, 3600));
  EXPECT_EQ(Get(OptionsFor(server), server.url() + "/").status().code(),
            StatusCode::kUnauthenticated);
}

TEST(HttpTransferTest, StatusesMeanWhatTheySay) {
  const throng::testing::FakeClock clock;
  const auto code = [&clock](int status) {
    HttpReply reply;
    reply.status = status;
    return StatusOfReply(reply, clock).code();
  };
  EXPECT_EQ(code(404), StatusCode::kNotFound);
  EXPECT_EQ(code(410), StatusCode::kNotFound);
  EXPECT_EQ(code(401), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(403), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(408), StatusCode::kUnavailable);
  EXPECT_EQ(code(429), StatusCode::kUnavailable);
  EXPECT_EQ(code(500), StatusCode::kUnavailable);
  EXPECT_EQ(code(503), StatusCode::kUnavailable);
  EXPECT_EQ(code(412), StatusCode::kAborted);
  EXPECT_EQ(code(416), StatusCode::kAborted);
  EXPECT_EQ(code(400), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(302), StatusCode::kFailedPrecondition);
  const auto retry = [&clock](const std::string& value) {
    HttpReply reply;
    reply.status = 503;
    reply.headers.emplace_back("retry-after", value);
    return StatusOfReply(reply, clock).retry_after_seconds();
  };
  EXPECT_EQ(retry("7"), 7);
  EXPECT_EQ(retry("999999"), 3600);
  EXPECT_EQ(retry("soon"), std::nullopt);
  EXPECT_EQ(retry("-1"), std::nullopt);
  // The fake clock stands at 1621717148 + 1000.
  EXPECT_EQ(retry("Sat, 22 May 2021 21:15:58 GMT"), 10);
  EXPECT_EQ(retry("Sat, 22 May 2021 20:00:00 GMT"), 0);
}

class ReadObjectTest : public ::testing::Test {
 protected:
  Status Read(uint64_t offset, uint64_t size_bytes) {
    HttpTransfer transfer(OptionsFor(server_));
    HttpRequest request;
    request.url = server_.url() + "/object";
    read_.clear();
    return ReadObject(
        transfer, request, object_, offset, size_bytes, In(seconds(20)),
        [](const HttpReply& head) {
          const std::string* tag = head.Find("etag");
          return tag == nullptr ? "" : *tag;
        },
        [this](std::string_view bytes) {
          read_ += bytes;
          return OkStatus();
        });
  }

  std::function<void(const ServedRequest&, ServedReply&)> spoil_;
  bool ignore_range_ = false;
  ScriptedServer server_{[this](const ServedRequest& request) {
    ServedRequest seen = request;
    if (ignore_range_) seen.headers.erase("range");
    ServedReply reply = ServeContent(seen, "0123456789", "\"v1\"");
    if (spoil_) spoil_(request, reply);
    return reply;
  }};
  ObjectInfo object_{.relative_path = "o", .key = "o", .size_bytes = 10, .version = "\"v1\""};
  std::string read_;
};

TEST_F(ReadObjectTest, PartsAreRead) {
  EXPECT_TRUE(Read(0, 10).ok());
  EXPECT_EQ(read_, "0123456789");
  EXPECT_EQ(server_.requests().back().headers.count("range"), 0u);
  EXPECT_TRUE(Read(0, kToTheEnd).ok());
  EXPECT_EQ(read_, "0123456789");
  EXPECT_TRUE(Read(3, 4).ok());
  EXPECT_EQ(read_, "3456");
  EXPECT_EQ(server_.requests().back().headers.at("range"), "bytes=3-6");
  EXPECT_TRUE(Read(7, kToTheEnd).ok());
  EXPECT_EQ(read_, "789");
  EXPECT_EQ(server_.requests().back().headers.at("range"), "bytes=7-");
}

TEST_F(ReadObjectTest, AServerThatIgnoresRangesIsReadAround) {
  ignore_range_ = true;
  EXPECT_TRUE(Read(3, 4).ok());
  EXPECT_EQ(read_, "3456");
  EXPECT_TRUE(Read(3, 7).ok());
  EXPECT_EQ(read_, "3456789");
}

TEST_F(ReadObjectTest, AnotherVersionIsNoticed) {
  object_.version = "\"v0\"";
  EXPECT_EQ(Read(0, 10).code(), StatusCode::kAborted);
  EXPECT_EQ(read_, "");
  object_.version = "\"v1\"";
  object_.size_bytes = 11;
  EXPECT_EQ(Read(0, 11).code(), StatusCode::kAborted);
  EXPECT_EQ(Read(5, 6).code(), StatusCode::kAborted);
  object_.size_bytes = 10;
  spoil_ = [](const ServedRequest&, ServedReply& reply) { reply.status = 404; };
  EXPECT_EQ(Read(0, 10).code(), StatusCode::kAborted);
}

TEST_F(ReadObjectTest, WrongAmountsAreNoticed) {
  spoil_ = [](const ServedRequest&, ServedReply& reply) {
    reply.body = reply.body.substr(0, 5);
    reply.without_length = true;
  };
  EXPECT_EQ(Read(0, 10).code(), StatusCode::kDataLoss);
  spoil_ = [](const ServedRequest&, ServedReply& reply) {
    reply.body += "more";
    reply.without_length = true;
  };
  EXPECT_EQ(Read(0, 10).code(), StatusCode::kDataLoss);
  EXPECT_EQ(read_, "0123456789");
  spoil_ = [](const ServedRequest&, ServedReply& reply) {
    reply.headers = {{"Content-Range", "bytes 0-3/10"}};
  };
  EXPECT_EQ(Read(3, 4).code(), StatusCode::kDataLoss);
  EXPECT_EQ(read_, "");
}

}  // namespace
}  // namespace throng::storage
