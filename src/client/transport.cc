#include "client/transport.h"

#include <algorithm>
#include <utility>

#include <curl/curl.h>

#include "base/control_limits.h"
#include "base/log.h"

namespace throng::client {
namespace {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};

// A list of lines as libcurl wants it.
class Lines {
 public:
  Lines() = default;
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { curl_slist_free_all(list_); }
  void Add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer != nullptr) list_ = longer;
  }
  curl_slist* get() { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// A header must not carry another one.
bool IsHeaderValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// "299 - \"text\"" -> "text".
std::string WarningText(std::string_view value) {
  const size_t first = value.find('"');
  const size_t last = value.rfind('"');
  if (first == std::string_view::npos || last <= first) return std::string(value);
  std::string text;
  for (size_t i = first + 1; i < last; ++i) {
    if (value[i] == '\\' && i + 1 < last) ++i;
    text += value[i];
  }
  return text;
}

struct Endpoint {
  std::string host;  // "[::1]" with brackets
  std::string port;
};

Result<Endpoint> EndpointOf(const std::string& server) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  const auto part = [&](CURLUPart kind) {
    char* text = nullptr;
    curl_url_get(url.get(), kind, &text, CURLU_DEFAULT_PORT);
    const std::unique_ptr<char, FreeText> owned(text);
    return std::string(text == nullptr ? "" : text);
  };
  if (curl_url_set(url.get(), CURLUPART_URL, server.c_str(), 0) != CURLUE_OK) {
    return InvalidArgumentError("kubeconfig: server is no address");
  }
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_QUERY).empty()) {
    return InvalidArgumentError("kubeconfig: server must be a scheme, a host and a port");
  }
  return Endpoint{part(CURLUPART_HOST), part(CURLUPART_PORT)};
}

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(const ClusterAccess& access) : access_(access) {
    is_set_up_ = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (is_set_up_) easy_.reset(curl_easy_init());
  }
  ~CurlTransport() override {
    easy_.reset();
    if (is_set_up_) curl_global_cleanup();
  }

  Status SetUp();
  Result<HttpAnswer> Send(const HttpCall& call) override;
  Result<HttpAnswer> Stream(const HttpCall& call, const OnBytes& on_bytes) override;

 private:
  // Of the call that runs.
  struct Running {
    HttpAnswer answer;
    const OnBytes* on_bytes = nullptr;  // null: the body is kept
    CURL* easy = nullptr;
    bool too_large = false;
    bool enough = false;
  };

  static size_t OnBody(char* data, size_t size, size_t count, void* running);
  static size_t OnHeader(char* data, size_t size, size_t count, void* running);
  void SetTls();
  void SetProxy();
  void AddCredential(Lines& headers) const;
  Result<HttpAnswer> Perform(const HttpCall& call, Duration limit, const OnBytes* on_bytes);
  Status ErrorOf(CURLcode code, const Running& running) const;

  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  void SetBlob(CURLoption option, const std::string& bytes) {
    curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_COPY};
    if (!bytes.empty()) Set(option, &blob);
  }

  const ClusterAccess access_;
  bool is_set_up_ = false;
  std::unique_ptr<CURL, FreeEasy> easy_;
  Endpoint endpoint_;
  std::string base_;  // what targets are appended to
  Lines connect_to_;
};

Status CurlTransport::SetUp() {
  if (easy_ == nullptr) return InternalError("libcurl cannot be set up");
  THRONG_ASSIGN_OR_RETURN(endpoint_, EndpointOf(access_.server));
  for (const std::string* text : {&access_.token, &access_.impersonated_user}) {
    if (!IsHeaderValue(*text)) {
      return InvalidArgumentError("kubeconfig: a credential has a character that cannot be sent");
    }
  }
  base_ = access_.server;
  SetTls();
  SetProxy();
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits::kClientConnectTimeout.count()));
  Set(CURLOPT_WRITEFUNCTION, &CurlTransport::OnBody);
  Set(CURLOPT_HEADERFUNCTION, &CurlTransport::OnHeader);
  Set(CURLOPT_USERAGENT, "throng");
  return OkStatus();
}

