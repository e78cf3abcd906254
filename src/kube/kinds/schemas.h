// The schemas of all kinds, and the parts that they share. Made of constants: they cost no memory
// of the process until OpenAPI is asked for.
//
//   kind.schema = &schemas::kTrainedModel;
//
// Thread-safe: constants.
#pragma once

#include "kube/kinds/schema.h"

namespace throng::kube::schemas {

// Kinds. schemas_pod.cc, schemas_core.cc
extern const Schema kPod;
extern const Schema kConfigMap;
extern const Schema kSecret;
extern const Schema kService;
extern const Schema kServiceAccount;
extern const Schema kNamespace;
extern const Schema kEvent;
extern const Schema kJob;
extern const Schema kLease;
// schemas_serving.cc
extern const Schema kInferenceService;
extern const Schema kTrainedModel;
extern const Schema kServingRuntime;
extern const Schema kModelAssignment;
extern const Schema kGatewayRoute;

// Parts. schemas_meta.cc
extern const Schema kObjectMeta;
extern const Schema kListMeta;
extern const Schema kLabelSelector;
extern const Schema kCondition;
extern const Schema kDeleteOptions;
extern const Schema kStatus;
// schemas_container.cc
extern const Schema kContainer;
extern const Schema kResourceRequirements;
extern const Schema kAppArmorProfile;
extern const Schema kSelinuxOptions;
extern const Schema kSeccompProfile;
extern const Schema kWindowsSecurityContextOptions;
extern const Schema kLocalObjectReference;
extern const Schema kVolume;
// schemas_pod.cc
extern const Schema kPodSpec;
extern const Schema kPodTemplateSpec;

// Plain values.
inline constexpr Schema kText = Text();
inline constexpr Schema kBytes = Text("byte");
inline constexpr Schema kBoolean = Plain(SchemaType::kBoolean);
inline constexpr Schema kInteger32 = Plain(SchemaType::kInteger, "int32");
inline constexpr Schema kInteger64 = Plain(SchemaType::kInteger, "int64");
// A part with a name of its own in OpenAPI.
constexpr Schema NamedValue(SchemaType type, std::string_view name, std::string_view format,
                            std::string_view description) {
  Schema schema = Plain(type, format);
  schema.name = name;
  schema.description = description;
  return schema;
}
inline constexpr Schema kTime =
    NamedValue(SchemaType::kString, "io.k8s.apimachinery.pkg.apis.meta.v1.Time", "date-time",
               "A time, as RFC 3339 writes it.");
inline constexpr Schema kMicroTime =
    NamedValue(SchemaType::kString, "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "date-time",
               "A time with microseconds, as RFC 3339 writes it.");
inline constexpr Schema kQuantity =
    NamedValue(SchemaType::kQuantity, "io.k8s.apimachinery.pkg.api.resource.Quantity", "",
               "A number with a unit: 500m, 1.5, 2Gi.");
inline constexpr Schema kIntOrString =
    NamedValue(SchemaType::kIntOrString, "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
               "int-or-string", "A number, or a text.");
inline constexpr Schema kTextList = ListOf(kText);
inline constexpr Schema kTextSet = SetOf(kText);
inline constexpr Schema kTextMap = MapOf(kText);
inline constexpr Schema kAtomicTextMap = AtomicMapOf(kText);
inline constexpr Schema kBytesMap = MapOf(kBytes);
inline constexpr Schema kQuantityMap = MapOf(kQuantity);

// Keys of lists.
inline constexpr std::string_view kByName[] = {"name"};
inline constexpr std::string_view kByType[] = {"type"};
inline constexpr std::string_view kByUid[] = {"uid"};
inline constexpr std::string_view kByIp[] = {"ip"};
inline constexpr std::string_view kByMountPath[] = {"mountPath"};
inline constexpr std::string_view kByDevicePath[] = {"devicePath"};

// Descriptions of what every object has.
inline constexpr std::string_view kApiVersionText = "Group and version of the kind: GROUP/VERSION.";
inline constexpr std::string_view kKindText = "The kind of object.";
inline constexpr std::string_view kMetadataText = "Name, labels and history of the object.";

}  // namespace throng::kube::schemas
