#include "runners/tensorflow/loaded_graph.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <tensorflow/c/env.h>

#include "base/limits.h"
#include "runners/tensorflow/saved_model.h"

namespace throng::tensorflow_runner {
namespace {

using tensor::DataType;

// --- Sessions --------------------------------------------------------------------------------

// ConfigProto (tensorflow/core/protobuf/config.proto): one thread within an operator and one
// between operators, and no rewriting of graphs, which costs more memory and time than small models
// have.
constexpr uint8_t kSessionConfig[] = {
    0x10, 0x01,  // intra_op_parallelism_threads = 1
    // inter_op_parallelism_threads = -1
    0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x52,
    0x12,        // graph_options, 18 bytes
    0x1a, 0x0b,  //   optimizer_options, 11 bytes
    0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,  // opt_level = L0 (-1)
    0x52, 0x03,                                                        //   rewrite_options, 3 bytes
    0x98, 0x01, 0x01,  //     disable_meta_optimizer = true
};

OptionsPtr MakeOptions(TF_Status* status) {
  OptionsPtr options(TF_NewSessionOptions());
  TF_SetConfig(options.get(), kSessionConfig, sizeof(kSessionConfig), status);
  return options;
}

// --- Inputs and outputs of a graph -----------------------------------------------------------

// The datatype and shape that the graph knows. An unknown number of dimensions shows as [-1].
model::TensorMetadata Describe(TF_Graph* graph, std::string name, TF_Output output) {
  model::TensorMetadata metadata;
  metadata.name = std::move(name);
  metadata.type = FromTensorflow(TF_OperationOutputType(output));
  const StatusPtr status(TF_NewStatus());
  const int rank = TF_GraphGetTensorNumDims(graph, output, status.get());
  if (TF_GetCode(status.get()) != TF_OK || rank < 0) {
    metadata.shape = {-1};
    return metadata;
  }
  metadata.shape.resize(static_cast<size_t>(rank));
  TF_GraphGetTensorShape(graph, output, metadata.shape.data(), rank, status.get());
  return metadata;
}

bool HasKnownRank(TF_Graph* graph, TF_Output output) {
  const StatusPtr status(TF_NewStatus());
  return TF_GraphGetTensorNumDims(graph, output, status.get()) >= 0;
}

// "node" or "node:1".
std::optional<TF_Output> FindOutput(TF_Graph* graph, std::string_view name) {
  int index = 0;
  std::string node(name);
  const size_t colon = name.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view digits = name.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    node = std::string(name.substr(0, colon));
  }
  TF_Operation* operation = TF_GraphOperationByName(graph, node.c_str());
  if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    return std::nullopt;
  }
  return TF_Output{operation, index};
}

bool IsPlaceholder(TF_Operation* operation) {
  const std::string_view type = TF_OperationOpType(operation);
  return type == "Placeholder" || type == "PlaceholderV2" || type == "PlaceholderWithDefault";
}

// A result: nobody consumes any output of it, and it computes something.
bool IsSink(TF_Operation* operation) {
  const std::string_view type = TF_OperationOpType(operation);
  if (IsPlaceholder(operation) || type == "Const" || type == "NoOp") return false;
  const int count = TF_OperationNumOutputs(operation);
  for (int i = 0; i < count; ++i) {
    if (TF_OperationOutputNumConsumers({operation, i}) > 0) return false;
  }
  return count > 0;
}

void AddSinkOutputs(TF_Operation* operation, LoadedGraph& loaded) {
  const int count = TF_OperationNumOutputs(operation);
  for (int i = 0; i < count; ++i) {
    const TF_Output output = {operation, i};
    std::string name = TF_OperationName(operation);
    if (i > 0) name += ":" + std::to_string(i);
    Endpoint endpoint = {output, Describe(loaded.graph.get(), name, output)};
    if (endpoint.metadata.type == DataType::kInvalid) {
      loaded.warnings.push_back("output '" + name + "' has no V2 datatype; left out");
      continue;
    }
    loaded.outputs.push_back(std::move(endpoint));
  }
}

