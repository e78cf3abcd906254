// FakeExchange: an Exchange without a connection; keeps the reply.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "http/server.h"

namespace throng::frontend::rest::testing {

class FakeExchange final : public http::Exchange {
 public:
  static std::shared_ptr<FakeExchange> Make(std::string method, std::string target,
                                            std::string body = "") {
    auto exchange = std::make_shared<FakeExchange>();
    exchange->request_.method = std::move(method);
    exchange->request_.target = std::move(target);
    exchange->request_.path = exchange->request_.target;
    exchange->request_.body = std::move(body);
    return exchange;
  }
  http::Request& request() override { return request_; }
  void Send(http::Reply reply) override {
    EXPECT_FALSE(reply_.has_value()) << "replied twice";
    reply_ = std::move(reply);
  }
  // What these front ends answer, they answer whole.
  std::unique_ptr<http::ReplyStream> StartStream(http::Reply) override {
    ADD_FAILURE() << "a streamed reply";
    return nullptr;
  }
  bool client_gone() const override { return client_gone_; }

  void AddHeader(std::string name, std::string value) {
    request_.headers.push_back({std::move(name), std::move(value)});
  }
  void LeaveClient() { client_gone_ = true; }
  bool replied() const { return reply_.has_value(); }
  // REQUIRES: replied().
  const http::Reply& reply() const { return *reply_; }
  // Empty when the reply has no such header.
  std::string ReplyHeader(std::string_view name) const {
    for (const http::Header& header : reply_->headers) {
      if (header.name == name) return header.value;
    }
    return "";
  }

 private:
  http::Request request_;
  std::optional<http::Reply> reply_;
  bool client_gone_ = false;
};

}  // namespace throng::frontend::rest::testing
