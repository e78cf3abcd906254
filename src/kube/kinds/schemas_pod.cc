#include "kube/kinds/schemas.h"

namespace throng::kube::schemas {
namespace {

constexpr Field kNodeSelectorRequirementFields[] = {
    {"key", &kText, "The label or the field.", true},
    {"operator", &kText, "In, NotIn, Exists, DoesNotExist, Gt or Lt.", true},
    {"values", &kTextList, "The values to compare with."},
};
constexpr Schema kNodeSelectorRequirement =
    Object("io.k8s.api.core.v1.NodeSelectorRequirement", kNodeSelectorRequirementFields,
           "A condition on one label or field.");

constexpr Schema kNodeSelectorRequirementList = ListOf(kNodeSelectorRequirement);
constexpr Field kNodeSelectorTermFields[] = {
    {"matchExpressions", &kNodeSelectorRequirementList, "On its labels."},
    {"matchFields", &kNodeSelectorRequirementList, "On its fields."},
};
constexpr Schema kNodeSelectorTerm =
    AtomicObject("io.k8s.api.core.v1.NodeSelectorTerm", kNodeSelectorTermFields,
                 "Conditions that a machine must all meet.");

constexpr Schema kNodeSelectorTermList = ListOf(kNodeSelectorTerm);
constexpr Field kNodeSelectorFields[] = {
    {"nodeSelectorTerms", &kNodeSelectorTermList, "The terms.", true},
};
constexpr Schema kNodeSelector =
    AtomicObject("io.k8s.api.core.v1.NodeSelector", kNodeSelectorFields,
                 "Machines that meet at least one of the terms.");

constexpr Field kPreferredSchedulingTermFields[] = {
    {"preference", &kNodeSelectorTerm, "The machines that are meant.", true},
    {"weight", &kInteger32, "From 1 to 100.", true},
};
constexpr Schema kPreferredSchedulingTerm =
    Object("io.k8s.api.core.v1.PreferredSchedulingTerm", kPreferredSchedulingTermFields,
           "A preference with its weight.");

constexpr Schema kPreferredSchedulingTermList = ListOf(kPreferredSchedulingTerm);
constexpr Field kNodeAffinityFields[] = {
    {"preferredDuringSchedulingIgnoredDuringExecution", &kPreferredSchedulingTermList,
     "Machines that are preferred."},
    {"requiredDuringSchedulingIgnoredDuringExecution", &kNodeSelector,
     "Machines that are required."},
};
constexpr Schema kNodeAffinity =
    Object("io.k8s.api.core.v1.NodeAffinity", kNodeAffinityFields, "Machines by their labels.");

constexpr Field kPodAffinityTermFields[] = {
    {"labelSelector", &kLabelSelector, "The pods, by their labels."},
    {"matchLabelKeys", &kTextList,
     "Labels whose values are taken from the pod itself and must be equal."},
    {"mismatchLabelKeys", &kTextList,
     "Labels whose values are taken from the pod itself and must differ."},
    {"namespaceSelector", &kLabelSelector, "Namespaces of the pods, by labels."},
    {"namespaces", &kTextList, "Namespaces of the pods, by name."},
    {"topologyKey", &kText, "Machines with the same value of this label count as one place.", true},
};
constexpr Schema kPodAffinityTerm =
    Object("io.k8s.api.core.v1.PodAffinityTerm", kPodAffinityTermFields,
           "Pods, and what counts as beside.");

constexpr Field kWeightedPodAffinityTermFields[] = {
    {"podAffinityTerm", &kPodAffinityTerm, "The pods that are meant.", true},
    {"weight", &kInteger32, "From 1 to 100.", true},
};
constexpr Schema kWeightedPodAffinityTerm =
    Object("io.k8s.api.core.v1.WeightedPodAffinityTerm", kWeightedPodAffinityTermFields,
           "A preference with its weight.");

constexpr Schema kWeightedPodAffinityTermList = ListOf(kWeightedPodAffinityTerm);
constexpr Schema kPodAffinityTermList = ListOf(kPodAffinityTerm);
constexpr Field kPodAffinityFields[] = {
    {"preferredDuringSchedulingIgnoredDuringExecution", &kWeightedPodAffinityTermList,
     "Pods that are preferred."},
    {"requiredDuringSchedulingIgnoredDuringExecution", &kPodAffinityTermList,
     "Pods that are required."},
};
constexpr Schema kPodAffinity =
    Object("io.k8s.api.core.v1.PodAffinity", kPodAffinityFields, "Pods to run beside.");

constexpr Field kPodAntiAffinityFields[] = {
    {"preferredDuringSchedulingIgnoredDuringExecution", &kWeightedPodAffinityTermList,
     "Pods that are avoided where possible."},
    {"requiredDuringSchedulingIgnoredDuringExecution", &kPodAffinityTermList,
     "Pods that are avoided always."},
};
constexpr Schema kPodAntiAffinity =
    Object("io.k8s.api.core.v1.PodAntiAffinity", kPodAntiAffinityFields, "Pods to keep away from.");

constexpr Field kAffinityFields[] = {
    {"nodeAffinity", &kNodeAffinity, "By the machine's labels."},
    {"podAffinity", &kPodAffinity, "Beside which pods."},
    {"podAntiAffinity", &kPodAntiAffinity, "Not beside which pods."},
};
constexpr Schema kAffinity =
    Object("io.k8s.api.core.v1.Affinity", kAffinityFields, "On which machines a pod may run.");

constexpr Field kPodDnsConfigOptionFields[] = {
    {"name", &kText, "Name of the option."},
    {"value", &kText, "Its value."},
};
constexpr Schema kPodDnsConfigOption =
    Object("io.k8s.api.core.v1.PodDNSConfigOption", kPodDnsConfigOptionFields,
           "An option of the resolver.");

constexpr Schema kPodDnsConfigOptionList = ListOf(kPodDnsConfigOption);
constexpr Field kPodDnsConfigFields[] = {
    {"nameservers", &kTextList, "Addresses of name servers."},
    {"options", &kPodDnsConfigOptionList, "Options of the resolver."},
    {"searches", &kTextList, "Domains that are tried."},
};
constexpr Schema kPodDnsConfig =
    Object("io.k8s.api.core.v1.PodDNSConfig", kPodDnsConfigFields, "How names of hosts are found.");

constexpr Field kHostAliasFields[] = {
    {"hostnames", &kTextList, "The names."},
    {"ip", &kText, "The address.", true},
};
constexpr Schema kHostAlias =
    Object("io.k8s.api.core.v1.HostAlias", kHostAliasFields, "Names of an address.");

constexpr Field kPodOsFields[] = {
    {"name", &kText, "linux or windows.", true},
};
constexpr Schema kPodOs = Object("io.k8s.api.core.v1.PodOS", kPodOsFields, "An operating system.");

constexpr Field kPodReadinessGateFields[] = {
    {"conditionType", &kText, "Type of the condition.", true},
};
constexpr Schema kPodReadinessGate = Object("io.k8s.api.core.v1.PodReadinessGate",
                                            kPodReadinessGateFields, "A condition that must hold.");

constexpr Field kPodResourceClaimFields[] = {
    {"name", &kText, "Name of the claim in the pod.", true},
    {"resourceClaimName", &kText, "Name of the object."},
    {"resourceClaimTemplateName", &kText, "Template that an object is made of."},
};
constexpr Schema kPodResourceClaim =
    Object("io.k8s.api.core.v1.PodResourceClaim", kPodResourceClaimFields, "A claim of resources.");

constexpr Field kPodSchedulingGateFields[] = {
    {"name", &kText, "Its name.", true},
};
constexpr Schema kPodSchedulingGate = Object("io.k8s.api.core.v1.PodSchedulingGate",
                                             kPodSchedulingGateFields, "What placing waits for.");

constexpr Field kSysctlFields[] = {
    {"name", &kText, "Name of the setting.", true},
    {"value", &kText, "Its value.", true},
};
constexpr Schema kSysctl =
    Object("io.k8s.api.core.v1.Sysctl", kSysctlFields, "A setting of the kernel.");

constexpr Schema kInteger64List = ListOf(kInteger64);
constexpr Schema kSysctlList = ListOf(kSysctl);
constexpr Field kPodSecurityContextFields[] = {
    {"appArmorProfile", &kAppArmorProfile, "Profile of AppArmor."},
    {"fsGroup", &kInteger64, "Group that owns its volumes."},
    {"fsGroupChangePolicy", &kText, "When the owner of volumes is changed."},
    {"runAsGroup", &kInteger64, "Number of their group."},
    {"runAsNonRoot", &kBoolean, "They must not run as root."},
    {"runAsUser", &kInteger64, "Number of their user."},
    {"seLinuxChangePolicy", &kText, "How labels of volumes are changed."},
    {"seLinuxOptions", &kSelinuxOptions, "Labels of SELinux."},
    {"seccompProfile", &kSeccompProfile, "Which system calls they may make."},
    {"supplementalGroups", &kInteger64List, "Further groups."},
    {"supplementalGroupsPolicy", &kText, "Where further groups are from."},
    {"sysctls", &kSysctlList, "Settings of the kernel."},
    {"windowsOptions", &kWindowsSecurityContextOptions, "Options for Windows."},
};
constexpr Schema kPodSecurityContext =
    Object("io.k8s.api.core.v1.PodSecurityContext", kPodSecurityContextFields,
           "What all containers of a pod are allowed to do.");

constexpr std::string_view kTaintEffectValues[] = {"NoExecute", "NoSchedule", "PreferNoSchedule"};
constexpr Schema kTaintEffect = OneOf(kTaintEffectValues);
constexpr std::string_view kTolerationOperatorValues[] = {"Equal", "Exists"};
constexpr Schema kTolerationOperator = OneOf(kTolerationOperatorValues);
constexpr Field kTolerationFields[] = {
    {"effect", &kTaintEffect, "The effect of the taint; empty: any."},
    {"key", &kText, "Key of the taint; empty: any."},
    {"operator", &kTolerationOperator, "Exists or Equal."},
    {"tolerationSeconds", &kInteger64, "For how long."},
    {"value", &kText, "Value of the taint."},
};
constexpr Schema kToleration =
    Object("io.k8s.api.core.v1.Toleration", kTolerationFields, "A taint that is tolerated.");

constexpr std::string_view kWhenUnsatisfiableValues[] = {"DoNotSchedule", "ScheduleAnyway"};
constexpr Schema kWhenUnsatisfiable = OneOf(kWhenUnsatisfiableValues);
constexpr Field kTopologySpreadConstraintFields[] = {
    {"labelSelector", &kLabelSelector, "The pods that count."},
    {"matchLabelKeys", &kTextList, "Labels whose values are taken from the pod itself."},
    {"maxSkew", &kInteger32, "The largest difference between two places.", true},
    {"minDomains", &kInteger32, "How many places there must be."},
    {"nodeAffinityPolicy", &kText, "Whether machines that the pod may not run on count."},
    {"nodeTaintsPolicy", &kText, "Whether tainted machines count."},
    {"topologyKey", &kText, "Machines with the same value of this label are one place.", true},
    {"whenUnsatisfiable", &kWhenUnsatisfiable, "DoNotSchedule or ScheduleAnyway.", true},
};
constexpr Schema kTopologySpreadConstraint =
    Object("io.k8s.api.core.v1.TopologySpreadConstraint", kTopologySpreadConstraintFields,
           "How pods are spread.");

constexpr Field kEphemeralContainerFields[] = {
    {"name", &kText, "Name of the container, unique in the pod.", true},
    {"targetContainerName", &kText, "The container whose processes it sees."},
};
constexpr Schema kEphemeralContainer =
    Named("io.k8s.api.core.v1.EphemeralContainer",
          Extended(kContainer, kEphemeralContainerFields, "A container that was added later."));

constexpr Schema kContainers = KeyedList(kContainer, kByName);
constexpr std::string_view kDnsPolicyValues[] = {"ClusterFirst", "ClusterFirstWithHostNet",
                                                 "Default", "None"};
constexpr Schema kDnsPolicy = OneOf(kDnsPolicyValues);
constexpr Schema kEphemeralContainers = KeyedList(kEphemeralContainer, kByName);
constexpr Schema kHostAliases = KeyedList(kHostAlias, kByIp);
constexpr Schema kLocalObjectReferences = KeyedList(kLocalObjectReference, kByName);
constexpr Schema kPodReadinessGateList = ListOf(kPodReadinessGate);
constexpr Schema kPodResourceClaims = RetainingList(kPodResourceClaim, kByName);
constexpr std::string_view kRestartPolicyValues[] = {"Always", "Never", "OnFailure"};
constexpr Schema kRestartPolicy = OneOf(kRestartPolicyValues);
constexpr Schema kPodSchedulingGates = KeyedList(kPodSchedulingGate, kByName);
constexpr Schema kTolerationList = ListOf(kToleration);
constexpr std::string_view kByTopologyKeyAndWhenUnsatisfiable[] = {"topologyKey",
                                                                   "whenUnsatisfiable"};
constexpr Schema kTopologySpreadConstraints =
    KeyedList(kTopologySpreadConstraint, kByTopologyKeyAndWhenUnsatisfiable);
constexpr Schema kVolumes = RetainingList(kVolume, kByName);
constexpr Field kPodSpecFields[] = {
    {"activeDeadlineSeconds", &kInteger64, "Seconds after which the pod is ended."},
    {"affinity", &kAffinity, "On which machines it may run."},
    {"automountServiceAccountToken", &kBoolean, "A token of its service account is put into it."},
    {"containers", &kContainers, "Its containers.", true},
    {"dnsConfig", &kPodDnsConfig, "Further settings for names of hosts."},
    {"dnsPolicy", &kDnsPolicy, "How names of hosts are found."},
    {"enableServiceLinks", &kBoolean, "Services become variables of the environment."},
    {"ephemeralContainers", &kEphemeralContainers, "Containers added later, to look into it."},
    {"hostAliases", &kHostAliases, "Further names of hosts."},
    {"hostIPC", &kBoolean, "It shares the machine's interprocess communication."},
    {"hostNetwork", &kBoolean, "It shares the machine's network."},
    {"hostPID", &kBoolean, "It shares the machine's processes."},
    {"hostUsers", &kBoolean, "It shares the machine's users."},
    {"hostname", &kText, "Its host name."},
    {"imagePullSecrets", &kLocalObjectReferences, "Secrets for fetching images."},
    {"initContainers", &kContainers,
     "Containers that run, one after the other, before the others."},
    {"nodeName", &kText, "The machine that it runs on."},
    {"nodeSelector", &kAtomicTextMap, "Labels that the machine must have."},
    {"os", &kPodOs, "The operating system that it is for."},
    {"overhead", &kQuantityMap, "What it costs beside its containers."},
    {"preemptionPolicy", &kText, "Whether it may displace others."},
    {"priority", &kInteger32, "The higher, the more important."},
    {"priorityClassName", &kText, "Name of its priority."},
    {"readinessGates", &kPodReadinessGateList,
     "Further conditions that must hold before it is ready."},
    {"resourceClaims", &kPodResourceClaims, "Claims of resources that its containers may use."},
    {"resources", &kResourceRequirements, "What all its containers need and may use together."},
    {"restartPolicy", &kRestartPolicy,
     "When ended containers are restarted: Always, OnFailure or Never."},
    {"runtimeClassName", &kText, "Which runtime runs it."},
    {"schedulerName", &kText, "Who chooses the machine."},
    {"schedulingGates", &kPodSchedulingGates, "It is not placed until this list is empty."},
    {"securityContext", &kPodSecurityContext, "What all its containers are allowed to do."},
    {"serviceAccount", &kText, "Old name of serviceAccountName."},
    {"serviceAccountName", &kText, "The account that it runs as."},
    {"setHostnameAsFQDN", &kBoolean, "Its host name is the whole one."},
    {"shareProcessNamespace", &kBoolean, "Its containers see each other's processes."},
    {"subdomain", &kText, "Part of its whole host name."},
    {"terminationGracePeriodSeconds", &kInteger64, "Seconds that its containers have to end."},
    {"tolerations", &kTolerationList, "Taints of machines that it tolerates."},
    {"topologySpreadConstraints", &kTopologySpreadConstraints,
     "How pods are spread over machines."},
    {"volumes", &kVolumes, "Volumes that its containers may mount."},
};
}  // namespace

constinit const Schema kPodSpec =
    Object("io.k8s.api.core.v1.PodSpec", kPodSpecFields, "What a pod consists of.");

namespace {

constexpr Field kPodTemplateSpecFields[] = {
    {"metadata", &kObjectMeta, "Labels and annotations of the pods."},
    {"spec", &kPodSpec, "What the pods consist of."},
};
}  // namespace

constinit const Schema kPodTemplateSpec =
    Object("io.k8s.api.core.v1.PodTemplateSpec", kPodTemplateSpecFields, "What pods are made of.");

namespace {

constexpr Field kPodConditionFields[] = {
    {"lastProbeTime", &kTime, "When it was looked at last."},
    {"lastTransitionTime", &kTime, "When the status changed last."},
    {"message", &kText, "What is the case, for people."},
    {"observedGeneration", &kInteger64, "The generation that it is about."},
    {"reason", &kText, "Why, in one word."},
    {"status", &kText, "True, False or Unknown.", true},
    {"type", &kText, "The aspect.", true},
};
constexpr Schema kPodCondition = Object("io.k8s.api.core.v1.PodCondition", kPodConditionFields,
                                        "One aspect of the state of a pod.");

constexpr Field kContainerStateRunningFields[] = {
    {"startedAt", &kTime, "When it was started."},
};
constexpr Schema kContainerStateRunning =
    Object("io.k8s.api.core.v1.ContainerStateRunning", kContainerStateRunningFields,
           "A container that runs.");

constexpr Field kContainerStateTerminatedFields[] = {
    {"containerID", &kText, "Tells it from other containers."},
    {"exitCode", &kInteger32, "Code that it ended with.", true},
    {"finishedAt", &kTime, "When it ended."},
    {"message", &kText, "Why, for people."},
    {"reason", &kText, "Why, in one word."},
    {"signal", &kInteger32, "The signal that ended it."},
    {"startedAt", &kTime, "When it was started."},
};
constexpr Schema kContainerStateTerminated =
    Object("io.k8s.api.core.v1.ContainerStateTerminated", kContainerStateTerminatedFields,
           "A container that has ended.");

constexpr Field kContainerStateWaitingFields[] = {
    {"message", &kText, "Why, for people."},
    {"reason", &kText, "Why, in one word."},
};
constexpr Schema kContainerStateWaiting =
    Object("io.k8s.api.core.v1.ContainerStateWaiting", kContainerStateWaitingFields,
           "A container that has not started.");

constexpr Field kContainerStateFields[] = {
    {"running", &kContainerStateRunning, "It runs."},
    {"terminated", &kContainerStateTerminated, "It has ended."},
    {"waiting", &kContainerStateWaiting, "It has not started."},
};
constexpr Schema kContainerState =
    Object("io.k8s.api.core.v1.ContainerState", kContainerStateFields,
           "One of: waiting, running, terminated.");

constexpr Field kLinuxContainerUserFields[] = {
    {"gid", &kInteger64, "Number of the group.", true},
    {"supplementalGroups", &kInteger64List, "Further groups."},
    {"uid", &kInteger64, "Number of the user.", true},
};
constexpr Schema kLinuxContainerUser =
    Object("io.k8s.api.core.v1.LinuxContainerUser", kLinuxContainerUserFields,
           "Who a container runs as on Linux.");

constexpr Field kContainerUserFields[] = {
    {"linux", &kLinuxContainerUser, "On Linux."},
};
constexpr Schema kContainerUser =
    Object("io.k8s.api.core.v1.ContainerUser", kContainerUserFields, "Who a container runs as.");

constexpr Field kVolumeMountStatusFields[] = {
    {"mountPath", &kText, "Where it is seen.", true},
    {"name", &kText, "Name of the volume.", true},
    {"readOnly", &kBoolean, "It cannot be written."},
    {"recursiveReadOnly", &kText, "Nor anything that is mounted in it."},
};
constexpr Schema kVolumeMountStatus =
    Object("io.k8s.api.core.v1.VolumeMountStatus", kVolumeMountStatusFields, "State of a mount.");

constexpr Field kResourceHealthFields[] = {
    {"health", &kText, "Healthy, Unhealthy or Unknown."},
    {"resourceID", &kText, "Tells the device from others.", true},
};
constexpr Schema kResourceHealth =
    Object("io.k8s.api.core.v1.ResourceHealth", kResourceHealthFields, "State of a device.");
constexpr std::string_view kByResourceId[] = {"resourceID"};
constexpr Schema kResourceHealths = AppliedList(kResourceHealth, kByResourceId);
constexpr Field kResourceStatusFields[] = {
    {"name", &kText, "Name of the resource.", true},
    {"resources", &kResourceHealths, "State of its devices."},
};
constexpr Schema kResourceStatus =
    Object("io.k8s.api.core.v1.ResourceStatus", kResourceStatusFields, "State of a resource.");

constexpr Schema kResourceStatuses = KeyedList(kResourceStatus, kByName);
constexpr Schema kVolumeMountStatuses = KeyedList(kVolumeMountStatus, kByMountPath);
constexpr Field kContainerStatusFields[] = {
    {"allocatedResources", &kQuantityMap, "What is set aside for it."},
    {"allocatedResourcesStatus", &kResourceStatuses, "State of its devices."},
    {"containerID", &kText, "Tells it from other containers."},
    {"image", &kText, "The image that it was made of.", true},
    {"imageID", &kText, "Tells the image from others.", true},
    {"lastState", &kContainerState, "Its state before the last restart."},
    {"name", &kText, "Name of the container.", true},
    {"ready", &kBoolean, "Whether it may get requests.", true},
    {"resources", &kResourceRequirements, "What it needs and may use at present."},
    {"restartCount", &kInteger32, "How often it was restarted.", true},
    {"started", &kBoolean, "Whether it has started."},
    {"state", &kContainerState, "Its state."},
    {"stopSignal", &kText, "The signal that ends it."},
    {"user", &kContainerUser, "Who it runs as."},
    {"volumeMounts", &kVolumeMountStatuses, "State of its mounts."},
};
constexpr Schema kContainerStatus =
    Object("io.k8s.api.core.v1.ContainerStatus", kContainerStatusFields, "State of a container.");

constexpr Field kHostIpFields[] = {
    {"ip", &kText, "The address.", true},
};
constexpr Schema kHostIp =
    Object("io.k8s.api.core.v1.HostIP", kHostIpFields, "An address of the machine.");

constexpr Field kPodIpFields[] = {
    {"ip", &kText, "The address.", true},
};
constexpr Schema kPodIp =
    Object("io.k8s.api.core.v1.PodIP", kPodIpFields, "An address of the pod.");

constexpr Field kPodResourceClaimStatusFields[] = {
    {"name", &kText, "Name of the claim in the pod.", true},
    {"resourceClaimName", &kText, "Name of the object."},
};
constexpr Schema kPodResourceClaimStatus =
    Object("io.k8s.api.core.v1.PodResourceClaimStatus", kPodResourceClaimStatusFields,
           "State of a claim.");

constexpr Schema kPodConditions = KeyedList(kPodCondition, kByType);
constexpr Schema kContainerStatusList = ListOf(kContainerStatus);
constexpr Schema kHostIps = PatchedList(kHostIp, "ip");
constexpr Schema kPodIps = KeyedList(kPodIp, kByIp);
constexpr Schema kPodResourceClaimStatuses = RetainingList(kPodResourceClaimStatus, kByName);
constexpr Field kPodStatusFields[] = {
    {"conditions", &kPodConditions, "Aspects of its state."},
    {"containerStatuses", &kContainerStatusList, "State of its containers."},
    {"ephemeralContainerStatuses", &kContainerStatusList, "State of containers added later."},
    {"hostIP", &kText, "Address of the machine."},
    {"hostIPs", &kHostIps, "Addresses of the machine."},
    {"initContainerStatuses", &kContainerStatusList, "State of its init containers."},
    {"message", &kText, "Why it is in this state, for people."},
    {"nominatedNodeName", &kText, "The machine that it may be moved to."},
    {"observedGeneration", &kInteger64, "The generation that the status is about."},
    {"phase", &kText, "Pending, Running, Succeeded, Failed or Unknown."},
    {"podIP", &kText, "Address of the pod."},
    {"podIPs", &kPodIps, "Addresses of the pod."},
    {"qosClass", &kText, "Guaranteed, Burstable or BestEffort."},
    {"reason", &kText, "Why it is in this state, in one word."},
    {"resize", &kText, "State of a change of resources."},
    {"resourceClaimStatuses", &kPodResourceClaimStatuses, "State of its claims."},
    {"startTime", &kTime, "When it was taken up by the machine."},
};
constexpr Schema kPodStatus =
    Object("io.k8s.api.core.v1.PodStatus", kPodStatusFields, "What is known of a pod.");

constexpr Field kPodFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kPodSpec, "What it consists of."},
    {"status", &kPodStatus, "What is known of it; set by the system."},
};
}  // namespace

constinit const Schema kPod =
    Object("io.k8s.api.core.v1.Pod", kPodFields, "Containers that run together on one machine.");

}  // namespace throng::kube::schemas
