#include "os/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/event_loop.h"

namespace throng::os {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

std::string Read(int fd) {
  std::array<std::byte, 256> buffer;
  const IoResult result = ReadSome(fd, buffer);
  return std::string(reinterpret_cast<const char*>(buffer.data()), result.bytes);
}

bool IsNonBlocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
bool IsCloseOnExec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

TEST(UniqueFdTest, ClosesWhatItHolds) {
  const int number = ::dup(0);
  {
    UniqueFd fd(number);
    UniqueFd moved = std::move(fd);
    EXPECT_FALSE(fd.valid());  // NOLINT: what a move leaves is defined here
    EXPECT_EQ(moved.get(), number);
  }
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(SocketTest, ConnectsAndTransfersBothWays) {
  const auto listener = ListenTcp("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok());
  const auto port = LocalPort(listener->get());
  ASSERT_TRUE(port.ok());
  EXPECT_FALSE((*Accept(listener->get())).has_value());
  const auto client = ConnectTcp("localhost", *port);
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(WaitReadable(listener->get(), 5000));
  const auto accepted = Accept(listener->get());
  ASSERT_TRUE(accepted.ok() && accepted->has_value());
  const int server = (*accepted)->get();
  ASSERT_TRUE(WaitWritable(client->get(), 5000));
  EXPECT_TRUE(SocketError(client->get()).ok());
  for (const int fd : {server, client->get(), listener->get()}) {
    EXPECT_TRUE(IsNonBlocking(fd) && IsCloseOnExec(fd));
  }
  std::array<std::byte, 4> buffer;
  EXPECT_EQ(ReadSome(server, buffer).kind, IoResult::Kind::kWouldBlock);
  const std::array<std::span<const std::byte>, 4> parts = {Bytes("ab"), Bytes(""), Bytes("c"),
                                                           Bytes("d")};
  EXPECT_EQ(WriteSome(client->get(), std::span<const std::span<const std::byte>>(parts)).bytes, 4u);
  ASSERT_TRUE(WaitReadable(server, 5000));
  EXPECT_EQ(Read(server), "abcd");
  ShutdownWrite(client->get());
  ASSERT_TRUE(WaitReadable(server, 5000));
  EXPECT_EQ(ReadSome(server, buffer).kind, IoResult::Kind::kEnd);
}

TEST(SocketTest, GathersNoMoreThanSixtyFourBuffers) {
  auto pair = SocketPair();
  ASSERT_TRUE(pair.ok());
  const std::vector<std::span<const std::byte>> parts(65, Bytes("x"));
  const IoResult result =
      WriteSome(pair->first.get(), std::span<const std::span<const std::byte>>(parts));
  EXPECT_EQ(result.kind, IoResult::Kind::kDone);
  EXPECT_EQ(result.bytes, 64u);
}

TEST(SocketTest, NeitherEndOfANonBlockingPairBlocks) {
  auto pair = NonBlockingSocketPair();
  ASSERT_TRUE(pair.ok());
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(ReadSome(pair->first.get(), buffer).kind, IoResult::Kind::kWouldBlock);
  EXPECT_EQ(ReadSome(pair->second.get(), buffer).kind, IoResult::Kind::kWouldBlock);
  EXPECT_EQ(WriteSome(pair->second.get(), Bytes("abc")).bytes, 3u);
  EXPECT_EQ(ReadSome(pair->first.get(), buffer).bytes, 3u);
}

TEST(SocketTest, PortInUseIsNamed) {
  const auto first = ListenTcp("127.0.0.1", 0);
  ASSERT_TRUE(first.ok());
  const uint16_t port = *LocalPort(first->get());
  const auto second = ListenTcp("127.0.0.1", port);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(second.status().message(), "port " + std::to_string(port) + " is already in use");
}

TEST(SocketTest, WhatIsNoAddressIsRefused) {
  for (const char* bad : {"", "example", "1.2.3", "1.2.3.4.5", "127.0.0.1:80", "::g"}) {
    EXPECT_EQ(ListenTcp(bad, 0).status().code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(ConnectTcp(bad, 1).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  // An address of documentation (RFC 5737), not of this host.
  EXPECT_EQ(ListenTcp("192.0.2.1", 0).status().code(), StatusCode::kInvalidArgument);
}

TEST(SocketTest, RefusedConnectionIsReportedWhenWritable) {
  uint16_t port = 0;
  {
    const auto listener = ListenTcp("127.0.0.1", 0);
    port = *LocalPort(listener->get());
  }
  const auto client = ConnectTcp("127.0.0.1", port);
  if (!client.ok()) return;  // refused at once: as good
  ASSERT_TRUE(WaitWritable(client->get(), 5000));
  EXPECT_EQ(SocketError(client->get()).code(), StatusCode::kUnavailable);
}

TEST(SocketTest, WritingToAClosedPeerIsAnErrorWithoutASignal) {
  auto pair = SocketPair();
  ASSERT_TRUE(pair.ok());
  pair->second.Reset(-1);
  EXPECT_EQ(WriteSome(pair->first.get(), Bytes("x")).kind, IoResult::Kind::kError);
  const std::array<std::span<const std::byte>, 2> parts = {Bytes("x"), Bytes("y")};
  EXPECT_EQ(WriteSome(pair->first.get(), std::span<const std::span<const std::byte>>(parts)).kind,
            IoResult::Kind::kError);
  EXPECT_EQ(SendWithDescriptors(pair->first.get(), Bytes("x"), {}).kind, IoResult::Kind::kError);
}

TEST(SocketTest, AcceptOfSomethingElseIsRefused) {
  auto pair = SocketPair();
  EXPECT_EQ(Accept(pair->first.get()).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Accept(-1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(LocalPort(pair->first.get()).status().code(), StatusCode::kInvalidArgument);
}

TEST(SocketTest, PairBlocksOnTheChildsSideOnly) {
  auto pair = SocketPair();
  ASSERT_TRUE(pair.ok());
  EXPECT_TRUE(IsNonBlocking(pair->first.get()));
  EXPECT_FALSE(IsNonBlocking(pair->second.get()));
  EXPECT_TRUE(IsCloseOnExec(pair->first.get()) && IsCloseOnExec(pair->second.get()));
}

TEST(SocketTest, DescriptorsTravelWithTheFirstByte) {
  auto pair = SocketPair();
  auto cargo = SocketPair();
  ASSERT_TRUE(pair.ok() && cargo.ok());
  const std::vector<int> sent(8, cargo->first.get());
  ASSERT_EQ(SendWithDescriptors(pair->first.get(), Bytes("hello"), sent).bytes, 5u);
  std::array<std::byte, 16> buffer;
  std::vector<UniqueFd> received;
  const IoResult result =
      ReceiveWithDescriptors(pair->second.get(), std::span(buffer).first(2), received);
  EXPECT_EQ(result.bytes, 2u);
  ASSERT_EQ(received.size(), 8u);
  for (const UniqueFd& fd : received) EXPECT_TRUE(fd.valid() && IsCloseOnExec(fd.get()));
  ASSERT_EQ(WriteSome(received[7].get(), Bytes("z")).bytes, 1u);
  EXPECT_EQ(Read(cargo->second.get()), "z");
  EXPECT_EQ(ReceiveWithDescriptors(pair->second.get(), buffer, received).bytes, 3u);
  EXPECT_EQ(received.size(), 8u);
}

TEST(SocketTest, LostDescriptorsAreAnError) {
  auto pair = SocketPair();
  ASSERT_TRUE(pair.ok());
  std::vector<int> many(17, 0);
  std::array<std::byte, CMSG_SPACE(17 * sizeof(int))> control{};
  std::byte byte{'x'};
  iovec vector{&byte, 1};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(17 * sizeof(int));
  std::copy(many.begin(), many.end(), reinterpret_cast<int*>(CMSG_DATA(header)));
  ASSERT_EQ(::sendmsg(pair->second.get(), &message, 0), 1);
  std::array<std::byte, 4> buffer;
  std::vector<UniqueFd> received;
  EXPECT_EQ(ReceiveWithDescriptors(pair->first.get(), buffer, received).kind,
            IoResult::Kind::kError);
  EXPECT_EQ(received.size(), 16u);
}

TEST(SocketTest, WaitEndsWhenTheTimeIsOver) {
  auto pair = SocketPair();
  const MonotonicTime start = RealClock().Now();
  EXPECT_FALSE(WaitReadable(pair->first.get(), 5));
  EXPECT_GE(RealClock().Now() - start, std::chrono::milliseconds(5));
  EXPECT_FALSE(WaitReadable(pair->first.get(), 0));
  ASSERT_EQ(WriteSome(pair->second.get(), Bytes("x")).bytes, 1u);
  EXPECT_TRUE(WaitReadable(pair->first.get(), 0));
}

}  // namespace
}  // namespace throng::os
