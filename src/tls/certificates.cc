#include "tls/certificates.h"

#include <array>
#include <cctype>
#include <cstring>
#include <ctime>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "tls/openssl.h"

namespace throng::tls {
namespace {

// A clock that is a little behind ours must not refuse a certificate made just now.
constexpr std::chrono::minutes kClockSkew{5};
constexpr size_t kSerialBytes = 16;
constexpr size_t kTokenBytes = 32;
constexpr size_t kDnsNameBytes = 253;
constexpr size_t kCommonNameBytes = 64;  // X.520's bound

using ExtensionPointer = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using NamePointer = std::unique_ptr<GENERAL_NAME, FreeWith<GENERAL_NAME_free>>;
using AddressPointer = std::unique_ptr<ASN1_OCTET_STRING, FreeWith<ASN1_OCTET_STRING_free>>;

struct Subject {
  std::string common_name;
  std::vector<std::string> organisations;
};

// What a certificate is for.
struct Extensions {
  const char* basic_constraints;
  const char* key_usage;
  const char* extended_key_usage;  // null: none
  std::vector<std::string> names;  // subjectAltName
};

struct Signer {
  X509* certificate = nullptr;  // null: it signs itself
  EVP_PKEY* key = nullptr;
};

std::time_t Seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Status AddName(X509_NAME& name, int kind, const std::string& text) {
  if (text.empty() || text.size() > kCommonNameBytes || text.find('\0') != std::string::npos) {
    return InvalidArgumentError("a name in a certificate must have 1 to 64 bytes");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const int size_bytes = static_cast<int>(text.size());
  if (X509_NAME_add_entry_by_NID(&name, kind, MBSTRING_UTF8, bytes, size_bytes, -1, 0) != 1) {
    return OpenSslError("a name in a certificate");
  }
  return OkStatus();
}

Status SetSubject(X509& certificate, const Subject& subject) {
  X509_NAME* name = X509_get_subject_name(&certificate);
  for (const std::string& organisation : subject.organisations) {
    THRONG_RETURN_IF_ERROR(AddName(*name, NID_organizationName, organisation));
  }
  return AddName(*name, NID_commonName, subject.common_name);
}

Status SetSerial(X509& certificate) {
  std::array<unsigned char, kSerialBytes> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return UnavailableError("no randomness");
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, of one length
  BIGNUM* number = BN_bin2bn(bytes.data(), bytes.size(), nullptr);
  const bool set =
      number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate));
  BN_free(number);
  return set ? OkStatus() : OpenSslError("the serial number of a certificate");
}

Status SetTimes(X509& certificate, WallTime now, std::chrono::hours valid_for) {
  if (valid_for <= std::chrono::hours(0)) {
    return InvalidArgumentError("a certificate must be valid for an hour at least");
  }
  if (ASN1_TIME_set(X509_getm_notBefore(&certificate), Seconds(now - kClockSkew)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(&certificate), Seconds(now + valid_for)) == nullptr) {
    return OpenSslError("the time of a certificate");
  }
  return OkStatus();
}

bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > kDnsNameBytes) return false;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.' && c != '*') {
      return false;
    }
  }
  return true;
}

// REQUIRES: no owner but the returned one.
Result<NamePointer> MakeName(const std::string& text) {
  NamePointer name(GENERAL_NAME_new());
  if (name == nullptr) return OpenSslError("a name of a server certificate");
  if (text.find('\0') == std::string::npos) {
    AddressPointer address(a2i_IPADDRESS(text.c_str()));
    if (address != nullptr) {
      GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
      return name;
    }
  }
  if (!IsDnsName(text)) {
    return InvalidArgumentError("a name of a server must be a DNS name or an IP address");
  }
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  if (value == nullptr || ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1) {
    ASN1_IA5STRING_free(value);
    return OpenSslError("a name of a server certificate");
  }
  GENERAL_NAME_set0_value(name.get(), GEN_DNS, value);
  return name;
}

Status AddNames(X509& certificate, const std::vector<std::string>& names) {
  if (names.empty()) return OkStatus();
  const NamesPointer all(sk_GENERAL_NAME_new_null());
  if (all == nullptr) return OpenSslError("the names of a server certificate");
  for (const std::string& text : names) {
    THRONG_ASSIGN_OR_RETURN(NamePointer name, MakeName(text));
    if (sk_GENERAL_NAME_push(all.get(), name.get()) == 0) {
      return OpenSslError("the names of a server certificate");
    }
    name.release();
  }
  if (X509_add1_ext_i2d(&certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) !=
      1) {
    return OpenSslError("the names of a server certificate");
  }
  return OkStatus();
}

// `value` is a constant of this file: OpenSSL reads it as a line of configuration.
Status AddExtension(X509& certificate, X509& issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const ExtensionPointer extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  if (extension == nullptr || X509_add_ext(&certificate, extension.get(), -1) != 1) {
    return OpenSslError("an extension of a certificate");
  }
  return OkStatus();
}

Status AddExtensions(X509& certificate, X509& issuer, const Extensions& extensions) {
  THRONG_RETURN_IF_ERROR(
      AddExtension(certificate, issuer, NID_basic_constraints, extensions.basic_constraints));
  THRONG_RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_key_usage, extensions.key_usage));
  if (extensions.extended_key_usage != nullptr) {
    THRONG_RETURN_IF_ERROR(
        AddExtension(certificate, issuer, NID_ext_key_usage, extensions.extended_key_usage));
  }
  THRONG_RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_subject_key_identifier, "hash"));
  THRONG_RETURN_IF_ERROR(
      AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid:always"));
  return AddNames(certificate, extensions.names);
}

