// The part of the credentials document for S3, from the spellings that KServe knows. Internal to
// credentials/. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/json.h"
#include "reconcilers/credentials/credential_reader.h"

namespace throng::reconcilers {

// The decoded entry of a Secret; empty: it is not there (or is no text).
using SecretEntry = std::function<std::string(std::string_view name)>;
// Certificates in a ConfigMap, under `key`; empty: there are none.
using BundleReader =
    std::function<std::string(const std::string& config_map, std::string_view key)>;

// Everything but the keys: of the annotations, else of the Secret's entries, else of `config`.
// What cannot be done is added to `ignored`, with `owner` as its subject.
kube::Json S3Settings(const kube::Json& object, const SecretEntry& entry,
                      const CredentialsConfig& config, const BundleReader& bundle,
                      const std::string& owner, std::vector<std::string>& ignored);

// The same of an entry of the storage Secret, keys included: {"type":"s3","access_key_id":...}.
kube::Json S3FromStorageEntry(const kube::Json& entry, const BundleReader& bundle);

}  // namespace throng::reconcilers
