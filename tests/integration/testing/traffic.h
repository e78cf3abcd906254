// Clients that ask models without a pause, each on a thread and a connection of its own, and
// remember what went wrong.
//
//   Traffic traffic(server.http_port());
//   traffic.Add("echo", NullRequest(1));
//   ... kill something ...
//   traffic.Stop();
//   EXPECT_THAT(traffic.failures(), IsEmpty());
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace throng::integration {

struct FailedRequest {
  std::string model;
  int status = 0;
  std::string text;         // of the error, or the body
  std::string wrong;        // WrongWithError
  std::string retry_after;  // header
};

class Traffic {
 public:
  explicit Traffic(uint16_t port) : port_(port) {}
  ~Traffic() { Stop(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // One more client.
  void Add(std::string model, std::string request);
  // Waits until `count` more requests were answered with 200, at most 20 s.
  bool WaitForAnswers(int64_t count) const;
  void Stop();

  int64_t answered() const { return answered_; }
  std::vector<FailedRequest> failures() const;
  // One line each, for messages.
  std::string FailureText() const;

 private:
  void Run(const std::string& model, const std::string& request);

  const uint16_t port_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> answered_ = 0;
  std::vector<std::thread> clients_;
  mutable std::mutex mutex_;
  std::vector<FailedRequest> failures_;
};

}  // namespace throng::integration
