#include "tls/certificates.h"

#include <stdio.h>
#include <sys/wait.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "os/event_loop.h"
#include "os/testing/temporary_directory.h"
#include "tls/openssl.h"

namespace throng::tls {
namespace {

using std::chrono::hours;

WallTime Now() { return os::RealClock().WallNow(); }

KeyPair Authority() { return *MakeAuthority("throng", Now(), hours(24)); }

// Standard output and error of a command, and its exit status.
struct Ran {
  std::string output;
  int status = -1;
};

Ran Execute(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (const size_t count = fread(buffer, 1, sizeof(buffer), pipe)) {
    ran.output.append(buffer, count);
  }
  ran.status = WEXITSTATUS(pclose(pipe));
  return ran;
}

class OpensslToolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Execute("openssl version").status != 0) GTEST_SKIP() << "no openssl command";
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  os::testing::TemporaryDirectory directory_;
};

TEST_F(OpensslToolTest, VerifiesWhatTheAuthoritySigned) {
  const KeyPair authority = Authority();
  const std::vector<std::string> names = {"localhost", "api.example.com", "127.0.0.1", "::1"};
  auto server = MakeServerCertificate(authority, names, Now(), hours(24));
  auto client = MakeClientCertificate(authority, "anna", {"people", "admins"}, Now(), hours(24));
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  ASSERT_TRUE(client.ok()) << client.status().ToString();
  const std::string ca = Write("ca.pem", authority.certificate_pem);
  const std::string verify = "openssl verify -x509_strict -CAfile " + ca + " ";
  const std::string server_file = Write("server.pem", server->certificate_pem);
  const std::string client_file = Write("client.pem", client->certificate_pem);
  for (const char* name : {"-verify_hostname localhost", "-verify_hostname api.example.com",
                           "-verify_ip 127.0.0.1", "-verify_ip ::1"}) {
    const Ran ran = Execute(verify + "-purpose sslserver " + name + " " + server_file);
    EXPECT_EQ(ran.status, 0) << name << ran.output;
  }
  EXPECT_NE(Execute(verify + "-verify_hostname other " + server_file).status, 0);
  EXPECT_NE(Execute(verify + "-verify_ip 127.0.0.2 " + server_file).status, 0);
  EXPECT_NE(Execute(verify + "-purpose sslclient " + server_file).status, 0);
  EXPECT_EQ(Execute(verify + "-purpose sslclient " + client_file).status, 0);
  EXPECT_NE(Execute(verify + "-purpose sslserver " + client_file).status, 0);
  const KeyPair other = Authority();
  EXPECT_NE(Execute("openssl verify -CAfile " + Write("other.pem", other.certificate_pem) + " " +
                    client_file)
                .status,
            0);
}

TEST_F(OpensslToolTest, ClientCertificatesNameUserAndGroups) {
  auto client = MakeClientCertificate(Authority(), "anna", {"people", "ops"}, Now(), hours(24));
  ASSERT_TRUE(client.ok());
  const Ran ran = Execute("openssl x509 -noout -subject -nameopt RFC2253 -in " +
                          Write("client.pem", client->certificate_pem));
  EXPECT_EQ(ran.output, "subject=CN=anna,O=ops,O=people\n");
}

TEST_F(OpensslToolTest, KeysAreP256AndFitTheirCertificates) {
  const KeyPair authority = Authority();
  const std::string key = Write("key.pem", authority.private_key_pem);
  const std::string certificate = Write("ca.pem", authority.certificate_pem);
  EXPECT_NE(Execute("openssl ec -noout -text -in " + key).output.find("prime256v1"),
            std::string::npos);
  EXPECT_EQ(Execute("openssl pkey -pubout -in " + key).output,
            Execute("openssl x509 -noout -pubkey -in " + certificate).output);
}

