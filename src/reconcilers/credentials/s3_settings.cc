#include "reconcilers/credentials/s3_settings.h"

#include <algorithm>
#include <initializer_list>

#include "kube/object_meta.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::TextAt;

constexpr std::string_view kBundleKey = "cabundle.crt";

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool IsYes(const std::string& text) {
  const std::string lower = LowerCase(text);
  return lower == "1" || lower == "true";
}

bool IsNo(const std::string& text) {
  const std::string lower = LowerCase(text);
  return lower == "0" || lower == "false";
}

// A host may be given with or without a scheme.
std::string WithScheme(const std::string& endpoint, const std::string& use_https) {
  if (endpoint.empty() || endpoint.find("://") != std::string::npos) return endpoint;
  return (IsNo(use_https) ? "http://" : "https://") + endpoint;
}

// Only what differs from the default is in the document.
void SetText(Json& s3, const char* field, std::string value) {
  if (!value.empty()) s3[field] = std::move(value);
}

std::string BaseNameOr(const std::string& path, std::string_view otherwise) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.empty() ? std::string(otherwise) : name;
}

// One setting in each of its spellings.
class Settings {
 public:
  Settings(const Json& object, const SecretEntry& entry, const CredentialsConfig& config)
      : object_(object), entry_(entry), config_(config) {}

  std::string Of(std::string_view annotation, std::initializer_list<std::string_view> entries,
                 std::string_view configured) const {
    for (const std::string_view group : {"serving.kserve.io/", "serving.kubeflow.org/"}) {
      std::string value = kube::AnnotationOf(object_, std::string(group) + std::string(annotation));
      if (!value.empty()) return value;
    }
    for (const std::string_view name : entries) {
      std::string value = entry_(name);
      if (!value.empty()) return value;
    }
    return TextAt(config_.s3, {configured});
  }

 private:
  const Json& object_;
  const SecretEntry& entry_;
  const CredentialsConfig& config_;
};

}  // namespace

Json S3Settings(const Json& object, const SecretEntry& entry, const CredentialsConfig& config,
                const BundleReader& bundle, const std::string& owner,
                std::vector<std::string>& ignored) {
  const Settings settings(object, entry, config);
  Json s3 = Json::object();
  const std::string use_https = settings.Of("s3-usehttps", {"S3_USE_HTTPS"}, "s3UseHttps");
  SetText(s3, "endpoint",
          WithScheme(settings.Of("s3-endpoint", {"AWS_ENDPOINT_URL", "S3_ENDPOINT"}, "s3Endpoint"),
                     use_https));
  SetText(s3, "region", settings.Of("s3-region", {"AWS_DEFAULT_REGION", "AWS_REGION"}, "s3Region"));
  if (IsNo(settings.Of("s3-verifyssl", {"S3_VERIFY_SSL"}, "s3VerifySSL"))) s3["verifyTls"] = false;
  if (IsYes(settings.Of("s3-useanoncredential", {"awsAnonymousCredential"},
                        "s3UseAnonymousCredential"))) {
    s3["anonymous"] = true;
  }
  if (IsYes(settings.Of("s3-usevirtualbucket", {"S3_USER_VIRTUAL_BUCKET"}, "s3UseVirtualBucket"))) {
    s3["virtualHosted"] = true;
  }
  if (IsYes(settings.Of("s3-useaccelerate", {"S3_USE_ACCELERATE"}, "s3UseAccelerate"))) {
    ignored.push_back(owner + ": s3-useaccelerate has no effect");
  }
  const std::string path = settings.Of("s3-cabundle", {"AWS_CA_BUNDLE"}, "s3CABundle");
  const std::string map =
      settings.Of("s3-cabundle-configmap", {"AWS_CA_BUNDLE_CONFIGMAP"}, "s3CABundleConfigMap");
  if (!map.empty()) {
    SetText(s3, "caPem", bundle(map, BaseNameOr(path, kBundleKey)));
    if (!s3.contains("caPem")) {
      ignored.push_back(owner + ": the ConfigMap \"" + map + "\" holds no certificates under \"" +
                        BaseNameOr(path, kBundleKey) + "\"");
    }
  } else if (!path.empty()) {
    ignored.push_back(owner +
                      ": s3-cabundle names a file of a container and has no effect; name the "
                      "ConfigMap with s3-cabundle-configmap");
  }
  return s3;
}

Json S3FromStorageEntry(const Json& entry, const BundleReader& bundle) {
  // Numbers and booleans are met where texts should be.
  const auto text = [&entry](const char* field) {
    const auto found = entry.find(field);
    if (found == entry.end()) return std::string();
    return found->is_string() ? found->get<std::string>()
                              : (found->is_primitive() && !found->is_null() ? found->dump() : "");
  };
  Json s3 = Json::object();
  SetText(s3, "accessKeyId", text("access_key_id"));
  SetText(s3, "secretAccessKey", text("secret_access_key"));
  SetText(s3, "sessionToken", text("session_token"));
  SetText(s3, "endpoint", WithScheme(text("endpoint_url"), ""));
  SetText(s3, "region", text("region"));
  if (IsYes(text("anonymous"))) s3["anonymous"] = true;
  if (IsNo(text("verify_ssl"))) s3["verifyTls"] = false;
  SetText(s3, "caPem", text("certificate"));
  const std::string map = text("cabundle_configmap");
  if (!s3.contains("caPem") && !map.empty()) {
    SetText(s3, "caPem", bundle(map, BaseNameOr(text("ca_bundle"), kBundleKey)));
  }
  return s3;
}

}  // namespace throng::reconcilers
