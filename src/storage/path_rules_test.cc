#include "storage/path_rules.h"

#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "base/limits.h"

namespace throng::storage {
namespace {

TEST(PathRulesTest, PlainNamesPass) {
  for (const char* path : {"model.pt", "1/model.onnx", "..data", "a/..b/c..", "with blank/x",
                           "\xc3\xa9t\xc3\xa9.pt", "a:b", "-x", ".hidden"}) {
    EXPECT_TRUE(CheckRelativePath(path).ok()) << path;
  }
}

TEST(PathRulesTest, HostileNamesAreRefused) {
  const std::string cases[] = {"",
                               "/etc/passwd",
                               "..",
                               ".",
                               "../x",
                               "a/../../x",
                               "a/./b",
                               "a//b",
                               "a/",
                               "a\\..\\b",
                               std::string("a\0b", 3),
                               "a\nb",
                               "a\x7f",
                               "\xff\xfe",
                               "\xc0\xae\xc0\xae/x"};
  for (const std::string& path : cases) {
    EXPECT_EQ(CheckRelativePath(path).code(), StatusCode::kInvalidArgument) << path;
  }
}

TEST(PathRulesTest, LengthsAreBounded) {
  const std::string segment(limits::kStorageNameBytes, 'a');
  EXPECT_TRUE(CheckRelativePath(segment).ok());
  EXPECT_FALSE(CheckRelativePath(segment + "a").ok());
  std::string path;
  while (path.size() + 200 < limits::kStoragePathBytes) path += std::string(200, 'b') + "/";
  path += std::string(limits::kStoragePathBytes - path.size(), 'c');
  ASSERT_EQ(path.size(), limits::kStoragePathBytes);
  EXPECT_TRUE(CheckRelativePath(path).ok());
  EXPECT_FALSE(CheckRelativePath(path + "c").ok());
  EXPECT_FALSE(CheckRelativePath(std::string(4096, 'd')).ok());
}

TEST(PathRulesTest, DepthIsBounded) {
  std::string path = "f";
  for (size_t i = 1; i < limits::kArtifactDepth; ++i) path = "d/" + path;
  EXPECT_TRUE(CheckRelativePath(path).ok());
  EXPECT_EQ(CheckRelativePath("d/" + path).code(), StatusCode::kResourceExhausted);
}

TEST(PathRulesTest, NamesOfOneModelMustNotCollide) {
  PathRules rules;
  EXPECT_TRUE(rules.AddFile("1/model.pt").ok());
  EXPECT_TRUE(rules.AddFile("1/other.pt").ok());
  EXPECT_FALSE(rules.AddFile("1/model.pt").ok());    // twice
  EXPECT_FALSE(rules.AddFile("1/Model.pt").ok());    // case twin
  EXPECT_FALSE(rules.AddFile("1").ok());             // a folder by now
  EXPECT_FALSE(rules.AddFile("1/model.pt/x").ok());  // below a file
  EXPECT_TRUE(rules.AddFile("a/x").ok());
  EXPECT_FALSE(rules.AddFile("A/y").ok());  // case twin of a folder
  EXPECT_TRUE(rules.AddFolder("1").ok());
  EXPECT_TRUE(rules.AddFolder("empty").ok());
  EXPECT_TRUE(rules.AddFolder("empty").ok());
  EXPECT_FALSE(rules.AddFolder("1/model.pt").ok());
  EXPECT_FALSE(rules.AddFolder("../up").ok());
}

TEST(PathRulesTest, CountsAreBounded) {
  PathRules files;
  for (size_t i = 0; i < limits::kArtifactFiles; ++i) {
    ASSERT_TRUE(files.AddFile("f" + std::to_string(i)).ok());
  }
  EXPECT_EQ(files.AddFile("one more").code(), StatusCode::kResourceExhausted);
  PathRules folders;
  for (size_t i = 0; i < limits::kArtifactFiles * 2; ++i) {
    ASSERT_TRUE(folders.AddFolder("f" + std::to_string(i)).ok());
  }
  EXPECT_EQ(folders.AddFolder("one more").code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace throng::storage