void CurlTransport::SetTls() {
  SetBlob(CURLOPT_CAINFO_BLOB, access_.authority_pem);
  SetBlob(CURLOPT_SSLCERT_BLOB, access_.certificate_pem);
  SetBlob(CURLOPT_SSLKEY_BLOB, access_.private_key_pem);
  if (!access_.certificate_pem.empty()) Set(CURLOPT_SSLCERTTYPE, "PEM");
  if (access_.skip_tls_verify) {
    Set(CURLOPT_SSL_VERIFYPEER, 0L);
    Set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (access_.tls_server_name.empty() || !access_.server.starts_with("https://")) return;
  // libcurl asks for, and checks, the name in the URL; the connection goes where the server is.
  const size_t host_at = std::string_view("https://").size();
  const size_t path_at = std::min(access_.server.find('/', host_at), access_.server.size());
  base_ =
      "https://" + access_.tls_server_name + ":" + endpoint_.port + access_.server.substr(path_at);
  connect_to_.Add("::" + endpoint_.host + ":" + endpoint_.port);
  Set(CURLOPT_CONNECT_TO, connect_to_.get());
}

void CurlTransport::SetProxy() {
  if (!access_.proxy_url.empty()) return Set(CURLOPT_PROXY, access_.proxy_url.c_str());
  // No proxy of the environment for this machine, as kubectl has it.
  if (IsLoopback(endpoint_.host)) Set(CURLOPT_PROXY, "");
}

void CurlTransport::AddCredential(Lines& headers) const {
  if (!access_.token.empty()) headers.Add("Authorization: Bearer " + access_.token);
  if (access_.impersonated_user.empty()) return;
  headers.Add("Impersonate-User: " + access_.impersonated_user);
  for (const std::string& group : access_.impersonated_groups) {
    if (IsHeaderValue(group)) headers.Add("Impersonate-Group: " + group);
  }
}

size_t CurlTransport::OnBody(char* data, size_t size, size_t count, void* running) {
  Running& run = *static_cast<Running*>(running);
  const std::string_view bytes(data, size * count);
  long status = 0;
  curl_easy_getinfo(run.easy, CURLINFO_RESPONSE_CODE, &status);
  if (run.on_bytes != nullptr && status >= 200 && status < 300) {
    run.enough = !(*run.on_bytes)(bytes);
    return run.enough ? 0 : bytes.size();
  }
  run.too_large = run.answer.body.size() + bytes.size() > limits::kClientReplyBytes;
  if (run.too_large) return 0;
  run.answer.body.append(bytes);
  return bytes.size();
}

size_t CurlTransport::OnHeader(char* data, size_t size, size_t count, void* running) {
  constexpr std::string_view kName = "warning:";
  std::string_view line(data, size * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const bool is_warning = line.size() > kName.size() &&
                          std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
                            return a == b || (b >= 'A' && b <= 'Z' && a == b + 32);
                          });
  if (is_warning) {
    static_cast<Running*>(running)->answer.warnings.push_back(
        WarningText(line.substr(kName.size())));
  }
  return size * count;
}

Result<HttpAnswer> CurlTransport::Send(const HttpCall& call) {
  return Perform(call, call.time_limit.value_or(limits::kClientRequestTimeout), nullptr);
}

Result<HttpAnswer> CurlTransport::Stream(const HttpCall& call, const OnBytes& on_bytes) {
  return Perform(call, call.time_limit.value_or(Duration(0)), &on_bytes);
}

// `limit` zero: none.
Result<HttpAnswer> CurlTransport::Perform(const HttpCall& call, Duration limit,
                                          const OnBytes* on_bytes) {
  const std::string url = base_ + call.target;
  Lines headers;
  headers.Add("Accept: " + call.accept);
  headers.Add("Expect:");
  if (!call.content_type.empty()) headers.Add("Content-Type: " + call.content_type);
  if (base_ != access_.server) headers.Add("Host: " + endpoint_.host + ":" + endpoint_.port);
  AddCredential(headers);
  if (!access_.user.empty()) {
    Set(CURLOPT_USERNAME, access_.user.c_str());
    Set(CURLOPT_PASSWORD, access_.password.c_str());
  }
  Running running{.answer = {}, .on_bytes = on_bytes, .easy = easy_.get()};
  const bool has_body = !call.content_type.empty();
  Set(CURLOPT_HTTPGET, 1L);  // forgets the last call's body
  Set(CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (has_body) {
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    Set(CURLOPT_POSTFIELDS, call.body.c_str());
  }
  // A watch must arrive event by event.
  Set(CURLOPT_ACCEPT_ENCODING, on_bytes == nullptr ? "gzip" : nullptr);
  Set(CURLOPT_URL, url.c_str());
  Set(CURLOPT_HTTPHEADER, headers.get());
  Set(CURLOPT_WRITEDATA, &running);
  Set(CURLOPT_HEADERDATA, &running);
  const auto limit_ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  Set(CURLOPT_TIMEOUT_MS, static_cast<long>(limit_ms));
  const CURLcode code = curl_easy_perform(easy_.get());
  Set(CURLOPT_HTTPHEADER, nullptr);
  if (code != CURLE_OK && !running.enough) return ErrorOf(code, running);
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  running.answer.status = static_cast<int>(status);
  return std::move(running.answer);
}

Status CurlTransport::ErrorOf(CURLcode code, const Running& running) const {
  if (running.too_large) {
    return ResourceExhaustedError("Unable to connect to the server: its answer is larger than " +
                                  std::to_string(limits::kClientReplyBytes) + " bytes");
  }
  const std::string start = "Unable to connect to the server: ";
  const std::string where = endpoint_.host + ":" + endpoint_.port;
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return UnavailableError("The connection to the server " + where +
                              " was refused - did you specify the right host or port?");
    case CURLE_COULDNT_RESOLVE_HOST:
      return UnavailableError(start + "no such host: " + endpoint_.host);
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceededError(start + "it did not answer in time");
    case CURLE_PEER_FAILED_VERIFICATION:
      return UnavailableError(
          start +
          "its certificate is not signed by the kubeconfig's authority, has "
          "ended, or is for another name than " +
          (access_.tls_server_name.empty() ? endpoint_.host : access_.tls_server_name));
    case CURLE_SSL_CERTPROBLEM:
      return InvalidArgumentError("kubeconfig: the client certificate or its key cannot be used");
    case CURLE_SSL_CACERT_BADFILE:
      return InvalidArgumentError("kubeconfig: certificate-authority cannot be used");
    default:
      return UnavailableError(start + curl_easy_strerror(code));
  }
}

}  // namespace

Result<std::unique_ptr<Transport>> Transport::Create(const ClusterAccess& access) {
  auto transport = std::make_unique<CurlTransport>(access);
  THRONG_RETURN_IF_ERROR(transport->SetUp());
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace throng::client
