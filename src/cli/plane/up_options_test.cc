#include "cli/plane/up_options.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/testing/temporary_directory.h"

namespace throng::cli {
namespace {

using Arguments = std::vector<std::string>;

std::string Complaint(const Arguments& arguments) {
  const auto options = ParseUpOptions(arguments);
  return options.ok() ? "" : options.status().message();
}

TEST(UpOptionsTest, WhatIsMisspeltIsRefusedBeforeAnythingStarts) {
  const std::pair<Arguments, std::string> cases[] = {
      {{"--state-dri", "x"}, "did you mean '--state-dir'?"},
      {{"extra"}, "takes no argument 'extra'"},
      {{"--api-port", "99999"}, "must be a port from 0 to 65535"},
      {{"--mirror", "foo"}, "--mirror must be PREFIX=TARGET, got 'foo'"},
      {{"--mirror", "=/tmp"}, "--mirror must be PREFIX=TARGET"},
      {{"--mirror", "gs://bucket/="}, "--mirror must be PREFIX=TARGET"},
      {{"--mirror", "nonsense=/tmp"}, "--mirror: the prefix"},
      {{"--mirror", "gs://bucket/=ftp://y"}, "--mirror: the target"},
      {{"--domain", "not a domain"}, "'--domain': must be a DNS name in lower case"},
      {{"--domain", ".example.com"}, "'--domain': must be a DNS name"},
      {{"--allow-host", "a b"}, "'--allow-host': must be HOST or HOST:PORT"},
      {{"--api-name", "a_b"}, "'--api-name': must be a DNS name or an address"},
      {{"--api-address", "nonsense"}, "'--api-address': 'nonsense' is not an IP address"},
      {{"--ingress-address", "192.0.2.1"}, "'--ingress-address': this host has no address"},
  };
  for (const auto& [arguments, complaint] : cases) {
    EXPECT_NE(Complaint(arguments).find(complaint), std::string::npos)
        << arguments[0] << ": " << Complaint(arguments);
  }
}

TEST(UpOptionsTest, ADomainIsAsLongAsANameMayBe) {
  const auto domain = [](size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += text.size() % 50 == 49 ? "." : "a";
    return Complaint({"--domain", text});
  };
  EXPECT_EQ(domain(limits::kObjectNameBytes - 1), "");
  EXPECT_EQ(domain(limits::kObjectNameBytes), "");
  EXPECT_NE(domain(limits::kObjectNameBytes + 1), "");
}

TEST(UpOptionsTest, WarnsOfOpenIngressesAndFoldersThatAreNotThere) {
  const os::testing::TemporaryDirectory directory;
  const auto quiet = ParseUpOptions(
      Arguments{"--mirror", "gs://bucket/=" + directory.path(), "--file-root", directory.path()});
  ASSERT_TRUE(quiet.ok()) << quiet.status().message();
  EXPECT_TRUE(quiet->warnings.empty());
  const auto loud = ParseUpOptions(Arguments{"--ingress-address", "0.0.0.0", "--api-address",
                                             "0.0.0.0", "--mirror", "gs://bucket/=/no/such/folder",
                                             "--file-root", "/no/such/root"});
  ASSERT_TRUE(loud.ok()) << loud.status().message();
  ASSERT_EQ(loud->warnings.size(), 3u);
  EXPECT_EQ(loud->warnings[0], "--mirror: there is no folder /no/such/folder");
  EXPECT_EQ(loud->warnings[1], "--file-root: there is no folder /no/such/root");
  EXPECT_NE(loud->warnings[2].find("listens on 0.0.0.0, and requests need no key"),
            std::string::npos);
}

TEST(UpOptionsTest, TheHelpFitsATerminalAndNamesEveryListener) {
  const std::string help = UpHelp();
  for (const char* part :
       {"--api-address", "--ingress-address", "key", "TLS", "--api-name", "--help"}) {
    EXPECT_NE(help.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(help.find("\n\n\n"), std::string::npos);
}

TEST(ReplicaArgumentsTest, AnUnknownOneIsNamedAndThoseOfThrongAreKept) {
  EXPECT_TRUE(CheckReplicaArguments({"--log-verbose=1"}).ok());
  EXPECT_NE(CheckReplicaArguments({"--log-verbos=1"}).message().find("'--log-verbos'"),
            std::string::npos);
  EXPECT_NE(CheckReplicaArguments({"--http-port=1"}).message().find("is given by Throng itself"),
            std::string::npos);
}

}  // namespace
}  // namespace throng::cli
