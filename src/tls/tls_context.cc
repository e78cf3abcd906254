#include "tls/tls_context.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>

#include "os/socket.h"

namespace throng::tls {
namespace {

// Without one, a client that resumes and shows a certificate is refused.
constexpr std::string_view kSessionContext = "throng";
constexpr std::string_view kHttp11 = "http/1.1";

int DescriptorOf(BIO* bio) {
  return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
}

int FromResult(BIO* bio, os::IoResult result, int retry_flag, size_t* done) {
  BIO_clear_retry_flags(bio);
  *done = result.bytes;
  if (result.kind == os::IoResult::Kind::kDone) return 1;
  if (result.kind == os::IoResult::Kind::kWouldBlock) {
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  }
  if (result.kind == os::IoResult::Kind::kEnd) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

int ReadDescriptor(BIO* bio, char* data, size_t size_bytes, size_t* done) {
  const auto buffer = std::as_writable_bytes(std::span<char>(data, size_bytes));
  return FromResult(bio, os::ReadSome(DescriptorOf(bio), buffer), BIO_FLAGS_READ, done);
}

int WriteDescriptor(BIO* bio, const char* data, size_t size_bytes, size_t* done) {
  const auto buffer = std::as_bytes(std::span<const char>(data, size_bytes));
  return FromResult(bio, os::WriteSome(DescriptorOf(bio), buffer), BIO_FLAGS_WRITE, done);
}

long Control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;  // nothing is kept
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

Result<BioMethodPointer> MakeMethod() {
  BioMethodPointer method(
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "throng"));
  if (method == nullptr || BIO_meth_set_read_ex(method.get(), ReadDescriptor) != 1 ||
      BIO_meth_set_write_ex(method.get(), WriteDescriptor) != 1 ||
      BIO_meth_set_ctrl(method.get(), Control) != 1) {
    return OpenSslError("TLS cannot be set up");
  }
  return method;
}

// `offered` is a list of lengths and names (RFC 7301). A client that offers HTTP/2 only is refused.
int SelectProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                   const unsigned char* offered, unsigned offered_bytes, void*) {
  for (unsigned at = 0; at < offered_bytes; at += 1U + offered[at]) {
    const unsigned size_bytes = offered[at];
    if (at + 1 + size_bytes > offered_bytes) break;
    if (size_bytes != kHttp11.size()) continue;
    if (std::memcmp(offered + at + 1, kHttp11.data(), size_bytes) != 0) continue;
    *chosen = offered + at + 1;
    *chosen_bytes = static_cast<unsigned char>(size_bytes);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Status UseCertificate(SSL_CTX& context, const TlsOptions& options) {
  THRONG_ASSIGN_OR_RETURN(auto chain, ReadCertificates(options.certificate_pem));
  THRONG_ASSIGN_OR_RETURN(const KeyPointer key, ReadPrivateKey(options.private_key_pem));
  if (SSL_CTX_use_certificate(&context, chain.front().get()) != 1) {
    return OpenSslError("the certificate cannot be used");
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&context, chain[i].get()) != 1) {
      return OpenSslError("the certificate's chain cannot be used");
    }
  }
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1 ||
      SSL_CTX_check_private_key(&context) != 1) {
    return OpenSslError("the private key is not that of the certificate");
  }
  return OkStatus();
}

// A certificate that the client gives must be signed by the authority; it may give none.
Status AskForClientCertificates(SSL_CTX& context, const std::string& authority_pem) {
  THRONG_ASSIGN_OR_RETURN(const auto authorities, ReadCertificates(authority_pem));
  for (const CertificatePointer& authority : authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(&context, authority.get()) != 1) {
      return OpenSslError("the authority of client certificates cannot be used");
    }
  }
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
  return OkStatus();
}

Status SetRules(SSL_CTX& context) {
  const auto* session_context = reinterpret_cast<const unsigned char*>(kSessionContext.data());
  if (SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_session_id_context(&context, session_context, kSessionContext.size()) != 1) {
    return OpenSslError("TLS cannot be set up");
  }
  // Many clients end a connection without saying so in TLS; a request says itself where it ends.
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Sessions are in tickets; a cache of ours would grow with every client.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(&context, SelectProtocol, nullptr);
  return OkStatus();
}

// Empty: it cannot be a name (no text, or with a NUL, which others would take for its end).
std::string TextOf(const X509_NAME_ENTRY* entry) {
  unsigned char* bytes = nullptr;
  const int size_bytes = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(entry));
  if (size_bytes < 0) {
    ERR_clear_error();
    return "";
  }
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size_bytes));
  OPENSSL_free(bytes);
  return text.find('\0') == std::string::npos ? text : "";
}

}  // namespace

Result<TlsContext> TlsContext::Create(const TlsOptions& options) {
  TlsContext made;
  THRONG_ASSIGN_OR_RETURN(made.method_, MakeMethod());
  made.context_.reset(SSL_CTX_new(TLS_server_method()));
  if (made.context_ == nullptr) return OpenSslError("TLS cannot be set up");
  THRONG_RETURN_IF_ERROR(SetRules(*made.context_));
  THRONG_RETURN_IF_ERROR(UseCertificate(*made.context_, options));
  if (!options.client_ca_pem.empty()) {
    THRONG_RETURN_IF_ERROR(AskForClientCertificates(*made.context_, options.client_ca_pem));
  }
  return made;
}

Result<SslPointer> TlsContext::MakeConnection(int fd) const {
  SslPointer ssl(SSL_new(context_.get()));
  BIO* bio = BIO_new(method_.get());
  if (ssl == nullptr || bio == nullptr) {
    BIO_free(bio);
    return OpenSslError("a TLS connection cannot be made");
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::shared_ptr<const http::PeerIdentity> PeerOf(const SSL& ssl) {
  const X509* certificate = SSL_get0_peer_certificate(&ssl);
  if (certificate == nullptr || SSL_get_verify_result(&ssl) != X509_V_OK) return nullptr;
  auto peer = std::make_shared<http::PeerIdentity>();
  const X509_NAME* name = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (kind != NID_commonName && kind != NID_organizationName) continue;
    std::string text = TextOf(entry);
    if (kind == NID_commonName) {
      peer->user = std::move(text);
    } else if (!text.empty()) {
      peer->groups.push_back(std::move(text));
    }
  }
  if (peer->user.empty()) return nullptr;
  return peer;
}

}  // namespace throng::tls
