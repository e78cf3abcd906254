#include "kube/kinds/schemas.h"

// The kinds of model serving. KServe's fields under KServe's names, so that its manifests are taken
// as they are; a status may hold more than is listed.
namespace throng::kube::schemas {
namespace {

// As KServe writes amounts: a number, or a text with a unit.
constexpr Schema kAmount = Plain(SchemaType::kQuantity);
constexpr Schema kOpen = OpenObject("", "");
constexpr Schema kOpenList = ListOf(kOpen);

// --- Status --------------------------------------------------------------------------------

constexpr Field kServingConditionFields[] = {
    {"lastTransitionTime", &kText, "When the status changed last."},
    {"message", &kText, "What is the case, for people."},
    {"reason", &kText, "Why, in one word."},
    {"severity", &kText, "Empty: an error when it is False. Info or Warning: less than that."},
    {"status", &kText, "True, False or Unknown.", true},
    {"type", &kText, "The aspect.", true},
};
constexpr Schema kServingCondition =
    Object("", kServingConditionFields, "One aspect of the state of an object.");
constexpr Schema kServingConditions = KeyedList(kServingCondition, kByType);

constexpr Field kAddressFields[] = {
    {"CACerts", &kText, "Certificates of the authority of that address."},
    {"audience", &kText, "Whom tokens for it must name."},
    {"name", &kText, "Name of the address."},
    {"url", &kText, "The address."},
};
constexpr Schema kAddress = Object("", kAddressFields, "An address.");

constexpr Field kTrafficFields[] = {
    {"configurationName", &kText, "What the revisions are of."},
    {"latestRevision", &kBoolean, "Whether it is the latest one that is ready."},
    {"percent", &kInteger64, "Its share of the requests."},
    {"revisionName", &kText, "Name of the revision."},
    {"tag", &kText, "prev: the one before."},
    {"url", &kText, "Where it alone is reached."},
};
constexpr Schema kTraffic = Object("", kTrafficFields, "A revision and its share of the requests.");
constexpr Schema kTrafficList = ListOf(kTraffic);

constexpr Field kComponentStatusFields[] = {
    {"address", &kAddress, "Its address within the cluster."},
    {"grpcUrl", &kText, "Where it speaks gRPC."},
    {"latestCreatedRevision", &kText, "The revision that was made last."},
    {"latestReadyRevision", &kText, "The revision that became ready last."},
    {"latestRolledoutRevision", &kText, "The revision that got all requests last."},
    {"previousRolledoutRevision", &kText, "The revision that got all requests before that."},
    {"restUrl", &kText, "Where it speaks HTTP."},
    {"traffic", &kTrafficList, "How requests are shared out."},
    {"url", &kText, "Where it is reached."},
};
constexpr Schema OpenEnded(Schema schema) {
  schema.keeps_unknown = true;
  return schema;
}
constexpr Schema kComponentStatus =
    OpenEnded(Object("", kComponentStatusFields, "State of one component."));
constexpr Schema kComponentStatuses = MapOf(kComponentStatus);

constexpr Field kCopiesFields[] = {
    {"failedCopies", &kInteger64, "Replicas that could not load it."},
    {"totalCopies", &kInteger64, "Replicas that hold it, loaded."},
};
constexpr Schema kCopies =
    OpenEnded(Object("", kCopiesFields, "How many replicas hold the model."));

constexpr Field kFailureFields[] = {
    {"exitCode", &kInteger32, "Code that its process ended with."},
    {"location", &kText, "The replica that told it."},
    {"message", &kText, "What is the case, for people."},
    {"modelRevisionName", &kText, "The revision that failed."},
    {"reason", &kText, "Why, in one word."},
    {"time", &kText, "When it failed."},
};
constexpr Schema kFailure = OpenEnded(Object("", kFailureFields, "The last failure."));

constexpr Field kModelStatesFields[] = {
    {"activeModelState", &kText,
     "Of what answers requests: Pending, Standby, Loading, Loaded or "
     "FailedToLoad."},
    {"targetModelState", &kText, "Of what is wanted, in the same words."},
};
constexpr Schema kModelStates = OpenEnded(Object("", kModelStatesFields, "How far the model is."));

constexpr Field kModelStatusFields[] = {
    {"copies", &kCopies, "How many replicas hold the model."},
    {"lastFailureInfo", &kFailure, "The last failure."},
    {"states", &kModelStates, "How far the model is."},
    {"transitionStatus", &kText, "UpToDate, InProgress, BlockedByFailedLoad or InvalidSpec."},
};
constexpr Schema kModelStatus =
    OpenEnded(Object("", kModelStatusFields, "How far the model is on its replicas."));

constexpr Field kInferenceServiceStatusFields[] = {
    {"address", &kAddress, "Its address within the cluster."},
    {"annotations", &kTextMap, "Notes about the status."},
    {"clusterServingRuntimeName", &kText, "The runtime of the cluster that serves it."},
    {"components", &kComponentStatuses, "State of its components, by their names."},
    {"conditions", &kServingConditions, "Aspects of its state."},
    {"deploymentMode", &kText, "How it is run."},
    {"modelStatus", &kModelStatus, "How far its model is."},
    {"observedGeneration", &kInteger64, "The generation that the status is about."},
    {"servingRuntimeName", &kText, "The runtime of the namespace that serves it."},
    {"url", &kText, "Where it is reached."},
};
constexpr Schema kInferenceServiceStatus = OpenEnded(
    Object("", kInferenceServiceStatusFields, "What is known of the service; set by the system."));

constexpr Field kTrainedModelStatusFields[] = {
    {"address", &kAddress, "Where the model answers, within the cluster."},
    {"annotations", &kTextMap, "Notes about the status."},
    {"conditions", &kServingConditions,
     "Aspects of its state. Ready: a request to the model will be answered."},
    {"copies", &kCopies, "How many replicas hold the model."},
    {"modelStatus", &kModelStatus, "How far the model is on its replicas."},
    {"observedGeneration", &kInteger64, "The generation that the status is about."},
    {"url", &kText, "Where the model answers."},
};
constexpr Schema kTrainedModelStatus = OpenEnded(
    Object("", kTrainedModelStatusFields, "What is known of the model; set by the system."));

// --- TrainedModel --------------------------------------------------------------------------

constexpr Field kModelSpecFields[] = {
    {"framework", &kText,
     "What the model was made with: pytorch, tensorflow, onnx, xgboost and the like.", true},
    {"memory", &kAmount,
     "The most memory that the model needs. Cannot be changed; the sum of all models must not "
     "exceed the limit of the InferenceService.",
     true},
    {"storageUri", &kText,
     "Folder or archive with the model's files: gs://, s3://, https://, http:// and others.", true},
};
constexpr Schema kModelSpec = Object("", kModelSpecFields, "The model.");

constexpr Field kTrainedModelSpecFields[] = {
    {"inferenceService", &kText,
     "Name of the InferenceService of the same namespace that the model is loaded into.", true},
    {"model", &kModelSpec, "The model: its files, its framework and the memory it needs.", true},
};
constexpr Schema kTrainedModelSpec =
    Object("", kTrainedModelSpecFields, "Which model is loaded, and where.");

constexpr Field kTrainedModelFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kTrainedModelSpec, "Which model is loaded, and where."},
    {"status", &kTrainedModelStatus, "What is known of the model; set by the system."},
};

