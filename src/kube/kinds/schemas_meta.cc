#include "kube/kinds/schemas.h"

namespace throng::kube::schemas {
namespace {

// Texts that all writers add to.
constexpr Schema MergedSet() {
  Schema schema = SetOf(kText);
  schema.patch_merges = true;
  return schema;
}
constexpr Schema kMergedTextSet = MergedSet();

constexpr Schema kFieldTree = OpenObject("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
                                         "Fields, as a tree of their names.");

constexpr Field kManagedFieldsEntryFields[] = {
    {"apiVersion", &kText, "The version that the fields are of."},
    {"fieldsType", &kText, "Format of the fields: FieldsV1."},
    {"fieldsV1", &kFieldTree, "The fields, as a tree."},
    {"manager", &kText, "Who owns them."},
    {"operation", &kText, "How they were written: Apply or Update."},
    {"subresource", &kText, "The subresource by which they were written."},
    {"time", &kTime, "When the writer changed them last."},
};
constexpr Schema kManagedFieldsEntry =
    Object("io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry", kManagedFieldsEntryFields,
           "The fields that one writer owns.");

constexpr Field kOwnerReferenceFields[] = {
    {"apiVersion", &kText, "Group and version of the owner.", true},
    {"blockOwnerDeletion", &kBoolean,
     "The owner stays until this object is gone, when its end is asked for in the foreground."},
    {"controller", &kBoolean, "The owner manages this object; at most one does."},
    {"kind", &kText, "Kind of the owner.", true},
    {"name", &kText, "Name of the owner.", true},
    {"uid", &kText, "Uid of the owner.", true},
};
constexpr Schema kOwnerReference =
    AtomicObject("io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference", kOwnerReferenceFields,
                 "An object that this one depends on, in the same namespace.");

constexpr Schema kManagedFieldsEntryList = ListOf(kManagedFieldsEntry);
constexpr Schema kOwnerReferences = KeyedList(kOwnerReference, kByUid);
constexpr Field kObjectMetaFields[] = {
    {"annotations", &kTextMap, "Notes for tools; not used to select objects."},
    {"creationTimestamp", &kTime, "When the object was created; set by the server."},
    {"deletionGracePeriodSeconds", &kInteger64,
     "Seconds that the object may take to end; set by the server."},
    {"deletionTimestamp", &kTime,
     "When the object shall be gone; set by the server when its end was asked for."},
    {"finalizers", &kMergedTextSet,
     "The object stays, marked as deleted, until this list is empty."},
    {"generateName", &kText,
     "Start of the name, which the server completes when there is no name."},
    {"generation", &kInteger64, "Counts the changes of what is wanted; set by the server."},
    {"labels", &kTextMap, "Keys and values by which objects are selected."},
    {"managedFields", &kManagedFieldsEntryList, "Who owns which fields; kept by the server."},
    {"name", &kText, "Name of the object, unique among objects of its kind in the namespace."},
    {"namespace", &kText, "The namespace that the object is in."},
    {"ownerReferences", &kOwnerReferences,
     "Objects that this one depends on; it is removed when all of them are gone."},
    {"resourceVersion", &kText, "Changes with every change of the object; for comparison only."},
    {"selfLink", &kText, "No longer set."},
    {"uid", &kText, "Tells this object from any other one, also from later ones of the same name."},
};
}  // namespace

constinit const Schema kObjectMeta =
    Object("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", kObjectMetaFields,
           "What all objects have: their name, labels and history.");

namespace {

constexpr Field kLabelSelectorRequirementFields[] = {
    {"key", &kText, "The label.", true},
    {"operator", &kText, "In, NotIn, Exists or DoesNotExist.", true},
    {"values", &kTextList, "The values, for In and NotIn."},
};
constexpr Schema kLabelSelectorRequirement =
    Object("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
           kLabelSelectorRequirementFields, "A condition on one label.");

constexpr Schema kLabelSelectorRequirementList = ListOf(kLabelSelectorRequirement);
constexpr Field kLabelSelectorFields[] = {
    {"matchExpressions", &kLabelSelectorRequirementList, "Conditions on labels."},
    {"matchLabels", &kTextMap, "Labels that an object must have, with these values."},
};
}  // namespace

constinit const Schema kLabelSelector =
    AtomicObject("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", kLabelSelectorFields,
                 "Which objects are meant, by their labels. All conditions must hold; none of "
                 "them: all objects.");

namespace {

constexpr Field kConditionFields[] = {
    {"lastTransitionTime", &kTime, "When the status changed last.", true},
    {"message", &kText, "What is the case, for people.", true},
    {"observedGeneration", &kInteger64, "The generation of the object that it is about."},
    {"reason", &kText, "Why, in one word.", true},
    {"status", &kText, "True, False or Unknown.", true},
    {"type", &kText, "The aspect.", true},
};
}  // namespace

constinit const Schema kCondition =
    Object("io.k8s.apimachinery.pkg.apis.meta.v1.Condition", kConditionFields,
           "One aspect of the state of an object.");

namespace {

constexpr Field kListMetaFields[] = {
    {"continue", &kText, "Token for the next part of a long list."},
    {"remainingItemCount", &kInteger64, "How many objects follow after this part."},
    {"resourceVersion", &kText, "The state that the list shows; where a watch goes on."},
    {"selfLink", &kText, "No longer set."},
};

constexpr Field kPreconditionsFields[] = {
    {"resourceVersion", &kText, "The version that the object must have."},
    {"uid", &kText, "The uid that the object must have."},
};
constexpr Schema kPreconditions =
    Object("io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions", kPreconditionsFields,
           "What must hold for the object to be removed.");

constexpr Field kDeleteOptionsFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"dryRun", &kTextList, "All: nothing is written."},
    {"gracePeriodSeconds", &kInteger64, "Seconds that the object may take to end."},
    {"kind", &kText, kKindText},
    {"orphanDependents", &kBoolean, "Old form of the policy Orphan."},
    {"preconditions", &kPreconditions, "What must hold for the object to be removed."},
    {"propagationPolicy", &kText, "Background, Foreground or Orphan: what becomes of dependents."},
};

