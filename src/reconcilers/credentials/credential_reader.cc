#include "reconcilers/credentials/credential_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "base/base64.h"
#include "base/control_limits.h"
#include "base/utf8.h"
#include "kube/object_meta.h"
#include "reconcilers/credentials/s3_settings.h"

namespace throng::reconcilers {
namespace {

using kube::FindPath;
using kube::Json;
using kube::TextAt;

constexpr std::string_view kStorageSecretAnnotation = "serving.kserve.io/storage-secret-name";
constexpr std::string_view kAwsRole = "eks.amazonaws.com/role-arn";
// Annotations by which clouds give a pod a role of theirs.
constexpr std::array<std::string_view, 3> kRoleAnnotations = {
    kAwsRole, "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"};

std::string Quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

// As `echo` leaves them.
std::string WithoutLineEnd(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string Fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
  return digits.data();
}

std::string EntryOf(const Json& secret, std::string_view name) {
  const std::string encoded = TextAt(secret, {"data", name});
  const auto bytes = encoded.empty() ? std::nullopt : DecodeBase64(encoded);
  return bytes && IsValidUtf8(*bytes) ? WithoutLineEnd(*bytes) : "";
}

// {"Name":"value"}, or lines "Name: value".
Json HeadersOf(const std::string& text) {
  Json headers = Json::array();
  if (const auto object = kube::ParseJson(text); object.ok() && object->is_object()) {
    for (const auto& [name, value] : object->items()) {
      headers.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
    }
    return headers;
  }
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = WithoutLineEnd(text.substr(start, end - start));
    const size_t colon = line.find(':');
    if (colon != std::string::npos && colon > 0) {
      const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
      headers.push_back({line.substr(0, colon), line.substr(value)});
    }
    start = end + 1;
  }
  return headers;
}

class Gatherer {
 public:
  Gatherer(const CredentialsConfig& config, const ObjectReader& read)
      : config_(config),
        read_(read),
        seen_(config.s3_key_id_name + "," + config.s3_secret_name + "," + config.s3.dump() + "," +
              config.gcs_file_name + ",") {}

  void Gather(const CredentialsAsked& asked) {
    if (!asked.storage_key.empty()) {
      const std::string& name = asked.secret.empty() ? config_.storage_secret : asked.secret;
      const auto secret = NeededSecret(name, "the storage key " + Quoted(asked.storage_key));
      if (secret) AddStorageKey(*secret, name, asked.storage_key);
      return;
    }
    if (!asked.secret.empty()) {
      const auto secret = NeededSecret(asked.secret, "an annotation");
      if (secret && !AddDefaultEntry(*secret, asked.secret)) AddSecret(*secret, asked.secret);
      return;
    }
    AddAccount(asked.account);
    if (set_.document.contains("s3") || set_.problems.contains("s3")) return;
    if (const auto secret = Read("secrets", config_.storage_secret)) {
      AddDefaultEntry(*secret, config_.storage_secret);
    }
  }

  CredentialSet Take() {
    if (!set_.document.empty() || !set_.problems.empty()) set_.version = Fingerprint(seen_);
    return std::move(set_);
  }

 private:
  std::optional<Json> Read(std::string_view resource, const std::string& name) {
    set_.depends.emplace(resource, name);
    std::optional<Json> object = read_(resource, name);
    seen_ += std::string(resource) + "/" + name + "@" +
             (object ? kube::UidOf(*object) + "." + kube::ResourceVersionOf(*object) : "") + ",";
    return object;
  }

  std::optional<Json> NeededSecret(const std::string& name, const std::string& who) {
    auto secret = Read("secrets", name);
    if (!secret) {
      Problem("", "SecretNotFound",
              "there is no Secret " + Quoted(name) + ", which " + who + " names");
    }
    return secret;
  }

  void Problem(const std::string& part, std::string reason, std::string message) {
    set_.problems.try_emplace(part, CredentialProblem{std::move(reason), std::move(message)});
  }

  BundleReader Bundles() {
    return [this](const std::string& name, std::string_view key) {
      const auto map = Read("configmaps", name);
      return map ? TextAt(*map, {"data", key}) : "";
    };
  }

