// Credentials: what a store wants to know of whoever reads a model. Given by the caller for each
// fetch (from Secrets, as KServe reads them); empty fields mean an anonymous read. Values: nothing
// here prints itself, and no error, log line or report ever holds any of it.
//
//   THRONG_ASSIGN_OR_RETURN(request.credentials, CredentialsFromText(text));
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace throng::storage {

struct GcsCredentials {
  std::string service_account_json;  // a key file, "type": "service_account"
  std::string bearer_token;          // used as it is, when there is no key
};

struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string endpoint;  // "https://host:port"; empty: the operator's, else Amazon's
  std::string region;    // empty: us-east-1
  bool anonymous = false;
  bool virtual_hosted = false;  // https://BUCKET.host instead of https://host/BUCKET
  bool verify_tls = true;
  std::string ca_pem;  // certificates that vouch for the endpoint; empty: the operator's
};

struct HttpsCredentials {
  std::string host;  // the headers are sent to this host only, never after a redirect elsewhere
  std::vector<std::pair<std::string, std::string>> headers;
};

struct AzureCredentials {
  std::string account_key;  // base64
  std::string sas_token;    // without '?'
};

struct Credentials {
  GcsCredentials gcs;
  S3Credentials s3;
  std::vector<HttpsCredentials> https;  // of one host the last one counts
  AzureCredentials azure;
};

// From the JSON that a replica's agent is given; what is missing is empty:
//
//   {"gcs":{"serviceAccount":"{...}"},
//    "s3":{"accessKeyId":"","secretAccessKey":"","sessionToken":"","endpoint":"","region":"",
//          "anonymous":false,"virtualHosted":false,"verifyTls":true,"caPem":""},
//    "azure":{"accountKey":"","sasToken":""},
//    "https":[{"host":"","headers":[["Authorization","Bearer ..."]]}]}
//
// ERRORS: kInvalidArgument — names the field, never a value.
Result<Credentials> CredentialsFromText(std::string_view text);

// As KServe gives them to its agent's container: AWS_ACCESS_KEY_ID and its like,
// GOOGLE_APPLICATION_CREDENTIALS (a file), AZURE_STORAGE_ACCESS_KEY, HOST-headers. `environment`:
// "NAME=value". ERRORS: kInvalidArgument — names the variable; of `read_file`.
Result<Credentials> CredentialsFromEnvironment(
    const std::vector<std::string>& environment,
    const std::function<Result<std::string>(const std::string& path)>& read_file);

}  // namespace throng::storage