// Finds the inputs and outputs of a frozen graph that comes without a signature.
Status FindEndpoints(LoadedGraph& loaded) {
  size_t position = 0;
  while (TF_Operation* operation = TF_GraphNextOperation(loaded.graph.get(), &position)) {
    if (IsPlaceholder(operation)) {
      const TF_Output output = {operation, 0};
      Endpoint endpoint = {output,
                           Describe(loaded.graph.get(), TF_OperationName(operation), output)};
      endpoint.metadata.optional =
          std::string_view(TF_OperationOpType(operation)) == "PlaceholderWithDefault";
      loaded.inputs.push_back(std::move(endpoint));
    } else if (IsSink(operation)) {
      AddSinkOutputs(operation, loaded);
    }
    if (std::max(loaded.inputs.size(), loaded.outputs.size()) > limits::kModelTensors) {
      return InvalidArgumentError("the graph has over " + std::to_string(limits::kModelTensors) +
                                  " inputs or outputs; a configuration must name those to serve");
    }
  }
  return OkStatus();
}

// The configuration's view of a tensor that the graph has.
Result<Endpoint> Configured(TF_Graph* graph, const model::TensorConfig& config,
                            const Endpoint& found, int64_t max_batch_size) {
  const std::string name = "tensor '" + config.name + "'";
  if (config.type != found.metadata.type) {
    return InvalidArgumentError(name + " is " + std::string(tensor::DataTypeName(config.type)) +
                                " in the configuration, but the model's is " +
                                std::string(tensor::DataTypeName(found.metadata.type)));
  }
  Endpoint endpoint = found;
  endpoint.metadata.name = config.name;
  endpoint.metadata.optional = config.optional;
  endpoint.metadata.shape = config.dims;
  if (max_batch_size > 0) {
    endpoint.metadata.shape.insert(endpoint.metadata.shape.begin(), -1);
  }
  if (!HasKnownRank(graph, found.output)) return endpoint;
  const tensor::Shape& ours = endpoint.metadata.shape;
  const tensor::Shape& theirs = found.metadata.shape;
  bool agrees = ours.size() == theirs.size();
  for (size_t i = 0; agrees && i < ours.size(); ++i) {
    agrees = ours[i] == theirs[i] || ours[i] < 0 || theirs[i] < 0;
  }
  if (!agrees) {
    return InvalidArgumentError(name + " has shape " + tensor::ShapeToString(ours) +
                                " in the configuration (with the batch dimension), but the "
                                "model's is " +
                                tensor::ShapeToString(theirs));
  }
  return endpoint;
}

// `found` cut down to what `configs` name, in their order; `found` itself when they name nothing.
// With `by_node`, a name may be that of any node of the graph.
Result<std::vector<Endpoint>> Select(TF_Graph* graph, std::string_view kind,
                                     const std::vector<model::TensorConfig>& configs,
                                     std::vector<Endpoint> found, int64_t max_batch_size,
                                     bool by_node) {
  if (configs.empty()) return found;
  std::vector<Endpoint> selected;
  for (const model::TensorConfig& config : configs) {
    const auto known = std::find_if(found.begin(), found.end(), [&](const Endpoint& endpoint) {
      return endpoint.metadata.name == config.name;
    });
    std::optional<Endpoint> endpoint;
    if (known != found.end()) endpoint = *known;
    if (!endpoint.has_value() && by_node) {
      if (const std::optional<TF_Output> output = FindOutput(graph, config.name)) {
        endpoint = Endpoint{*output, Describe(graph, config.name, *output)};
      }
    }
    if (!endpoint.has_value()) {
      return InvalidArgumentError("the model has no " + std::string(kind) + " '" + config.name +
                                  "' that the configuration names");
    }
    THRONG_ASSIGN_OR_RETURN(Endpoint checked, Configured(graph, config, *endpoint, max_batch_size));
    selected.push_back(std::move(checked));
  }
  return selected;
}

Status CheckInputs(LoadedGraph& loaded) {
  for (const Endpoint& input : loaded.inputs) {
    if (input.metadata.type == DataType::kInvalid) {
      return UnimplementedError("input '" + input.metadata.name + "' has no V2 datatype");
    }
    if (!HasKnownRank(loaded.graph.get(), input.output) && input.metadata.shape.size() == 1 &&
        input.metadata.shape[0] == -1) {
      loaded.warnings.push_back("input '" + input.metadata.name +
                                "' takes any number of dimensions; one is assumed unless a "
                                "configuration says otherwise");
    }
  }
  if (loaded.outputs.empty()) return InvalidArgumentError("the model has no output to serve");
  return OkStatus();
}

