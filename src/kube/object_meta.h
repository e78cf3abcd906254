// Metadata of objects: reading it, the rules for names, labels and annotations with Kubernetes' own
// words, timestamps, generated names and uids. Pure functions; thread-safe but for the randomness.
//
//   std::vector<ApiCause> causes = ValidateObjectMeta(object, Scope::kNamespaced,
//   NameRule::kLabel); if (!causes.empty()) return InvalidError(kind.group, kind.kind,
//   NameOf(object), causes);
//
// What is missing or of another type reads as empty; ValidateObjectMeta refuses the latter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "kube/api_error.h"
#include "kube/kind.h"

namespace throng::kube {

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;
};

// --- Reading -----------------------------------------------------------------------------
std::string NameOf(const Json& object);
std::string NamespaceOf(const Json& object);
std::string UidOf(const Json& object);
std::string ResourceVersionOf(const Json& object);
int64_t GenerationOf(const Json& object);
std::string DeletionTimestampOf(const Json& object);  // empty: it is not being deleted
// An object; an empty one when there are none.
const Json& LabelsOf(const Json& object);
const Json& AnnotationsOf(const Json& object);
std::string LabelOf(const Json& object, std::string_view key);
std::string AnnotationOf(const Json& object, std::string_view key);
std::vector<std::string> FinalizersOf(const Json& object);
std::vector<OwnerReference> OwnerReferencesOf(const Json& object);
// The one that is marked as the controller; its uid is empty when there is none.
OwnerReference ControllerOf(const Json& object);
// As it stands in metadata.ownerReferences: what is false is left out.
Json OwnerReferenceJson(const OwnerReference& reference);

// --- Times -------------------------------------------------------------------------------
// "2021-05-22T20:56:12Z", rounded down.
std::string Timestamp(WallTime time);
// "2021-05-22T20:56:12.000345Z": Lease and Event.
std::string MicroTimestamp(WallTime time);

// --- Names -------------------------------------------------------------------------------
// Each gives what is wrong, as Kubernetes says it; nothing when the text is right.
std::vector<std::string> CheckDns1123Subdomain(std::string_view text);
std::vector<std::string> CheckDns1123Label(std::string_view text);
std::vector<std::string> CheckDns1035Label(std::string_view text);
// Keys of labels and annotations, finalizers: "example.com/MyName".
std::vector<std::string> CheckQualifiedName(std::string_view text);
std::vector<std::string> CheckLabelValue(std::string_view text);
// [a-z]([-a-z0-9]*[a-z0-9])? of any length: names of InferenceServices.
bool IsDns1035Shaped(std::string_view text);

enum class NameRule : uint8_t {
  kSubdomain,    // most kinds
  kLabel,        // namespaces
  kDns1035,      // services
  kPathSegment,  // what only must stand in a URL: role bindings, leases of old
};
// `is_prefix`: of metadata.generateName, which may end with a dash.
std::vector<std::string> CheckName(NameRule rule, std::string_view name, bool is_prefix);

// --- Validation --------------------------------------------------------------------------
std::vector<ApiCause> ValidateLabels(const Json& labels, const std::string& field);
std::vector<ApiCause> ValidateAnnotations(const Json& annotations, const std::string& field);
std::vector<ApiCause> ValidateOwnerReferences(const Json& references, const std::string& field);
std::vector<ApiCause> ValidateFinalizers(const Json& finalizers, const std::string& field);
// Of an object that is stored for the first time, name and namespace filled in.
std::vector<ApiCause> ValidateObjectMeta(const Json& object, Scope scope, NameRule rule);
// What must not change. To be asked together with ValidateObjectMeta.
std::vector<ApiCause> ValidateObjectMetaUpdate(const Json& object, const Json& old);

// --- Made by the server ------------------------------------------------------------------
// `base` (cut to 58 bytes) with five characters that form no words.
std::string GeneratedName(std::string_view base, Random& random);
// Version 4: "8c0e9b5e-0f3d-4c39-9d2c-8c5a3f1b7a10".
std::string MakeUid(Random& random);

}  // namespace throng::kube
