#include "kube/kinds/schemas.h"

// The kinds of Kubernetes besides pods.
namespace throng::kube::schemas {
namespace {

constexpr Field kConfigMapFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"binaryData", &kBytesMap, "Entries of any bytes, in base64."},
    {"data", &kTextMap, "Entries of text."},
    {"immutable", &kBoolean, "The entries can no longer be changed."},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
};
}  // namespace

constinit const Schema kConfigMap =
    Object("io.k8s.api.core.v1.ConfigMap", kConfigMapFields, "Settings for programs.");

namespace {

constexpr Field kSecretFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"data", &kBytesMap, "Entries, in base64."},
    {"immutable", &kBoolean, "The entries can no longer be changed."},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"stringData", &kTextMap, "Entries as text; written into data, never shown."},
    {"type", &kText, "What it is for."},
};
}  // namespace

constinit const Schema kSecret =
    Object("io.k8s.api.core.v1.Secret", kSecretFields, "Settings that not everyone may read.");

namespace {

constexpr std::string_view kProtocolValues[] = {"SCTP", "TCP", "UDP"};
constexpr Schema kProtocol = OneOf(kProtocolValues);
constexpr Field kServicePortFields[] = {
    {"appProtocol", &kText, "Protocol above the transport."},
    {"name", &kText, "Name of the port."},
    {"nodePort", &kInteger32, "Port of every machine."},
    {"port", &kInteger32, "Port of the service.", true},
    {"protocol", &kProtocol, "TCP, UDP or SCTP."},
    {"targetPort", &kIntOrString, "Port of the pods."},
};
constexpr Schema kServicePort =
    Object("io.k8s.api.core.v1.ServicePort", kServicePortFields, "A port of a service.");

constexpr Field kClientIpconfigFields[] = {
    {"timeoutSeconds", &kInteger32, "For how long."},
};
constexpr Schema kClientIpconfig =
    Object("io.k8s.api.core.v1.ClientIPConfig", kClientIpconfigFields, "Clients by their address.");

constexpr Field kSessionAffinityConfigFields[] = {
    {"clientIP", &kClientIpconfig, "By their address."},
};
constexpr Schema kSessionAffinityConfig =
    Object("io.k8s.api.core.v1.SessionAffinityConfig", kSessionAffinityConfigFields,
           "How clients stay at one pod.");

constexpr std::string_view kByPortAndProtocol[] = {"port", "protocol"};
constexpr Schema kServicePorts = KeyedList(kServicePort, kByPortAndProtocol);
constexpr std::string_view kSessionAffinityValues[] = {"ClientIP", "None"};
constexpr Schema kSessionAffinity = OneOf(kSessionAffinityValues);
constexpr std::string_view kServiceTypeValues[] = {"ClusterIP", "ExternalName", "LoadBalancer",
                                                   "NodePort"};
constexpr Schema kServiceType = OneOf(kServiceTypeValues);
constexpr Field kServiceSpecFields[] = {
    {"allocateLoadBalancerNodePorts", &kBoolean,
     "Whether ports of machines are set aside for a load balancer."},
    {"clusterIP", &kText, "Address within the cluster; None: it has none."},
    {"clusterIPs", &kTextList, "Addresses within the cluster."},
    {"externalIPs", &kTextList, "Addresses outside that lead to it."},
    {"externalName", &kText, "Host that it stands for."},
    {"externalTrafficPolicy", &kText, "Cluster or Local: which pods get requests from outside."},
    {"healthCheckNodePort", &kInteger32, "Port for health checks of a load balancer."},
    {"internalTrafficPolicy", &kText, "Cluster or Local: which pods get requests from inside."},
    {"ipFamilies", &kTextList, "IPv4, IPv6."},
    {"ipFamilyPolicy", &kText, "How many families of addresses it has."},
    {"loadBalancerClass", &kText, "Who provides the load balancer."},
    {"loadBalancerIP", &kText, "Wanted address of the load balancer."},
    {"loadBalancerSourceRanges", &kTextList, "Addresses that may use the load balancer."},
    {"ports", &kServicePorts, "Its ports."},
    {"publishNotReadyAddresses", &kBoolean, "Pods that are not ready count too."},
    {"selector", &kAtomicTextMap, "Labels of the pods behind it."},
    {"sessionAffinity", &kSessionAffinity, "ClientIP: a client always gets to the same pod."},
    {"sessionAffinityConfig", &kSessionAffinityConfig, "Details of that."},
    {"trafficDistribution", &kText, "Which pods are preferred."},
    {"type", &kServiceType, "ClusterIP, NodePort, LoadBalancer or ExternalName."},
};
constexpr Schema kServiceSpec = Object("io.k8s.api.core.v1.ServiceSpec", kServiceSpecFields,
                                       "Which pods, and how they are reached.");

constexpr Field kPortStatusFields[] = {
    {"error", &kText, "What is wrong with it."},
    {"port", &kInteger32, "The port.", true},
    {"protocol", &kText, "Its protocol.", true},
};
constexpr Schema kPortStatus =
    Object("io.k8s.api.core.v1.PortStatus", kPortStatusFields, "State of a port.");

constexpr Schema kPortStatusList = ListOf(kPortStatus);
constexpr Field kLoadBalancerIngressFields[] = {
    {"hostname", &kText, "Its host."},
    {"ip", &kText, "Its address."},
    {"ipMode", &kText, "How requests to that address arrive."},
    {"ports", &kPortStatusList, "State of its ports."},
};
constexpr Schema kLoadBalancerIngress =
    Object("io.k8s.api.core.v1.LoadBalancerIngress", kLoadBalancerIngressFields,
           "Where a load balancer is reached.");

constexpr Schema kLoadBalancerIngressList = ListOf(kLoadBalancerIngress);
constexpr Field kLoadBalancerStatusFields[] = {
    {"ingress", &kLoadBalancerIngressList, "Where it is reached."},
};
constexpr Schema kLoadBalancerStatus =
    Object("io.k8s.api.core.v1.LoadBalancerStatus", kLoadBalancerStatusFields,
           "State of a load balancer.");

constexpr Schema kConditions = KeyedList(kCondition, kByType);
constexpr Field kServiceStatusFields[] = {
    {"conditions", &kConditions, "Aspects of its state."},
    {"loadBalancer", &kLoadBalancerStatus, "State of its load balancer."},
};
constexpr Schema kServiceStatus =
    Object("io.k8s.api.core.v1.ServiceStatus", kServiceStatusFields, "What is known of a service.");

constexpr Field kServiceFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kServiceSpec, "Which pods, and how they are reached."},
    {"status", &kServiceStatus, "What is known of it; set by the system."},
};
}  // namespace

