// ModelSpec: what one model of this replica is to be, as an assignment of the API (or a row of
// KServe's models.json) says it. A value.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/status.h"

namespace throng::agent {

using Json = nlohmann::json;

// Which storage credentials a model is fetched with, or why that cannot be. What they are is never
// part of it: a specification lies on disk.
struct CredentialsName {
  std::string version;  // empty: none are needed
  std::string reason;   // not empty: they are not there, and nothing can be fetched
  std::string message;
  bool operator==(const CredentialsName&) const = default;
};

struct ModelSpec {
  std::string model;  // checked: it names a directory
  std::string uid;    // another one when it was deleted and made again
  int64_t generation = 0;
  std::string storage_uri;
  std::string framework;
  std::string memory;  // "1Gi"
  int64_t memory_bytes = 0;
  std::chrono::seconds deadline{120};  // of one attempt, download and load together
  std::string sha256;                  // what the bytes must be; empty: not said
  std::string reload;                  // another text: fetch and load again
  std::chrono::seconds refresh{0};     // look for new bytes that often; 0: never

  CredentialsName credentials;

  bool operator==(const ModelSpec&) const = default;
};

// A name that is a path component of ours and a path component of a URL, and nothing else.
// ERRORS: kInvalidArgument — the rule.
Status CheckModelName(std::string_view name);

// `spec` is that of a ModelAssignment. ERRORS: kInvalidArgument — the field.
Result<ModelSpec> SpecFromJson(const Json& spec);
Json SpecToJson(const ModelSpec& spec);

// The same bytes are wanted, for the same object: nothing is to be fetched.
bool WantsSameBytes(const ModelSpec& a, const ModelSpec& b);

// The name of the file that says that a model is there as a whole, as KServe names it: "SUCCESS."
// and the SHA-256 of Go's print of the model's spec.
std::string SuccessFileName(const ModelSpec& spec);

}  // namespace throng::agent
