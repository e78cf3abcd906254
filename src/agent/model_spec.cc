#include "agent/model_spec.h"

#include <algorithm>

#include "base/control_limits.h"
#include "kube/quantity.h"
#include "storage/checksum.h"

namespace throng::agent {
namespace {

constexpr int64_t kLongestSeconds = 365LL * 24 * 3600;

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

Status ReadText(const Json& spec, const char* key, std::string& target) {
  const auto found = spec.find(key);
  if (found == spec.end()) return OkStatus();
  if (!found->is_string()) return InvalidArgumentError(std::string(key) + " must be a text");
  target = found->get<std::string>();
  return OkStatus();
}

Status ReadInteger(const Json& spec, const char* key, int64_t& target) {
  const auto found = spec.find(key);
  if (found == spec.end()) return OkStatus();
  if (!found->is_number_integer()) {
    return InvalidArgumentError(std::string(key) + " must be an integer");
  }
  target = found->get<int64_t>();
  return OkStatus();
}

Status ReadSeconds(const Json& spec, const char* key, std::chrono::seconds& target) {
  int64_t seconds = target.count();
  THRONG_RETURN_IF_ERROR(ReadInteger(spec, key, seconds));
  target = std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kLongestSeconds));
  return OkStatus();
}

Status ReadCredentials(const Json& spec, CredentialsName& credentials) {
  const auto found = spec.find("credentials");
  if (found == spec.end()) return OkStatus();
  if (!found->is_object()) return InvalidArgumentError("credentials must be an object");
  THRONG_RETURN_IF_ERROR(ReadText(*found, "version", credentials.version));
  THRONG_RETURN_IF_ERROR(ReadText(*found, "reason", credentials.reason));
  return ReadText(*found, "message", credentials.message);
}

}  // namespace

Status CheckModelName(std::string_view name) {
  if (name.empty()) return InvalidArgumentError("a model must have a name");
  if (name.size() > limits::kObjectNameBytes) {
    return InvalidArgumentError("the name of a model must have at most " +
                                std::to_string(limits::kObjectNameBytes) + " bytes");
  }
  if (!std::all_of(name.begin(), name.end(), IsNameByte) || name.front() == '.') {
    return InvalidArgumentError(
        "the name of a model must consist of letters, digits, '-', '_' and '.', and not begin "
        "with '.'");
  }
  return OkStatus();
}

Result<ModelSpec> SpecFromJson(const Json& spec) {
  if (!spec.is_object()) return InvalidArgumentError("spec must be an object");
  ModelSpec model;
  THRONG_RETURN_IF_ERROR(ReadText(spec, "model", model.model));
  THRONG_RETURN_IF_ERROR(CheckModelName(model.model));
  THRONG_RETURN_IF_ERROR(ReadText(spec, "uid", model.uid));
  THRONG_RETURN_IF_ERROR(ReadInteger(spec, "generation", model.generation));
  THRONG_RETURN_IF_ERROR(ReadText(spec, "storageUri", model.storage_uri));
  THRONG_RETURN_IF_ERROR(ReadText(spec, "framework", model.framework));
  THRONG_RETURN_IF_ERROR(ReadText(spec, "memory", model.memory));
  THRONG_RETURN_IF_ERROR(ReadInteger(spec, "memoryBytes", model.memory_bytes));
  THRONG_RETURN_IF_ERROR(ReadSeconds(spec, "deadlineSeconds", model.deadline));
  THRONG_RETURN_IF_ERROR(ReadText(spec, "sha256", model.sha256));
  THRONG_RETURN_IF_ERROR(ReadText(spec, "reload", model.reload));
  THRONG_RETURN_IF_ERROR(ReadSeconds(spec, "refreshSeconds", model.refresh));
  THRONG_RETURN_IF_ERROR(ReadCredentials(spec, model.credentials));
  if (model.deadline.count() == 0) model.deadline = ModelSpec().deadline;
  if (model.storage_uri.empty()) return InvalidArgumentError("storageUri is missing");
  return model;
}

Json SpecToJson(const ModelSpec& spec) {
  Json json = {{"model", spec.model},
               {"uid", spec.uid},
               {"generation", spec.generation},
               {"storageUri", spec.storage_uri},
               {"framework", spec.framework},
               {"memory", spec.memory},
               {"memoryBytes", spec.memory_bytes},
               {"deadlineSeconds", spec.deadline.count()},
               {"sha256", spec.sha256},
               {"reload", spec.reload},
               {"refreshSeconds", spec.refresh.count()}};
  if (spec.credentials != CredentialsName()) {
    json["credentials"] = {{"version", spec.credentials.version},
                           {"reason", spec.credentials.reason},
                           {"message", spec.credentials.message}};
  }
  return json;
}

bool WantsSameBytes(const ModelSpec& a, const ModelSpec& b) {
  return a.uid == b.uid && a.storage_uri == b.storage_uri && a.sha256 == b.sha256 &&
         a.reload == b.reload;
}

std::string SuccessFileName(const ModelSpec& spec) {
  const auto quantity = kube::Quantity::Parse(spec.memory);
  const std::string memory = quantity.ok() ? quantity->GoText()
                                           : "{{" + std::to_string(spec.memory_bytes) +
                                                 " 0} {<nil>} " + spec.memory + " BinarySI}";
  const std::string text = "&{" + spec.storage_uri + " " + spec.framework + " " + memory + "}";
  return "SUCCESS." + storage::Hex(storage::Sha256(text));
}

}  // namespace throng::agent