// --- InferenceService ----------------------------------------------------------------------

constexpr Field kStorageFields[] = {
    {"key", &kText, "The entry of the Secret with credentials."},
    {"parameters", &kTextMap, "Settings that replace those of the entry."},
    {"path", &kText, "Path of the model in the storage."},
    {"schemaPath", &kText, "Path of a file that describes the model's inputs."},
};
constexpr Schema kStorage = Object("", kStorageFields, "Where the model is, by a credential.");

constexpr Field kPredictorExtensionFields[] = {
    {"protocolVersion", &kText, "The protocol that it speaks: v1, v2, grpc-v2."},
    {"runtimeVersion", &kText, "Version of the model server."},
    {"storage", &kStorage, "Where the model is, by a credential."},
    {"storageUri", &kText,
     "Where the one model of this service is. Without it the service holds TrainedModels."},
    {"storageUris", &kOpenList, "Where several parts of that model are."},
};
constexpr Schema kFramework = Extended(kContainer, kPredictorExtensionFields,
                                       "A model server: the settings of its container.");

constexpr Field kModelFormatFields[] = {
    {"name", &kText, "Name of the format: pytorch, onnx, sklearn and the like.", true},
    {"version", &kText, "Version of the format."},
};
constexpr Schema kModelFormat = Object("", kModelFormatFields, "Format of a model.");

