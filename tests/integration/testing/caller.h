// Asks a server over HTTP, and says what is wrong with an answer. One per thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace throng::integration {

struct Answer {
  int status = 0;  // 0: none came, and `body` says why
  std::string body;
  http::ClientReply reply;

  bool ok() const { return status == 200; }
  std::string Header(std::string_view name) const;  // empty when it is not there
};

class Caller {
 public:
  explicit Caller(uint16_t port) : port_(port) {}

  Answer Get(const std::string& target);
  Answer Post(const std::string& target, const std::string& body);
  Answer Send(std::string_view method, const std::string& target,
              const std::vector<http::Header>& headers, const std::string& body);
  Answer Infer(const std::string& model, const std::string& body);

  void set_limit(std::chrono::seconds limit) { limit_ = limit; }

 private:
  const uint16_t port_;
  std::chrono::seconds limit_{150};
  http::HttpClient client_;
};

// What is wrong with the answer as a failure with a reason: empty when it is
// {"error":"..."} of at most 1 KiB with a 4xx or 5xx status and neither a path nor an address in
// it.
std::string WrongWithError(const Answer& answer);
// The text of {"error":TEXT}; empty when there is none.
std::string ErrorText(const Answer& answer);
// A path of the file system or an address of memory in `text`; empty when there is none.
std::string FindInternals(const std::string& text);

}  // namespace throng::integration
