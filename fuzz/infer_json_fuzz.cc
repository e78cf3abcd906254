// The body of an inference request: any bytes must give a request that holds together, or a status.
// The bodies of the repository routes get the same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "frontend/rest/control_body.h"
#include "frontend/rest/error_reply.h"
#include "frontend/rest/infer_decoder.h"
#include "frontend/rest/infer_encoder.h"
#include "tensor/tensor.h"

namespace {

using throng::Status;

void CheckRequest(throng::scheduler::InferRequest request) {
  THRONG_CHECK(request.inputs.size() <= throng::limits::kTensorsPerRequest);
  for (const auto& input : request.inputs) {
    const auto& tensor = input.tensor;
    THRONG_CHECK(throng::tensor::CheckTensorData(tensor.type, tensor.shape, tensor.data).ok());
  }
  // What was read as JSON can be written as JSON.
  throng::scheduler::InferReply reply{.model_name = "m", .outputs = std::move(request.inputs)};
  THRONG_CHECK(throng::frontend::rest::EncodeInferReply(reply, request.id).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  throng::scheduler::InferRequest request{.model = *throng::model::ModelName::Parse("m")};
  const Status status = throng::frontend::rest::DecodeInferBody(body, request);
  if (status.ok()) {
    CheckRequest(std::move(request));
  } else {
    const std::string text = throng::frontend::rest::ErrorBody(status.message());
    THRONG_CHECK(text.size() <= throng::limits::kErrorTextBytes);
  }
  (void)throng::frontend::rest::DecodeIndexBody(body).ok();
  (void)throng::frontend::rest::DecodeLoadBody(body).ok();
  (void)throng::frontend::rest::DecodeUnloadBody(body).ok();
  return 0;
}