  void AddAccount(const std::string& named) {
    const std::string name = named.empty() ? "default" : named;
    const auto account = Read("serviceaccounts", name);
    if (!account) {
      // That of everybody need not be there.
      if (!named.empty()) {
        Problem(
            "", "ServiceAccountNotFound",
            "there is no ServiceAccount " + Quoted(name) + ", which the InferenceService names");
      }
      return;
    }
    const std::string owner = "ServiceAccount " + Quoted(name);
    for (const std::string_view role : kRoleAnnotations) {
      if (kube::AnnotationOf(*account, role).empty()) continue;
      set_.ignored.push_back(owner + ": the annotation " + std::string(role) +
                             " has no effect: roles of a cloud are not taken on; give the "
                             "credentials in a Secret");
    }
    if (!kube::AnnotationOf(*account, kAwsRole).empty()) {
      Json s3 = S3Settings(
          *account, [](std::string_view) { return std::string(); }, config_, Bundles(), owner,
          set_.ignored);
      if (!s3.empty()) set_.document["s3"] = std::move(s3);
    }
    AddSecretsOf(*account, name);
  }

  void AddSecretsOf(const Json& account, const std::string& account_name) {
    const Json* list = FindPath(account, {"secrets"});
    if (list == nullptr || !list->is_array()) return;
    size_t count = 0;
    for (const Json& reference : *list) {
      const std::string name = TextAt(reference, {"name"});
      if (name.empty()) continue;
      if (++count > limits::kAccountSecrets) {
        set_.ignored.push_back("ServiceAccount " + Quoted(account_name) + ": only its first " +
                               std::to_string(limits::kAccountSecrets) + " Secrets are read");
        return;
      }
      const auto secret = NeededSecret(name, "the ServiceAccount " + Quoted(account_name));
      if (secret) AddSecret(*secret, name);
    }
  }

  // KServe's order: the first kind that a Secret looks like is what it is.
  void AddSecret(const Json& secret, const std::string& name) {
    const auto has = [&secret](std::string_view entry) {
      return FindPath(secret, {"data", entry}) != nullptr;
    };
    const std::string s3_secret =
        FirstEntry(secret, config_.s3_secret_name, {"AWS_SECRET_ACCESS_KEY", "awsSecretAccessKey"});
    if (!s3_secret.empty()) return AddS3(secret, name, s3_secret);
    if (has(config_.gcs_file_name)) return AddGcs(secret, name);
    if (has("AZURE_STORAGE_ACCESS_KEY")) {
      set_.document["azure"] = {{"accountKey", EntryOf(secret, "AZURE_STORAGE_ACCESS_KEY")}};
      return void(set_.problems.erase("azure"));
    }
    for (const char* const client : {"AZ_CLIENT_ID", "AZURE_CLIENT_ID"}) {
      if (!has(client) || set_.document.contains("azure")) continue;
      return Problem("azure", "CredentialsNotSupported",
                     "the Secret " + Quoted(name) + " holds a service principal of Azure (" +
                         client + "), which is not supported; give AZURE_STORAGE_ACCESS_KEY");
    }
    if (has("https-host")) AddHttps(secret, name);
  }

  // The entry that is there, in the spelling of the configuration or in one of KServe's.
  static std::string FirstEntry(const Json& secret, const std::string& configured,
                                std::initializer_list<std::string_view> names) {
    if (!configured.empty()) {
      if (std::string value = EntryOf(secret, configured); !value.empty()) return value;
    }
    for (const std::string_view name : names) {
      if (std::string value = EntryOf(secret, name); !value.empty()) return value;
    }
    return "";
  }

  void AddS3(const Json& secret, const std::string& name, const std::string& s3_secret) {
    const std::string key_id =
        FirstEntry(secret, config_.s3_key_id_name, {"AWS_ACCESS_KEY_ID", "awsAccessKeyID"});
    if (key_id.empty()) {
      return Problem("s3", "SecretInvalid",
                     "the Secret " + Quoted(name) +
                         " holds a secret access key and no access key id (AWS_ACCESS_KEY_ID)");
    }
    const SecretEntry entry = [&secret](std::string_view key) { return EntryOf(secret, key); };
    Json s3 = S3Settings(secret, entry, config_, Bundles(), "Secret " + Quoted(name), set_.ignored);
    s3["accessKeyId"] = key_id;
    s3["secretAccessKey"] = s3_secret;
    if (std::string token = EntryOf(secret, "AWS_SESSION_TOKEN"); !token.empty()) {
      s3["sessionToken"] = std::move(token);
    }
    // Of several the last one counts; a role's settings go before both.
    if (!set_.document.contains("s3") || set_.document["s3"].contains("accessKeyId")) {
      set_.document["s3"] = std::move(s3);
    } else {
      set_.document["s3"].update(s3);
    }
    set_.problems.erase("s3");
  }

  void AddGcs(const Json& secret, const std::string& name) {
    const std::string text = EntryOf(secret, config_.gcs_file_name);
    const auto key = kube::ParseJson(text);
    if (!key.ok() || !key->is_object()) {
      return Problem("gcs", "SecretInvalid",
                     "the entry " + config_.gcs_file_name + " of the Secret " + Quoted(name) +
                         " is no JSON object");
    }
    set_.document["gcs"] = {{"serviceAccount", text}};
    set_.problems.erase("gcs");
  }

