#include "storage/file/file_provider.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/event_loop.h"
#include "os/testing/temporary_directory.h"

namespace throng::storage {
namespace {

namespace fs = std::filesystem;

class FileProviderTest : public ::testing::Test {
 protected:
  FileProviderTest() { options_.file_roots = {directory_.path() + "/root/"}; }

  void Put(const std::string& name, const std::string& content) const {
    const fs::path path = directory_.path() + "/" + name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  Result<Listing> List(const std::string& path) {
    Result<StorageUri> uri = ParseStorageUri("file://" + directory_.path() + "/" + path);
    if (!uri.ok()) return uri.status();
    uri_ = *uri;
    Result<std::unique_ptr<StorageProvider>> provider =
        MakeProvider({options_, credentials_, os::RealClock()}, uri_);
    if (!provider.ok()) return provider.status();
    provider_ = std::move(*provider);
    return provider_->List(uri_, deadline_);
  }
  Result<std::string> Read(const ObjectInfo& object, uint64_t offset, uint64_t size_bytes) {
    std::string bytes;
    const Status status = provider_->Read(uri_, object, offset, size_bytes, deadline_,
                                          [&bytes](std::string_view piece) {
                                            bytes += piece;
                                            return OkStatus();
                                          });
    if (!status.ok()) return status;
    return bytes;
  }

  const os::testing::TemporaryDirectory directory_;
  StorageOptions options_;
  const Credentials credentials_;
  const Deadline deadline_{os::RealClock(), os::RealClock().Now() + std::chrono::seconds(60)};
  StorageUri uri_;
  std::unique_ptr<StorageProvider> provider_;
};

TEST_F(FileProviderTest, FoldersAndFilesAreListedAndRead) {
  Put("root/a/1/model.pt", "model");
  Put("root/a/config.pbtxt", "config");
  Put("root/ab/x", "not a's");
  Result<Listing> listing = List("root/a");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  ASSERT_EQ(listing->objects.size(), 2u);
  EXPECT_EQ(listing->objects[0].relative_path, "1/model.pt");
  EXPECT_EQ(listing->objects[0].size_bytes, 5u);
  EXPECT_EQ(listing->objects[1].relative_path, "config.pbtxt");
  EXPECT_EQ(*Read(listing->objects[0], 0, 5), "model");
  EXPECT_EQ(*Read(listing->objects[0], 1, 3), "ode");
  EXPECT_EQ(*Read(listing->objects[0], 3, kToTheEnd), "el");
  listing = List("root/a/config.pbtxt");
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(listing->objects.size(), 1u);
  EXPECT_EQ(listing->objects[0].relative_path, "config.pbtxt");
  EXPECT_EQ(*Read(listing->objects[0], 0, kToTheEnd), "config");
}

TEST_F(FileProviderTest, OnlyBelowTheRoots) {
  Put("root/a/x", "x");
  Put("rooted/a/x", "x");
  EXPECT_EQ(List("rooted/a").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(List("other").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(List("root/none").status().code(), StatusCode::kNotFound);
  options_.file_roots.clear();
  EXPECT_EQ(List("root/a").status().code(), StatusCode::kPermissionDenied);
  options_.file_roots = {directory_.path() + "/gone"};
  EXPECT_EQ(List("gone/a").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(List("gone/a").status().message().find(directory_.path()), std::string::npos);
}

TEST_F(FileProviderTest, LinksThatLeadOutAreRefused) {
  Put("root/a/x", "x");
  Put("secret", "secret");
  ASSERT_EQ(symlink("../../secret", (directory_.path() + "/root/a/link").c_str()), 0);
  EXPECT_EQ(List("root/a").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(List("root/a/link").status().code(), StatusCode::kPermissionDenied);
  fs::remove(directory_.path() + "/root/a/link");
  ASSERT_EQ(symlink("x", (directory_.path() + "/root/a/inside").c_str()), 0);
  const Result<Listing> listing = List("root/a");
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->objects.size(), 2u);
}

TEST_F(FileProviderTest, OddThingsAreRefused) {
  Put("root/a/x", "x");
  ASSERT_EQ(mkfifo((directory_.path() + "/root/a/fifo").c_str(), 0600), 0);
  EXPECT_EQ(List("root/a").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(List("root/a/fifo").status().code(), StatusCode::kPermissionDenied);
  fs::create_directories(directory_.path() + "/root/empty/1");
  EXPECT_EQ(List("root/empty").status().code(), StatusCode::kNotFound);
  fs::create_directory_symlink(".", directory_.path() + "/root/empty/loop");
  EXPECT_EQ(List("root/empty").status().code(), StatusCode::kResourceExhausted);
}

TEST_F(FileProviderTest, AChangeIsNoticed) {
  Put("root/a/x", "first");
  const Result<Listing> listing = List("root/a");
  ASSERT_TRUE(listing.ok());
  Put("root/a/x", "other, and longer");
  EXPECT_EQ(Read(listing->objects[0], 0, kToTheEnd).status().code(), StatusCode::kAborted);
  fs::remove(directory_.path() + "/root/a/x");
  EXPECT_EQ(Read(listing->objects[0], 0, kToTheEnd).status().code(), StatusCode::kAborted);
}

TEST_F(FileProviderTest, MirrorsReadFoldersOfTheOperator) {
  Put("examples/models/a/model.pt", "mirrored");
  options_.mirrors = {*ParseMirror("gs://bucket/=" + directory_.path() + "/examples")};
  uri_ = *ParseStorageUri("gs://bucket/models/a");
  Result<std::unique_ptr<StorageProvider>> provider =
      MakeProvider({options_, credentials_, os::RealClock()}, uri_);
  ASSERT_TRUE(provider.ok());
  provider_ = std::move(*provider);
  const Result<Listing> listing = provider_->List(uri_, deadline_);
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(listing->objects[0].relative_path, "model.pt");
  EXPECT_EQ(*Read(listing->objects[0], 0, kToTheEnd), "mirrored");
}

TEST_F(FileProviderTest, ClaimsAreDirectoriesOfTheOperator) {
  Put("claim/models/a/model.pt", "claimed");
  Put("claim/models/ab/x", "not a's");
  Put("secret", "secret");
  options_.claims = {{"models", directory_.path() + "/claim"}};
  const auto list = [this](const char* text) -> Result<Listing> {
    uri_ = *ParseStorageUri(text);
    THRONG_ASSIGN_OR_RETURN(provider_,
                            MakeProvider({options_, credentials_, os::RealClock()}, uri_));
    return provider_->List(uri_, deadline_);
  };
  Result<Listing> listing = list("pvc://models/models/a");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  ASSERT_EQ(listing->objects.size(), 1u);
  EXPECT_EQ(listing->objects[0].relative_path, "model.pt");
  EXPECT_EQ(*Read(listing->objects[0], 0, kToTheEnd), "claimed");
  listing = list("pvc://models");
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->objects.size(), 2u);
  ASSERT_EQ(symlink("../../secret", (directory_.path() + "/claim/models/link").c_str()), 0);
  EXPECT_EQ(list("pvc://models/models/link").status().code(), StatusCode::kPermissionDenied);
  const Status unknown = list("pvc://others/a").status();
  EXPECT_EQ(unknown.code(), StatusCode::kNotFound);
  EXPECT_NE(unknown.message().find("--pvc others=DIRECTORY"), std::string::npos);
  options_.claims = {{"models", directory_.path() + "/gone"}};
  const Status gone = list("pvc://models/a").status();
  EXPECT_EQ(gone.code(), StatusCode::kNotFound);
  EXPECT_EQ(gone.message().find(directory_.path()), std::string::npos);
}

TEST_F(FileProviderTest, CancelledAndLateReadsEnd) {
  Put("root/a/x", "x");
  const Result<Listing> listing = List("root/a");
  ASSERT_TRUE(listing.ok());
  CancelFlag cancel;
  cancel.Cancel();
  const auto sink = [](std::string_view) { return OkStatus(); };
  EXPECT_EQ(
      provider_
          ->Read(uri_, listing->objects[0], 0, 1, {os::RealClock(), deadline_.at, &cancel}, sink)
          .code(),
      StatusCode::kCancelled);
  EXPECT_EQ(provider_
                ->Read(uri_, listing->objects[0], 0, 1,
                       {os::RealClock(), os::RealClock().Now() - std::chrono::seconds(1)}, sink)
                .code(),
            StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace throng::storage
