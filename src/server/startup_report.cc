#include "server/startup_report.h"

#include <algorithm>
#include <map>

#include "base/log.h"

namespace throng::server {
namespace {

constexpr size_t kSkippedShown = 10;
constexpr size_t kCurlLines = 10;

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string FormatCounts(const repository::Snapshot& snapshot) {
  std::map<std::string, size_t> counts;
  for (const auto& model : snapshot.models) ++counts[model.config->platform];
  std::string text;
  for (const auto& [platform, count] : counts) {
    text += (text.empty() ? " (" : ", ") + std::to_string(count) + " " + platform;
  }
  return text.empty() ? text : text + ")";
}

}  // namespace

std::string StartupReport(const repository::Snapshot& snapshot, const std::string& http_address,
                          uint16_t http_port) {
  std::string out = "served  " + std::to_string(snapshot.models.size()) + FormatCounts(snapshot) +
                    "\n" + "skipped " + std::to_string(snapshot.skipped.size()) + "\n";
  size_t width = 0;
  const size_t shown = std::min(snapshot.skipped.size(), kSkippedShown);
  for (size_t i = 0; i < shown; ++i) {
    width = std::max(width, EscapeForLog(snapshot.skipped[i].name, 64).size());
  }
  for (size_t i = 0; i < shown; ++i) {
    out += "  " + Padded(EscapeForLog(snapshot.skipped[i].name, 64), width) + "  " +
           EscapeForLog(snapshot.skipped[i].reason, 1024) + "\n";
  }
  if (snapshot.skipped.size() > shown) {
    out += "  ... and " + std::to_string(snapshot.skipped.size() - shown) +
           " more: POST /v2/repository/index lists them\n";
  }
  const std::string host =
      http_address == "0.0.0.0" || http_address == "::" ? "127.0.0.1" : http_address;
  const std::string base = (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
                           std::to_string(http_port);
  for (size_t i = 0; i < std::min(snapshot.models.size(), kCurlLines); ++i) {
    out += "curl http://" + base + "/v2/models/" + snapshot.models[i].name.str() + "\n";
  }
  if (!snapshot.models.empty()) {
    out += "To try one:  throng infer " + snapshot.models[0].name.str() +
           " --random --url http://" + base + "\n";
  }
  return out;
}

}  // namespace throng::server
