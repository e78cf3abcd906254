#include "runners/torch/error_text.h"

#include <gtest/gtest.h>

namespace throng::torch_runner {
namespace {

TEST(ErrorTextTest, KeepsLastLineOfTraceback) {
  EXPECT_EQ(ErrorReason("The following operation failed in the TorchScript interpreter.\n"
                        "Traceback of TorchScript, serialized code (most recent call last):\n"
                        "  File \"code/__torch__/net.py\", line 7, in forward\n"
                        "    return torch.linear(x, w)\n"
                        "           ~~~~~~~~~~~~ <--- HERE\n"
                        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x3 and 4x5)\n"),
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x3 and 4x5)");
}

TEST(ErrorTextTest, KeepsFirstLineOfOtherTexts) {
  EXPECT_EQ(ErrorReason("\nUnknown builtin op: foo::bar.\nCould not find any similar ops.\n"),
            "Unknown builtin op: foo::bar.");
}

TEST(ErrorTextTest, DropsSourcePositions) {
  EXPECT_EQ(ErrorReason("[enforce fail at inline_container.cc:197] . PytorchStreamReader failed "
                        "reading zip archive: not a ZIP archive"),
            "PytorchStreamReader failed reading zip archive: not a ZIP archive");
  EXPECT_EQ(ErrorReason("isTensor() INTERNAL ASSERT FAILED at \"/src/x.h\":12, please report a bug "
                        "to PyTorch. Expected Tensor but got Int"),
            "Expected Tensor but got Int");
}

TEST(ErrorTextTest, HidesPathsAndAddresses) {
  const std::string text = ErrorReason("cannot open /home/me/secret/model.pt at 0x7f12ab34cd56");
  EXPECT_EQ(text.find("/home"), std::string::npos) << text;
  EXPECT_EQ(text.find("7f12ab34cd56"), std::string::npos) << text;
}

TEST(ErrorTextTest, IsNeverEmpty) { EXPECT_EQ(ErrorReason("\n \n"), "unknown error"); }

}  // namespace
}  // namespace throng::torch_runner
