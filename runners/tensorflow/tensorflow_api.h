// TensorFlow's C API made safe: owners for its objects, its datatypes and its errors as ours. The
// only header that includes the framework. Pure functions.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include <tensorflow/c/c_api.h>

#include "base/status.h"
#include "tensor/data_type.h"

namespace throng::tensorflow_runner {

template <typename T, void (*Delete)(T*)>
struct Deleter {
  void operator()(T* object) const { Delete(object); }
};
using StatusPtr = std::unique_ptr<TF_Status, Deleter<TF_Status, TF_DeleteStatus>>;
using GraphPtr = std::unique_ptr<TF_Graph, Deleter<TF_Graph, TF_DeleteGraph>>;
using BufferPtr = std::unique_ptr<TF_Buffer, Deleter<TF_Buffer, TF_DeleteBuffer>>;
using TensorPtr = std::unique_ptr<TF_Tensor, Deleter<TF_Tensor, TF_DeleteTensor>>;
using OptionsPtr =
    std::unique_ptr<TF_SessionOptions, Deleter<TF_SessionOptions, TF_DeleteSessionOptions>>;
using ImportOptionsPtr =
    std::unique_ptr<TF_ImportGraphDefOptions,
                    Deleter<TF_ImportGraphDefOptions, TF_DeleteImportGraphDefOptions>>;

void CloseAndDelete(TF_Session* session);
using SessionPtr = std::unique_ptr<TF_Session, Deleter<TF_Session, CloseAndDelete>>;

using FunctionPtr = std::unique_ptr<TF_Function, Deleter<TF_Function, TF_DeleteFunction>>;

// Nothing for kInvalid.
std::optional<TF_DataType> ToTensorflow(tensor::DataType type);
// kInvalid for a type that V2 lacks.
tensor::DataType FromTensorflow(int type);

// TensorFlow's status as ours, its text cleaned. Its codes are gRPC's; those that speak of a
// server's state make no sense for a model and become `otherwise`.
Status ToStatus(const TF_Status* status, StatusCode otherwise, std::string_view context);

}  // namespace throng::tensorflow_runner