TEST(CertificatesTest, EndWhenTheyAreToldTo) {
  const WallTime now = WallTime(std::chrono::seconds(1'800'000'000));
  auto authority = MakeAuthority("throng", now, hours(24 * 365 * 40));
  ASSERT_TRUE(authority.ok());
  auto end = CertificateEnd(authority->certificate_pem);
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_EQ(*end, now + hours(24 * 365 * 40));
}

TEST(CertificatesTest, PairsAreToldFromPiecesOfTwo) {
  const KeyPair authority = Authority();
  const KeyPair other = Authority();
  const auto server = MakeServerCertificate(authority, {"localhost"}, Now(), hours(1));
  ASSERT_TRUE(server.ok());
  const auto is_pair = [](const std::string& certificate, const std::string& key,
                          const KeyPair& signer) {
    return IsSignedPair({certificate, key}, signer.certificate_pem);
  };
  EXPECT_TRUE(is_pair(authority.certificate_pem, authority.private_key_pem, authority));
  EXPECT_TRUE(is_pair(server->certificate_pem, server->private_key_pem, authority));
  EXPECT_FALSE(is_pair(server->certificate_pem, server->private_key_pem, other));
  EXPECT_FALSE(is_pair(server->certificate_pem, other.private_key_pem, authority));
  EXPECT_FALSE(is_pair(authority.certificate_pem, other.private_key_pem, authority));
  EXPECT_FALSE(is_pair("", server->private_key_pem, authority));
  EXPECT_FALSE(is_pair(server->certificate_pem, "", authority));
  EXPECT_FALSE(IsSignedPair(*server, ""));
}

TEST(CertificatesTest, EachIsAnotherOne) {
  const KeyPair a = Authority();
  const KeyPair b = Authority();
  EXPECT_NE(a.private_key_pem, b.private_key_pem);
  EXPECT_NE(a.certificate_pem, b.certificate_pem);
}

TEST(CertificatesTest, BadInputIsRefused) {
  const KeyPair good = Authority();
  const auto code = [](const auto& result) { return result.status().code(); };
  const StatusCode refused = StatusCode::kInvalidArgument;
  EXPECT_EQ(code(MakeAuthority("", Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeAuthority(std::string("a\0b", 3), Now(), hours(1))), refused);
  EXPECT_TRUE(MakeAuthority(std::string(64, 'a'), Now(), hours(1)).ok());
  EXPECT_EQ(code(MakeAuthority(std::string(65, 'a'), Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeAuthority("a", Now(), hours(0))), refused);
  EXPECT_EQ(code(MakeServerCertificate(good, {}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeServerCertificate(good, {""}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeServerCertificate(good, {"a b"}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeServerCertificate(good, {"a,DNS:b"}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeServerCertificate(good, {std::string("::1\0x", 5)}, Now(), hours(1))),
            refused);
  EXPECT_TRUE(MakeServerCertificate(good, {std::string(253, 'a')}, Now(), hours(1)).ok());
  EXPECT_EQ(code(MakeServerCertificate(good, {std::string(254, 'a')}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeClientCertificate(good, "", {}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeClientCertificate(good, "a", {""}, Now(), hours(1))), refused);
  EXPECT_EQ(code(MakeClientCertificate({}, "a", {}, Now(), hours(1))), refused);
  const KeyPair mixed{good.certificate_pem, Authority().private_key_pem};
  EXPECT_EQ(code(MakeClientCertificate(mixed, "a", {}, Now(), hours(1))), refused);
  EXPECT_EQ(code(CertificateEnd("")), refused);
  EXPECT_EQ(code(CertificateEnd(good.private_key_pem)), refused);
}

TEST(PemTest, ReadsChainsAndRefusesDamagedOnes) {
  const KeyPair a = Authority();
  auto chain = ReadCertificates(a.certificate_pem + "text between\n" + Authority().certificate_pem);
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->size(), 2u);
  std::string damaged = a.certificate_pem;
  damaged.replace(damaged.size() / 2, 4, "!!!!");
  EXPECT_FALSE(ReadCertificates(damaged).ok());
  EXPECT_FALSE(ReadCertificates(a.certificate_pem + damaged).ok());
  EXPECT_FALSE(ReadPrivateKey(a.certificate_pem).ok());
}

TEST(TokenTest, HasRandomUrlSafeText) {
  auto a = MakeToken();
  auto b = MakeToken();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->size(), 43u);
  EXPECT_EQ(
      a->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
  EXPECT_NE(*a, *b);
  EXPECT_TRUE(SameToken(*a, *a));
  EXPECT_FALSE(SameToken(*a, *b));
  EXPECT_FALSE(SameToken(*a, a->substr(1)));
  EXPECT_TRUE(SameToken("", ""));
}

}  // namespace
}  // namespace throng::tls
