#include "cli/given_paths.h"

#include <gtest/gtest.h>

#include "os/testing/memory_file_system.h"

namespace throng::cli {
namespace {

TEST(GivenPathsTest, TextsShowThePathAsTyped) {
  os::testing::MemoryFileSystem files;
  files.PutFile("/a/file", "x");
  EXPECT_TRUE(CheckExists(files, "/a").ok());
  EXPECT_EQ(CheckExists(files, "/a/../gone/").message(), "'/a/../gone/' does not exist");
  EXPECT_TRUE(CheckOptionFolder(files, "x", "").ok());
  EXPECT_TRUE(CheckOptionFolder(files, "x", "/a").ok());
  EXPECT_EQ(CheckOptionFolder(files, "x", "/a/file").message(), "--x: '/a/file' is not a folder");
  EXPECT_EQ(CheckOptionFolder(files, "x", "/b").message(), "--x: '/b' does not exist");
  EXPECT_EQ(WithTypedPath(PermissionDeniedError("'f': Permission denied"), "../d/f").message(),
            "'../d/f': Permission denied");
}

TEST(GivenPathsTest, OneArgumentTooManyIsNamed) {
  EXPECT_TRUE(CheckNoMore({"a"}, 1).ok());
  EXPECT_EQ(CheckNoMore({"a", "b c"}, 1).message(), "unexpected argument 'b c'");
}

}  // namespace
}  // namespace throng::cli
