// What Kubernetes does to an object, and what it refuses, when the object is written: pure
// functions of the object that is there and the one that came, which the registry puts between
// reading a record and writing it. Objects are in stored form (stored_object.h).
//
// Thread-safe, except for the randomness of the context.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "kube/api_error.h"
#include "kube/kind.h"
#include "kube/objects.h"

namespace throng::kube::server {

inline constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
inline constexpr std::string_view kOrphanFinalizer = "orphan";

enum class Operation : uint8_t { kCreate, kUpdate, kDelete };
enum class FieldValidation : uint8_t { kIgnore, kWarn, kStrict };
enum class PatchType : uint8_t { kJson, kMerge, kStrategic, kApply };

// What a request is about. `name` is empty for a create.
struct Target {
  const Kind* kind = nullptr;  // of the group that was asked
  std::string name_space;      // empty for cluster kinds
  std::string name;
};

struct WriteOptions {
  bool dry_run = false;
  bool force = false;  // of an apply: fields of others are taken over
  FieldValidation field_validation = FieldValidation::kIgnore;
  std::string field_manager = {};
  bool by_controller = false;  // admission is not asked
  bool is_apply = false;       // the object brings its managedFields
};

struct DeleteOptions {
  std::optional<Propagation> propagation = {};
  std::string uid = {};               // precondition, when not empty
  std::string resource_version = {};  // precondition, when not empty
  std::optional<int64_t> grace_period_seconds = {};
  bool dry_run = false;
};

// What came of a write.
struct Written {
  Json object;
  bool created = false;
  bool deleted = false;  // it is gone
  std::vector<std::string> warnings;
};

// What is to be done with the record.
struct Plan {
  enum class Act : uint8_t { kNothing, kWrite, kDelete };
  Act act = Act::kNothing;
  Json object;
  std::vector<std::string> warnings;
};

struct RuleContext {
  WallTime now;
  Random* random = nullptr;
};

// Whether what the client sent fits what it asked: apiVersion, kind, namespace, name. Fills in what
// was left out.
std::optional<ApiError> CheckBody(const Target& target, Json& body);
// A name out of metadata.generateName, when there is one and no name.
void GenerateName(Json& object, Random& random);

// Unknown fields by the kind's schema: dropped, told in `warnings`, or refused.
std::optional<ApiError> CheckKnownFields(const Kind& kind, FieldValidation validation, Json& object,
                                         std::vector<std::string>& warnings);
// Names, labels, owner references, sizes, and the kind's schema. `old` null: a create.
std::optional<ApiError> ValidateObject(const Target& target, const Json& object, const Json* old);

// A new object: uid, times, generation; without status where that is a subresource.
Json PrepareCreate(const Kind& kind, Json object, const RuleContext& context);
// What is written when `body` comes in the place of `old`: what the server owns stays, `part` is
// taken over. An object that waits for the end and has lost its last finalizer is deleted.
ApiResult<Plan> PrepareUpdate(const Target& target, Part part, const Json& old, Json body);
ApiResult<Plan> PrepareDelete(const Target& target, const Json& old, const DeleteOptions& options,
                              const RuleContext& context);

bool IsBeingDeleted(const Json& object);
bool HasFinalizer(const Json& object, std::string_view finalizer);
}  // namespace throng::kube::server
