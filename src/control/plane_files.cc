#include "control/plane_files.h"

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/control_limits.h"
#include "base/mutex.h"
#include "os/disk/owned_files.h"
#include "os/file.h"
#include "os/process.h"

namespace throng::control {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kSmallFileBytes = 64 * 1024;
constexpr uint64_t kRotateCheckBytes = 256 * 1024;

Json ReadJson(const std::string& path) {
  const auto text = os::RealFileSystem().Read(path, kSmallFileBytes);
  if (!text.ok()) return {};
  return Json::parse(*text, nullptr, /*allow_exceptions=*/false);
}

uint16_t PortAt(const Json& json, const char* name) {
  if (!json.is_object()) return 0;
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<uint16_t>() : uint16_t{0};
}

std::string TextOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

class FileLog final : public PlaneLog {
 public:
  FileLog(std::string path, os::UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
  void Write(std::string_view line) override {
    const MutexLock lock(mutex_);
    (void)os::AppendText(file_.get(), line);
    unchecked_bytes_ += line.size();
    if (unchecked_bytes_ < kRotateCheckBytes) return;
    unchecked_bytes_ = 0;
    (void)os::RotateLog(path_, limits::kLogFileBytes);
  }

 private:
  const std::string path_;
  const os::UniqueFd file_;
  Mutex mutex_;
  size_t unchecked_bytes_ THRONG_GUARDED_BY(mutex_) = 0;
};

}  // namespace

PlanePorts ReadPorts(const std::string& path) {
  const Json json = ReadJson(path);
  return {.api = PortAt(json, "api"), .ingress = PortAt(json, "ingress")};
}

Status WritePorts(const std::string& path, const PlanePorts& ports) {
  return os::WritePrivateFile(path,
                              Json{{"api", ports.api}, {"ingress", ports.ingress}}.dump() + "\n");
}

IngressPorts ReadIngressPorts(const std::string& path) {
  const Json json = ReadJson(path);
  if (!json.is_object()) return {};
  return {.ingress = PortAt(json, "ingress"),
          .admin = PortAt(json, "admin"),
          .address = TextOf(json, "address")};
}

Status WriteIngressPorts(const std::string& path, const IngressPorts& ports) {
  const Json json = {
      {"ingress", ports.ingress}, {"admin", ports.admin}, {"address", ports.address}};
  return os::WritePrivateFile(path, json.dump() + "\n");
}

std::string AccessLogPath(const std::string& state_directory) {
  return os::JoinPath(state_directory, "logs/access.log");
}

std::string StorePath(const std::string& state_directory) {
  return os::JoinPath(state_directory, "throng.db");
}

Result<os::UniqueFd> TakeState(const std::string& directory) {
  const std::string path = os::JoinPath(directory, "lock");
  THRONG_ASSIGN_OR_RETURN(auto lock, os::TryLockFile(path));
  const std::string holder = os::JoinPath(directory, "lock.pid");
  if (!lock) {
    const auto pid = os::RealFileSystem().Read(holder, kSmallFileBytes);
    return AlreadyExistsError("another throng up (process " +
                              (pid.ok() ? pid->substr(0, pid->find('\n')) : "unknown") +
                              ") runs on this state directory");
  }
  THRONG_RETURN_IF_ERROR(os::WritePrivateFile(holder, std::to_string(os::ProcessId()) + "\n"));
  return std::move(*lock);
}

Status WriteRunning(const std::string& path, const ControlPlaneAddresses& addresses) {
  const Json json = {{"pid", os::ProcessId()},
                     {"apiUrl", addresses.api_url},
                     {"ingressHost", addresses.ingress_host},
                     {"api", addresses.api_port},
                     {"ingress", addresses.ingress_port},
                     {"kubeconfig", addresses.kubeconfig},
                     {"log", addresses.log_file},
                     {"apiAddress", addresses.api_address},
                     {"ingressAddress", addresses.ingress_address}};
  return os::WritePrivateFile(path, json.dump(2) + "\n");
}

namespace {

// kNotFound: nobody holds it.
Status CheckHeld(const std::string& state_directory) {
  const Status none = NotFoundError("no throng up runs on this state directory");
  const std::string path = os::JoinPath(state_directory, "lock");
  THRONG_ASSIGN_OR_RETURN(const bool is_held, os::IsLocked(path));
  return is_held ? OkStatus() : none;
}

}  // namespace

Result<int64_t> FindHolder(const std::string& state_directory) {
  THRONG_RETURN_IF_ERROR(CheckHeld(state_directory));
  const auto text =
      os::RealFileSystem().Read(os::JoinPath(state_directory, "lock.pid"), kSmallFileBytes);
  int64_t process_id = 0;
  if (text.ok()) std::from_chars(text->data(), text->data() + text->size(), process_id);
  if (process_id <= 0) return UnavailableError("throng up is starting");
  return process_id;
}

Result<RunningPlane> FindRunning(const std::string& state_directory) {
  THRONG_RETURN_IF_ERROR(CheckHeld(state_directory));
  const Json json = ReadJson(os::JoinPath(state_directory, "up.json"));
  if (!json.is_object()) return UnavailableError("throng up is starting");
  RunningPlane plane{.api_url = TextOf(json, "apiUrl"),
                     .ingress_host = TextOf(json, "ingressHost"),
                     .api_port = PortAt(json, "api"),
                     .ingress_port = PortAt(json, "ingress"),
                     .kubeconfig = TextOf(json, "kubeconfig"),
                     .log_file = TextOf(json, "log"),
                     .api_address = TextOf(json, "apiAddress"),
                     .ingress_address = TextOf(json, "ingressAddress")};
  const auto pid = json.find("pid");
  if (pid != json.end() && pid->is_number_integer()) plane.process_id = pid->get<int64_t>();
  // Of the gateway as it is now: it is a process of its own.
  const IngressPorts gateway = ReadIngressPorts(os::JoinPath(state_directory, "gateway/ports"));
  if (gateway.ingress != 0) plane.ingress_port = gateway.ingress;
  plane.admin_port = gateway.admin;
  return plane;
}

std::string DefaultStateDirectory(const std::function<const char*(const char*)>& lookup) {
  const auto value = [&lookup](const char* name) {
    const char* text = lookup(name);
    return text == nullptr ? std::string() : std::string(text);
  };
  const std::string state = value("XDG_STATE_HOME");
  if (!state.empty() && state.front() == '/') return os::JoinPath(state, "throng");
  const std::string home = value("HOME");
  return os::JoinPath(home.empty() ? "/tmp" : home, ".local/state/throng");
}

Result<std::unique_ptr<PlaneLog>> PlaneLog::Open(const std::string& path) {
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd file, os::OpenForAppend(path));
  return std::unique_ptr<PlaneLog>(std::make_unique<FileLog>(path, std::move(file)));
}

}  // namespace throng::control
