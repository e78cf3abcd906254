// FakeInference: answers each request with what the test has set, on the executor that it is given.
#pragma once

#include <utility>
#include <vector>

#include "scheduler/inference.h"

namespace throng::frontend::rest::testing {

class FakeInference final : public scheduler::Inference {
 public:
  void Infer(scheduler::InferRequest request, Executor& executor,
             Done<Result<scheduler::InferReply>> done) override {
    requests_.push_back(std::move(request));
    executor.Post([this, done = std::move(done)]() mutable { done(answer_); });
  }

  void Answer(Result<scheduler::InferReply> answer) { answer_ = std::move(answer); }
  const std::vector<scheduler::InferRequest>& requests() const { return requests_; }

 private:
  Result<scheduler::InferReply> answer_ = InternalError("the test has set no answer");
  std::vector<scheduler::InferRequest> requests_;
};

}  // namespace throng::frontend::rest::testing
