// TensorFlow's C API as its tutorial uses it: import examples' simple-string, a session with
// default options, one run. For comparison only.
#include <string>

#include <tensorflow/c/c_api.h>

#include "benchmarks/naive/naive_program.h"

namespace throng::bench {
namespace {

constexpr int kCount = 16;

void Check(const TF_Status* status) {
  if (TF_GetCode(status) != TF_OK) FailNaive(TF_Message(status));
}

TF_Tensor* MakeNumbers() {
  const int64_t shape[] = {1, kCount};
  TF_Tensor* tensor = TF_AllocateTensor(TF_STRING, shape, 2, kCount * sizeof(TF_TString));
  auto* strings = static_cast<TF_TString*>(TF_TensorData(tensor));
  for (int i = 0; i < kCount; ++i) {
    const std::string text = std::to_string(i);
    TF_TString_Init(&strings[i]);
    TF_TString_Copy(&strings[i], text.data(), text.size());
  }
  return tensor;
}

void LoadAndRun(const char* path) {
  TF_Status* status = TF_NewStatus();
  const std::string bytes = ReadWholeFile(path);
  TF_Buffer* buffer = TF_NewBufferFromString(bytes.data(), bytes.size());
  TF_Graph* graph = TF_NewGraph();
  TF_ImportGraphDefOptions* import = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(graph, buffer, import, status);
  Check(status);
  TF_DeleteImportGraphDefOptions(import);
  TF_DeleteBuffer(buffer);
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Session* session = TF_NewSession(graph, options, status);  // kept
  Check(status);
  const TF_Output inputs[] = {{TF_GraphOperationByName(graph, "INPUT0"), 0},
                              {TF_GraphOperationByName(graph, "INPUT1"), 0}};
  const TF_Output outputs[] = {{TF_GraphOperationByName(graph, "OUTPUT0"), 0},
                               {TF_GraphOperationByName(graph, "OUTPUT1"), 0}};
  TF_Tensor* input_values[] = {MakeNumbers(), MakeNumbers()};
  TF_Tensor* output_values[] = {nullptr, nullptr};
  TF_SessionRun(session, nullptr, inputs, input_values, 2, outputs, output_values, 2, nullptr, 0,
                nullptr, status);
  Check(status);
  for (TF_Tensor* tensor : {input_values[0], input_values[1], output_values[0], output_values[1]}) {
    TF_DeleteTensor(tensor);
  }
  TF_DeleteSessionOptions(options);
  TF_DeleteStatus(status);
}

}  // namespace
}  // namespace throng::bench

int main(int argc, char** argv) {
  return throng::bench::RunNaive(argc, argv, throng::bench::LoadAndRun);
}
