#include "os/terminal/editor.h"

#include <stdlib.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "os/testing/temporary_directory.h"

namespace throng::os {
namespace {

// Its files are made in a folder of the test's own.
class EditTextTest : public ::testing::Test {
 protected:
  EditTextTest() { ::setenv("TMPDIR", directory_.path().c_str(), 1); }
  ~EditTextTest() override { ::unsetenv("TMPDIR"); }
  bool IsEmpty() const { return std::filesystem::is_empty(directory_.path()); }

  testing::TemporaryDirectory directory_;
};

TEST_F(EditTextTest, GivesBackWhatTheEditorMade) {
  const auto edited = EditText("sed -i s/one/two/", "one\n", ".yaml");
  ASSERT_TRUE(edited.ok()) << edited.status().ToString();
  EXPECT_EQ(*edited, "two\n");
  EXPECT_EQ(*EditText("true", "as it was", ".yaml"), "as it was");
  EXPECT_TRUE(IsEmpty());
}

TEST_F(EditTextTest, AnEditorThatFailsIsAnError) {
  EXPECT_EQ(EditText("false", "x", "").status().code(), StatusCode::kAborted);
  EXPECT_EQ(EditText("/no/such/editor", "x", "").status().code(), StatusCode::kAborted);
  EXPECT_EQ(EditText("rm -f", "x", "").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(IsEmpty());
}

}  // namespace
}  // namespace throng::os
