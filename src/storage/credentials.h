// Credentials: what a store wants to know of whoever reads a model. Given by the caller for each
// fetch (from Secrets, as KServe reads them); empty fields mean an anonymous read. Values: nothing
// here prints itself, and no error, log line or report ever holds any of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

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
  HttpsCredentials https;
  AzureCredentials azure;
};

}  // namespace throng::storage
