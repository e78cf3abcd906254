// Tensors between the front door's memory and TensorFlow's. Pure functions.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "runners/sdk/backend.h"
#include "runners/tensorflow/tensorflow_api.h"
#include "tensor/tensor.h"

namespace throng::tensorflow_runner {

// A copy: a graph may keep it (an assignment to a variable), and the arena's memory is used again.
// ERRORS: kInvalidArgument — the bytes are not what datatype and shape say.
Result<TensorPtr> MakeTensor(const tensor::TensorView& view);

// ERRORS: kInternal — a datatype that V2 lacks; those of OutputSink::Allocate.
Status WriteTensor(uint16_t index, const TF_Tensor* value, sdk::OutputSink& outputs);

}  // namespace throng::tensorflow_runner
