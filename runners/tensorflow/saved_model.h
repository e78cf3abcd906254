// What Throng needs of a SavedModel's saved_model.pb: the tags of the graph to load, and the
// tensors of one signature. Field numbers are those of
// tensorflow/core/protobuf/{saved_model,meta_graph}.proto and framework/tensor_shape.proto. Pure
// functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"

namespace throng::tensorflow_runner {

struct SignatureTensor {
  std::string name;         // the signature's key: "x"
  std::string tensor_name;  // "serving_default_x:0"; empty for a sparse or composite tensor
  int data_type = 0;        // TensorFlow's number
  bool unknown_rank = false;
  tensor::Shape shape;  // -1: any
};

struct SavedModelSignature {
  std::vector<std::string> tags;
  std::vector<SignatureTensor> inputs;  // sorted by name
  std::vector<SignatureTensor> outputs;
};

struct SignatureChoice {
  std::string tag = "serve";
  std::string signature;  // empty: "serving_default", else the only one
};

// ERRORS: kInvalidArgument — not a SavedModel, no graph with the tag, no such signature (names
// those that there are), over limits::kModelTensors tensors.
Result<SavedModelSignature> ReadSignature(std::span<const std::byte> saved_model,
                                          const SignatureChoice& choice);

}  // namespace throng::tensorflow_runner