constexpr Field kStatusCauseFields[] = {
    {"field", &kText, "The field that it is about."},
    {"message", &kText, "What is wrong, for people."},
    {"reason", &kText, "What is wrong, in one word."},
};
constexpr Schema kStatusCause = Object("io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause",
                                       kStatusCauseFields, "One thing that is wrong.");
constexpr Schema kStatusCauseList = ListOf(kStatusCause);

constexpr Field kStatusDetailsFields[] = {
    {"causes", &kStatusCauseList, "All that is wrong."},
    {"group", &kText, "Group of the resource."},
    {"kind", &kText, "The resource or its kind."},
    {"name", &kText, "Name of the object."},
    {"retryAfterSeconds", &kInteger32, "Seconds after which it makes sense to ask again."},
    {"uid", &kText, "Uid of the object."},
};
constexpr Schema kStatusDetails = Object("io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails",
                                         kStatusDetailsFields, "What an answer is about.");

constexpr Field kStatusFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"code", &kInteger32, "Status of HTTP."},
    {"details", &kStatusDetails, "What it is about."},
    {"kind", &kText, kKindText},
    {"message", &kText, "What happened, for people."},
    {"metadata", &kListMeta, "Nothing of interest."},
    {"reason", &kText, "Why it was refused, in one word."},
    {"status", &kText, "Success or Failure."},
};

}  // namespace

constinit const Schema kListMeta =
    Object("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta", kListMetaFields, "What lists have.");
constinit const Schema kDeleteOptions = Object("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
                                               kDeleteOptionsFields, "How an object is removed.");
constinit const Schema kStatus = Object("io.k8s.apimachinery.pkg.apis.meta.v1.Status",
                                        kStatusFields, "An answer that is no object.");

}  // namespace throng::kube::schemas
