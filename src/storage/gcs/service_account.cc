#include "storage/gcs/service_account.h"

#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "storage/checksum.h"
#include "storage/http/http_transfer.h"

namespace throng::storage {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDefaultTokenUri = "https://oauth2.googleapis.com/token";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/devstorage.read_only";
constexpr int64_t kLifetimeSeconds = 3600;  // the longest that is given

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

std::string TextField(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Never asks anybody for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

Result<Key> ReadKey(const std::string& pem) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  THRONG_CHECK(bio != nullptr);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr));
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return InvalidArgumentError("the service account's private_key is no RSA key in PEM");
  }
  return key;
}

Result<std::string> SignRs256(const std::string& pem, std::string_view text) {
  THRONG_ASSIGN_OR_RETURN(const Key key, ReadKey(pem));
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  THRONG_CHECK(context != nullptr);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  std::string signature;
  const bool sized =
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
  signature.resize(sized ? size : 0);
  if (!sized || EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                               &size, bytes, text.size()) != 1) {
    return InvalidArgumentError("the service account's private_key cannot sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace

Result<ServiceAccount> ParseServiceAccount(std::string_view json) {
  constexpr size_t kMostBytes = 64 * 1024;
  if (json.size() > kMostBytes) return InvalidArgumentError("the service account is too large");
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return InvalidArgumentError("the service account is no JSON object");
  if (TextField(object, "type") != "service_account") {
    return InvalidArgumentError("the service account's type is not 'service_account'");
  }
  ServiceAccount account{.client_email = TextField(object, "client_email"),
                         .private_key = TextField(object, "private_key"),
                         .private_key_id = TextField(object, "private_key_id"),
                         .token_uri = TextField(object, "token_uri")};
  if (account.client_email.empty()) {
    return InvalidArgumentError("the service account has no client_email");
  }
  if (account.private_key.empty()) {
    return InvalidArgumentError("the service account has no private_key");
  }
  if (account.token_uri.empty()) account.token_uri = kDefaultTokenUri;
  return account;
}

Result<std::string> MakeTokenRequest(const ServiceAccount& account, WallTime now) {
  const int64_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  Json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  if (!account.private_key_id.empty()) header["kid"] = account.private_key_id;
  const Json claims = {{"iss", account.client_email},
                       {"scope", kScope},
                       {"aud", account.token_uri},
                       {"iat", seconds},
                       {"exp", seconds + kLifetimeSeconds}};
  const auto text = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const std::string unsigned_token = Base64Url(text(header)) + "." + Base64Url(text(claims));
  THRONG_ASSIGN_OR_RETURN(const std::string signature,
                          SignRs256(account.private_key, unsigned_token));
  return "grant_type=" + PercentEncode("urn:ietf:params:oauth:grant-type:jwt-bearer", false) +
         "&assertion=" + unsigned_token + "." + Base64Url(signature);
}

Result<AccessToken> ParseTokenReply(std::string_view json) {
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  AccessToken token;
  if (object.is_object()) token.value = TextField(object, "access_token");
  if (token.value.empty()) return UnavailableError("the token server sent no access_token");
  const auto expires = object.find("expires_in");
  int64_t seconds = kLifetimeSeconds;
  if (expires != object.end() && expires->is_number_integer()) seconds = expires->get<int64_t>();
  token.lifetime = std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kLifetimeSeconds));
  return token;
}

}  // namespace throng::storage
