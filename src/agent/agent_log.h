// AgentLog: the lines that the agent prints, in the shape that readers of KServe's agent know:
//
//   {"level":"info","ts":1621717148.938490,"logger":"agent","caller":"agent/watcher.cc:57",
//    "msg":"adding model cifar10"}
//
// Text may come from outside: it is escaped. Thread-safe as far as the sink is.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace throng::agent {

class AgentLog {
 public:
  using Sink = std::function<void(std::string_view line)>;

  AgentLog(const Clock& clock, Sink sink) : clock_(clock), sink_(std::move(sink)) {}

  void Info(std::string_view text, const char* file = __builtin_FILE(),
            int line = __builtin_LINE()) const {
    Write("info", text, file, line);
  }
  void Warning(std::string_view text, const char* file = __builtin_FILE(),
               int line = __builtin_LINE()) const {
    Write("warn", text, file, line);
  }
  void Error(std::string_view text, const char* file = __builtin_FILE(),
             int line = __builtin_LINE()) const {
    Write("error", text, file, line);
  }

 private:
  void Write(std::string_view level, std::string_view text, std::string_view file, int line) const;

  const Clock& clock_;
  const Sink sink_;
};

// An address as it may be printed: without user, password and query, which may be secrets.
std::string PrintableUri(std::string_view uri);

}  // namespace throng::agent