Status ApplyConfiguration(const sdk::LoadSpec& spec, bool by_node, LoadedGraph& loaded) {
  TF_Graph* graph = loaded.graph.get();
  THRONG_ASSIGN_OR_RETURN(
      loaded.inputs,
      Select(graph, "input", spec.inputs, std::move(loaded.inputs), spec.max_batch_size, by_node));
  THRONG_ASSIGN_OR_RETURN(loaded.outputs,
                          Select(graph, "output", spec.outputs, std::move(loaded.outputs),
                                 spec.max_batch_size, by_node));
  return CheckInputs(loaded);
}

// --- GraphDef --------------------------------------------------------------------------------

Status ImportGraph(std::span<const std::byte> graph_def, TF_Graph* graph) {
  const BufferPtr buffer(TF_NewBuffer());
  buffer->data = graph_def.data();
  buffer->length = graph_def.size();
  buffer->data_deallocator = nullptr;
  const ImportOptionsPtr options(TF_NewImportGraphDefOptions());
  const StatusPtr status(TF_NewStatus());
  TF_GraphImportGraphDef(graph, buffer.get(), options.get(), status.get());
  return ToStatus(status.get(), StatusCode::kInvalidArgument, "not a loadable GraphDef");
}

// --- SavedModel ------------------------------------------------------------------------------

// A folder of TensorFlow's in-memory file system that holds a model's files while it loads.
class MemoryFolder {
 public:
  explicit MemoryFolder(uint64_t number) : root_("ram://" + std::to_string(number)) {}
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  ~MemoryFolder() {
    const StatusPtr status(TF_NewStatus());
    for (const std::string& file : files_) TF_DeleteFile(file.c_str(), status.get());
    // Longer names first: a folder goes before the folder that it is in.
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
      TF_DeleteDir(folder->c_str(), status.get());
    }
  }

  const std::string& root() const { return root_; }

  // `name` may have folders: "variables/variables.index".
  Status Write(const std::string& name, std::span<const std::byte> bytes) {
    for (size_t slash = 0; slash != std::string::npos; slash = name.find('/', slash + 1)) {
      THRONG_RETURN_IF_ERROR(MakeFolder(slash == 0 ? root_ : root_ + "/" + name.substr(0, slash)));
    }
    const std::string path = root_ + "/" + name;
    const StatusPtr status(TF_NewStatus());
    TF_WritableFileHandle* file = nullptr;
    TF_NewWritableFile(path.c_str(), &file, status.get());
    THRONG_RETURN_IF_ERROR(ToStatus(status.get(), StatusCode::kInternal, "file in memory"));
    files_.push_back(path);
    TF_AppendWritableFile(file, reinterpret_cast<const char*>(bytes.data()), bytes.size(),
                          status.get());
    const Status appended = ToStatus(status.get(), StatusCode::kInternal, "file in memory");
    TF_CloseWritableFile(file, status.get());
    THRONG_RETURN_IF_ERROR(appended);
    return ToStatus(status.get(), StatusCode::kInternal, "file in memory");
  }

 private:
  Status MakeFolder(const std::string& path) {
    if (!folders_.insert(path).second) return OkStatus();
    const StatusPtr status(TF_NewStatus());
    TF_CreateDir(path.c_str(), status.get());
    if (TF_GetCode(status.get()) == TF_ALREADY_EXISTS) return OkStatus();
    return ToStatus(status.get(), StatusCode::kInternal, "folder in memory");
  }

  const std::string root_;
  std::vector<std::string> files_;
  std::set<std::string> folders_;
};

std::string Parameter(const sdk::LoadSpec& spec, const std::string& name, std::string otherwise) {
  const auto found = spec.parameters.find(name);
  return found == spec.parameters.end() ? otherwise : found->second;
}

