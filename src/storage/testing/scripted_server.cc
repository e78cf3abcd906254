#include "storage/testing/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace throng::storage::testing {
namespace {

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::map<std::string, std::string> ParseQuery(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    query[PercentDecoded(pair.substr(0, equals))] =
        PercentDecoded(pair.substr(std::min(equals + 1, pair.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return query;
}

template <typename Write>
std::string ToPem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

SSL_CTX* MakeContext(const TlsIdentity& identity) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  BIO* certificate_bio = BIO_new_mem_buf(identity.certificate_pem.data(),
                                         static_cast<int>(identity.certificate_pem.size()));
  BIO* key_bio =
      BIO_new_mem_buf(identity.key_pem.data(), static_cast<int>(identity.key_pem.size()));
  X509* certificate = PEM_read_bio_X509(certificate_bio, nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
  THRONG_CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
  THRONG_CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  BIO_free(certificate_bio);
  BIO_free(key_bio);
  return context;
}

}  // namespace

TlsIdentity MakeTlsIdentity(const std::string& host, long from_seconds, long to_seconds) {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  THRONG_CHECK(key != nullptr);
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_seconds);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  const bool numeric = host.find_first_not_of("0123456789.:") == std::string::npos;
  const std::string names = (numeric ? "IP:" : "DNS:") + host;
  for (const auto& [nid, value] : {std::pair<int, std::string>{NID_subject_alt_name, names},
                                   {NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    THRONG_CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  THRONG_CHECK(X509_sign(certificate, key, EVP_sha256()) != 0);
  TlsIdentity identity;
  identity.certificate_pem = ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  identity.key_pem = ToPem(
      [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

std::string PercentDecoded(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      result +=
          static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

ServedReply ServeContent(const ServedRequest& request, const std::string& content,
                         const std::string& etag) {
  ServedReply reply;
  reply.headers.emplace_back("Accept-Ranges", "bytes");
  if (!etag.empty()) reply.headers.emplace_back("ETag", etag);
  const auto range = request.headers.find("range");
  if (range == request.headers.end()) {
    reply.body = content;
    return reply;
  }
  char* end = nullptr;
  const size_t first = std::strtoull(range->second.c_str() + 6, &end, 10);
  size_t last = content.empty() ? 0 : content.size() - 1;
  if (end[0] == '-' && end[1] != '\0') {
    last = std::min<size_t>(last, std::strtoull(end + 1, nullptr, 10));
  }
  if (first >= content.size()) {
    reply.status = 416;
    return reply;
  }
  reply.status = 206;
  reply.body = content.substr(first, last - first + 1);
  reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" +
                                                  std::to_string(last) + "/" +
                                                  std::to_string(content.size()));
  return reply;
}

// One connection, plain or TLS, with blocking reads and writes.
class ScriptedServer::Connection {
 public:
  Connection(ScriptedServer& server, int fd) : server_(server), fd_(fd) {
    if (!server_.tls_) return;
    context_ = MakeContext(*server_.tls_);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    usable_ = SSL_accept(ssl_) == 1;
  }
  ~Connection() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (context_ != nullptr) SSL_CTX_free(context_);
    ERR_clear_error();
  }

  void Run() {
    while (usable_ && ReadRequest()) {
      const ServedReply reply = server_.handler_(request_);
      if (!Answer(reply)) return;
    }
  }

 private:
  bool Fill() {
    char bytes[16 * 1024];
    const auto count = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof(bytes))
                                       : static_cast<int>(recv(fd_, bytes, sizeof(bytes), 0));
    if (count <= 0) return false;
    received_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const int piece = static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20));
      const auto count =
          ssl_ != nullptr
              ? SSL_write(ssl_, bytes.data(), piece)
              : static_cast<int>(send(fd_, bytes.data(), static_cast<size_t>(piece), MSG_NOSIGNAL));
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  bool ReadRequest() {
    size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill()) return false;
    }
    std::string_view head = std::string_view(received_).substr(0, end);
    request_ = {};
    const size_t line_end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, line_end);
    const size_t first = line.find(' ');
    const size_t second = line.rfind(' ');
    request_.method = line.substr(0, first);
    request_.target = line.substr(first + 1, second - first - 1);
    head.remove_prefix(std::min(line_end + 2, head.size()));
    while (!head.empty()) {
      const size_t stop = std::min(head.find("\r\n"), head.size());
      const std::string_view header = head.substr(0, stop);
      const size_t colon = std::min(header.find(':'), header.size());
      std::string_view value = header.substr(std::min(colon + 1, header.size()));
      while (value.starts_with(' ')) value.remove_prefix(1);
      request_.headers[LowerCase(std::string(header.substr(0, colon)))] = value;
      head.remove_prefix(std::min(stop + 2, head.size()));
    }
    const size_t mark = request_.target.find('?');
    request_.path = request_.target.substr(0, mark);
    if (mark != std::string::npos) {
      request_.query = ParseQuery(std::string_view(request_.target).substr(mark + 1));
    }
    received_.erase(0, end + 4);
    const size_t body_bytes =
        std::strtoull(request_.headers["content-length"].c_str(), nullptr, 10);
    while (received_.size() < body_bytes) {
      if (!Fill()) return false;
    }
    request_.body = received_.substr(0, body_bytes);
    received_.erase(0, body_bytes);
    const std::lock_guard lock(server_.mutex_);
    server_.requests_.push_back(request_);
    return true;
  }

  // False: the connection is over.
  bool Answer(const ServedReply& reply) {
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\n";
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    if (reply.without_length) {
      head += "Connection: close\r\n";
    } else {
      head +=
          "Content-Length: " + std::to_string(reply.declared_bytes.value_or(reply.body.size())) +
          "\r\n";
    }
    if (!Send(head + "\r\n")) return false;
    if (request_.method == "HEAD") return !reply.without_length;
    const size_t cut = std::min({reply.reset_after, reply.close_after, reply.hang_after});
    const std::string_view body = std::string_view(reply.body).substr(0, cut);
    if (!SendSlowly(body, reply.bytes_per_second)) return false;
    if (cut == kNever) {
      return !reply.without_length &&
             reply.declared_bytes.value_or(reply.body.size()) <= reply.body.size();
    }
    if (cut == reply.hang_after) {
      server_.Wait(std::chrono::hours(1));
    } else if (cut == reply.reset_after) {
      const linger now = {.l_onoff = 1, .l_linger = 0};
      setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    return false;
  }

  bool SendSlowly(std::string_view body, double bytes_per_second) {
    if (bytes_per_second <= 0) return Send(body);
    const auto pause = std::chrono::nanoseconds(static_cast<int64_t>(1e9 / bytes_per_second));
    for (size_t i = 0; i < body.size(); ++i) {
      if (!Send(body.substr(i, 1)) || !server_.Wait(pause)) return false;
    }
    return true;
  }

  ScriptedServer& server_;
  const int fd_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool usable_ = true;
  std::string received_;
  ServedRequest request_;
};

ScriptedServer::ScriptedServer(Handler handler, std::optional<TlsIdentity> tls)
    : handler_(std::move(handler)), tls_(std::move(tls)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  THRONG_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  THRONG_CHECK(listen(listener_, 64) == 0);
  THRONG_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  changed_.notify_all();
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void ScriptedServer::Accept() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_ || fd < 0) {
      if (fd >= 0) close(fd);
      return;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void ScriptedServer::Serve(int fd) {
  Connection(*this, fd).Run();
  const std::lock_guard lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

bool ScriptedServer::Wait(std::chrono::nanoseconds duration) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, duration, [this] { return stopping_; });
}

std::vector<ServedRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace throng::storage::testing
