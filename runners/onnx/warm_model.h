// A tiny ONNX model, built in memory, that a zygote loads and runs once: what ONNX Runtime sets up
// at its first session is then shared by every cell.
#pragma once

#include <string>

namespace throng::onnx {

// x FP32 [1,1,4,4] -> Conv -> Relu -> Reshape [1,16] -> MatMul -> Add -> y FP32 [1,4].
std::string WarmModelBytes();

}  // namespace throng::onnx
