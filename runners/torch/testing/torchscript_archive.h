// TorchScript archives made from source text, so that a test can say what its model does without
// LibTorch's compiler or files made elsewhere. Test code.
#pragma once

#include <string>
#include <string_view>

namespace throng::torch_runner {

// An archive of a module __torch__.M without attributes. `methods` is the class body in
// TorchScript, indented by two spaces:
//   "  def forward(self, x: Tensor) -> Tensor:\n    return torch.relu(x)\n"
std::string MakeTorchScript(std::string_view methods);

// The same with a __setstate__ that is called, with 1, while the archive is loaded.
std::string MakeTorchScriptWithState(std::string_view methods);

}  // namespace throng::torch_runner