constexpr Field kModelPredictorFields[] = {
    {"modelFormat", &kModelFormat, "Format of the model.", true},
    {"runtime", &kText, "Name of the ServingRuntime; without it one that takes the format."},
};
constexpr Schema kModelPredictor = Extended(
    kFramework, kModelPredictorFields, "A model of any format, and the settings of its server.");

constexpr std::string_view kScaleMetricValues[] = {"concurrency", "cpu", "memory", "rps"};
constexpr Schema kScaleMetric = OneOf(kScaleMetricValues);

constexpr Field kComponentExtensionFields[] = {
    {"annotations", &kTextMap, "Annotations of the pods."},
    {"autoScaling", &kOpen, "Measures that the number of replicas follows."},
    {"batcher", &kOpen, "How requests are put together."},
    {"canaryTrafficPercent", &kInteger64, "Share of the requests that the latest revision gets."},
    {"containerConcurrency", &kInteger64, "The most requests that a replica handles at once."},
    {"deploymentStrategy", &kOpen, "How pods are replaced."},
    {"labels", &kTextMap, "Labels of the pods."},
    {"logger", &kOpen, "Where requests are reported to."},
    {"maxReplicas", &kInteger32, "The most replicas."},
    {"minReplicas", &kInteger32, "The fewest replicas; each holds the same models."},
    {"scaleMetric", &kScaleMetric, "What the number of replicas follows."},
    {"scaleMetricType", &kText, "How that is compared."},
    {"scaleTarget", &kInteger32, "The value of it that is aimed at for each replica."},
    {"timeout", &kInteger64, "Seconds after which a request has failed."},
};
constexpr Schema kComponent =
    Extended(kPodSpec, kComponentExtensionFields, "Pods and how many there are.");

constexpr Field kPredictorFields[] = {
    {"huggingface", &kFramework, "A model of Hugging Face."},
    {"lightgbm", &kFramework, "A model of LightGBM."},
    {"mlflow", &kFramework, "A model of MLflow."},
    {"model", &kModelPredictor, "A model of any format."},
    {"onnx", &kFramework, "A model in ONNX."},
    {"paddle", &kFramework, "A model of PaddlePaddle."},
    {"pmml", &kFramework, "A model in PMML."},
    {"pytorch", &kFramework, "A model of PyTorch."},
    {"sklearn", &kFramework, "A model of scikit-learn."},
    {"storageUris", &kOpenList, "Where several parts of a model are."},
    {"tensorflow", &kFramework, "A model of TensorFlow."},
    {"triton", &kFramework, "Models of any format that Triton Inference Server serves."},
    {"workerSpec", &kOpen, "Further pods of one replica."},
    {"xgboost", &kFramework, "A model of XGBoost."},
};
constexpr Schema kPredictor = Extended(kComponent, kPredictorFields, "What answers requests.");

constexpr Field kInferenceServiceSpecFields[] = {
    {"explainer", &kOpen, "What explains answers. Stored, without effect."},
    {"predictor", &kPredictor, "What answers requests.", true},
    {"transformer", &kOpen, "What changes requests and answers. Stored, without effect."},
};
constexpr Schema kInferenceServiceSpec =
    Object("", kInferenceServiceSpecFields, "What serves models.");

constexpr Field kInferenceServiceFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kInferenceServiceSpec, "What serves models."},
    {"status", &kInferenceServiceStatus, "What is known of the service; set by the system."},
};

// --- ServingRuntime ------------------------------------------------------------------------

constexpr Field kSupportedFormatFields[] = {
    {"autoSelect", &kBoolean, "It is chosen for models of this format that name no runtime."},
    {"name", &kText, "Name of the format.", true},
    {"priority", &kInteger32, "Of several runtimes the one with the highest is chosen."},
    {"version", &kText, "Version of the format; none: any."},
};
constexpr Schema kSupportedFormat =
    Object("", kSupportedFormatFields, "A format that the runtime takes.");
constexpr Schema kSupportedFormats = ListOf(kSupportedFormat);
constexpr Schema kContainers = KeyedList(kContainer, kByName);

