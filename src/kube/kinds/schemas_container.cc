#include "kube/kinds/schemas.h"

// Containers and volumes: what the parts of a pod hold.
namespace throng::kube::schemas {
namespace {

constexpr Field kConfigMapKeySelectorFields[] = {
    {"key", &kText, "The entry.", true},
    {"name", &kText, "Name of the ConfigMap."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kConfigMapKeySelector =
    AtomicObject("io.k8s.api.core.v1.ConfigMapKeySelector", kConfigMapKeySelectorFields,
                 "An entry of a ConfigMap.");

constexpr Field kObjectFieldSelectorFields[] = {
    {"apiVersion", &kText, "Version that the path is of."},
    {"fieldPath", &kText, "Path of the field.", true},
};
constexpr Schema kObjectFieldSelector = AtomicObject(
    "io.k8s.api.core.v1.ObjectFieldSelector", kObjectFieldSelectorFields, "A field of the pod.");

constexpr Field kResourceFieldSelectorFields[] = {
    {"containerName", &kText, "The container."},
    {"divisor", &kQuantity, "The unit that it is told in."},
    {"resource", &kText, "The resource: limits.cpu, requests.memory and the like.", true},
};
constexpr Schema kResourceFieldSelector =
    AtomicObject("io.k8s.api.core.v1.ResourceFieldSelector", kResourceFieldSelectorFields,
                 "A resource of a container.");

constexpr Field kSecretKeySelectorFields[] = {
    {"key", &kText, "The entry.", true},
    {"name", &kText, "Name of the Secret."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kSecretKeySelector = AtomicObject(
    "io.k8s.api.core.v1.SecretKeySelector", kSecretKeySelectorFields, "An entry of a Secret.");

constexpr Field kEnvVarSourceFields[] = {
    {"configMapKeyRef", &kConfigMapKeySelector, "An entry of a ConfigMap."},
    {"fieldRef", &kObjectFieldSelector, "A field of the pod."},
    {"resourceFieldRef", &kResourceFieldSelector, "A resource of the container."},
    {"secretKeyRef", &kSecretKeySelector, "An entry of a Secret."},
};
constexpr Schema kEnvVarSource = Object("io.k8s.api.core.v1.EnvVarSource", kEnvVarSourceFields,
                                        "Where the value of a variable is from.");

constexpr Field kEnvVarFields[] = {
    {"name", &kText, "Name of the variable.", true},
    {"value", &kText, "Its value; $(NAME) stands for an earlier variable."},
    {"valueFrom", &kEnvVarSource, "Where its value is from."},
};
constexpr Schema kEnvVar =
    Object("io.k8s.api.core.v1.EnvVar", kEnvVarFields, "A variable of the environment.");

constexpr Field kConfigMapEnvSourceFields[] = {
    {"name", &kText, "Name of the ConfigMap."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kConfigMapEnvSource =
    Object("io.k8s.api.core.v1.ConfigMapEnvSource", kConfigMapEnvSourceFields, "A ConfigMap.");

constexpr Field kSecretEnvSourceFields[] = {
    {"name", &kText, "Name of the Secret."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kSecretEnvSource =
    Object("io.k8s.api.core.v1.SecretEnvSource", kSecretEnvSourceFields, "A Secret.");

constexpr Field kEnvFromSourceFields[] = {
    {"configMapRef", &kConfigMapEnvSource, "The ConfigMap."},
    {"prefix", &kText, "Put before the names."},
    {"secretRef", &kSecretEnvSource, "The Secret."},
};
constexpr Schema kEnvFromSource = Object("io.k8s.api.core.v1.EnvFromSource", kEnvFromSourceFields,
                                         "All entries of one object as variables.");

constexpr Field kExecActionFields[] = {
    {"command", &kTextList, "The program and its arguments."},
};
constexpr Schema kExecAction = Object("io.k8s.api.core.v1.ExecAction", kExecActionFields,
                                      "A program that is run in the container.");

constexpr Field kHttpHeaderFields[] = {
    {"name", &kText, "Name of the header.", true},
    {"value", &kText, "Its value.", true},
};
constexpr Schema kHttpHeader =
    Object("io.k8s.api.core.v1.HTTPHeader", kHttpHeaderFields, "A header of a request.");

constexpr Schema kHttpHeaderList = ListOf(kHttpHeader);
constexpr std::string_view kSchemeValues[] = {"HTTP", "HTTPS"};
constexpr Schema kScheme = OneOf(kSchemeValues);
constexpr Field kHttpGetActionFields[] = {
    {"host", &kText, "The host; without it the pod."},
    {"httpHeaders", &kHttpHeaderList, "Headers of the request."},
    {"path", &kText, "Path of the request."},
    {"port", &kIntOrString, "Number or name of the port.", true},
    {"scheme", &kScheme, "HTTP or HTTPS."},
};
constexpr Schema kHttpGetAction =
    Object("io.k8s.api.core.v1.HTTPGetAction", kHttpGetActionFields, "An HTTP request.");

constexpr Field kSleepActionFields[] = {
    {"seconds", &kInteger64, "How long.", true},
};
constexpr Schema kSleepAction =
    Object("io.k8s.api.core.v1.SleepAction", kSleepActionFields, "A pause.");

constexpr Field kTcpSocketActionFields[] = {
    {"host", &kText, "The host; without it the pod."},
    {"port", &kIntOrString, "Number or name of the port.", true},
};
constexpr Schema kTcpSocketAction =
    Object("io.k8s.api.core.v1.TCPSocketAction", kTcpSocketActionFields, "A connection.");

constexpr Field kLifecycleHandlerFields[] = {
    {"exec", &kExecAction, "Run a program in the container."},
    {"httpGet", &kHttpGetAction, "Send an HTTP request."},
    {"sleep", &kSleepAction, "Wait."},
    {"tcpSocket", &kTcpSocketAction, "Open a connection."},
};
constexpr Schema kLifecycleHandler = Object("io.k8s.api.core.v1.LifecycleHandler",
                                            kLifecycleHandlerFields, "One thing that is done.");

constexpr Field kLifecycleFields[] = {
    {"postStart", &kLifecycleHandler, "After its start."},
    {"preStop", &kLifecycleHandler, "Before its end."},
    {"stopSignal", &kText, "The signal that ends it."},
};
constexpr Schema kLifecycle = Object("io.k8s.api.core.v1.Lifecycle", kLifecycleFields,
                                     "What is done at the start and the end of a container.");

constexpr Field kGrpcActionFields[] = {
    {"port", &kInteger32, "The port.", true},
    {"service", &kText, "The service that is asked about."},
};
constexpr Schema kGrpcAction =
    Object("io.k8s.api.core.v1.GRPCAction", kGrpcActionFields, "A health check over gRPC.");

constexpr Field kProbeFields[] = {
    {"exec", &kExecAction, "By a program that is run in it."},
    {"failureThreshold", &kInteger32, "Failures in a row that count."},
    {"grpc", &kGrpcAction, "By a health check over gRPC."},
    {"httpGet", &kHttpGetAction, "By an HTTP request."},
    {"initialDelaySeconds", &kInteger32, "Seconds from the start to the first one."},
    {"periodSeconds", &kInteger32, "Seconds between two."},
    {"successThreshold", &kInteger32, "Successes in a row that count."},
    {"tcpSocket", &kTcpSocketAction, "By a connection."},
    {"terminationGracePeriodSeconds", &kInteger64, "Seconds to end in after a failure."},
    {"timeoutSeconds", &kInteger32, "Seconds after which one has failed."},
};
constexpr Schema kProbe =
    Object("io.k8s.api.core.v1.Probe", kProbeFields, "How the state of a container is asked.");

constexpr std::string_view kProtocolValues[] = {"SCTP", "TCP", "UDP"};
constexpr Schema kProtocol = OneOf(kProtocolValues);
constexpr Field kContainerPortFields[] = {
    {"containerPort", &kInteger32, "Number of the port.", true},
    {"hostIP", &kText, "Address of the machine that it is bound to."},
    {"hostPort", &kInteger32, "Port of the machine."},
    {"name", &kText, "Name of the port, unique in the pod."},
    {"protocol", &kProtocol, "TCP, UDP or SCTP."},
};
constexpr Schema kContainerPort =
    Object("io.k8s.api.core.v1.ContainerPort", kContainerPortFields, "A port of a container.");

constexpr Field kContainerResizePolicyFields[] = {
    {"resourceName", &kText, "The resource.", true},
    {"restartPolicy", &kText, "NotRequired or RestartContainer.", true},
};
constexpr Schema kContainerResizePolicy =
    Object("io.k8s.api.core.v1.ContainerResizePolicy", kContainerResizePolicyFields,
           "What a change of a resource needs.");

constexpr Field kResourceClaimFields[] = {
    {"name", &kText, "Name of the claim.", true},
    {"request", &kText, "One request of the claim."},
};
constexpr Schema kResourceClaim =
    Object("io.k8s.api.core.v1.ResourceClaim", kResourceClaimFields, "A claim of the pod.");

constexpr Schema kResourceClaims = AppliedList(kResourceClaim, kByName);
constexpr Field kResourceRequirementsFields[] = {
    {"claims", &kResourceClaims, "Claims of the pod that it uses."},
    {"limits", &kQuantityMap, "The most that it may use."},
    {"requests", &kQuantityMap, "What it needs."},
};
}  // namespace

constinit const Schema kResourceRequirements =
    Object("io.k8s.api.core.v1.ResourceRequirements", kResourceRequirementsFields,
           "What a container needs and may use.");

namespace {

constexpr std::string_view kProfileTypeValues[] = {"Localhost", "RuntimeDefault", "Unconfined"};
constexpr Schema kProfileType = OneOf(kProfileTypeValues);
constexpr Field kAppArmorProfileFields[] = {
    {"localhostProfile", &kText, "Name of a profile of the machine."},
    {"type", &kProfileType, "Localhost, RuntimeDefault or Unconfined.", true},
};
}  // namespace

constinit const Schema kAppArmorProfile =
    Object("io.k8s.api.core.v1.AppArmorProfile", kAppArmorProfileFields, "A profile of AppArmor.");

namespace {

constexpr Field kCapabilitiesFields[] = {
    {"add", &kTextList, "Those added."},
    {"drop", &kTextList, "Those taken away."},
};
constexpr Schema kCapabilities = Object("io.k8s.api.core.v1.Capabilities", kCapabilitiesFields,
                                        "Changes to the capabilities of a container.");

constexpr Field kSelinuxOptionsFields[] = {
    {"level", &kText, "Level."},
    {"role", &kText, "Role."},
    {"type", &kText, "Type."},
    {"user", &kText, "User."},
};
}  // namespace

constinit const Schema kSelinuxOptions =
    Object("io.k8s.api.core.v1.SELinuxOptions", kSelinuxOptionsFields, "Labels of SELinux.");

namespace {

constexpr Field kSeccompProfileFields[] = {
    {"localhostProfile", &kText, "Name of a profile of the machine."},
    {"type", &kProfileType, "Localhost, RuntimeDefault or Unconfined.", true},
};
}  // namespace

constinit const Schema kSeccompProfile = Object(
    "io.k8s.api.core.v1.SeccompProfile", kSeccompProfileFields, "Which system calls may be made.");

namespace {}  // namespace

constinit const Schema kWindowsSecurityContextOptions =
    OpenObject("io.k8s.api.core.v1.WindowsSecurityContextOptions", "Options for Windows.");

namespace {

constexpr Field kSecurityContextFields[] = {
    {"allowPrivilegeEscalation", &kBoolean, "It may gain more rights than its parent."},
    {"appArmorProfile", &kAppArmorProfile, "Profile of AppArmor."},
    {"capabilities", &kCapabilities, "Capabilities that are added or taken away."},
    {"privileged", &kBoolean, "It runs with all rights of the machine."},
    {"procMount", &kText, "How its /proc looks."},
    {"readOnlyRootFilesystem", &kBoolean, "Its root folder cannot be written."},
    {"runAsGroup", &kInteger64, "Number of its group."},
    {"runAsNonRoot", &kBoolean, "It must not run as root."},
    {"runAsUser", &kInteger64, "Number of its user."},
    {"seLinuxOptions", &kSelinuxOptions, "Labels of SELinux."},
    {"seccompProfile", &kSeccompProfile, "Which system calls it may make."},
    {"windowsOptions", &kWindowsSecurityContextOptions, "Options for Windows."},
};
constexpr Schema kSecurityContext =
    Object("io.k8s.api.core.v1.SecurityContext", kSecurityContextFields,
           "What a container is allowed to do.");

constexpr Field kVolumeDeviceFields[] = {
    {"devicePath", &kText, "Where it is seen.", true},
    {"name", &kText, "Name of the volume.", true},
};
constexpr Schema kVolumeDevice = Object("io.k8s.api.core.v1.VolumeDevice", kVolumeDeviceFields,
                                        "A block device in a container.");

constexpr Field kVolumeMountFields[] = {
    {"mountPath", &kText, "Where it is seen.", true},
    {"mountPropagation", &kText, "Whether mounts are passed on."},
    {"name", &kText, "Name of the volume.", true},
    {"readOnly", &kBoolean, "It cannot be written."},
    {"recursiveReadOnly", &kText, "Nor anything that is mounted in it."},
    {"subPath", &kText, "The part of the volume that is seen."},
    {"subPathExpr", &kText, "The same with variables."},
};
constexpr Schema kVolumeMount =
    Object("io.k8s.api.core.v1.VolumeMount", kVolumeMountFields, "A volume in a container.");

constexpr Schema kEnvVars = KeyedList(kEnvVar, kByName);
constexpr Schema kEnvFromSourceList = ListOf(kEnvFromSource);
constexpr std::string_view kImagePullPolicyValues[] = {"Always", "IfNotPresent", "Never"};
constexpr Schema kImagePullPolicy = OneOf(kImagePullPolicyValues);
constexpr std::string_view kByContainerPortAndProtocol[] = {"containerPort", "protocol"};
constexpr Schema kContainerPorts = KeyedList(kContainerPort, kByContainerPortAndProtocol);
constexpr Schema kContainerResizePolicyList = ListOf(kContainerResizePolicy);
constexpr std::string_view kTerminationMessagePolicyValues[] = {"FallbackToLogsOnError", "File"};
constexpr Schema kTerminationMessagePolicy = OneOf(kTerminationMessagePolicyValues);
constexpr Schema kVolumeDevices = KeyedList(kVolumeDevice, kByDevicePath);
constexpr Schema kVolumeMounts = KeyedList(kVolumeMount, kByMountPath);
constexpr Field kContainerFields[] = {
    {"args", &kTextList, "Arguments of the command."},
    {"command", &kTextList, "The program and its first arguments; without it, that of the image."},
    {"env", &kEnvVars, "Environment of the program."},
    {"envFrom", &kEnvFromSourceList, "Sources of further variables."},
    {"image", &kText, "The image that the container is made of."},
    {"imagePullPolicy", &kImagePullPolicy,
     "When the image is fetched: Always, IfNotPresent or Never."},
    {"lifecycle", &kLifecycle, "What is done after its start and before its end."},
    {"livenessProbe", &kProbe, "The container is restarted when this fails."},
    {"name", &kText, "Name of the container, unique in the pod.", true},
    {"ports", &kContainerPorts, "Ports that it listens on."},
    {"readinessProbe", &kProbe, "Requests are sent only while this succeeds."},
    {"resizePolicy", &kContainerResizePolicyList, "What a change of resources needs."},
    {"resources", &kResourceRequirements, "What it needs and what it may use."},
    {"restartPolicy", &kText, "Always makes a sidecar of an init container."},
    {"securityContext", &kSecurityContext, "What it is allowed to do."},
    {"startupProbe", &kProbe, "The other probes wait until this has succeeded."},
    {"stdin", &kBoolean, "Its input is kept open."},
    {"stdinOnce", &kBoolean, "Its input is closed after the first client."},
    {"terminationMessagePath", &kText, "The file of its last words."},
    {"terminationMessagePolicy", &kTerminationMessagePolicy,
     "Where its last words are from: File or FallbackToLogsOnError."},
    {"tty", &kBoolean, "It has a terminal."},
    {"volumeDevices", &kVolumeDevices, "Block devices of the pod that it sees."},
    {"volumeMounts", &kVolumeMounts, "Volumes of the pod that it sees."},
    {"workingDir", &kText, "Folder that the program starts in."},
};
}  // namespace

constinit const Schema kContainer =
    Object("io.k8s.api.core.v1.Container", kContainerFields, "One container of a pod.");

namespace {

constexpr Field kLocalObjectReferenceFields[] = {
    {"name", &kText, "Its name."},
};
}  // namespace

constinit const Schema kLocalObjectReference =
    AtomicObject("io.k8s.api.core.v1.LocalObjectReference", kLocalObjectReferenceFields,
                 "An object of the same namespace.");

namespace {

constexpr Field kKeyToPathFields[] = {
    {"key", &kText, "The entry.", true},
    {"mode", &kInteger32, "Mode of the file."},
    {"path", &kText, "The file, within the volume.", true},
};
constexpr Schema kKeyToPath =
    Object("io.k8s.api.core.v1.KeyToPath", kKeyToPathFields, "An entry and its file.");

constexpr Schema kKeyToPathList = ListOf(kKeyToPath);
constexpr Field kConfigMapVolumeSourceFields[] = {
    {"defaultMode", &kInteger32, "Mode of the files."},
    {"items", &kKeyToPathList, "The entries; none: all."},
    {"name", &kText, "Name of the ConfigMap."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kConfigMapVolumeSource =
    Object("io.k8s.api.core.v1.ConfigMapVolumeSource", kConfigMapVolumeSourceFields,
           "The entries of a ConfigMap as files.");

constexpr Field kCsiVolumeSourceFields[] = {
    {"driver", &kText, "Name of the driver.", true},
    {"fsType", &kText, "File system."},
    {"nodePublishSecretRef", &kLocalObjectReference, "Secret that is passed to the driver."},
    {"readOnly", &kBoolean, "It cannot be written."},
    {"volumeAttributes", &kTextMap, "Settings for the driver."},
};
constexpr Schema kCsiVolumeSource = Object("io.k8s.api.core.v1.CSIVolumeSource",
                                           kCsiVolumeSourceFields, "A volume of a storage driver.");

constexpr Field kDownwardApiVolumeFileFields[] = {
    {"fieldRef", &kObjectFieldSelector, "The field."},
    {"mode", &kInteger32, "Mode of the file."},
    {"path", &kText, "The file, within the volume.", true},
    {"resourceFieldRef", &kResourceFieldSelector, "A resource of a container."},
};
constexpr Schema kDownwardApiVolumeFile =
    Object("io.k8s.api.core.v1.DownwardAPIVolumeFile", kDownwardApiVolumeFileFields,
           "A file with a field of the pod.");

constexpr Schema kDownwardApiVolumeFileList = ListOf(kDownwardApiVolumeFile);
constexpr Field kDownwardApiVolumeSourceFields[] = {
    {"defaultMode", &kInteger32, "Mode of the files."},
    {"items", &kDownwardApiVolumeFileList, "The files."},
};
constexpr Schema kDownwardApiVolumeSource =
    Object("io.k8s.api.core.v1.DownwardAPIVolumeSource", kDownwardApiVolumeSourceFields,
           "Fields of the pod as files.");

constexpr Field kEmptyDirVolumeSourceFields[] = {
    {"medium", &kText, "Memory: it lies in memory."},
    {"sizeLimit", &kQuantity, "The most that it may hold."},
};
constexpr Schema kEmptyDirVolumeSource = Object("io.k8s.api.core.v1.EmptyDirVolumeSource",
                                                kEmptyDirVolumeSourceFields, "An empty folder.");

constexpr Schema kPersistentVolumeClaimTemplate = OpenObject(
    "io.k8s.api.core.v1.PersistentVolumeClaimTemplate", "A claim that is made for the pod.");

constexpr Field kEphemeralVolumeSourceFields[] = {
    {"volumeClaimTemplate", &kPersistentVolumeClaimTemplate, "The claim."},
};
constexpr Schema kEphemeralVolumeSource =
    Object("io.k8s.api.core.v1.EphemeralVolumeSource", kEphemeralVolumeSourceFields,
           "A claim that lives as long as the pod.");

constexpr Field kHostPathVolumeSourceFields[] = {
    {"path", &kText, "Where it is.", true},
    {"type", &kText, "What it must be."},
};
constexpr Schema kHostPathVolumeSource =
    Object("io.k8s.api.core.v1.HostPathVolumeSource", kHostPathVolumeSourceFields,
           "A file or folder of the machine.");

constexpr Field kImageVolumeSourceFields[] = {
    {"pullPolicy", &kText, "When the image is fetched."},
    {"reference", &kText, "The image."},
};
constexpr Schema kImageVolumeSource = Object("io.k8s.api.core.v1.ImageVolumeSource",
                                             kImageVolumeSourceFields, "The content of an image.");

constexpr Field kNfsVolumeSourceFields[] = {
    {"path", &kText, "The folder.", true},
    {"readOnly", &kBoolean, "It cannot be written."},
    {"server", &kText, "The server.", true},
};
constexpr Schema kNfsVolumeSource = Object("io.k8s.api.core.v1.NFSVolumeSource",
                                           kNfsVolumeSourceFields, "A folder of an NFS server.");

constexpr Field kPersistentVolumeClaimVolumeSourceFields[] = {
    {"claimName", &kText, "Name of the claim.", true},
    {"readOnly", &kBoolean, "It cannot be written."},
};
constexpr Schema kPersistentVolumeClaimVolumeSource =
    Object("io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource",
           kPersistentVolumeClaimVolumeSourceFields, "A claim.");

constexpr Schema kClusterTrustBundleProjection =
    OpenObject("io.k8s.api.core.v1.ClusterTrustBundleProjection", "Certificates of authorities.");

constexpr Field kConfigMapProjectionFields[] = {
    {"items", &kKeyToPathList, "The entries; none: all."},
    {"name", &kText, "Name of the ConfigMap."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kConfigMapProjection =
    Object("io.k8s.api.core.v1.ConfigMapProjection", kConfigMapProjectionFields,
           "Entries of a ConfigMap.");

constexpr Field kDownwardApiProjectionFields[] = {
    {"items", &kDownwardApiVolumeFileList, "The files."},
};
constexpr Schema kDownwardApiProjection = Object(
    "io.k8s.api.core.v1.DownwardAPIProjection", kDownwardApiProjectionFields, "Fields of the pod.");

constexpr Field kSecretProjectionFields[] = {
    {"items", &kKeyToPathList, "The entries; none: all."},
    {"name", &kText, "Name of the Secret."},
    {"optional", &kBoolean, "It may be missing."},
};
constexpr Schema kSecretProjection =
    Object("io.k8s.api.core.v1.SecretProjection", kSecretProjectionFields, "Entries of a Secret.");

constexpr Field kServiceAccountTokenProjectionFields[] = {
    {"audience", &kText, "Whom it is for."},
    {"expirationSeconds", &kInteger64, "Seconds that it is valid."},
    {"path", &kText, "The file, within the volume.", true},
};
constexpr Schema kServiceAccountTokenProjection =
    Object("io.k8s.api.core.v1.ServiceAccountTokenProjection", kServiceAccountTokenProjectionFields,
           "A token of the service account.");

constexpr Field kVolumeProjectionFields[] = {
    {"clusterTrustBundle", &kClusterTrustBundleProjection, "Certificates of authorities."},
    {"configMap", &kConfigMapProjection, "Entries of a ConfigMap."},
    {"downwardAPI", &kDownwardApiProjection, "Fields of the pod."},
    {"secret", &kSecretProjection, "Entries of a Secret."},
    {"serviceAccountToken", &kServiceAccountTokenProjection, "A token of the service account."},
};
constexpr Schema kVolumeProjection =
    Object("io.k8s.api.core.v1.VolumeProjection", kVolumeProjectionFields,
           "A source of a projected volume.");

constexpr Schema kVolumeProjectionList = ListOf(kVolumeProjection);
constexpr Field kProjectedVolumeSourceFields[] = {
    {"defaultMode", &kInteger32, "Mode of the files."},
    {"sources", &kVolumeProjectionList, "The sources."},
};
constexpr Schema kProjectedVolumeSource =
    Object("io.k8s.api.core.v1.ProjectedVolumeSource", kProjectedVolumeSourceFields,
           "Several sources in one folder.");

constexpr Field kSecretVolumeSourceFields[] = {
    {"defaultMode", &kInteger32, "Mode of the files."},
    {"items", &kKeyToPathList, "The entries; none: all."},
    {"optional", &kBoolean, "It may be missing."},
    {"secretName", &kText, "Name of the Secret."},
};
constexpr Schema kSecretVolumeSource =
    Object("io.k8s.api.core.v1.SecretVolumeSource", kSecretVolumeSourceFields,
           "The entries of a Secret as files.");

// Volumes that no machine of ours has; kept as they are.
constexpr Schema kOpenVolume = OpenObject("", "Settings of the volume.");
constexpr Field kVolumeFields[] = {
    {"awsElasticBlockStore", &kOpenVolume, "A disk of AWS."},
    {"azureDisk", &kOpenVolume, "A disk of Azure."},
    {"azureFile", &kOpenVolume, "A file share of Azure."},
    {"cephfs", &kOpenVolume, "A file system of Ceph."},
    {"cinder", &kOpenVolume, "A disk of OpenStack."},
    {"configMap", &kConfigMapVolumeSource, "The entries of a ConfigMap as files."},
    {"csi", &kCsiVolumeSource, "A volume of a storage driver."},
    {"downwardAPI", &kDownwardApiVolumeSource, "Fields of the pod as files."},
    {"emptyDir", &kEmptyDirVolumeSource, "An empty folder that lives as long as the pod."},
    {"ephemeral", &kEphemeralVolumeSource, "A claim that lives as long as the pod."},
    {"fc", &kOpenVolume, "A disk over Fibre Channel."},
    {"flexVolume", &kOpenVolume, "A volume of an executable driver."},
    {"flocker", &kOpenVolume, "A volume of Flocker."},
    {"gcePersistentDisk", &kOpenVolume, "A disk of Google."},
    {"gitRepo", &kOpenVolume, "A repository, fetched at the start."},
    {"glusterfs", &kOpenVolume, "A volume of Gluster."},
    {"hostPath", &kHostPathVolumeSource, "A file or folder of the machine."},
    {"image", &kImageVolumeSource, "The content of an image."},
    {"iscsi", &kOpenVolume, "A disk over iSCSI."},
    {"name", &kText, "Name of the volume, unique in the pod.", true},
    {"nfs", &kNfsVolumeSource, "A folder of an NFS server."},
    {"persistentVolumeClaim", &kPersistentVolumeClaimVolumeSource,
     "A claim of the same namespace."},
    {"photonPersistentDisk", &kOpenVolume, "A disk of Photon."},
    {"portworxVolume", &kOpenVolume, "A volume of Portworx."},
    {"projected", &kProjectedVolumeSource, "Several sources in one folder."},
    {"quobyte", &kOpenVolume, "A volume of Quobyte."},
    {"rbd", &kOpenVolume, "A block device of Ceph."},
    {"scaleIO", &kOpenVolume, "A volume of ScaleIO."},
    {"secret", &kSecretVolumeSource, "The entries of a Secret as files."},
    {"storageos", &kOpenVolume, "A volume of StorageOS."},
    {"vsphereVolume", &kOpenVolume, "A disk of vSphere."},
};
}  // namespace

constinit const Schema kVolume =
    Object("io.k8s.api.core.v1.Volume", kVolumeFields, "A volume of a pod.");

}  // namespace throng::kube::schemas
