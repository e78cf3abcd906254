// FakeExchange: an Exchange without a connection; keeps the reply, or what was streamed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "http/server.h"
#include "kube/json.h"

namespace throng::kube::server::testing {

class FakeExchange final : public http::Exchange {
 public:
  // What the stream's writer and the test share.
  struct Streamed {
    std::string bytes;
    bool finished = false;
    bool destroyed = false;
    size_t unsent_bytes = 0;
    bool counts_unsent = false;  // what is written is unsent until Progress
    bool client_gone = false;
    std::function<void()> on_progress;
  };

  static std::shared_ptr<FakeExchange> Make(std::string method, std::string target,
                                            std::string body = "") {
    auto exchange = std::make_shared<FakeExchange>();
    exchange->request_.method = std::move(method);
    exchange->request_.path = target.substr(0, target.find('?'));
    exchange->request_.target = std::move(target);
    exchange->request_.body = std::move(body);
    return exchange;
  }
  http::Request& request() override { return request_; }
  void Send(http::Reply reply) override {
    EXPECT_FALSE(reply_.has_value()) << "replied twice";
    reply_ = std::move(reply);
  }
  std::unique_ptr<http::ReplyStream> StartStream(http::Reply head) override {
    EXPECT_FALSE(reply_.has_value()) << "replied twice";
    reply_ = std::move(head);
    streamed->bytes = reply_->body;
    return std::make_unique<Stream>(streamed);
  }
  bool client_gone() const override { return streamed->client_gone; }
  const http::PeerIdentity* peer() const override { return peer_ ? &*peer_ : nullptr; }

  void AddHeader(std::string name, std::string value) {
    request_.headers.push_back({std::move(name), std::move(value)});
  }
  void SetPeer(http::PeerIdentity peer) { peer_ = std::move(peer); }
  bool replied() const { return reply_.has_value(); }
  // REQUIRES: replied().
  const http::Reply& reply() const { return *reply_; }
  int status() const { return reply_ ? reply_->status : 0; }
  Json json() const {
    Result<Json> parsed = ParseJson(reply_ ? reply_->body : "");
    EXPECT_TRUE(parsed.ok()) << (reply_ ? reply_->body : "no reply");
    return parsed.ok() ? *std::move(parsed) : Json();
  }
  // Empty when the reply has no such header.
  std::string ReplyHeader(std::string_view name) const {
    for (const http::Header& header : reply_->headers) {
      if (header.name == name) return header.value;
    }
    return "";
  }
  void Leave() {
    streamed->client_gone = true;
    if (streamed->on_progress) streamed->on_progress();
  }
  void Progress() {
    streamed->unsent_bytes = 0;
    if (streamed->on_progress) streamed->on_progress();
  }

  const std::shared_ptr<Streamed> streamed = std::make_shared<Streamed>();

 private:
  class Stream final : public http::ReplyStream {
   public:
    explicit Stream(std::shared_ptr<Streamed> streamed) : streamed_(std::move(streamed)) {}
    ~Stream() override {
      streamed_->destroyed = true;
      streamed_->on_progress = nullptr;
    }
    void Write(std::string_view bytes) override {
      streamed_->bytes.append(bytes);
      if (streamed_->counts_unsent) streamed_->unsent_bytes += bytes.size();
    }
    void Finish() override { streamed_->finished = true; }
    size_t unsent_bytes() const override { return streamed_->unsent_bytes; }
    bool client_gone() const override { return streamed_->client_gone; }
    void OnProgress(std::function<void()> handler) override {
      streamed_->on_progress = std::move(handler);
    }

   private:
    const std::shared_ptr<Streamed> streamed_;
  };

  http::Request request_;
  std::optional<http::Reply> reply_;
  std::optional<http::PeerIdentity> peer_;
};

}  // namespace throng::kube::server::testing
