#include <string>

#include <gtest/gtest.h>

#include "storage/storage_provider.h"

namespace throng::storage {
namespace {

bool Allowed(const AddressPolicy& policy, const std::string& address) {
  return CheckAddress(policy, "host.example", address, 443).ok();
}

TEST(AddressPolicyTest, PublicAddressesAreAllowed) {
  const AddressPolicy policy;
  for (const char* address : {"8.8.8.8",
                              "1.1.1.1",
                              "172.15.255.255",
                              "172.32.0.0",
                              "192.167.255.255",
                              "192.169.0.0",
                              "100.63.255.255",
                              "100.128.0.0",
                              "126.255.255.255",
                              "128.0.0.0",
                              "169.253.255.255",
                              "169.255.0.0",
                              "223.255.255.255",
                              "198.17.255.255",
                              "198.20.0.0",
                              "9.255.255.255",
                              "11.0.0.0",
                              "2606:4700:4700::1111",
                              "2a00:1450:4001:800::2010",
                              "::ffff:8.8.8.8",
                              "64:ff9b::8.8.8.8",
                              "2002:808:808::1"}) {
    EXPECT_TRUE(Allowed(policy, address)) << address;
  }
}

TEST(AddressPolicyTest, PrivateAddressesNeedToBeAllowed) {
  AddressPolicy policy;
  const char* const kPrivate[] = {"10.0.0.0",          "10.255.255.255",    "172.16.0.0",
                                  "172.31.255.255",    "192.168.0.0",       "192.168.255.255",
                                  "127.0.0.1",         "127.255.255.255",   "169.254.0.1",
                                  "169.254.255.255",   "100.64.0.0",        "100.127.255.255",
                                  "198.18.0.1",        "192.0.0.1",         "::1",
                                  "fe80::1",           "fe80::1%eth0",      "fec0::1",
                                  "fc00::1",           "fdff:ffff::1",      "::ffff:10.0.0.1",
                                  "::ffff:7f00:1",     "::ffff:0:10.0.0.1", "::127.0.0.1",
                                  "64:ff9b::10.0.0.1", "64:ff9b:1::1",      "2002:a00:1::1"};
  for (const char* address : kPrivate) {
    EXPECT_FALSE(Allowed(policy, address)) << address;
    EXPECT_EQ(CheckAddress(policy, "h", address, 1).code(), StatusCode::kPermissionDenied);
  }
  policy.allow_private = true;
  for (const char* address : kPrivate) EXPECT_TRUE(Allowed(policy, address)) << address;
}

TEST(AddressPolicyTest, SomeAreNeverAllowed) {
  AddressPolicy policy;
  policy.allow_private = true;
  for (const char* address : {"169.254.169.254",
                              "169.254.170.2",
                              "169.254.170.23",
                              "100.100.100.200",
                              "192.0.0.192",
                              "168.63.129.16",
                              "0.0.0.0",
                              "0.1.2.3",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "192.0.2.1",
                              "198.51.100.1",
                              "203.0.113.1",
                              "::",
                              "ff02::1",
                              "fd00:ec2::254",
                              "fd20:ce::254",
                              "fd00:c1::a9fe:a9fe",
                              "fe80::a9fe:a9fe",
                              "fe80::a9fe:a9fe%eth0",
                              "::ffff:169.254.169.254",
                              "::ffff:a9fe:a9fe",
                              "64:ff9b::a9fe:a9fe",
                              "2002:a9fe:a9fe::1",
                              "2001:db8::1",
                              "2001::1",
                              "4000::1",
                              "::ffff:0.0.0.0"}) {
    EXPECT_FALSE(Allowed(policy, address)) << address;
  }
}

TEST(AddressPolicyTest, WhatIsNoAddressIsNotAllowed) {
  AddressPolicy policy;
  policy.allow_private = true;
  for (const char* address : {"",
                              "host",
                              "1.2.3",
                              "1.2.3.4.5",
                              "256.1.1.1",
                              "08.8.8.8",
                              "1.2.3.4 ",
                              "0x8.8.8.8",
                              "134744072",
                              "1..2.3",
                              ":::",
                              "1:2:3:4:5:6:7",
                              "1:2:3:4:5:6:7:8:9",
                              "1::2::3",
                              "12345::",
                              "2606:4700::g",
                              "::1.2.3",
                              "1.2.3.4::",
                              "2606:",
                              ":2606::1:"}) {
    EXPECT_FALSE(Allowed(policy, address)) << address;
  }
}

TEST(AddressPolicyTest, TheOperatorsHostsAreAllowed) {
  AddressPolicy policy;
  policy.allowed_hosts = {"127.0.0.1:9000", "mirror.local", "[::1]:9000", "metadata:80"};
  EXPECT_TRUE(CheckAddress(policy, "127.0.0.1", "127.0.0.1", 9000).ok());
  EXPECT_FALSE(CheckAddress(policy, "127.0.0.1", "127.0.0.1", 9001).ok());
  EXPECT_FALSE(CheckAddress(policy, "localhost", "127.0.0.1", 9000).ok());
  EXPECT_TRUE(CheckAddress(policy, "mirror.local", "10.0.0.1", 1234).ok());
  EXPECT_FALSE(CheckAddress(policy, "x.mirror.local", "10.0.0.1", 1234).ok());
  EXPECT_TRUE(CheckAddress(policy, "[::1]", "::1", 9000).ok());
  EXPECT_TRUE(CheckAddress(policy, "::1", "::1", 9000).ok());
  EXPECT_TRUE(CheckAddress(policy, "metadata", "169.254.169.254", 80).ok());
}

TEST(AddressPolicyTest, TheReasonHoldsNoAddress) {
  const Status status = CheckAddress({}, "db.internal", "10.1.2.3", 443);
  EXPECT_EQ(status.message().find("10.1"), std::string::npos);
  EXPECT_EQ(status.message().find("db"), std::string::npos);
}

}  // namespace
}  // namespace throng::storage