// The signature's tensors as endpoints of the graph.
Result<std::vector<Endpoint>> Resolve(TF_Graph* graph, std::string_view kind,
                                      const std::vector<SignatureTensor>& tensors) {
  std::vector<Endpoint> endpoints;
  for (const SignatureTensor& tensor : tensors) {
    const std::optional<TF_Output> output = FindOutput(graph, tensor.tensor_name);
    if (!output.has_value()) {
      return InvalidArgumentError("the graph has no tensor for " + std::string(kind) + " '" +
                                  tensor.name + "' of the signature");
    }
    Endpoint endpoint = {*output, Describe(graph, tensor.name, *output)};
    // The signature may know more of the shape than the graph.
    if (!tensor.unknown_rank) endpoint.metadata.shape = tensor.shape;
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

Result<std::vector<SignatureTensor>> WithoutSparseOutputs(std::vector<SignatureTensor> outputs,
                                                          std::vector<std::string>& warnings) {
  std::vector<SignatureTensor> kept;
  for (SignatureTensor& output : outputs) {
    if (!output.tensor_name.empty() && FromTensorflow(output.data_type) != DataType::kInvalid) {
      kept.push_back(std::move(output));
      continue;
    }
    warnings.push_back("output '" + output.name + "' is sparse, composite or of no V2 datatype; " +
                       "left out");
  }
  return kept;
}

Status RestoreSession(const SavedModelSignature& signature, const std::string& folder,
                      LoadedGraph& loaded) {
  const StatusPtr status(TF_NewStatus());
  const OptionsPtr options = MakeOptions(status.get());
  THRONG_RETURN_IF_ERROR(ToStatus(status.get(), StatusCode::kInternal, "session options"));
  std::vector<const char*> tags;
  for (const std::string& tag : signature.tags) tags.push_back(tag.c_str());
  loaded.session.reset(TF_LoadSessionFromSavedModel(options.get(), nullptr, folder.c_str(),
                                                    tags.data(), static_cast<int>(tags.size()),
                                                    loaded.graph.get(), nullptr, status.get()));
  return ToStatus(status.get(), StatusCode::kInvalidArgument, "not a loadable SavedModel");
}

}  // namespace

Status OpenSession(LoadedGraph& loaded) {
  const StatusPtr status(TF_NewStatus());
  const OptionsPtr options = MakeOptions(status.get());
  THRONG_RETURN_IF_ERROR(ToStatus(status.get(), StatusCode::kInternal, "session options"));
  loaded.session.reset(TF_NewSession(loaded.graph.get(), options.get(), status.get()));
  return ToStatus(status.get(), StatusCode::kInternal, "TensorFlow opens no session");
}

Result<LoadedGraph> LoadGraphDef(const sdk::LoadSpec& spec, std::span<const std::byte> graph_def) {
  LoadedGraph loaded;
  loaded.graph.reset(TF_NewGraph());
  THRONG_RETURN_IF_ERROR(ImportGraph(graph_def, loaded.graph.get()));
  if (spec.inputs.empty() || spec.outputs.empty()) THRONG_RETURN_IF_ERROR(FindEndpoints(loaded));
  THRONG_RETURN_IF_ERROR(ApplyConfiguration(spec, /*by_node=*/true, loaded));
  THRONG_RETURN_IF_ERROR(OpenSession(loaded));
  return loaded;
}

Result<LoadedGraph> LoadSavedModel(const sdk::LoadSpec& spec,
                                   const sdk::ArtifactBytes::File& saved_model, uint64_t number) {
  const SignatureChoice choice = {Parameter(spec, "TF_GRAPH_TAG", "serve"),
                                  Parameter(spec, "TF_SIGNATURE_DEF", "")};
  THRONG_ASSIGN_OR_RETURN(SavedModelSignature signature, ReadSignature(saved_model.bytes, choice));
  LoadedGraph loaded;
  THRONG_ASSIGN_OR_RETURN(signature.outputs,
                          WithoutSparseOutputs(std::move(signature.outputs), loaded.warnings));
  loaded.graph.reset(TF_NewGraph());
  MemoryFolder folder(number);
  // The files may lie one folder down: "model.savedmodel/saved_model.pb".
  const std::string prefix = saved_model.name.substr(0, saved_model.name.rfind('/') + 1);
  for (const sdk::ArtifactBytes::File& file : spec.artifact->files()) {
    if (file.name.compare(0, prefix.size(), prefix) != 0) continue;
    THRONG_RETURN_IF_ERROR(folder.Write(file.name.substr(prefix.size()), file.bytes));
  }
  THRONG_RETURN_IF_ERROR(RestoreSession(signature, folder.root(), loaded));
  TF_Graph* graph = loaded.graph.get();
  THRONG_ASSIGN_OR_RETURN(loaded.inputs, Resolve(graph, "input", signature.inputs));
  THRONG_ASSIGN_OR_RETURN(loaded.outputs, Resolve(graph, "output", signature.outputs));
  THRONG_RETURN_IF_ERROR(ApplyConfiguration(spec, /*by_node=*/false, loaded));
  return loaded;
}

}  // namespace throng::tensorflow_runner
