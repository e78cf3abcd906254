#include "storage/credentials.h"

#include <nlohmann/json.hpp>

namespace throng::storage {
namespace {

using Json = nlohmann::json;

Status Wrong(const char* field) {
  return InvalidArgumentError(std::string("credentials: ") + field + " is not what it must be");
}

Status ReadText(const Json& object, const char* field, std::string& target) {
  const auto found = object.find(field);
  if (found == object.end()) return OkStatus();
  if (!found->is_string()) return Wrong(field);
  target = found->get<std::string>();
  return OkStatus();
}

Status ReadFlag(const Json& object, const char* field, bool& target) {
  const auto found = object.find(field);
  if (found == object.end()) return OkStatus();
  if (!found->is_boolean()) return Wrong(field);
  target = found->get<bool>();
  return OkStatus();
}

// Null: it is not there.
Result<const Json*> Part(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) return static_cast<const Json*>(nullptr);
  if (!found->is_object()) return Wrong(field);
  return &*found;
}

Status ReadS3(const Json& object, S3Credentials& s3) {
  THRONG_RETURN_IF_ERROR(ReadText(object, "accessKeyId", s3.access_key_id));
  THRONG_RETURN_IF_ERROR(ReadText(object, "secretAccessKey", s3.secret_access_key));
  THRONG_RETURN_IF_ERROR(ReadText(object, "sessionToken", s3.session_token));
  THRONG_RETURN_IF_ERROR(ReadText(object, "endpoint", s3.endpoint));
  THRONG_RETURN_IF_ERROR(ReadText(object, "region", s3.region));
  THRONG_RETURN_IF_ERROR(ReadFlag(object, "anonymous", s3.anonymous));
  THRONG_RETURN_IF_ERROR(ReadFlag(object, "virtualHosted", s3.virtual_hosted));
  THRONG_RETURN_IF_ERROR(ReadFlag(object, "verifyTls", s3.verify_tls));
  return ReadText(object, "caPem", s3.ca_pem);
}

Status ReadHttps(const Json& list, std::vector<HttpsCredentials>& https) {
  if (!list.is_array()) return Wrong("https");
  for (const Json& item : list) {
    if (!item.is_object()) return Wrong("https");
    HttpsCredentials credentials;
    THRONG_RETURN_IF_ERROR(ReadText(item, "host", credentials.host));
    const auto headers = item.find("headers");
    if (headers == item.end() || !headers->is_array()) return Wrong("headers");
    for (const Json& header : *headers) {
      if (!header.is_array() || header.size() != 2 || !header[0].is_string() ||
          !header[1].is_string()) {
        return Wrong("headers");
      }
      credentials.headers.emplace_back(header[0].get<std::string>(), header[1].get<std::string>());
    }
    https.push_back(std::move(credentials));
  }
  return OkStatus();
}

}  // namespace

Result<Credentials> CredentialsFromText(std::string_view text) {
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return InvalidArgumentError("credentials: no JSON object");
  Credentials credentials;
  THRONG_ASSIGN_OR_RETURN(const Json* gcs, Part(object, "gcs"));
  if (gcs != nullptr) {
    THRONG_RETURN_IF_ERROR(ReadText(*gcs, "serviceAccount", credentials.gcs.service_account_json));
  }
  THRONG_ASSIGN_OR_RETURN(const Json* s3, Part(object, "s3"));
  if (s3 != nullptr) THRONG_RETURN_IF_ERROR(ReadS3(*s3, credentials.s3));
  THRONG_ASSIGN_OR_RETURN(const Json* azure, Part(object, "azure"));
  if (azure != nullptr) {
    THRONG_RETURN_IF_ERROR(ReadText(*azure, "accountKey", credentials.azure.account_key));
    THRONG_RETURN_IF_ERROR(ReadText(*azure, "sasToken", credentials.azure.sas_token));
  }
  if (const auto https = object.find("https"); https != object.end()) {
    THRONG_RETURN_IF_ERROR(ReadHttps(*https, credentials.https));
  }
  return credentials;
}

}  // namespace throng::storage
