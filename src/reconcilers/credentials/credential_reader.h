// What KServe's users keep of storage credentials in Secrets, gathered into the one document that a
// replica's agent is given (storage/credentials.h has its shape). Pure: objects come from a reader.
//
//   CredentialSet set = GatherCredentials({.account = "models-reader"}, config, read);
//
// A value of a Secret is in `document` and nowhere else: not in a problem's words, not in
// `version`.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kube/json.h"

namespace throng::reconcilers {

// Key `credentials` of inferenceservice-config.
struct CredentialsConfig {
  std::string s3_key_id_name;  // of the Secret's entry; empty: AWS_ACCESS_KEY_ID, awsAccessKeyID
  std::string s3_secret_name;  // empty: AWS_SECRET_ACCESS_KEY, awsSecretAccessKey
  kube::Json s3 = kube::Json::object();  // s3Endpoint, s3UseHttps, ...: where an annotation is not
  std::string gcs_file_name = "gcloud-application-credentials.json";
  std::string storage_secret = "storage-config";
  std::string secret_annotation = "serving.kserve.io/secretName";
  bool operator==(const CredentialsConfig&) const = default;
};
// ERRORS: kInvalidArgument — no JSON object.
Result<CredentialsConfig> ReadCredentialsConfig(std::string_view text);

// Where an InferenceService, and a model of it, say that their credentials are.
struct CredentialsAsked {
  std::string account;      // spec.predictor.serviceAccountName; empty: "default", when it is there
  std::string secret;       // of an annotation: this Secret instead of the account's
  std::string storage_key;  // annotation throng.dev/storage-key: this entry of the storage Secret
};
CredentialsAsked AskedBy(const kube::Json& inference_service, const CredentialsConfig& config);

struct CredentialProblem {
  std::string reason;  // "SecretNotFound"
  std::string message;
};

struct CredentialSet {
  // Another one when anything that was read is another one; no content is in it.
  std::string version;
  kube::Json document = kube::Json::object();
  // Why nothing can be fetched: by part of the document ("s3"); "": none at all.
  std::map<std::string, CredentialProblem> problems;
  std::vector<std::string> ignored;  // for people
  // Resource and name of all that was looked for, there or not.
  std::set<std::pair<std::string, std::string>> depends;
};

// Of one namespace. Nothing: it is not there.
using ObjectReader =
    std::function<std::optional<kube::Json>(std::string_view resource, const std::string& name)>;

CredentialSet GatherCredentials(const CredentialsAsked& asked, const CredentialsConfig& config,
                                const ObjectReader& read);

// The part of the document that an address needs: "s3", "gcs", "azure", "https"; empty: none.
std::string_view PartFor(std::string_view storage_uri);

}  // namespace throng::reconcilers
