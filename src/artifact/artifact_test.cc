#include "artifact/artifact.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/memory_file.h"
#include "os/testing/memory_file_system.h"
#include "os/testing/temporary_directory.h"

namespace throng::artifact {
namespace {

namespace fs = std::filesystem;

class ArtifactTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  void Write(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << content;
  }

  Result<std::shared_ptr<const Artifact>> Read(const std::string& name, bool is_directory) const {
    return ReadArtifact(os::RealFileSystem(), {Path(name), is_directory});
  }

  Status Error(const std::string& name, bool is_directory) const {
    return Read(name, is_directory).status();
  }

  os::testing::TemporaryDirectory directory_;
};

std::string Content(const Artifact& artifact, const ArtifactFile& file) {
  Result<os::Mapping> mapping =
      os::Mapping::Map(artifact.fd.get(), artifact.size_bytes, /*writable=*/false);
  if (!mapping.ok()) return mapping.status().ToString();
  return {reinterpret_cast<const char*>(mapping->data()) + file.offset, file.size_bytes};
}

TEST_F(ArtifactTest, ReadsOneFile) {
  Write("m/model.onnx", "bytes");
  const auto artifact = Read("m/model.onnx", false);
  ASSERT_TRUE(artifact.ok()) << artifact.status().ToString();
  ASSERT_EQ((*artifact)->files.size(), 1u);
  EXPECT_EQ((*artifact)->files[0].name, "model.onnx");
  EXPECT_EQ((*artifact)->size_bytes, 5u);
  EXPECT_EQ(Content(**artifact, (*artifact)->files[0]), "bytes");
}

TEST_F(ArtifactTest, ReadsAFolderWithItsSubfoldersInOrderAndPageAligned) {
  Write("m/saved_model.pb", std::string(kFileAlignment, 'p'));
  Write("m/variables/variables.index", "index");
  Write("m/variables/variables.data", std::string(kFileAlignment + 1, 'd'));
  Write("m/assets/empty", "");
  Write("m/.hidden", "no");
  const auto artifact = Read("m", true);
  ASSERT_TRUE(artifact.ok()) << artifact.status().ToString();
  const std::vector<ArtifactFile>& files = (*artifact)->files;
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[0].name, "assets/empty");
  EXPECT_EQ(files[1].name, "saved_model.pb");
  EXPECT_EQ(files[2].name, "variables/variables.data");
  EXPECT_EQ(files[3].name, "variables/variables.index");
  for (const ArtifactFile& file : files) EXPECT_EQ(file.offset % kFileAlignment, 0u);
  EXPECT_EQ(files[1].offset, 0u);
  EXPECT_EQ(files[2].offset, kFileAlignment);
  EXPECT_EQ(files[3].offset, 3 * kFileAlignment);
  EXPECT_EQ((*artifact)->size_bytes, 3 * kFileAlignment + 5);
  EXPECT_EQ(*os::FileSize((*artifact)->fd.get()), (*artifact)->size_bytes);
  EXPECT_EQ(Content(**artifact, files[1]), std::string(kFileAlignment, 'p'));
  EXPECT_EQ(Content(**artifact, files[2]), std::string(kFileAlignment + 1, 'd'));
  EXPECT_EQ(Content(**artifact, files[3]), "index");
}

TEST_F(ArtifactTest, IsSealedAgainstEveryChange) {
  Write("model.onnx", "bytes");
  const auto artifact = Read("model.onnx", false);
  ASSERT_TRUE(artifact.ok());
  EXPECT_FALSE(os::AppendBytes((*artifact)->fd.get(), "x").ok());
  EXPECT_FALSE(os::Mapping::Map((*artifact)->fd.get(), 5, /*writable=*/true).ok());
}

TEST_F(ArtifactTest, MakesOneFromBytes) {
  const auto artifact = MakeArtifact("model.null", "echo");
  ASSERT_TRUE(artifact.ok());
  ASSERT_EQ((*artifact)->files.size(), 1u);
  EXPECT_EQ((*artifact)->files[0].name, "model.null");
  EXPECT_EQ(Content(**artifact, (*artifact)->files[0]), "echo");
  EXPECT_FALSE(os::AppendBytes((*artifact)->fd.get(), "x").ok());
}

TEST_F(ArtifactTest, RefusesWhatIsNotThereOrOfTheOtherKind) {
  Write("m/model.onnx", "bytes");
  EXPECT_EQ(Error("gone", false).code(), StatusCode::kNotFound);
  EXPECT_EQ(Error("m", false).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Error("m/model.onnx", true).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadArtifact(os::RealFileSystem(), {"/dev/null", false}).status().code(),
            StatusCode::kInvalidArgument);
  fs::create_directory(Path("empty"));
  EXPECT_EQ(Error("empty", true).code(), StatusCode::kInvalidArgument);
  for (const char* name : {"gone", "m"}) {
    EXPECT_EQ(Error(name, false).message().find(directory_.path()), std::string::npos);
  }
}

