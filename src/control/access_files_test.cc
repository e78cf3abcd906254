#include "control/access_files.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "os/disk/owned_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/testing/temporary_directory.h"

namespace throng::control {
namespace {

class AccessFilesTest : public ::testing::Test {
 protected:
  Access Ensure(std::chrono::hours later = std::chrono::hours(0)) {
    auto access = EnsureAccess(Pki(""), {"localhost"}, os::RealClock().WallNow() + Duration(later));
    EXPECT_TRUE(access.ok()) << access.status().ToString();
    return access.ok() ? *access : Access();
  }
  std::string Pki(const std::string& name) const { return directory_.path() + "/pki/" + name; }
  // What a client and a server need to talk to each other.
  static void ExpectUsable(const Access& access) {
    EXPECT_TRUE(tls::IsSignedPair(access.server, access.authority_pem));
    EXPECT_TRUE(tls::IsSignedPair(access.administrator, access.authority_pem));
    EXPECT_FALSE(access.token.empty());
  }

  os::testing::TemporaryDirectory directory_;
};

TEST_F(AccessFilesTest, WhatIsThereIsKept) {
  const Access first = Ensure();
  ExpectUsable(first);
  const Access second = Ensure();
  EXPECT_EQ(second.authority_pem, first.authority_pem);
  EXPECT_EQ(second.server.certificate_pem, first.server.certificate_pem);
  EXPECT_EQ(second.administrator.private_key_pem, first.administrator.private_key_pem);
  EXPECT_EQ(second.token, first.token);
}

TEST_F(AccessFilesTest, WhatEndsSoonIsRenewed) {
  const Access first = Ensure();
  const Access later = Ensure(std::chrono::hours(340 * 24));
  ExpectUsable(later);
  EXPECT_EQ(later.authority_pem, first.authority_pem);
  EXPECT_NE(later.server.certificate_pem, first.server.certificate_pem);
  const Access last = Ensure(std::chrono::hours(10 * 365 * 24));
  ExpectUsable(last);
  EXPECT_NE(last.authority_pem, first.authority_pem);
}

// As when it was killed, or the disk was full, between the two files of a pair.
TEST_F(AccessFilesTest, HalvesOfTwoPairsAreMadeAnew) {
  const Access first = Ensure();
  for (const char* name :
       {"ca.key", "ca.crt", "server.key", "server.crt", "admin.key", "admin.crt"}) {
    const bool is_key = std::string_view(name).ends_with(".key");
    const auto other =
        tls::MakeAuthority("other", os::RealClock().WallNow(), std::chrono::hours(10 * 365 * 24));
    ASSERT_TRUE(other.ok());
    ASSERT_TRUE(
        os::WritePrivateFile(Pki(name), is_key ? other->private_key_pem : other->certificate_pem)
            .ok());
    ExpectUsable(Ensure());
    ASSERT_TRUE(os::WritePrivateFile(Pki(name), "damaged").ok());
    ExpectUsable(Ensure());
    std::filesystem::remove(Pki(name));
    ExpectUsable(Ensure());
  }
  EXPECT_EQ(Ensure().token, first.token);
}

TEST_F(AccessFilesTest, WhatAnEarlierAuthoritySignedIsMadeAnew) {
  Ensure();
  const auto now = os::RealClock().WallNow();
  const auto other = tls::MakeAuthority("throng", now, std::chrono::hours(10 * 365 * 24));
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(os::WritePrivateFile(Pki("ca.key"), other->private_key_pem).ok());
  ASSERT_TRUE(os::WritePrivateFile(Pki("ca.crt"), other->certificate_pem).ok());
  const Access access = Ensure();
  EXPECT_EQ(access.authority_pem, other->certificate_pem);
  ExpectUsable(access);
}

}  // namespace
}  // namespace throng::control