  void AddHttps(const Json& secret, const std::string& name) {
    std::string host = EntryOf(secret, "https-host");
    if (const size_t scheme = host.find("://"); scheme != std::string::npos) {
      host.erase(0, scheme + 3);
    }
    while (host.ends_with('/')) host.pop_back();
    Json headers = HeadersOf(EntryOf(secret, "headers"));
    if (host.empty() || headers.empty()) {
      return Problem("https", "SecretInvalid",
                     "the Secret " + Quoted(name) +
                         " must hold https-host and headers (a JSON object, or lines \"Name: "
                         "value\")");
    }
    set_.document["https"].push_back({{"host", host}, {"headers", std::move(headers)}});
  }

  // --- The storage Secret: an entry of JSON per storage ---

  void AddStorageKey(const Json& secret, const std::string& name, const std::string& key) {
    if (FindPath(secret, {"data", key}) == nullptr) {
      return Problem("", "StorageKeyNotFound",
                     "the Secret " + Quoted(name) + " has no entry " + Quoted(key));
    }
    AddEntry(secret, name, key);
  }

  // False: there is none.
  bool AddDefaultEntry(const Json& secret, const std::string& name) {
    for (const char* const key : {"default_s3", "default"}) {
      if (FindPath(secret, {"data", key}) == nullptr) continue;
      AddEntry(secret, name, key);
      return true;
    }
    return false;
  }

  void AddEntry(const Json& secret, const std::string& name, const std::string& key) {
    const std::string which = "the entry " + Quoted(key) + " of the Secret " + Quoted(name);
    const auto entry = kube::ParseJson(EntryOf(secret, key));
    if (!entry.ok() || !entry->is_object()) {
      return Problem("s3", "SecretInvalid", which + " is no JSON object");
    }
    const std::string type = TextAt(*entry, {"type"});
    if (type != "s3" && !type.empty()) {
      return Problem("", "CredentialsNotSupported",
                     which + " has a type other than s3, which is not supported");
    }
    set_.document["s3"] = S3FromStorageEntry(*entry, Bundles());
  }

  const CredentialsConfig& config_;
  const ObjectReader& read_;
  CredentialSet set_;
  std::string seen_;
};

}  // namespace

Result<CredentialsConfig> ReadCredentialsConfig(std::string_view text) {
  THRONG_ASSIGN_OR_RETURN(const Json json, kube::ParseJson(text));
  if (!json.is_object()) return InvalidArgumentError("it must be a JSON object");
  CredentialsConfig config;
  if (const Json* s3 = FindPath(json, {"s3"}); s3 != nullptr && s3->is_object()) config.s3 = *s3;
  config.s3_key_id_name = TextAt(config.s3, {"s3AccessKeyIDName"});
  config.s3_secret_name = TextAt(config.s3, {"s3SecretAccessKeyName"});
  const auto set = [](std::string& target, std::string value) {
    if (!value.empty()) target = std::move(value);
  };
  set(config.gcs_file_name, TextAt(json, {"gcs", "gcsCredentialFileName"}));
  set(config.storage_secret, TextAt(json, {"storageSpecSecretName"}));
  set(config.secret_annotation, TextAt(json, {"storageSecretNameAnnotation"}));
  return config;
}

CredentialsAsked AskedBy(const Json& inference_service, const CredentialsConfig& config) {
  CredentialsAsked asked;
  asked.account = TextAt(inference_service, {"spec", "predictor", "serviceAccountName"});
  if (asked.account.empty()) {
    asked.account = TextAt(inference_service, {"spec", "predictor", "serviceAccount"});
  }
  asked.secret = kube::AnnotationOf(inference_service, config.secret_annotation);
  if (asked.secret.empty()) {
    asked.secret = kube::AnnotationOf(inference_service, kStorageSecretAnnotation);
  }
  return asked;
}

CredentialSet GatherCredentials(const CredentialsAsked& asked, const CredentialsConfig& config,
                                const ObjectReader& read) {
  Gatherer gatherer(config, read);
  gatherer.Gather(asked);
  return gatherer.Take();
}

std::string_view PartFor(std::string_view uri) {
  const std::string_view scheme = uri.substr(0, uri.find("://"));
  if (scheme == "gs") return "gcs";
  if (scheme == "s3" || scheme == "azure") return scheme;
  if (scheme != "https" && scheme != "http") return "";
  const std::string_view rest = uri.substr(scheme.size() + 3);
  const std::string_view host = rest.substr(0, rest.find('/'));
  return host.ends_with(".blob.core.windows.net") ? "azure" : "https";
}

}  // namespace throng::reconcilers
