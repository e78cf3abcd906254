// AccessFiles: what lets clients into the API of a state directory: an authority, the server's
// certificate, an administrator's token and client certificate, and a kubeconfig that holds them.
// Made at the first start, renewed when a certificate ends soon or addresses changed.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "tls/certificates.h"

namespace throng::control {

struct Access {
  std::string authority_pem;
  tls::KeyPair server;
  tls::KeyPair administrator;
  std::string token;  // of the same administrator
};

// `directory` is STATE/pki; `names` are the DNS names and IP addresses that clients use. ERRORS: of
// the files (which one, never its content).
Result<Access> EnsureAccess(const std::string& directory, const std::vector<std::string>& names,
                            WallTime now);

// The text of a kubeconfig with one context, "throng".
std::string KubeconfigText(const Access& access, const std::string& server_url);

}  // namespace throng::control
