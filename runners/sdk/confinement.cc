#include "runners/sdk/confinement.h"

#include <string>
#include <string_view>

#include "os/process.h"
#include "runners/sdk/error_text.h"

namespace throng::sdk {
namespace {

void Refuse(os::SandboxReport& report, std::string_view part, const Status& status) {
  if (!report.refused.empty()) report.refused += "; ";
  report.refused += part;
  report.refused += ": ";
  report.refused += SanitizeErrorText(status.message());
}

bool Applied(os::SandboxReport& report, std::string_view part, const Status& status) {
  if (!status.ok()) Refuse(report, part, status);
  return status.ok();
}

Status LimitResources(const wire::ForkRequest& request) {
  THRONG_ASSIGN_OR_RETURN(const uint64_t data_bytes, os::ReadDataBytes(os::ProcessId()));
  os::ResourceLimits limits;
  limits.data_bytes = data_bytes + request.data_limit_bytes;
  return os::ApplyResourceLimits(limits);
}

Status Prepare(Backend& backend) {
  try {
    return backend.PrepareCell();
  } catch (...) {
    return StatusFromCurrentException();
  }
}

}  // namespace

Result<os::SandboxReport> Confine(const wire::ForkRequest& request,
                                  std::span<const int> descriptors, Backend& backend,
                                  const BackendSandbox& sandbox, const os::SyscallFilter& filter) {
  os::SandboxReport report;
  THRONG_RETURN_IF_ERROR(os::CloseAllBut(descriptors));
  const bool sandboxed = request.sandbox == wire::SandboxMode::kOn;
  // What a model prints is nobody's: not the operator's log, which it could forge. Without a
  // sandbox somebody is debugging.
  if (sandboxed) THRONG_RETURN_IF_ERROR(os::DiscardOutput());
  if (request.user_id != 0) {
    report.own_user = Applied(report, "own user", os::SetUser(request.user_id));
  }
  THRONG_RETURN_IF_ERROR(os::DieWithParent(request.front_door_pid));
  if (sandboxed) {
    report.resource_limits = Applied(report, "resource limits", LimitResources(request));
    report.landlock = Applied(report, "landlock", os::ApplyLandlock(sandbox.readable_paths));
  }
  THRONG_RETURN_IF_ERROR(Prepare(backend));
  if (sandboxed) report.syscall_filter = Applied(report, "syscall filter", filter.Apply());
  return report;
}

}  // namespace throng::sdk
