#include "control/plane_files.h"

#include <gtest/gtest.h>

#include "os/disk/owned_files.h"
#include "os/file.h"
#include "os/process.h"

namespace throng::control {
namespace {

class PlaneFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "plane-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { EXPECT_TRUE(os::RemoveDirectoryTree(directory_).ok()); }
  std::string directory_;
};

TEST_F(PlaneFilesTest, ALogHasWhatWasWritten) {
  const std::string path = os::JoinPath(directory_, "log");
  {
    auto log = PlaneLog::Open(path);
    ASSERT_TRUE(log.ok());
    (*log)->Write("one\n");
    (*log)->Write("two\n");
  }
  EXPECT_EQ(*os::RealFileSystem().Read(path, 100), "one\ntwo\n");
}

TEST_F(PlaneFilesTest, AStateDirectoryHasOneHolder) {
  EXPECT_EQ(FindRunning(directory_).status().code(), StatusCode::kNotFound);
  auto first = TakeState(directory_);
  ASSERT_TRUE(first.ok());
  const auto second = TakeState(directory_);
  EXPECT_EQ(second.status().code(), StatusCode::kAlreadyExists);
  EXPECT_NE(second.status().message().find("(process "), std::string::npos);
  EXPECT_EQ(FindRunning(directory_).status().code(), StatusCode::kUnavailable) << "it is starting";
  ASSERT_TRUE(WriteRunning(os::JoinPath(directory_, "up.json"),
                           {.api_url = "https://127.0.0.1:1", .api_port = 1, .ingress_port = 2})
                  .ok());
  const auto running = FindRunning(directory_);
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->ingress_port, 2);
  *first = os::UniqueFd();
  EXPECT_EQ(FindRunning(directory_).status().code(), StatusCode::kNotFound);
}

TEST_F(PlaneFilesTest, PortsAreKeptAndDamagedFilesAreNone) {
  const std::string path = os::JoinPath(directory_, "ports.json");
  EXPECT_EQ(ReadPorts(path).api, 0);
  ASSERT_TRUE(WritePorts(path, {.api = 1234, .ingress = 5678}).ok());
  EXPECT_EQ(*os::RealFileSystem().Read(path, 100), "{\"api\":1234,\"ingress\":5678}\n");
  EXPECT_EQ(ReadPorts(path).ingress, 5678);
  ASSERT_TRUE(os::WritePrivateFile(path, "{\"api\":").ok());
  EXPECT_EQ(ReadPorts(path).api, 0);
}

TEST_F(PlaneFilesTest, TheHolderIsKnownWhileItIsStarting) {
  EXPECT_EQ(FindHolder(directory_).status().code(), StatusCode::kNotFound);
  auto lock = TakeState(directory_);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(*FindHolder(directory_), os::ProcessId());
  ASSERT_TRUE(os::WritePrivateFile(os::JoinPath(directory_, "lock.pid"), "nobody\n").ok());
  EXPECT_EQ(FindHolder(directory_).status().code(), StatusCode::kUnavailable);
  *lock = os::UniqueFd();
  EXPECT_EQ(FindHolder(directory_).status().code(), StatusCode::kNotFound);
}

TEST_F(PlaneFilesTest, TheGatewaysOwnPortsCount) {
  auto lock = TakeState(directory_);
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(WriteRunning(os::JoinPath(directory_, "up.json"),
                           {.ingress_port = 2, .ingress_address = "0.0.0.0"})
                  .ok());
  EXPECT_EQ(FindRunning(directory_)->admin_port, 0);
  ASSERT_TRUE(os::EnsurePrivateDirectory(os::JoinPath(directory_, "gateway")).ok());
  const std::string path = os::JoinPath(directory_, "gateway/ports");
  ASSERT_TRUE(WriteIngressPorts(path, {.ingress = 3, .admin = 4, .address = "0.0.0.0"}).ok());
  EXPECT_EQ(ReadIngressPorts(path).address, "0.0.0.0");
  const auto running = FindRunning(directory_);
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->ingress_port, 3);
  EXPECT_EQ(running->admin_port, 4);
  EXPECT_EQ(running->ingress_address, "0.0.0.0");
  ASSERT_TRUE(os::WritePrivateFile(path, "[").ok());
  EXPECT_EQ(FindRunning(directory_)->ingress_port, 2);
}

TEST(DefaultStateDirectoryTest, FollowsTheEnvironment) {
  const auto with = [](const char* name, const char* value) {
    return DefaultStateDirectory([=](const char* asked) -> const char* {
      return std::string_view(asked) == name ? value : nullptr;
    });
  };
  EXPECT_EQ(with("XDG_STATE_HOME", "/state"), "/state/throng");
  EXPECT_EQ(with("HOME", "/home/me"), "/home/me/.local/state/throng");
}

}  // namespace
}  // namespace throng::control
