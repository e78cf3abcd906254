#include "server/startup_report.h"

#include <algorithm>
#include <map>

#include "base/limits.h"
#include "base/log.h"
#include "os/file.h"
#include "os/process.h"

namespace throng::server {
namespace {

constexpr size_t kSkippedShown = 10;
constexpr size_t kCurlLines = 10;
constexpr size_t kNameShown = 64;

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

bool IsLoadedAtStart(const repository::ModelEntry& model, const ServerOptions& options) {
  if (options.models.policy != residency::LoadPolicy::kExplicit) return true;
  const auto& names = options.models.load_at_start;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == "*" || name == model.name.str();
  });
}

// Whether `throng infer --random` can make a request for it.
bool CanBeTried(const repository::ModelEntry& model) {
  if (!model.tells_inputs) return false;
  const auto& inputs = model.config->inputs;
  return std::none_of(inputs.begin(), inputs.end(), [](const model::TensorConfig& input) {
    return input.type == tensor::DataType::kInvalid || input.type == tensor::DataType::kFp16 ||
           input.type == tensor::DataType::kBf16;
  });
}

std::string Origin(const std::string& http_address, uint16_t http_port) {
  const std::string host =
      http_address == "0.0.0.0" || http_address == "::" ? "127.0.0.1" : http_address;
  return "http://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
         std::to_string(http_port);
}

// This program, as a shell takes it.
std::string Program() {
  const auto folder = os::ExecutableDirectory();
  const std::string path = folder.ok() ? os::JoinPath(*folder, "throng") : "throng";
  const bool is_plain =
      path.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+") ==
      std::string::npos;
  return is_plain || path.find('\'') != std::string::npos ? path : "'" + path + "'";
}

std::string Skipped(const std::vector<repository::SkippedEntry>& skipped) {
  std::string out = "skipped " + std::to_string(skipped.size()) + "\n";
  size_t width = 0;
  const size_t shown = std::min(skipped.size(), kSkippedShown);
  for (size_t i = 0; i < shown; ++i) {
    width = std::max(width, ReportText(skipped[i].name, kNameShown).size());
  }
  for (size_t i = 0; i < shown; ++i) {
    out += "  " + Padded(ReportText(skipped[i].name, kNameShown), width) + "  " +
           ReportText(skipped[i].reason, limits::kErrorTextBytes) + "\n";
  }
  if (skipped.size() > shown) {
    out += "  ... and " + std::to_string(skipped.size() - shown) +
           " more: POST /v2/repository/index lists them\n";
  }
  return out;
}

std::string LinesToPaste(const std::vector<const repository::ModelEntry*>& models,
                         const std::string& origin) {
  std::string out;
  std::string tries;
  const size_t shown = std::min(models.size(), kCurlLines);
  for (size_t i = 0; i < shown; ++i) {
    out += "curl " + origin + "/v2/models/" + models[i]->name.str() + "\n";
    if (!CanBeTried(*models[i])) continue;
    tries +=
        "  " + Program() + " infer " + models[i]->name.str() + " --random --url " + origin + "\n";
  }
  return tries.empty() ? out : out + "To try them:\n" + tries;
}

}  // namespace

std::string ReportText(std::string_view text, size_t max_bytes) {
  const bool is_printable =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  if (!is_printable) return EscapeForLog(text, max_bytes);
  if (text.size() <= max_bytes) return std::string(text);
  return std::string(text.substr(0, max_bytes)) + "...";
}

std::string StartupReport(const repository::Snapshot& snapshot, const ServerOptions& options,
                          uint16_t http_port) {
  // The replica of a control plane begins so; its log is read by people who expect no report.
  const bool is_empty = snapshot.models.empty() && snapshot.skipped.empty();
  if (is_empty && options.models.policy == residency::LoadPolicy::kExplicit) return "";
  std::vector<const repository::ModelEntry*> served;
  for (const auto& model : snapshot.models) {
    if (IsLoadedAtStart(model, options)) served.push_back(&model);
  }
  const std::string origin = Origin(options.http_address, http_port);
  std::string out = std::to_string(snapshot.models.size()) + FormatCounts(snapshot);
  if (served.size() == snapshot.models.size()) {
    out = "served  " + out;
  } else {
    out = "found   " + out;
    if (!served.empty()) out += "; loading " + std::to_string(served.size()) + " of them";
    if (http_port != 0) {
      out += "; load them with: curl -X POST " + origin + "/v2/repository/models/NAME/load";
    }
  }
  out += "\n" + Skipped(snapshot.skipped);
  return http_port == 0 ? out : out + LinesToPaste(served, origin);
}

}  // namespace throng::server