constinit const Schema kService = Object("io.k8s.api.core.v1.Service", kServiceFields,
                                         "A name for pods that answer the same requests.");

namespace {

constexpr Field kNamespaceSpecFields[] = {
    {"finalizers", &kTextList, "It stays until this list is empty."},
};
constexpr Schema kNamespaceSpec = Object("io.k8s.api.core.v1.NamespaceSpec", kNamespaceSpecFields,
                                         "What holds a namespace back from its end.");

constexpr Field kNamespaceConditionFields[] = {
    {"lastTransitionTime", &kTime, "When the status changed last."},
    {"message", &kText, "What is the case, for people."},
    {"reason", &kText, "Why, in one word."},
    {"status", &kText, "True, False or Unknown.", true},
    {"type", &kText, "The aspect.", true},
};
constexpr Schema kNamespaceCondition =
    Object("io.k8s.api.core.v1.NamespaceCondition", kNamespaceConditionFields,
           "One aspect of the state of a namespace.");

constexpr Schema kNamespaceConditions = KeyedList(kNamespaceCondition, kByType);
constexpr Field kNamespaceStatusFields[] = {
    {"conditions", &kNamespaceConditions, "Aspects of its state."},
    {"phase", &kText, "Active or Terminating."},
};
constexpr Schema kNamespaceStatus = Object("io.k8s.api.core.v1.NamespaceStatus",
                                           kNamespaceStatusFields, "What is known of a namespace.");

constexpr Field kNamespaceFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kNamespaceSpec, "What holds it back from its end."},
    {"status", &kNamespaceStatus, "What is known of it; set by the system."},
};
}  // namespace

constinit const Schema kNamespace =
    Object("io.k8s.api.core.v1.Namespace", kNamespaceFields, "A scope for names of objects.");

namespace {

constexpr Field kObjectReferenceFields[] = {
    {"apiVersion", &kText, "Its group and version."},
    {"fieldPath", &kText, "A part of it."},
    {"kind", &kText, "Its kind."},
    {"name", &kText, "Its name."},
    {"namespace", &kText, "Its namespace."},
    {"resourceVersion", &kText, "Its version."},
    {"uid", &kText, "Its uid."},
};
constexpr Schema kObjectReference =
    AtomicObject("io.k8s.api.core.v1.ObjectReference", kObjectReferenceFields, "An object.");

constexpr Field kEventSeriesFields[] = {
    {"count", &kInteger32, "How many there were."},
    {"lastObservedTime", &kMicroTime, "When the last one was."},
};
constexpr Schema kEventSeries =
    Object("io.k8s.api.core.v1.EventSeries", kEventSeriesFields, "Events that go on.");

constexpr Field kEventSourceFields[] = {
    {"component", &kText, "The program."},
    {"host", &kText, "The machine."},
};
constexpr Schema kEventSource =
    Object("io.k8s.api.core.v1.EventSource", kEventSourceFields, "Who reports an event.");

constexpr Field kEventFields[] = {
    {"action", &kText, "What was done."},
    {"apiVersion", &kText, kApiVersionText},
    {"count", &kInteger32, "How often it happened."},
    {"eventTime", &kMicroTime, "When it was first noticed."},
    {"firstTimestamp", &kTime, "When it happened first."},
    {"involvedObject", &kObjectReference, "What it is about.", true},
    {"kind", &kText, kKindText},
    {"lastTimestamp", &kTime, "When it happened last."},
    {"message", &kText, "What happened, for people."},
    {"metadata", &kObjectMeta, kMetadataText, true},
    {"reason", &kText, "Why, in one word."},
    {"related", &kObjectReference, "A second object that it is about."},
    {"reportingComponent", &kText, "Who reports it."},
    {"reportingInstance", &kText, "Which instance of that."},
    {"series", &kEventSeries, "Of events that go on."},
    {"source", &kEventSource, "Who reports it, in the old way."},
    {"type", &kText, "Normal or Warning."},
};
}  // namespace

