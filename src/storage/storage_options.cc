#include "storage/storage_options.h"

#include <optional>

namespace throng::storage {
namespace {

// "http://host:port" of an endpoint's variable, which may lack the scheme.
Result<std::string> Endpoint(const char* name, std::string text, AddressPolicy& addresses) {
  if (text.find("://") == std::string::npos) text = "http://" + text;
  while (text.ends_with('/')) text.pop_back();
  // With a name behind it, it must be an address; without one it would be refused for having none.
  const Result<StorageUri> uri = ParseStorageUri(text + "/name");
  if (!uri.ok() || !text.starts_with("http") || !uri->query.empty()) {
    return InvalidArgumentError(std::string(name) + ": not host:port or http(s)://host:port");
  }
  addresses.allowed_hosts.push_back(uri->authority.find(':') != std::string::npos
                                        ? uri->authority
                                        : uri->authority +
                                              (uri->scheme == "https" ? ":443" : ":80"));
  return text;
}

}  // namespace

Result<StorageOptions> StorageOptionsFromEnvironment(
    const std::function<const char*(const char* name)>& lookup) {
  const auto value = [&lookup](const char* name) {
    const char* text = lookup(name);
    return std::string(text == nullptr ? "" : text);
  };
  StorageOptions options;
  if (const std::string text = value("STORAGE_EMULATOR_HOST"); !text.empty()) {
    THRONG_ASSIGN_OR_RETURN(options.gcs_endpoint,
                            Endpoint("STORAGE_EMULATOR_HOST", text, options.addresses));
  }
  for (const char* name : {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}) {
    const std::string text = value(name);
    if (text.empty() || !options.s3_endpoint.empty()) continue;
    THRONG_ASSIGN_OR_RETURN(options.s3_endpoint, Endpoint(name, text, options.addresses));
  }
  if (const std::string text = value("AZURE_STORAGE_SERVICE_ENDPOINT"); !text.empty()) {
    THRONG_ASSIGN_OR_RETURN(options.azure_endpoint,
                            Endpoint("AZURE_STORAGE_SERVICE_ENDPOINT", text, options.addresses));
  }
  options.ca_bundle = value("SSL_CERT_FILE");
  if (options.ca_bundle.empty()) options.ca_bundle = value("AWS_CA_BUNDLE");
  return options;
}

}  // namespace throng::storage