Result<KeyPair> MakePair(const Subject& subject, const Extensions& extensions, Signer signer,
                         WallTime now, std::chrono::hours valid_for) {
  const KeyPointer key(EVP_EC_gen("P-256"));
  const CertificatePointer certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return OpenSslError("cannot make a key");
  X509& made = *certificate;
  X509_set_version(&made, X509_VERSION_3);
  THRONG_RETURN_IF_ERROR(SetSerial(made));
  THRONG_RETURN_IF_ERROR(SetTimes(made, now, valid_for));
  THRONG_RETURN_IF_ERROR(SetSubject(made, subject));
  if (X509_set_pubkey(&made, key.get()) != 1) return OpenSslError("the key of a certificate");
  X509& issuer = signer.certificate == nullptr ? made : *signer.certificate;
  X509_set_issuer_name(&made, X509_get_subject_name(&issuer));
  THRONG_RETURN_IF_ERROR(AddExtensions(made, issuer, extensions));
  EVP_PKEY* signing_key = signer.key == nullptr ? key.get() : signer.key;
  if (X509_sign(&made, signing_key, EVP_sha256()) == 0) {
    return OpenSslError("a certificate cannot be signed");
  }
  KeyPair pair;
  THRONG_ASSIGN_OR_RETURN(pair.certificate_pem, PrintCertificate(made));
  THRONG_ASSIGN_OR_RETURN(pair.private_key_pem, PrintPrivateKey(*key));
  return pair;
}

Result<KeyPair> MakeSigned(const KeyPair& authority, const Subject& subject,
                           const Extensions& extensions, WallTime now,
                           std::chrono::hours valid_for) {
  THRONG_ASSIGN_OR_RETURN(const auto certificates, ReadCertificates(authority.certificate_pem));
  THRONG_ASSIGN_OR_RETURN(const KeyPointer key, ReadPrivateKey(authority.private_key_pem));
  X509* issuer = certificates.front().get();
  if (X509_check_private_key(issuer, key.get()) != 1) {
    return OpenSslError("the key of the authority is not that of its certificate");
  }
  return MakePair(subject, extensions, {issuer, key.get()}, now, valid_for);
}

}  // namespace

Result<KeyPair> MakeAuthority(const std::string& common_name, WallTime now,
                              std::chrono::hours valid_for) {
  const Extensions extensions{.basic_constraints = "critical,CA:TRUE,pathlen:0",
                              .key_usage = "critical,keyCertSign,cRLSign",
                              .extended_key_usage = nullptr,
                              .names = {}};
  return MakePair({common_name, {}}, extensions, {}, now, valid_for);
}

Result<KeyPair> MakeServerCertificate(const KeyPair& authority,
                                      const std::vector<std::string>& names, WallTime now,
                                      std::chrono::hours valid_for) {
  if (names.empty()) return InvalidArgumentError("a server certificate needs a name");
  const Extensions extensions{.basic_constraints = "critical,CA:FALSE",
                              .key_usage = "critical,digitalSignature",
                              .extended_key_usage = "serverAuth",
                              .names = names};
  // Clients look at the alternative names only.
  return MakeSigned(authority, {"throng-api", {}}, extensions, now, valid_for);
}

Result<KeyPair> MakeClientCertificate(const KeyPair& authority, const std::string& user,
                                      const std::vector<std::string>& groups, WallTime now,
                                      std::chrono::hours valid_for) {
  const Extensions extensions{.basic_constraints = "critical,CA:FALSE",
                              .key_usage = "critical,digitalSignature",
                              .extended_key_usage = "clientAuth",
                              .names = {}};
  return MakeSigned(authority, {user, groups}, extensions, now, valid_for);
}

bool IsSignedPair(const KeyPair& pair, const std::string& authority_pem) {
  const auto certificates = ReadCertificates(pair.certificate_pem);
  const auto key = ReadPrivateKey(pair.private_key_pem);
  const auto authorities = ReadCertificates(authority_pem);
  if (!certificates.ok() || !key.ok() || !authorities.ok()) return false;
  X509* certificate = certificates->front().get();
  EVP_PKEY* signer = X509_get0_pubkey(authorities->front().get());
  const bool is_signed = signer != nullptr && X509_verify(certificate, signer) == 1 &&
                         X509_check_private_key(certificate, key->get()) == 1;
  ERR_clear_error();
  return is_signed;
}

Result<WallTime> CertificateEnd(const std::string& certificate_pem) {
  THRONG_ASSIGN_OR_RETURN(const auto certificates, ReadCertificates(certificate_pem));
  std::tm fields{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificates.front().get()), &fields) != 1) {
    return OpenSslError("the time of a certificate");
  }
  return WallTime(std::chrono::seconds(timegm(&fields)));
}

Result<std::string> MakeToken() {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, kTokenBytes> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return UnavailableError("no randomness");
  std::string token;
  uint32_t bits = 0;
  int bit_count = 0;
  for (const unsigned char byte : bytes) {
    bits = (bits << 8) | byte;
    for (bit_count += 8; bit_count >= 6; bit_count -= 6) {
      token += kDigits[(bits >> (bit_count - 6)) & 0x3f];
    }
  }
  token += kDigits[(bits << (6 - bit_count)) & 0x3f];
  return token;
}

bool SameToken(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace throng::tls