constinit const Schema kEvent =
    Object("io.k8s.api.core.v1.Event", kEventFields, "Something that happened to an object.");

namespace {

constexpr Schema kLocalObjectReferenceList = ListOf(kLocalObjectReference);
constexpr Schema kObjectReferences = KeyedList(kObjectReference, kByName);
constexpr Field kServiceAccountFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"automountServiceAccountToken", &kBoolean, "A token is put into the pods."},
    {"imagePullSecrets", &kLocalObjectReferenceList, "Secrets for fetching images."},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"secrets", &kObjectReferences, "Secrets that pods of this account may use."},
};
}  // namespace

constinit const Schema kServiceAccount =
    Object("io.k8s.api.core.v1.ServiceAccount", kServiceAccountFields,
           "Whom pods act as, and which credentials they may use.");

namespace {

constexpr Field kLeaseSpecFields[] = {
    {"acquireTime", &kMicroTime, "When it was taken."},
    {"holderIdentity", &kText, "Who holds it."},
    {"leaseDurationSeconds", &kInteger32, "Seconds after the last renewal that it is held."},
    {"leaseTransitions", &kInteger32, "How often it changed hands."},
    {"preferredHolder", &kText, "Who shall have it next."},
    {"renewTime", &kMicroTime, "When it was renewed last."},
    {"strategy", &kText, "How the next holder is chosen."},
};
constexpr Schema kLeaseSpec = Object("io.k8s.api.coordination.v1.LeaseSpec", kLeaseSpecFields,
                                     "Who holds a lease, and until when.");

constexpr Field kLeaseFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kLeaseSpec, "Who, and until when."},
};
}  // namespace

constinit const Schema kLease =
    Object("io.k8s.api.coordination.v1.Lease", kLeaseFields, "Who does something at present.");

