#include "control/ingress_process.h"

#include <algorithm>
#include <utility>

#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::control {
namespace {

using launcher::ManagedState;

constexpr uint64_t kLastWordsBytes = 4096;
constexpr std::string_view kComplaint = "throng gateway: ";

}  // namespace

IngressProcess::IngressProcess(os::EventLoop& loop, Random& random, const Logger& logger,
                               IngressOptions options, std::function<void()> on_change)
    : logger_(logger),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      process_(loop, random, ProcessOptions(), [this] { OnChange(); }) {}

std::string IngressProcess::Path(std::string_view name) const {
  return os::JoinPath(options_.state_directory, name);
}

launcher::ManagedProcessOptions IngressProcess::ProcessOptions() const {
  return {.name = "gateway",
          .spec = {.program = options_.program,
                   .arguments = {"gateway", "--api-socket=" + Path("api.sock"),
                                 "--address=" + options_.address,
                                 "--port=" + std::to_string(options_.port), "--admin-port=0",
                                 "--routes-file=" + Path("gateway/routes.json"),
                                 "--ports-file=" + Path("gateway/ports"),
                                 "--last-ports-file=" + Path("gateway/last-ports"),
                                 "--access-log=" + AccessLogPath(options_.state_directory),
                                 "--drain-timeout=" + std::to_string(options_.drain.count())},
                   .environment = {"PATH=/usr/local/bin:/usr/bin:/bin"}},
          .log_path = Path("logs/gateway.log"),
          .state_path = Path("gateway/process"),
          .before_start = [now = Path("gateway/ports"), last = Path("gateway/last-ports")] {
            // The next one takes the same ports, so that clients find it.
            const IngressPorts ports = ReadIngressPorts(now);
            if (ports.ingress != 0) (void)WriteIngressPorts(last, ports);
            (void)os::RemoveFile(now);
          }};
}

void IngressProcess::Start() {
  process_.Start();
  if (!process_.taken_over() || IsAsWanted()) return;
  THRONG_LOG_INFO(logger_) << "the gateway that is left listens elsewhere, and is replaced";
  replacing_ = true;
  process_.Stop(options_.drain);
}

bool IngressProcess::IsAsWanted() const {
  const IngressPorts now = ReadIngressPorts(Path("gateway/ports"));
  return now.ingress != 0 && now.address == options_.address &&
         (options_.port == 0 || options_.port == now.ingress);
}

void IngressProcess::Stop(Duration grace) {
  stopping_ = true;
  process_.Stop(grace);
}

void IngressProcess::OnChange() {
  if (process_.state() == ManagedState::kStopped && replacing_ && !stopping_) {
    replacing_ = false;
    return process_.Start();
  }
  if (process_.state() == ManagedState::kWaiting) {
    THRONG_LOG_WARNING(logger_) << "the gateway is started again: " << process_.last_end();
  }
  on_change_();
}

// What the one that is replaced has written still lies there.
IngressPorts IngressProcess::ports() const {
  return replacing_ ? IngressPorts{} : ReadIngressPorts(Path("gateway/ports"));
}

std::string IngressProcess::failure() const {
  const bool gave_up = process_.state() == ManagedState::kWaiting &&
                       process_.last_exit_status() > 0 && ports().ingress == 0;
  if (!gave_up) return "";
  const std::string path = Path("logs/gateway.log");
  const auto info = os::RealFileSystem().Stat(path);
  const uint64_t size = info.ok() ? info->size_bytes : 0;
  const uint64_t start = size - std::min(size, kLastWordsBytes);
  const auto text = os::RealFileSystem().ReadRange(path, start, size - start);
  const size_t at = text.ok() ? text->rfind(kComplaint) : std::string::npos;
  if (at == std::string::npos) return process_.last_end();
  const size_t begin = at + kComplaint.size();
  return text->substr(begin, text->find('\n', begin) - begin);
}

}  // namespace throng::control
