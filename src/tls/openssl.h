// What tls/ shares of OpenSSL: owners of its objects, PEM in and out, and its errors as Status.
// Internal to tls/. Thread-safe: no state but OpenSSL's own error queue, which is per thread.
//
//   THRONG_ASSIGN_OR_RETURN(const KeyPointer key, ReadPrivateKey(pem));
//   if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return OpenSslError("...");
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/status.h"

namespace throng::tls {

// deleter of an OpenSSL type: its own free function.
template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BioPointer = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using BioMethodPointer = std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, FreeWith<X509_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPointer = std::unique_ptr<SSL, FreeWith<SSL_free>>;

// "<what>: <OpenSSL's reason>"; empties the queue of errors. kInvalidArgument.
Status OpenSslError(std::string_view what);

// ERRORS: kInvalidArgument — no unencrypted private key.
Result<KeyPointer> ReadPrivateKey(std::string_view pem);
// All certificates, in order. ERRORS: kInvalidArgument — none, or one that cannot be read.
Result<std::vector<CertificatePointer>> ReadCertificates(std::string_view pem);
// ERRORS: kInvalidArgument — it cannot be written.
Result<std::string> PrintPrivateKey(EVP_PKEY& key);
Result<std::string> PrintCertificate(X509& certificate);

}  // namespace throng::tls
