#include "admission/trained_model_rules.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/go_duration.h"
#include "kube/quantity.h"

namespace throng::admission {
namespace {

using kube::Json;
using kube::TextAt;

// The order in which the message lists them.
constexpr std::array<std::string_view, 9> kPrefixes = {
    "s3://", "gs://", "https://", "http://", "azure://", "pvc://", "file://", "hf://", "oci://"};

constexpr std::string_view kNameRule = "^[a-zA-Z0-9_-]+$";

bool IsModelName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

Status CheckName(const std::string& name) {
  if (IsModelName(name)) return OkStatus();
  return InvalidArgumentError(
      "the Trained Model \"" + name +
      "\" is invalid: a Trained Model name must consist of alphanumeric characters, '_', or '-'. "
      "(e.g. \"my-Name\" or \"abc_123\", regex used for validation is '" +
      std::string(kNameRule) + "')");
}

// KServe's words for an address of a claim that names none.
Status CheckClaim(const std::string& name, const std::string& uri) {
  if (uri.rfind("pvc:///", 0) != 0) return OkStatus();
  return InvalidArgumentError("the Trained Model \"" + name +
                              "\" storageUri field is invalid. Invalid URI must be "
                              "pvc://<pvcname>/[path]: " +
                              uri);
}

Status CheckStorageUri(const std::string& name, const std::string& uri) {
  std::string prefixes;
  for (const std::string_view prefix : kPrefixes) {
    if (uri.size() > prefix.size() && uri.compare(0, prefix.size(), prefix) == 0) {
      return CheckClaim(name, uri);
    }
    prefixes += (prefixes.empty() ? "" : ", ") + std::string(prefix);
  }
  return InvalidArgumentError("the Trained Model \"" + name +
                              "\" storageUri field is invalid. The storage uri must start with one "
                              "of the prefixes: " +
                              prefixes + ". (the storage uri given is \"" + uri + "\")");
}

bool IsSha256(std::string_view text) {
  constexpr size_t kDigits = 64;
  return text.size() == kDigits && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isxdigit(c) != 0 && std::isupper(c) == 0;
         });
}

bool IsSecretKey(std::string_view text) {
  constexpr size_t kLongest = 253;
  return text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

std::string Annotation(const Json& object, std::string_view name) {
  return TextAt(object, {"metadata", "annotations", name});
}

Status CheckAnnotations(const TrainedModelView& view) {
  const std::string model = "the Trained Model \"" + view.name + "\" ";
  if (!view.sha256.empty() && !IsSha256(view.sha256)) {
    return InvalidArgumentError(
        model +
        "annotation throng.dev/sha256 is invalid: it must be 64 lower case hexadecimal digits");
  }
  if (!view.refresh.empty() && !ParseDurationSetting(view.refresh).ok()) {
    return InvalidArgumentError(
        model +
        "annotation throng.dev/refresh is invalid: it must be a duration of "
        "a second or more, such as \"10m\"");
  }
  if (!view.storage_key.empty() && !IsSecretKey(view.storage_key)) {
    return InvalidArgumentError(
        model +
        "annotation throng.dev/storage-key is invalid: an entry of a Secret has a name of at most "
        "253 letters, digits, '-', '_' and '.'");
  }
  return OkStatus();
}

}  // namespace

Result<TrainedModelView> ReadTrainedModel(const Json& object) {
  TrainedModelView view;
  view.name_space = TextAt(object, {"metadata", "namespace"});
  view.name = TextAt(object, {"metadata", "name"});
  view.uid = TextAt(object, {"metadata", "uid"});
  if (const Json* generation = kube::FindPath(object, {"metadata", "generation"});
      generation != nullptr && generation->is_number_integer()) {
    view.generation = generation->get<int64_t>();
  }
  view.deleting = !TextAt(object, {"metadata", "deletionTimestamp"}).empty();
  view.inference_service = TextAt(object, {"spec", "inferenceService"});
  view.framework = TextAt(object, {"spec", "model", "framework"});
  view.storage_uri = TextAt(object, {"spec", "model", "storageUri"});
  view.sha256 = Annotation(object, "throng.dev/sha256");
  view.reload = Annotation(object, "throng.dev/reload");
  view.refresh = Annotation(object, "throng.dev/refresh");
  view.storage_key = Annotation(object, "throng.dev/storage-key");
  if (view.inference_service.empty()) {
    return InvalidArgumentError("spec.inferenceService must name an InferenceService");
  }
  const Json* memory = kube::FindPath(object, {"spec", "model", "memory"});
  if (memory == nullptr) return InvalidArgumentError("spec.model.memory is required");
  const auto quantity = kube::Quantity::FromJson(*memory);
  if (!quantity.ok()) return quantity.status().WithContext("spec.model.memory");
  view.memory = memory->is_string() ? memory->get<std::string>() : memory->dump();
  if (quantity->is_negative())
    return InvalidArgumentError("spec.model.memory must not be negative");
  view.memory_bytes = static_cast<uint64_t>(quantity->Value());
  return view;
}

Status CheckTrainedModel(const Json* old, const Json& object) {
  THRONG_RETURN_IF_ERROR(CheckName(TextAt(object, {"metadata", "name"})));
  THRONG_ASSIGN_OR_RETURN(const TrainedModelView view, ReadTrainedModel(object));
  THRONG_RETURN_IF_ERROR(CheckStorageUri(view.name, view.storage_uri));
  THRONG_RETURN_IF_ERROR(CheckAnnotations(view));
  if (old == nullptr) return OkStatus();
  const auto before = ReadTrainedModel(*old);
  if (!before.ok() || before->memory_bytes == view.memory_bytes) return OkStatus();
  return InvalidArgumentError("the Trained Model \"" + view.name +
                              "\" memory field is immutable. The memory was \"" + before->memory +
                              "\" but it is updated to \"" + view.memory + "\"");
}

Result<std::chrono::seconds> ParseDurationSetting(std::string_view text) {
  constexpr std::chrono::hours kLongest{365 * 24};
  const auto duration = ParseGoDuration(text);
  if (!duration.ok() || *duration < std::chrono::seconds(1) || *duration > kLongest) {
    return InvalidArgumentError(
        "must be a duration of a second or more, such as \"600s\" or \"10m\"");
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*duration);
}

}  // namespace throng::admission
