#include "os/network/unix_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "os/socket.h"
#include "os/testing/temporary_directory.h"

namespace throng::os {
namespace {

using testing::TemporaryDirectory;

// Connects, accepts, and says that a byte got through and who sent it.
void ExpectTalk(const std::string& path, int listener) {
  const auto client = ConnectUnix(path);
  ASSERT_TRUE(client.ok()) << client.status().ToString();
  const auto accepted = Accept(listener);
  ASSERT_TRUE(accepted.ok() && accepted->has_value());
  const int server = (*accepted)->get();
  std::array<std::byte, 4> buffer;
  EXPECT_EQ(ReadSome(server, buffer).kind, IoResult::Kind::kWouldBlock);
  const std::string text = "x";
  WriteSome(client->get(), std::as_bytes(std::span<const char>(text)));
  EXPECT_EQ(ReadSome(server, buffer).bytes, 1u);
  for (const int fd : {server, client->get()}) {
    const auto peer = PeerOf(fd);
    ASSERT_TRUE(peer.ok());
    EXPECT_EQ(peer->process_id, ::getpid());
    EXPECT_EQ(peer->user_id, ::getuid());
    EXPECT_EQ(peer->group_id, ::getgid());
  }
}

TEST(UnixSocketTest, ConnectsAndKnowsThePeer) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.sock";
  const auto listener = ListenUnix(path);
  ASSERT_TRUE(listener.ok()) << listener.status().ToString();
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  ExpectTalk(path, listener->get());
}

TEST(UnixSocketTest, PathsMayBeLong) {
  TemporaryDirectory directory;
  const std::string folder = directory.path() + "/" + std::string(200, 'd');
  std::filesystem::create_directory(folder);
  const std::string path = folder + "/a.sock";
  const auto listener = ListenUnix(path);
  ASSERT_TRUE(listener.ok()) << listener.status().ToString();
  ExpectTalk(path, listener->get());
  EXPECT_EQ(ListenUnix(folder + "/" + std::string(100, 'n')).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(ConnectUnix(folder + "/" + std::string(100, 'n')).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(UnixSocketTest, ASocketIsTakenOverOnlyWhenNobodyListens) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.sock";
  auto first = ListenUnix(path);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ListenUnix(path).status().code(), StatusCode::kAlreadyExists);
  first->Reset(-1);
  EXPECT_EQ(ConnectUnix(path).status().code(), StatusCode::kUnavailable);
  const auto second = ListenUnix(path);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  ExpectTalk(path, second->get());
}

TEST(UnixSocketTest, OtherFilesAreLeftAlone) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  std::ofstream(path) << "x";
  EXPECT_EQ(ListenUnix(path).status().code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST(UnixSocketTest, TcpPeersHaveAnAddressInstead) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto listener = ListenTcp(address, 0);
    if (!listener.ok()) continue;  // a host without IPv6
    const auto client = ConnectTcp(address, *LocalPort(listener->get()));
    ASSERT_TRUE(client.ok() && WaitReadable(listener->get(), 10'000));
    const auto accepted = Accept(listener->get());
    ASSERT_TRUE(accepted.ok() && accepted->has_value());
    EXPECT_EQ(PeerAddress((*accepted)->get()), address);
    EXPECT_EQ(PeerOf((*accepted)->get()).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(PeerAddress(-1), "");
  const auto pair = SocketPair();
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(PeerAddress(pair->first.get()), "");
}

TEST(UnixSocketTest, WhatIsNotThereIsTold) {
  TemporaryDirectory directory;
  EXPECT_EQ(ListenUnix(directory.path() + "/none/a.sock").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ConnectUnix(directory.path() + "/none/a.sock").status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(ConnectUnix(directory.path() + "/" + std::string(150, 'd') + "/a.sock").status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(ConnectUnix(directory.path() + "/a.sock").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(ListenUnix("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(PeerOf(-1).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throng::os
