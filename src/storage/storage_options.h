// StorageOptions: what the operator decides about fetching, for all models alike. A value.
//
//   THRONG_ASSIGN_OR_RETURN(StorageOptions options, StorageOptionsFromEnvironment(getenv));
//   options.file_roots = {"/srv/models"};
//   THRONG_ASSIGN_OR_RETURN(Mirror mirror, ParseMirror("gs://kfserving-examples/=/srv/examples"));
//   options.mirrors.push_back(std::move(mirror));
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/control_limits.h"
#include "base/status.h"
#include "storage/mirror.h"
#include "storage/storage_provider.h"

namespace throng::storage {

struct StorageOptions {
  AddressPolicy addresses;
  std::vector<std::string> file_roots;  // absolute; file:// is refused outside of them
  std::vector<Mirror> mirrors;
  std::string gcs_endpoint;  // "http://127.0.0.1:4443"; empty: Google's
  std::string s3_endpoint;   // empty: Amazon's
  // "http://127.0.0.1:10000": accounts are folders of it. Empty: https://ACCOUNT.blob...
  std::string azure_endpoint;
  // Directories that stand for PersistentVolumeClaims (--pvc), by the claim's name.
  std::map<std::string, std::string, std::less<>> claims;
  std::string ca_bundle;  // a file of certificates; empty: the system's
  std::string ca_pem;     // certificates themselves, instead of the file
  bool verify_tls = true;
  // "http://host:port": everything but `addresses.allowed_hosts` goes through it. It resolves the
  // names, so that the policy sees numeric hosts only. The environment's proxies are never used.
  std::string proxy;
  Duration connect_timeout = limits::kStorageConnectTimeout;
  // Fewer bytes a second than `low_speed_bytes`, for this long: given up and asked again.
  std::chrono::seconds low_speed_time = limits::kStorageLowSpeedTime;
  long low_speed_bytes = limits::kStorageLowSpeedBytes;
};

// "CLAIM=DIRECTORY" or "NAMESPACE/CLAIM=DIRECTORY", as --pvc has it.
struct ClaimOption {
  std::string name_space;  // empty: of every namespace
  std::string claim;
  std::string directory;  // absolute
};
// ERRORS: kInvalidArgument — says which rule of the option is broken.
Result<ClaimOption> ParseClaimOption(std::string_view text);
// Those that a replica of `name_space` may use: its namespace's own come before everybody's, and of
// the same name the last one counts.
std::map<std::string, std::string, std::less<>> ClaimsOf(const std::vector<ClaimOption>& options,
                                                         std::string_view name_space);

// STORAGE_EMULATOR_HOST, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AZURE_STORAGE_SERVICE_ENDPOINT,
// and SSL_CERT_FILE or AWS_CA_BUNDLE. `lookup` is getenv or a fake; null: not set. The hosts of
// endpoints are allowed by the address policy, because they are the operator's. ERRORS:
// kInvalidArgument — names the variable.
Result<StorageOptions> StorageOptionsFromEnvironment(
    const std::function<const char*(const char* name)>& lookup);

}  // namespace throng::storage
