#include "agent/agent_log.h"

#include <array>
#include <cstdio>

#include "base/log.h"

namespace throng::agent {
namespace {

// "agent/watcher.cc" of the path that the compiler was given.
std::string_view ShortPath(std::string_view path) {
  constexpr std::string_view kRoot = "src/";
  const size_t root = path.rfind(kRoot);
  return root == std::string_view::npos ? path : path.substr(root + kRoot.size());
}

}  // namespace

void AgentLog::Write(std::string_view level, std::string_view text, std::string_view file,
                     int line) const {
  constexpr int64_t kMicrosecondsPerSecond = 1000000;
  const int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.WallNow().time_since_epoch())
          .count();
  std::array<char, 48> stamp{};
  std::snprintf(stamp.data(), stamp.size(), "%lld.%06lld",
                static_cast<long long>(now_us / kMicrosecondsPerSecond),
                static_cast<long long>(now_us % kMicrosecondsPerSecond));
  sink_("{\"level\":\"" + std::string(level) + "\",\"ts\":" + stamp.data() +
        ",\"logger\":\"agent\",\"caller\":" +
        JsonQuote(std::string(ShortPath(file)) + ":" + std::to_string(line)) +
        ",\"msg\":" + JsonQuote(text) + "}\n");
}

std::string PrintableUri(std::string_view uri) {
  std::string text(uri.substr(0, uri.find_first_of("?#")));
  const size_t colon = text.find("://");
  if (colon == std::string::npos) return text;
  const size_t authority = colon + 3;
  const size_t end = text.find('/', authority);
  const size_t at = text.rfind('@', end == std::string::npos ? end : end - 1);
  if (at != std::string::npos && at >= authority) text.erase(authority, at + 1 - authority);
  return text;
}

}  // namespace throng::agent
