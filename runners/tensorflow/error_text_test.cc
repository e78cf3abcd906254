#include "runners/tensorflow/error_text.h"

#include <gtest/gtest.h>

namespace throng::tensorflow_runner {
namespace {

TEST(ErrorTextTest, DropsNodes) {
  EXPECT_EQ(ErrorReason("StringToNumberOp could not correctly convert string: abc\n\t [[{{node "
                        "TO_INT0}}]]"),
            "StringToNumberOp could not correctly convert string: abc");
  EXPECT_EQ(
      ErrorReason("{{function_node __inference_f_1}} {{function_node g}} Incompatible shapes"),
      "Incompatible shapes");
}

TEST(ErrorTextTest, HidesTheHost) {
  EXPECT_EQ(ErrorReason("Op type not registered 'Foo' in binary running on secret-host. Make sure"),
            "Op type not registered 'Foo'");
}

TEST(ErrorTextTest, ShowsFilesOfASavedModelByTheirOwnNames) {
  EXPECT_EQ(ErrorReason("Could not find variables at ram://12/variables/variables; bad file"),
            "Could not find variables at variables/variables; bad file");
}

TEST(ErrorTextTest, HidesPaths) {
  EXPECT_EQ(ErrorReason("/etc/secret/passwd; Permission denied").find("/etc"), std::string::npos);
}

TEST(ErrorTextTest, IsNeverEmpty) { EXPECT_EQ(ErrorReason(""), "unknown error"); }

}  // namespace
}  // namespace throng::tensorflow_runner
