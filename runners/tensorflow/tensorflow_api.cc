#include "runners/tensorflow/tensorflow_api.h"

#include <string>
#include <utility>

#include "runners/tensorflow/error_text.h"

namespace throng::tensorflow_runner {
namespace {

using tensor::DataType;

constexpr std::pair<DataType, TF_DataType> kTypes[] = {
    {DataType::kBool, TF_BOOL},     {DataType::kUint8, TF_UINT8},   {DataType::kUint16, TF_UINT16},
    {DataType::kUint32, TF_UINT32}, {DataType::kUint64, TF_UINT64}, {DataType::kInt8, TF_INT8},
    {DataType::kInt16, TF_INT16},   {DataType::kInt32, TF_INT32},   {DataType::kInt64, TF_INT64},
    {DataType::kFp16, TF_HALF},     {DataType::kFp32, TF_FLOAT},    {DataType::kFp64, TF_DOUBLE},
    {DataType::kBytes, TF_STRING},  {DataType::kBf16, TF_BFLOAT16},
};

}  // namespace

void CloseAndDelete(TF_Session* session) {
  const StatusPtr status(TF_NewStatus());
  TF_CloseSession(session, status.get());
  TF_DeleteSession(session, status.get());
}

std::optional<TF_DataType> ToTensorflow(DataType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == type) return theirs;
  }
  return std::nullopt;
}

DataType FromTensorflow(int type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  return DataType::kInvalid;
}

Status ToStatus(const TF_Status* status, StatusCode otherwise, std::string_view context) {
  StatusCode code = otherwise;
  switch (TF_GetCode(status)) {
    case TF_OK:
      return OkStatus();
    case TF_INVALID_ARGUMENT:
      code = StatusCode::kInvalidArgument;
      break;
    case TF_RESOURCE_EXHAUSTED:
      code = StatusCode::kResourceExhausted;
      break;
    case TF_UNIMPLEMENTED:
      code = StatusCode::kUnimplemented;
      break;
    default:
      break;
  }
  const std::string_view text = TF_Message(status);
  if (text.find("Op type not registered") != std::string_view::npos) {
    code = StatusCode::kUnimplemented;
  }
  return Status(code, std::string(context) + ": " + ErrorReason(text));
}

}  // namespace throng::tensorflow_runner
