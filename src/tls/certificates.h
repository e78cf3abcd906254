// Keys and certificates of one machine's API: an authority made at first start, a server
// certificate signed by it for the addresses it listens on, and client certificates whose common
// name is the user and whose organisations are the groups (as Kubernetes reads them). ECDSA P-256.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace throng::tls {

struct KeyPair {
  std::string certificate_pem;
  std::string private_key_pem;
};

Result<KeyPair> MakeAuthority(const std::string& common_name, WallTime now,
                              std::chrono::hours valid_for);
// `names` are DNS names or IP addresses.
Result<KeyPair> MakeServerCertificate(const KeyPair& authority,
                                      const std::vector<std::string>& names, WallTime now,
                                      std::chrono::hours valid_for);
Result<KeyPair> MakeClientCertificate(const KeyPair& authority, const std::string& user,
                                      const std::vector<std::string>& groups, WallTime now,
                                      std::chrono::hours valid_for);
// The key is that of the certificate, and `authority_pem` (of an authority: its own certificate)
// signed it. False for what cannot be read as well.
bool IsSignedPair(const KeyPair& pair, const std::string& authority_pem);
// When it ends. ERRORS: kInvalidArgument — no certificate.
Result<WallTime> CertificateEnd(const std::string& certificate_pem);
// 256 random bits, as URL-safe text: a bearer token. ERRORS: kUnavailable — no randomness.
Result<std::string> MakeToken();
// Comparing takes the same time whatever they hold.
bool SameToken(std::string_view a, std::string_view b);

}  // namespace throng::tls
