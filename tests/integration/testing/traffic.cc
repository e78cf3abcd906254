#include "tests/integration/testing/traffic.h"

#include <chrono>

#include "tests/integration/testing/caller.h"

namespace throng::integration {

void Traffic::Add(std::string model, std::string request) {
  clients_.emplace_back(
      [this, model = std::move(model), request = std::move(request)] { Run(model, request); });
}

void Traffic::Run(const std::string& model, const std::string& request) {
  Caller caller(port_);
  while (!stop_) {
    const Answer answer = caller.Infer(model, request);
    if (answer.status == 200) {
      ++answered_;
      continue;
    }
    FailedRequest failed{model, answer.status, ErrorText(answer), WrongWithError(answer),
                         answer.Header("Retry-After")};
    if (failed.text.empty()) failed.text = answer.body;
    const std::lock_guard<std::mutex> lock(mutex_);
    failures_.push_back(std::move(failed));
    if (failures_.size() > 1000) return;  // something is very wrong: enough of it
  }
}

bool Traffic::WaitForAnswers(int64_t count) const {
  const int64_t wanted = answered_ + count;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (answered_ < wanted) {
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

void Traffic::Stop() {
  stop_ = true;
  for (std::thread& client : clients_) client.join();
  clients_.clear();
}

std::vector<FailedRequest> Traffic::failures() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failures_;
}

std::string Traffic::FailureText() const {
  std::string text;
  for (const FailedRequest& failed : failures()) {
    text += failed.model + ": " + std::to_string(failed.status) + " " + failed.text + "\n";
    if (text.size() > 4000) return text + "...\n";
  }
  return text;
}

}  // namespace throng::integration
