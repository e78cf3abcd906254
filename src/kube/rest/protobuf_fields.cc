#include "kube/rest/protobuf_fields.h"

#include <algorithm>
#include <array>

namespace throng::kube::server {
namespace {

struct Row {
  std::string_view message;
  std::string_view fields;
};

// Of k8s.io/api and k8s.io/apimachinery, whose numbers never change. Sorted; written by
// testdata/goldens from the tags of the types there.
constexpr std::array kRows = {
    Row{"io.k8s.api.batch.v1.Job", "1 metadata 2 spec 3 status"},
    Row{"io.k8s.api.batch.v1.JobCondition",
        "1 type 2 status 3 lastProbeTime? 4 lastTransitionTime? 5 reason? 6 message?"},
    Row{"io.k8s.api.batch.v1.JobSpec",
        "1 parallelism 2 completions 3 activeDeadlineSeconds 4 selector 5 manualSelector "
        "6 template 7 backoffLimit 8 ttlSecondsAfterFinished 9 completionMode 10 suspend "
        "11 podFailurePolicy 12 backoffLimitPerIndex 13 maxFailedIndexes "
        "14 podReplacementPolicy 15 managedBy 16 successPolicy"},
    Row{"io.k8s.api.batch.v1.JobStatus",
        "1 conditions 2 startTime 3 completionTime 4 active? 5 succeeded? 6 failed? "
        "7 completedIndexes? 8 uncountedTerminatedPods 9 ready 10 failedIndexes "
        "11 terminating"},
    Row{"io.k8s.api.batch.v1.PodFailurePolicy", "1 rules"},
    Row{"io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement",
        "1 containerName 2 operator 3 values"},
    Row{"io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern", "1 type 2 status"},
    Row{"io.k8s.api.batch.v1.PodFailurePolicyRule", "1 action 2 onExitCodes 3 onPodConditions"},
    Row{"io.k8s.api.batch.v1.SuccessPolicy", "1 rules"},
    Row{"io.k8s.api.batch.v1.SuccessPolicyRule", "1 succeededIndexes 2 succeededCount"},
    Row{"io.k8s.api.batch.v1.UncountedTerminatedPods", "1 succeeded 2 failed"},
    Row{"io.k8s.api.coordination.v1.Lease", "1 metadata 2 spec"},
    Row{"io.k8s.api.coordination.v1.LeaseSpec",
        "1 holderIdentity 2 leaseDurationSeconds 3 acquireTime 4 renewTime "
        "5 leaseTransitions 6 strategy 7 preferredHolder"},
    Row{"io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource",
        "1 volumeID 2 fsType? 3 partition? 4 readOnly?"},
    Row{"io.k8s.api.core.v1.Affinity", "1 nodeAffinity 2 podAffinity 3 podAntiAffinity"},
    Row{"io.k8s.api.core.v1.AppArmorProfile", "1 type 2 localhostProfile"},
    Row{"io.k8s.api.core.v1.AzureDiskVolumeSource",
        "1 diskName 2 diskURI 3 cachingMode 4 fsType 5 readOnly 6 kind"},
    Row{"io.k8s.api.core.v1.AzureFileVolumeSource", "1 secretName 2 shareName 3 readOnly?"},
    Row{"io.k8s.api.core.v1.CSIVolumeSource",
        "1 driver 2 readOnly 3 fsType 4 volumeAttributes 5 nodePublishSecretRef"},
    Row{"io.k8s.api.core.v1.Capabilities", "1 add 2 drop"},
    Row{"io.k8s.api.core.v1.CephFSVolumeSource",
        "1 monitors 2 path? 3 user? 4 secretFile? 5 secretRef 6 readOnly?"},
    Row{"io.k8s.api.core.v1.CinderVolumeSource", "1 volumeID 2 fsType? 3 readOnly? 4 secretRef"},
    Row{"io.k8s.api.core.v1.ClientIPConfig", "1 timeoutSeconds"},
    Row{"io.k8s.api.core.v1.ClusterTrustBundleProjection",
        "1 name 2 signerName 3 labelSelector 4 path 5 optional"},
    Row{"io.k8s.api.core.v1.ConfigMap", "1 metadata 2 data 3 binaryData 4 immutable"},
    Row{"io.k8s.api.core.v1.ConfigMapEnvSource",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 optional"},
    Row{"io.k8s.api.core.v1.ConfigMapKeySelector",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 key 3 optional"},
    Row{"io.k8s.api.core.v1.ConfigMapProjection",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 items 4 optional"},
    Row{"io.k8s.api.core.v1.ConfigMapVolumeSource",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 items 3 defaultMode 4 optional"},
    Row{"io.k8s.api.core.v1.Container",
        "1 name 2 image? 3 command 4 args 5 workingDir? 6 ports 7 env 8 resources "
        "9 volumeMounts 10 livenessProbe 11 readinessProbe 12 lifecycle "
        "13 terminationMessagePath? 14 imagePullPolicy? 15 securityContext 16 stdin? "
        "17 stdinOnce? 18 tty? 19 envFrom 20 terminationMessagePolicy? 21 volumeDevices "
        "22 startupProbe 23 resizePolicy 24 restartPolicy"},
    Row{"io.k8s.api.core.v1.ContainerPort",
        "1 name? 2 hostPort? 3 containerPort 4 protocol? 5 hostIP?"},
    Row{"io.k8s.api.core.v1.ContainerResizePolicy", "1 resourceName 2 restartPolicy"},
    Row{"io.k8s.api.core.v1.ContainerState", "1 waiting 2 running 3 terminated"},
    Row{"io.k8s.api.core.v1.ContainerStateRunning", "1 startedAt?"},
    Row{"io.k8s.api.core.v1.ContainerStateTerminated",
        "1 exitCode 2 signal? 3 reason? 4 message? 5 startedAt? 6 finishedAt? "
        "7 containerID?"},
    Row{"io.k8s.api.core.v1.ContainerStateWaiting", "1 reason? 2 message?"},
    Row{"io.k8s.api.core.v1.ContainerStatus",
        "1 name 2 state 3 lastState 4 ready 5 restartCount 6 image 7 imageID "
        "8 containerID? 9 started 10 allocatedResources 11 resources 12 volumeMounts "
        "13 user 14 allocatedResourcesStatus 15 stopSignal"},
    Row{"io.k8s.api.core.v1.ContainerUser", "1 linux"},
    Row{"io.k8s.api.core.v1.DownwardAPIProjection", "1 items"},
    Row{"io.k8s.api.core.v1.DownwardAPIVolumeFile", "1 path 2 fieldRef 3 resourceFieldRef 4 mode"},
    Row{"io.k8s.api.core.v1.DownwardAPIVolumeSource", "1 items 2 defaultMode"},
    Row{"io.k8s.api.core.v1.EmptyDirVolumeSource", "1 medium? 2 sizeLimit"},
    Row{"io.k8s.api.core.v1.EnvFromSource", "1 prefix? 2 configMapRef 3 secretRef"},
    Row{"io.k8s.api.core.v1.EnvVar", "1 name 2 value? 3 valueFrom"},
    Row{"io.k8s.api.core.v1.EnvVarSource",
        "1 fieldRef 2 resourceFieldRef 3 configMapKeyRef 4 secretKeyRef"},
    Row{"io.k8s.api.core.v1.EphemeralContainer",
        "1 +io.k8s.api.core.v1.EphemeralContainerCommon 2 targetContainerName?"},
    Row{"io.k8s.api.core.v1.EphemeralContainerCommon",
        "1 name 2 image? 3 command 4 args 5 workingDir? 6 ports 7 env 8 resources "
        "9 volumeMounts 10 livenessProbe 11 readinessProbe 12 lifecycle "
        "13 terminationMessagePath? 14 imagePullPolicy? 15 securityContext 16 stdin? "
        "17 stdinOnce? 18 tty? 19 envFrom 20 terminationMessagePolicy? 21 volumeDevices "
        "22 startupProbe 23 resizePolicy 24 restartPolicy"},
    Row{"io.k8s.api.core.v1.EphemeralVolumeSource", "1 volumeClaimTemplate"},
    Row{"io.k8s.api.core.v1.Event",
        "1 metadata 2 involvedObject 3 reason? 4 message? 5 source 6 firstTimestamp? "
        "7 lastTimestamp? 8 count? 9 type? 10 eventTime? 11 series 12 action? 13 related "
        "14 reportingComponent 15 reportingInstance"},
    Row{"io.k8s.api.core.v1.EventSeries", "1 count? 2 lastObservedTime?"},
    Row{"io.k8s.api.core.v1.EventSource", "1 component? 2 host?"},
    Row{"io.k8s.api.core.v1.ExecAction", "1 command"},
    Row{"io.k8s.api.core.v1.FCVolumeSource", "1 targetWWNs 2 lun 3 fsType? 4 readOnly? 5 wwids"},
    Row{"io.k8s.api.core.v1.FlexVolumeSource",
        "1 driver 2 fsType? 3 secretRef 4 readOnly? 5 options"},
    Row{"io.k8s.api.core.v1.FlockerVolumeSource", "1 datasetName? 2 datasetUUID?"},
    Row{"io.k8s.api.core.v1.GCEPersistentDiskVolumeSource",
        "1 pdName 2 fsType? 3 partition? 4 readOnly?"},
    Row{"io.k8s.api.core.v1.GRPCAction", "1 port 2 service"},
    Row{"io.k8s.api.core.v1.GitRepoVolumeSource", "1 repository 2 revision? 3 directory?"},
    Row{"io.k8s.api.core.v1.GlusterfsVolumeSource", "1 endpoints 2 path 3 readOnly?"},
    Row{"io.k8s.api.core.v1.HTTPGetAction", "1 path? 2 port 3 host? 4 scheme? 5 httpHeaders"},
    Row{"io.k8s.api.core.v1.HTTPHeader", "1 name 2 value"},
    Row{"io.k8s.api.core.v1.HostAlias", "1 ip 2 hostnames"},
    Row{"io.k8s.api.core.v1.HostIP", "1 ip"},
    Row{"io.k8s.api.core.v1.HostPathVolumeSource", "1 path 2 type"},
    Row{"io.k8s.api.core.v1.ISCSIVolumeSource",
        "1 targetPortal 2 iqn 3 lun 4 iscsiInterface? 5 fsType? 6 readOnly? 7 portals "
        "8 chapAuthDiscovery? 10 secretRef 11 chapAuthSession? 12 initiatorName"},
    Row{"io.k8s.api.core.v1.ImageVolumeSource", "1 reference? 2 pullPolicy?"},
    Row{"io.k8s.api.core.v1.KeyToPath", "1 key 2 path 3 mode"},
    Row{"io.k8s.api.core.v1.Lifecycle", "1 postStart 2 preStop 3 stopSignal"},
    Row{"io.k8s.api.core.v1.LifecycleHandler", "1 exec 2 httpGet 3 tcpSocket 4 sleep"},
    Row{"io.k8s.api.core.v1.LinuxContainerUser", "1 uid 2 gid 3 supplementalGroups"},
    Row{"io.k8s.api.core.v1.LoadBalancerIngress", "1 ip? 2 hostname? 3 ipMode 4 ports"},
    Row{"io.k8s.api.core.v1.LoadBalancerStatus", "1 ingress"},
    Row{"io.k8s.api.core.v1.LocalObjectReference", "1 name?"},
    Row{"io.k8s.api.core.v1.NFSVolumeSource", "1 server 2 path 3 readOnly?"},
    Row{"io.k8s.api.core.v1.Namespace", "1 metadata 2 spec 3 status"},
    Row{"io.k8s.api.core.v1.NamespaceCondition",
        "1 type 2 status 4 lastTransitionTime? 5 reason? 6 message?"},
    Row{"io.k8s.api.core.v1.NamespaceSpec", "1 finalizers"},
    Row{"io.k8s.api.core.v1.NamespaceStatus", "1 phase? 2 conditions"},
    Row{"io.k8s.api.core.v1.NodeAffinity",
        "1 requiredDuringSchedulingIgnoredDuringExecution "
        "2 preferredDuringSchedulingIgnoredDuringExecution"},
    Row{"io.k8s.api.core.v1.NodeSelector", "1 nodeSelectorTerms"},
    Row{"io.k8s.api.core.v1.NodeSelectorRequirement", "1 key 2 operator 3 values"},
    Row{"io.k8s.api.core.v1.NodeSelectorTerm", "1 matchExpressions 2 matchFields"},
    Row{"io.k8s.api.core.v1.ObjectFieldSelector", "1 apiVersion? 2 fieldPath"},
    Row{"io.k8s.api.core.v1.ObjectReference",
        "1 kind? 2 namespace? 3 name? 4 uid? 5 apiVersion? 6 resourceVersion? 7 fieldPath?"},
    Row{"io.k8s.api.core.v1.PersistentVolumeClaimSpec",
        "1 accessModes 2 resources 3 volumeName? 4 selector 5 storageClassName "
        "6 volumeMode 7 dataSource 8 dataSourceRef 9 volumeAttributesClassName"},
    Row{"io.k8s.api.core.v1.PersistentVolumeClaimTemplate", "1 metadata 2 spec"},
    Row{"io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource", "1 claimName 2 readOnly?"},
    Row{"io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource", "1 pdID 2 fsType?"},
    Row{"io.k8s.api.core.v1.Pod", "1 metadata 2 spec 3 status"},
    Row{"io.k8s.api.core.v1.PodAffinity",
        "1 requiredDuringSchedulingIgnoredDuringExecution "
        "2 preferredDuringSchedulingIgnoredDuringExecution"},
    Row{"io.k8s.api.core.v1.PodAffinityTerm",
        "1 labelSelector 2 namespaces 3 topologyKey 4 namespaceSelector 5 matchLabelKeys "
        "6 mismatchLabelKeys"},
    Row{"io.k8s.api.core.v1.PodAntiAffinity",
        "1 requiredDuringSchedulingIgnoredDuringExecution "
        "2 preferredDuringSchedulingIgnoredDuringExecution"},
    Row{"io.k8s.api.core.v1.PodCondition",
        "1 type 2 status 3 lastProbeTime? 4 lastTransitionTime? 5 reason? 6 message? "
        "7 observedGeneration?"},
    Row{"io.k8s.api.core.v1.PodDNSConfig", "1 nameservers 2 searches 3 options"},
    Row{"io.k8s.api.core.v1.PodDNSConfigOption", "1 name? 2 value"},
    Row{"io.k8s.api.core.v1.PodIP", "1 ip"},
    Row{"io.k8s.api.core.v1.PodOS", "1 name"},
    Row{"io.k8s.api.core.v1.PodReadinessGate", "1 conditionType"},
    Row{"io.k8s.api.core.v1.PodResourceClaim",
        "1 name 3 resourceClaimName 4 resourceClaimTemplateName"},
    Row{"io.k8s.api.core.v1.PodResourceClaimStatus", "1 name 2 resourceClaimName"},
    Row{"io.k8s.api.core.v1.PodSchedulingGate", "1 name"},
    Row{"io.k8s.api.core.v1.PodSecurityContext",
        "1 seLinuxOptions 2 runAsUser 3 runAsNonRoot 4 supplementalGroups 5 fsGroup "
        "6 runAsGroup 7 sysctls 8 windowsOptions 9 fsGroupChangePolicy 10 seccompProfile "
        "11 appArmorProfile 12 supplementalGroupsPolicy 13 seLinuxChangePolicy"},
    Row{"io.k8s.api.core.v1.PodSpec",
        "1 volumes 2 containers 3 restartPolicy? 4 terminationGracePeriodSeconds "
        "5 activeDeadlineSeconds 6 dnsPolicy? 7 nodeSelector 8 serviceAccountName? "
        "9 serviceAccount? 10 nodeName? 11 hostNetwork? 12 hostPID? 13 hostIPC? "
        "14 securityContext 15 imagePullSecrets 16 hostname? 17 subdomain? 18 affinity "
        "19 schedulerName? 20 initContainers 21 automountServiceAccountToken "
        "22 tolerations 23 hostAliases 24 priorityClassName? 25 priority 26 dnsConfig "
        "27 shareProcessNamespace 28 readinessGates 29 runtimeClassName "
        "30 enableServiceLinks 31 preemptionPolicy 32 overhead "
        "33 topologySpreadConstraints 34 ephemeralContainers 35 setHostnameAsFQDN 36 os "
        "37 hostUsers 38 schedulingGates 39 resourceClaims 40 resources"},
    Row{"io.k8s.api.core.v1.PodStatus",
        "1 phase? 2 conditions 3 message? 4 reason? 5 hostIP? 6 podIP? 7 startTime "
        "8 containerStatuses 9 qosClass? 10 initContainerStatuses 11 nominatedNodeName? "
        "12 podIPs 13 ephemeralContainerStatuses 14 resize? 15 resourceClaimStatuses "
        "16 hostIPs 17 observedGeneration?"},
    Row{"io.k8s.api.core.v1.PodTemplateSpec", "1 metadata 2 spec"},
    Row{"io.k8s.api.core.v1.PortStatus", "1 port 2 protocol 3 error"},
    Row{"io.k8s.api.core.v1.PortworxVolumeSource", "1 volumeID 2 fsType? 3 readOnly?"},
    Row{"io.k8s.api.core.v1.PreferredSchedulingTerm", "1 weight 2 preference"},
    Row{"io.k8s.api.core.v1.Probe",
        "1 +io.k8s.api.core.v1.ProbeHandler 2 initialDelaySeconds? 3 timeoutSeconds? "
        "4 periodSeconds? 5 successThreshold? 6 failureThreshold? "
        "7 terminationGracePeriodSeconds"},
    Row{"io.k8s.api.core.v1.ProbeHandler", "1 exec 2 httpGet 3 tcpSocket 4 grpc"},
    Row{"io.k8s.api.core.v1.ProjectedVolumeSource", "1 sources 2 defaultMode"},
    Row{"io.k8s.api.core.v1.QuobyteVolumeSource",
        "1 registry 2 volume 3 readOnly? 4 user? 5 group? 6 tenant?"},
    Row{"io.k8s.api.core.v1.RBDVolumeSource",
        "1 monitors 2 image 3 fsType? 4 pool? 5 user? 6 keyring? 7 secretRef 8 readOnly?"},
    Row{"io.k8s.api.core.v1.ResourceClaim", "1 name 2 request?"},
    Row{"io.k8s.api.core.v1.ResourceFieldSelector", "1 containerName? 2 resource 3 divisor?"},
    Row{"io.k8s.api.core.v1.ResourceHealth", "1 resourceID 2 health?"},
    Row{"io.k8s.api.core.v1.ResourceRequirements", "1 limits 2 requests 3 claims"},
    Row{"io.k8s.api.core.v1.ResourceStatus", "1 name 2 resources"},
    Row{"io.k8s.api.core.v1.SELinuxOptions", "1 user? 2 role? 3 type? 4 level?"},
    Row{"io.k8s.api.core.v1.ScaleIOVolumeSource",
        "1 gateway 2 system 3 secretRef 4 sslEnabled? 5 protectionDomain? 6 storagePool? "
        "7 storageMode? 8 volumeName? 9 fsType? 10 readOnly?"},
    Row{"io.k8s.api.core.v1.SeccompProfile", "1 type 2 localhostProfile"},
    Row{"io.k8s.api.core.v1.Secret", "1 metadata 2 data 3 type? 4 stringData 5 immutable"},
    Row{"io.k8s.api.core.v1.SecretEnvSource",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 optional"},
    Row{"io.k8s.api.core.v1.SecretKeySelector",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 key 3 optional"},
    Row{"io.k8s.api.core.v1.SecretProjection",
        "1 +io.k8s.api.core.v1.LocalObjectReference 2 items 4 optional"},
    Row{"io.k8s.api.core.v1.SecretVolumeSource", "1 secretName? 2 items 3 defaultMode 4 optional"},
    Row{"io.k8s.api.core.v1.SecurityContext",
        "1 capabilities 2 privileged 3 seLinuxOptions 4 runAsUser 5 runAsNonRoot "
        "6 readOnlyRootFilesystem 7 allowPrivilegeEscalation 8 runAsGroup 9 procMount "
        "10 windowsOptions 11 seccompProfile 12 appArmorProfile"},
    Row{"io.k8s.api.core.v1.Service", "1 metadata 2 spec 3 status"},
    Row{"io.k8s.api.core.v1.ServiceAccount",
        "1 metadata 2 secrets 3 imagePullSecrets 4 automountServiceAccountToken"},
    Row{"io.k8s.api.core.v1.ServiceAccountTokenProjection",
        "1 audience? 2 expirationSeconds 3 path"},
    Row{"io.k8s.api.core.v1.ServicePort",
        "1 name? 2 protocol? 3 port 4 targetPort? 5 nodePort? 6 appProtocol"},
    Row{"io.k8s.api.core.v1.ServiceSpec",
        "1 ports 2 selector 3 clusterIP? 4 type? 5 externalIPs 7 sessionAffinity? "
        "8 loadBalancerIP? 9 loadBalancerSourceRanges 10 externalName? "
        "11 externalTrafficPolicy? 12 healthCheckNodePort? 13 publishNotReadyAddresses? "
        "14 sessionAffinityConfig 17 ipFamilyPolicy 18 clusterIPs 19 ipFamilies "
        "20 allocateLoadBalancerNodePorts 21 loadBalancerClass 22 internalTrafficPolicy "
        "23 trafficDistribution"},
    Row{"io.k8s.api.core.v1.ServiceStatus", "1 loadBalancer 2 conditions"},
    Row{"io.k8s.api.core.v1.SessionAffinityConfig", "1 clientIP"},
    Row{"io.k8s.api.core.v1.SleepAction", "1 seconds"},
    Row{"io.k8s.api.core.v1.StorageOSVolumeSource",
        "1 volumeName? 2 volumeNamespace? 3 fsType? 4 readOnly? 5 secretRef"},
    Row{"io.k8s.api.core.v1.Sysctl", "1 name 2 value"},
    Row{"io.k8s.api.core.v1.TCPSocketAction", "1 port 2 host?"},
    Row{"io.k8s.api.core.v1.Toleration",
        "1 key? 2 operator? 3 value? 4 effect? 5 tolerationSeconds"},
    Row{"io.k8s.api.core.v1.TopologySpreadConstraint",
        "1 maxSkew 2 topologyKey 3 whenUnsatisfiable 4 labelSelector 5 minDomains "
        "6 nodeAffinityPolicy 7 nodeTaintsPolicy 8 matchLabelKeys"},
    Row{"io.k8s.api.core.v1.TypedLocalObjectReference", "1 apiGroup 2 kind 3 name"},
    Row{"io.k8s.api.core.v1.TypedObjectReference", "1 apiGroup 2 kind 3 name 4 namespace"},
    Row{"io.k8s.api.core.v1.Volume", "1 name 2 +io.k8s.api.core.v1.VolumeSource"},
    Row{"io.k8s.api.core.v1.VolumeDevice", "1 name 2 devicePath"},
    Row{"io.k8s.api.core.v1.VolumeMount",
        "1 name 2 readOnly? 3 mountPath 4 subPath? 5 mountPropagation 6 subPathExpr? "
        "7 recursiveReadOnly"},
    Row{"io.k8s.api.core.v1.VolumeMountStatus",
        "1 name 2 mountPath 3 readOnly? 4 recursiveReadOnly"},
    Row{"io.k8s.api.core.v1.VolumeProjection",
        "1 secret 2 downwardAPI 3 configMap 4 serviceAccountToken 5 clusterTrustBundle"},
    Row{"io.k8s.api.core.v1.VolumeResourceRequirements", "1 limits 2 requests"},
    Row{"io.k8s.api.core.v1.VolumeSource",
        "1 hostPath 2 emptyDir 3 gcePersistentDisk 4 awsElasticBlockStore 5 gitRepo "
        "6 secret 7 nfs 8 iscsi 9 glusterfs 10 persistentVolumeClaim 11 rbd 12 flexVolume "
        "13 cinder 14 cephfs 15 flocker 16 downwardAPI 17 fc 18 azureFile 19 configMap "
        "20 vsphereVolume 21 quobyte 22 azureDisk 23 photonPersistentDisk "
        "24 portworxVolume 25 scaleIO 26 projected 27 storageos 28 csi 29 ephemeral "
        "30 image"},
    Row{"io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource",
        "1 volumePath 2 fsType? 3 storagePolicyName? 4 storagePolicyID?"},
    Row{"io.k8s.api.core.v1.WeightedPodAffinityTerm", "1 weight 2 podAffinityTerm"},
    Row{"io.k8s.api.core.v1.WindowsSecurityContextOptions",
        "1 gmsaCredentialSpecName 2 gmsaCredentialSpec 3 runAsUserName 4 hostProcess"},
    Row{"io.k8s.api.events.v1.Event",
        "1 metadata 2 eventTime 3 series 4 reportingController? 5 reportingInstance? "
        "6 action? 7 reason? 8 regarding 9 related 10 note? 11 type? 12 deprecatedSource "
        "13 deprecatedFirstTimestamp? 14 deprecatedLastTimestamp? 15 deprecatedCount?"},
    Row{"io.k8s.api.events.v1.EventSeries", "1 count 2 lastObservedTime"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
        "1 type 2 status 3 observedGeneration? 4 lastTransitionTime 5 reason 6 message"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
        "1 gracePeriodSeconds 2 preconditions 3 orphanDependents 4 propagationPolicy "
        "5 dryRun 6 ignoreStoreReadErrorWithClusterBreakingPotential"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", "1 matchLabels 2 matchExpressions"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
        "1 key 2 operator 3 values"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
        "1 manager? 2 operation? 3 apiVersion? 4 time 6 fieldsType? 7 fieldsV1 "
        "8 subresource?"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        "1 name? 2 generateName? 3 namespace? 4 selfLink? 5 uid? 6 resourceVersion? "
        "7 generation? 8 creationTimestamp? 9 deletionTimestamp "
        "10 deletionGracePeriodSeconds 11 labels 12 annotations 13 ownerReferences "
        "14 finalizers 17 managedFields"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
        "1 kind 3 name 4 uid 5 apiVersion 6 controller 7 blockOwnerDeletion"},
    Row{"io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions", "1 uid 2 resourceVersion"}};

// The next word; `text` is what follows it.
std::string_view TakeWord(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

int NumberOf(std::string_view digits) {
  int number = 0;
  for (const char digit : digits) number = number * 10 + (digit - '0');
  return number;
}

}  // namespace

std::optional<std::string_view> ProtobufFields(std::string_view message) {
  const auto row =
      std::lower_bound(kRows.begin(), kRows.end(), message,
                       [](const Row& one, std::string_view name) { return one.message < name; });
  if (row == kRows.end() || row->message != message) return std::nullopt;
  return row->fields;
}

std::optional<ProtobufField> FindProtobufField(std::string_view fields, int number) {
  while (!fields.empty()) {
    const int found = NumberOf(TakeWord(fields));
    std::string_view name = TakeWord(fields);
    if (found != number) continue;
    ProtobufField field;
    field.is_inline = name.front() == '+';
    field.omits_zero = name.back() == '?';
    if (field.is_inline) name.remove_prefix(1);
    if (field.omits_zero) name.remove_suffix(1);
    field.name = name;
    return field;
  }
  return std::nullopt;
}

}  // namespace throng::kube::server
