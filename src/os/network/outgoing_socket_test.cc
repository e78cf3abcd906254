#include "os/network/outgoing_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <gtest/gtest.h>

namespace throng::os {
namespace {

TEST(OutgoingSocketTest, AddressesAreDescribed) {
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(443);
  inet_pton(AF_INET, "169.254.169.254", &v4.sin_addr);
  EXPECT_EQ(DescribeAddress(&v4, sizeof(v4)).text, "169.254.169.254");
  EXPECT_EQ(DescribeAddress(&v4, sizeof(v4)).port, 443);
  EXPECT_EQ(DescribeAddress(&v4, 4).text, "");
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(80);
  inet_pton(AF_INET6, "::ffff:10.0.0.1", &v6.sin6_addr);
  EXPECT_EQ(DescribeAddress(&v6, sizeof(v6)).text, "::ffff:10.0.0.1");
  EXPECT_EQ(DescribeAddress(&v6, sizeof(v6)).port, 80);
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  EXPECT_EQ(DescribeAddress(&local, sizeof(local)).text, "");
  EXPECT_EQ(DescribeAddress(&local, 0).text, "");
}

TEST(OutgoingSocketTest, SocketsAreOpened) {
  EXPECT_TRUE(OpenOutgoingSocket(AF_INET, SOCK_STREAM, 0).ok());
  EXPECT_FALSE(OpenOutgoingSocket(-1, SOCK_STREAM, 0).ok());
}

}  // namespace
}  // namespace throng::os