TEST_F(ArtifactTest, FollowsLinksInsideTheFolderOnly) {
  Write("m/a/file", "inside");
  Write("m-secret/file", "outside");
  fs::create_symlink("a/file", Path("m/link"));
  const auto inside = Read("m", true);
  ASSERT_TRUE(inside.ok()) << inside.status().ToString();
  EXPECT_EQ(Content(**inside, (*inside)->files[1]), "inside");

  // The sibling's name starts with the folder's name.
  fs::create_symlink("../m-secret/file", Path("m/out"));
  EXPECT_EQ(Error("m", true).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Error("m", true).message(), "'out' is a link that leaves the model's folder");
  fs::remove(Path("m/out"));
  fs::create_directory_symlink("../m-secret", Path("m/out"));
  EXPECT_EQ(Error("m", true).message(), "'out' is a link that leaves the model's folder");
  fs::remove(Path("m/out"));
  fs::create_symlink("nowhere", Path("m/out"));
  EXPECT_EQ(Error("m", true).code(), StatusCode::kNotFound);
}

TEST_F(ArtifactTest, AFolderThatIsALinkItselfIsRead) {
  Write("real/file", "content");
  fs::create_directory_symlink("real", Path("link"));
  EXPECT_TRUE(Read("link", true).ok());
}

TEST_F(ArtifactTest, LinksInCirclesEnd) {
  Write("m/a/file", "x");
  fs::create_directory_symlink(".", Path("m/a/self"));
  EXPECT_EQ(Error("m", true).code(), StatusCode::kResourceExhausted);
  fs::create_directory_symlink(".", Path("m/a/self2"));
  EXPECT_EQ(Error("m", true).code(), StatusCode::kResourceExhausted);
}

TEST_F(ArtifactTest, BoundsTheNumberOfFiles) {
  os::testing::MemoryFileSystem files;
  for (size_t i = 0; i < limits::kArtifactFiles; ++i) files.PutFile("/m/" + std::to_string(i), "");
  const auto artifact = ReadArtifact(files, {"/m", true});
  ASSERT_TRUE(artifact.ok()) << artifact.status().ToString();
  EXPECT_EQ((*artifact)->files.size(), limits::kArtifactFiles);
  files.PutFile("/m/one-more", "");
  EXPECT_EQ(ReadArtifact(files, {"/m", true}).status().code(), StatusCode::kResourceExhausted);
}

TEST_F(ArtifactTest, AFileThatChangesWhileItIsReadIsAnError) {
  os::testing::MemoryFileSystem files;
  files.PutFile("/m/file", "content");
  files.ChangeDuringNextAppend("/m/file");
  EXPECT_EQ(ReadArtifact(files, {"/m", true}).status().code(), StatusCode::kAborted);
  EXPECT_TRUE(ReadArtifact(files, {"/m", true}).ok());
  files.Fail("/m/file", UnavailableError("'file': Input/output error"));
  EXPECT_EQ(ReadArtifact(files, {"/m/file", false}).status().code(), StatusCode::kUnavailable);
}

TEST_F(ArtifactTest, RefusesDevicesInAFolder) {
  os::testing::MemoryFileSystem files;
  files.PutFile("/m/file", "content");
  files.PutOther("/m/pipe");
  const Status status = ReadArtifact(files, {"/m", true}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "'pipe' is not a regular file");
}

TEST_F(ArtifactTest, BoundsTheDepth) {
  std::string folder = "m";
  for (size_t i = 0; i < limits::kArtifactDepth; ++i) folder += "/d";
  Write(folder + "/file", "x");
  EXPECT_TRUE(Read("m", true).ok());
  Write(folder + "/d/file", "x");
  EXPECT_EQ(Error("m", true).code(), StatusCode::kResourceExhausted);
}

TEST_F(ArtifactTest, BoundsTheBytesBeforeCopyingThem) {
  Write("m/small", "x");
  // Sparse: takes no space, and would take minutes if it were copied.
  Write("m/zlarge", "");
  fs::resize_file(Path("m/zlarge"), limits::kArtifactBytes - kFileAlignment + 1);
  EXPECT_EQ(Error("m", true).code(), StatusCode::kResourceExhausted);
  EXPECT_NE(Error("m", true).message().find("zlarge"), std::string::npos);
}

}  // namespace
}  // namespace throng::artifact
