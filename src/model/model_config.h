// ModelConfig: what an operator says of a model (config.pbtxt), and ModelMetadata: what is known of
// its inputs and outputs from there or from the artefact. Plain data, immutable once shared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace throng::model {

struct TensorConfig {
  std::string name;
  tensor::DataType type = tensor::DataType::kInvalid;
  tensor::Shape dims;  // without the batch dimension when max_batch_size > 0
  bool optional = false;
  std::string format;          // inputs: "FORMAT_NCHW"; empty: none
  std::string label_filename;  // outputs; shown, not used

  bool operator==(const TensorConfig&) const = default;
};

enum class Isolation : uint8_t { kDefault, kModel, kNamespace, kFramework };

// Where the facts of a ModelConfig came from, for `throng inspect`.
enum class FactSource : uint8_t { kFile, kConfig, kInference };

struct VersionPolicy {
  enum class Kind : uint8_t { kLatest, kAll, kSpecific } kind = Kind::kLatest;
  uint32_t latest_count = 1;
  std::vector<int64_t> specific;

  bool operator==(const VersionPolicy&) const = default;
};

struct ModelConfig {
  std::string name;
  std::string platform;        // "pytorch_libtorch"
  std::string backend;         // "pytorch"
  int64_t max_batch_size = 0;  // 0: the model does not batch
  std::vector<TensorConfig> inputs;
  std::vector<TensorConfig> outputs;
  VersionPolicy version_policy;
  std::string default_model_filename;
  std::map<std::string, std::string> parameters;
  int32_t instance_count = 1;
  Isolation isolation = Isolation::kDefault;  // parameter "isolation"
  bool from_file = false;                     // a config.pbtxt was there

  bool operator==(const ModelConfig&) const = default;
};

struct TensorMetadata {
  std::string name;
  tensor::DataType type = tensor::DataType::kInvalid;
  tensor::Shape shape;  // with the batch dimension; -1: any
  bool optional = false;
};

// What `GET /v2/models/M` shows.
struct ModelMetadata {
  std::vector<TensorMetadata> inputs;
  std::vector<TensorMetadata> outputs;
  int64_t max_batch_size = 0;
  // TorchScript without a config: inputs are INPUT__0, INPUT__1, ... of any datatype and shape.
  bool accepts_anything = false;
};

}  // namespace throng::model
