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

Result<ClaimOption> ParseClaimOption(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return InvalidArgumentError("pvc: not CLAIM=DIRECTORY or NAMESPACE/CLAIM=DIRECTORY");
  }
  std::string_view name = text.substr(0, equals);
  ClaimOption option{.directory = std::string(text.substr(equals + 1))};
  if (const size_t slash = name.find('/'); slash != std::string_view::npos) {
    option.name_space = name.substr(0, slash);
    name = name.substr(slash + 1);
    if (!CheckClaimName(option.name_space).ok()) {
      return InvalidArgumentError("pvc: what stands before '/' is not a namespace's name");
    }
  }
  option.claim = name;
  if (const Status checked = CheckClaimName(name); !checked.ok()) {
    return checked.WithContext("pvc");
  }
  while (option.directory.size() > 1 && option.directory.ends_with('/')) {
    option.directory.pop_back();
  }
  if (!option.directory.starts_with('/') || option.directory == "/") {
    return InvalidArgumentError("pvc: the directory must be an absolute path other than '/'");
  }
  return option;
}

std::map<std::string, std::string, std::less<>> ClaimsOf(const std::vector<ClaimOption>& options,
                                                         std::string_view name_space) {
  std::map<std::string, std::string, std::less<>> claims;
  for (const bool own : {false, true}) {
    for (const ClaimOption& option : options) {
      const bool fits = own ? !option.name_space.empty() && option.name_space == name_space
                            : option.name_space.empty();
      if (fits) claims[option.claim] = option.directory;
    }
  }
  return claims;
}

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