constexpr Field kServingRuntimeSpecFields[] = {
    {"annotations", &kTextMap, "Annotations of the pods."},
    {"builtInAdapter", &kOpen, "How the model server is spoken to."},
    {"containers", &kContainers, "Containers of the pods.", true},
    {"disabled", &kBoolean, "It is not used."},
    {"grpcDataEndpoint", &kText, "Where it answers requests over gRPC."},
    {"grpcEndpoint", &kText, "Where it is managed over gRPC."},
    {"httpDataEndpoint", &kText, "Where it answers requests over HTTP."},
    {"labels", &kTextMap, "Labels of the pods."},
    {"multiModel", &kBoolean, "It is for ModelMesh."},
    {"protocolVersions", &kTextList, "Protocols that it speaks."},
    {"replicas", &kInteger32, "How many pods there are, for ModelMesh."},
    {"storageHelper", &kOpen, "How models are fetched, for ModelMesh."},
    {"supportedModelFormats", &kSupportedFormats, "Formats that it takes."},
    {"workerSpec", &kOpen, "Further pods of one replica."},
};
constexpr Schema kServingRuntimeSpec =
    Extended(kPodSpec, kServingRuntimeSpecFields, "A model server and what it serves.");

constexpr Field kServingRuntimeFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kServingRuntimeSpec, "A model server and what it serves."},
    {"status", &kOpen, "Nothing."},
};

// --- Derived kinds -------------------------------------------------------------------------

constexpr Field kModelAssignmentSpecFields[] = {
    {"credentials", &kOpen,
     "Which storage credentials its replica's agent needs, or why there are none; never what they "
     "are."},
    {"deadlineSeconds", &kInteger64, "Seconds for fetching and loading it."},
    {"framework", &kText, "What the model was made with."},
    {"generation", &kInteger64, "The generation of the TrainedModel that is wanted."},
    {"memory", &kText, "The memory that it needs, as the user wrote it."},
    {"memoryBytes", &kInteger64, "The memory that it needs."},
    {"model", &kText, "Name of the model."},
    {"refreshSeconds", &kInteger64,
     "Seconds after which its address is looked at again; 0: never."},
    {"reload", &kText, "Another text than before: it is fetched again once."},
    {"replica", &kText, "The replica that shall hold it."},
    {"sha256", &kText, "What its files must add up to."},
    {"storageUri", &kText, "Where it comes from."},
    {"uid", &kText, "Uid of the TrainedModel."},
};
constexpr Schema kModelAssignmentSpec = OpenEnded(
    Object("", kModelAssignmentSpecFields, "A model and the replica that shall hold it."));

constexpr Field kModelAssignmentFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kModelAssignmentSpec, "The model and the replica."},
};

constexpr Field kRouteReplicaFields[] = {
    {"address", &kText, "Address that it listens on."},
    {"pod", &kText, "Name of its pod."},
    {"port", &kInteger32, "Port that it listens on."},
};
constexpr Schema kRouteReplica = OpenEnded(Object("", kRouteReplicaFields, "A replica."));
constexpr Schema kRouteReplicas = ListOf(kRouteReplica);

constexpr Field kGatewayRouteSpecFields[] = {
    {"hosts", &kTextList, "Hosts whose requests go there."},
    {"replicas", &kRouteReplicas, "The replicas that answer."},
};
constexpr Schema kGatewayRouteSpec =
    OpenEnded(Object("", kGatewayRouteSpecFields, "Hosts and the replicas that answer."));

constexpr Field kGatewayRouteFields[] = {
    {"apiVersion", &kText, kApiVersionText},
    {"kind", &kText, kKindText},
    {"metadata", &kObjectMeta, kMetadataText},
    {"spec", &kGatewayRouteSpec, "Hosts and the replicas that answer."},
};

}  // namespace

constinit const Schema kTrainedModel = Object(
    "", kTrainedModelFields, "A model that is loaded into an InferenceService beside others.");
constinit const Schema kInferenceService = Object(
    "", kInferenceServiceFields,
    "A model server with one address: for one model, or for all TrainedModels that name it.");
constinit const Schema kServingRuntime =
    Object("", kServingRuntimeFields, "A model server that InferenceServices can be made of.");
constinit const Schema kModelAssignment =
    Object("", kModelAssignmentFields,
           "A model that a replica shall hold. Derived from other objects, read only.");
constinit const Schema kGatewayRoute =
    Object("", kGatewayRouteFields,
           "Which replicas answer for which hosts. Derived from other objects, read only.");

}  // namespace throng::kube::schemas
