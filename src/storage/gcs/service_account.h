// A service account's key file as Google hands it out, and the signed request for a token that is
// made with it (RFC 7523). Pure but for the signature. Nothing here is ever part of an error.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace throng::storage {

struct ServiceAccount {
  std::string client_email;
  std::string private_key;  // PEM
  std::string private_key_id;
  std::string token_uri;
};

// ERRORS: kInvalidArgument — names the field.
Result<ServiceAccount> ParseServiceAccount(std::string_view json);

// The body of the POST to `token_uri`. ERRORS: kInvalidArgument — the key is no RSA key in PEM.
Result<std::string> MakeTokenRequest(const ServiceAccount& account, WallTime now);

struct AccessToken {
  std::string value;
  Duration lifetime{};
};
// ERRORS: kUnavailable — not what a token server says.
Result<AccessToken> ParseTokenReply(std::string_view json);

}  // namespace throng::storage