namespace {

constexpr Schema kInteger32Set = SetOf(kInteger32);
constexpr Field kPodFailurePolicyOnExitCodesRequirementFields[] = {
    {"containerName", &kText, "The container; none: any."},
    {"operator", &kText, "In or NotIn.", true},
    {"values", &kInteger32Set, "The codes.", true},
};
constexpr Schema kPodFailurePolicyOnExitCodesRequirement =
    Object("io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement",
           kPodFailurePolicyOnExitCodesRequirementFields, "Codes of ended containers.");

constexpr Field kPodFailurePolicyOnPodConditionsPatternFields[] = {
    {"status", &kText, "Its status.", true},
    {"type", &kText, "Its type.", true},
};
constexpr Schema kPodFailurePolicyOnPodConditionsPattern =
    Object("io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern",
           kPodFailurePolicyOnPodConditionsPatternFields, "A condition of a pod.");

constexpr Schema kPodFailurePolicyOnPodConditionsPatternList =
    ListOf(kPodFailurePolicyOnPodConditionsPattern);
constexpr Field kPodFailurePolicyRuleFields[] = {
    {"action", &kText, "FailJob, FailIndex, Ignore or Count.", true},
    {"onExitCodes", &kPodFailurePolicyOnExitCodesRequirement, "Codes that it is for."},
    {"onPodConditions", &kPodFailurePolicyOnPodConditionsPatternList, "Conditions that it is for."},
};
constexpr Schema kPodFailurePolicyRule =
    Object("io.k8s.api.batch.v1.PodFailurePolicyRule", kPodFailurePolicyRuleFields,
           "What is done about a failure.");

constexpr Schema kPodFailurePolicyRuleList = ListOf(kPodFailurePolicyRule);
constexpr Field kPodFailurePolicyFields[] = {
    {"rules", &kPodFailurePolicyRuleList, "The first rule that fits holds.", true},
};
constexpr Schema kPodFailurePolicy = Object("io.k8s.api.batch.v1.PodFailurePolicy",
                                            kPodFailurePolicyFields, "Which failures count.");

constexpr Field kSuccessPolicyRuleFields[] = {
    {"succeededCount", &kInteger32, "How many indexes."},
    {"succeededIndexes", &kText, "Which indexes."},
};
constexpr Schema kSuccessPolicyRule =
    Object("io.k8s.api.batch.v1.SuccessPolicyRule", kSuccessPolicyRuleFields, "What is enough.");

constexpr Schema kSuccessPolicyRuleList = ListOf(kSuccessPolicyRule);
constexpr Field kSuccessPolicyFields[] = {
    {"rules", &kSuccessPolicyRuleList, "One of them is enough.", true},
};
constexpr Schema kSuccessPolicy = Object("io.k8s.api.batch.v1.SuccessPolicy", kSuccessPolicyFields,
                                         "When a job has succeeded before all its pods have.");

constexpr std::string_view kCompletionModeValues[] = {"Indexed", "NonIndexed"};
constexpr Schema kCompletionMode = OneOf(kCompletionModeValues);
constexpr Field kJobSpecFields[] = {
    {"activeDeadlineSeconds", &kInteger64, "Seconds after which it has failed."},
    {"backoffLimit", &kInteger32, "How many failures are retried."},
    {"backoffLimitPerIndex", &kInteger32, "The same for each index."},
    {"completionMode", &kCompletionMode, "NonIndexed or Indexed."},
    {"completions", &kInteger32, "How many pods must succeed."},
    {"managedBy", &kText, "Who carries it out."},
    {"manualSelector", &kBoolean, "The selector is chosen by the user."},
    {"maxFailedIndexes", &kInteger32, "How many indexes may fail."},
    {"parallelism", &kInteger32, "How many pods run at once."},
    {"podFailurePolicy", &kPodFailurePolicy, "Which failures count."},
    {"podReplacementPolicy", &kText, "When a failed pod is replaced."},
    {"selector", &kLabelSelector, "The pods that belong to it."},
    {"successPolicy", &kSuccessPolicy, "When it has succeeded before all pods have."},
    {"suspend", &kBoolean, "No pods are started."},
    {"template", &kPodTemplateSpec, "What its pods are made of.", true},
    {"ttlSecondsAfterFinished", &kInteger32, "Seconds after its end that it is removed."},
};
constexpr Schema kJobSpec =
    Object("io.k8s.api.batch.v1.JobSpec", kJobSpecFields, "What a job runs.");

constexpr Field kJobConditionFields[] = {
    {"lastProbeTime", &kTime, "When it was looked at last."},
    {"lastTransitionTime", &kTime, "When the status changed last."},
    {"message", &kText, "What is the case, for people."},
    {"reason", &kText, "Why, in one word."},
    {"status", &kText, "True, False or Unknown.", true},
    {"type", &kText, "The aspect.", true},
};
constexpr Schema kJobCondition = Object("io.k8s.api.batch.v1.JobCondition", kJobConditionFields,
                                        "One aspect of the state of a job.");

constexpr Field kUncountedTerminatedPodsFields[] = {
    {"failed", &kTextSet, "Uids of those that failed."},
    {"succeeded", &kTextSet, "Uids of those that succeeded."},
};
constexpr Schema kUncountedTerminatedPods =
    Object("io.k8s.api.batch.v1.UncountedTerminatedPods", kUncountedTerminatedPodsFields,
           "Pods that have ended and are not counted yet.");

constexpr Schema kJobConditions = PatchedList(kJobCondition, "type");
constexpr Field kJobStatusFields[] = {
    {"active", &kInteger32, "Pods that run."},
    {"completedIndexes", &kText, "Indexes that have succeeded."},
    {"completionTime", &kTime, "When it succeeded."},
    {"conditions", &kJobConditions, "Aspects of its state."},
    {"failed", &kInteger32, "Pods that have failed."},
    {"failedIndexes", &kText, "Indexes that have failed."},
    {"ready", &kInteger32, "Pods that are ready."},
    {"startTime", &kTime, "When it was started."},
    {"succeeded", &kInteger32, "Pods that have succeeded."},
    {"terminating", &kInteger32, "Pods that are ending."},
    {"uncountedTerminatedPods", &kUncountedTerminatedPods,
     "Pods that have ended and are not counted yet."},
};
constexpr Schema kJobStatus =
    Object("io.k8s.api.batch.v1.JobStatus", kJobStatusFields, "How far a job is.");

constexpr Field kJobFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kJobSpec, "What is to be run."},
    {"status", &kJobStatus, "How far it is; set by the system."},
};
}  // namespace

constinit const Schema kJob =
    Object("io.k8s.api.batch.v1.Job", kJobFields, "Pods that run to their end.");

}  // namespace throng::kube::schemas
