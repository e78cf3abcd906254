#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "storage/credentials.h"

namespace throng::storage {
namespace {

using Json = nlohmann::json;
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kHeadersSuffix = "-headers";

Variables Read(const std::vector<std::string>& environment) {
  Variables variables;
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos) variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return variables;
}

std::string ValueOf(const Variables& variables, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto found = variables.find(name);
    if (found != variables.end() && !found->second.empty()) return found->second;
  }
  return "";
}

bool Is(const Variables& variables, std::string_view name, std::string_view digit,
        std::string_view word) {
  std::string value = ValueOf(variables, {name});
  for (char& c : value) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return value == digit || value == word;
}

// {"Name":"value"}, or lines "Name: value".
Result<std::vector<std::pair<std::string, std::string>>> HeadersOf(const std::string& variable,
                                                                   const std::string& text) {
  std::vector<std::pair<std::string, std::string>> headers;
  if (const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
      object.is_object()) {
    for (const auto& [name, value] : object.items()) {
      headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return headers;
  }
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    start = end + 1;
    if (line.empty()) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      return InvalidArgumentError(variable + ": not a JSON object or lines \"Name: value\"");
    }
    const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    headers.emplace_back(line.substr(0, colon), line.substr(value));
  }
  return headers;
}

}  // namespace

Result<Credentials> CredentialsFromEnvironment(
    const std::vector<std::string>& environment,
    const std::function<Result<std::string>(const std::string& path)>& read_file) {
  const Variables variables = Read(environment);
  Credentials credentials;
  S3Credentials& s3 = credentials.s3;
  s3.access_key_id = ValueOf(variables, {"AWS_ACCESS_KEY_ID"});
  s3.secret_access_key = ValueOf(variables, {"AWS_SECRET_ACCESS_KEY"});
  s3.session_token = ValueOf(variables, {"AWS_SESSION_TOKEN"});
  s3.region = ValueOf(variables, {"AWS_DEFAULT_REGION", "AWS_REGION"});
  s3.anonymous = Is(variables, "awsAnonymousCredential", "1", "true");
  s3.virtual_hosted = Is(variables, "S3_USER_VIRTUAL_BUCKET", "1", "true");
  credentials.azure.account_key = ValueOf(variables, {"AZURE_STORAGE_ACCESS_KEY"});
  if (const std::string path = ValueOf(variables, {"GOOGLE_APPLICATION_CREDENTIALS"});
      !path.empty()) {
    auto key = read_file(path);
    if (!key.ok()) return key.status().WithContext("GOOGLE_APPLICATION_CREDENTIALS");
    credentials.gcs.service_account_json = std::move(*key);
  }
  for (const auto& [name, value] : variables) {
    if (!name.ends_with(kHeadersSuffix) || name.size() == kHeadersSuffix.size()) continue;
    THRONG_ASSIGN_OR_RETURN(auto headers, HeadersOf(name, value));
    credentials.https.push_back(
        {name.substr(0, name.size() - kHeadersSuffix.size()), std::move(headers)});
  }
  return credentials;
}

}  // namespace throng::storage
