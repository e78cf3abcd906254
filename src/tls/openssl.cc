#include "tls/openssl.h"

#include <climits>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>

namespace throng::tls {
namespace {

// An encrypted key must not ask for a password on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

Result<BioPointer> Reader(std::string_view pem) {
  if (pem.size() > INT_MAX) return InvalidArgumentError("the PEM text is too long");
  BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return OpenSslError("cannot read PEM text");
  return bio;
}

Result<std::string> TextOf(BIO& bio) {
  char* text = nullptr;
  const long size_bytes = BIO_get_mem_data(&bio, &text);
  if (text == nullptr || size_bytes <= 0) return OpenSslError("cannot write PEM text");
  return std::string(text, static_cast<size_t>(size_bytes));
}

}  // namespace

Status OpenSslError(std::string_view what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  std::string text(what);
  if (reason != nullptr) text += std::string(": ") + reason;
  return InvalidArgumentError(std::move(text));
}

Result<KeyPointer> ReadPrivateKey(std::string_view pem) {
  THRONG_ASSIGN_OR_RETURN(const BioPointer bio, Reader(pem));
  KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) return OpenSslError("not an unencrypted private key in PEM");
  return key;
}

Result<std::vector<CertificatePointer>> ReadCertificates(std::string_view pem) {
  THRONG_ASSIGN_OR_RETURN(const BioPointer bio, Reader(pem));
  std::vector<CertificatePointer> certificates;
  while (true) {
    CertificatePointer certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
    if (certificate == nullptr) break;
    certificates.push_back(std::move(certificate));
  }
  // The end of the text shows as "no start line".
  const unsigned long code = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (!at_end) return OpenSslError("a certificate in PEM cannot be read");
  ERR_clear_error();
  if (certificates.empty()) return InvalidArgumentError("no certificate in PEM");
  return certificates;
}

Result<std::string> PrintPrivateKey(EVP_PKEY& key) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr ||
      PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError("cannot write a private key");
  }
  return TextOf(*bio);
}

Result<std::string> PrintCertificate(X509& certificate) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), &certificate) != 1) {
    return OpenSslError("cannot write a certificate");
  }
  return TextOf(*bio);
}

}  // namespace throng::tls
