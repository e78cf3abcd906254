#include "storage/http/http_transfer.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <curl/curl.h>

#include "base/check.h"
#include "os/network/outgoing_socket.h"
#include "os/signals.h"

namespace throng::storage {
namespace {

constexpr size_t kErrorBodyBytes = 64 * 1024;
constexpr size_t kIdleHandles = limits::kStorageParallelReads;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

std::string LowerCase(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ' ||
                           text.back() == '\t')) {
    text.remove_suffix(1);
  }
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A URL taken apart and resolved by libcurl, which is also who will use it: no second reading.
class Url {
 public:
  Url() : url_(curl_url()) { THRONG_CHECK(url_ != nullptr); }

  // Relative to what was set before.
  bool Set(const std::string& text) {
    return curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }
  std::string Part(CURLUPart part) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
    std::string result(text);
    curl_free(text);
    return result;
  }
  std::string Text() const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), CURLUPART_URL, &text, CURLU_NO_DEFAULT_PORT) != CURLUE_OK) {
      return "";
    }
    std::string result(text);
    curl_free(text);
    return result;
  }
  std::string scheme() const { return Part(CURLUPART_SCHEME); }
  std::string host() const { return Part(CURLUPART_HOST); }
  uint16_t port() const { return static_cast<uint16_t>(std::atoi(Part(CURLUPART_PORT).c_str())); }
  bool SameOrigin(const Url& other) const {
    return scheme() == other.scheme() && host() == other.host() && port() == other.port();
  }
  Status Check() const {
    if (scheme() != "http" && scheme() != "https") {
      return PermissionDeniedError("the storage address is neither http nor https");
    }
    if (!Part(CURLUPART_USER).empty() || !Part(CURLUPART_PASSWORD).empty()) {
      return PermissionDeniedError("the storage address holds a user or password");
    }
    return OkStatus();
  }

 private:
  std::unique_ptr<CURLU, FreeUrl> url_;
};

bool LooksNumeric(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string_view WithoutBrackets(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

bool IsAllowedHost(const AddressPolicy& policy, const Url& url) {
  // An address that is never allowed passes only when the host is on the list.
  return CheckAddress(policy, url.host(), "0.0.0.0", url.port()).ok();
}

Result<HeaderList> MakeHeaders(const HttpRequest& request, bool with_secrets) {
  HeaderList list;
  const auto append = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    THRONG_CHECK(longer != nullptr);
    list.release();
    list.reset(longer);
  };
  append("Expect:");  // curl would wait for a "100 Continue" with a larger POST
  const auto add = [&append](const HttpHeaders& headers) {
    for (const auto& [name, value] : headers) {
      const auto breaks = [](std::string_view text) {
        return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
      };
      if (breaks(name) || breaks(value)) {
        return PermissionDeniedError("a header of the storage request has a line break");
      }
      append(value.empty() ? name + ";" : name + ": " + value);
    }
    return OkStatus();
  };
  THRONG_RETURN_IF_ERROR(add(request.headers));
  if (with_secrets) THRONG_RETURN_IF_ERROR(add(request.secret_headers));
  return list;
}

}  // namespace

struct HttpTransfer::Idle {
  Mutex mutex;
  std::vector<Easy> handles THRONG_GUARDED_BY(mutex);
};

// One request and its reply; what the callbacks of libcurl see.
struct HttpTransfer::Hop {
  const StorageOptions& options;
  const Deadline& deadline;
  const HeadCheck& check;
  const ByteSink& sink;
  Url url;
  bool address_is_checked = true;  // false: a proxy is connected to
  HttpReply reply;
  size_t header_bytes = 0;
  bool head_was_checked = false;
  Status failure;  // of ours: ends the transfer

  bool succeeded() const { return reply.status >= 200 && reply.status < 300; }
  bool cancelled() const { return deadline.cancel != nullptr && deadline.cancel->cancelled(); }
  // Once, when the head is complete.
  Status CheckHead() {
    if (head_was_checked || !succeeded()) return OkStatus();
    head_was_checked = true;
    return check ? check(reply) : OkStatus();
  }

  void TakeHeaderLine(std::string_view line);
  Status TakeBody(std::string_view bytes);

  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static curl_socket_t OnOpen(void* self, curlsocktype purpose, curl_sockaddr* address);

  void Configure(CURL* easy, const HttpRequest& request, const curl_slist* headers);
  Status StatusOf(CURLcode code) const;
};

void HttpTransfer::Hop::TakeHeaderLine(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // the reply begins, or begins again after a 1xx
    reply.headers.clear();
    failure = OkStatus();  // of another address of the same name
    const size_t blank = line.find(' ');
    reply.status = blank == std::string_view::npos
                       ? 0
                       : std::atoi(std::string(line.substr(blank + 1, 3)).c_str());
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  reply.headers.emplace_back(LowerCase(line.substr(0, colon)),
                             std::string(Trimmed(line.substr(colon + 1))));
}

Status HttpTransfer::Hop::TakeBody(std::string_view bytes) {
  if (succeeded()) {
    THRONG_RETURN_IF_ERROR(CheckHead());
    if (sink) return sink(bytes);
    if (reply.body.size() + bytes.size() > limits::kStorageReplyBytes) {
      return ResourceExhaustedError("the store's reply is larger than " +
                                    std::to_string(limits::kStorageReplyBytes) + " bytes");
    }
    reply.body.append(bytes);
    return OkStatus();
  }
  reply.body.append(
      bytes.substr(0, kErrorBodyBytes - std::min(kErrorBodyBytes, reply.body.size())));
  return OkStatus();
}

size_t HttpTransfer::Hop::OnHeader(char* data, size_t size, size_t count, void* self) {
  Hop& hop = *static_cast<Hop*>(self);
  hop.header_bytes += size * count;
  if (hop.header_bytes > limits::kStorageHeaderBytes) {
    hop.failure = UnavailableError("the store's reply has too large a head");
    return 0;
  }
  hop.TakeHeaderLine({data, size * count});
  return size * count;
}

size_t HttpTransfer::Hop::OnBody(char* data, size_t size, size_t count, void* self) {
  Hop& hop = *static_cast<Hop*>(self);
  hop.failure = hop.TakeBody({data, size * count});
  return hop.failure.ok() ? size * count : CURL_WRITEFUNC_ERROR;
}

int HttpTransfer::Hop::OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Hop*>(self)->cancelled() ? 1 : 0;
}

curl_socket_t HttpTransfer::Hop::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
  Hop& hop = *static_cast<Hop*>(self);
  if (hop.address_is_checked) {
    const os::PeerAddress peer = os::DescribeAddress(&address->addr, address->addrlen);
    const Status allowed =
        CheckAddress(hop.options.addresses, hop.url.host(), peer.text, peer.port);
    if (!allowed.ok()) {
      hop.failure = allowed;  // another address of the same name may still do
      return CURL_SOCKET_BAD;
    }
  }
  Result<os::UniqueFd> fd =
      os::OpenOutgoingSocket(address->family, address->socktype, address->protocol);
  if (!fd.ok()) return CURL_SOCKET_BAD;
  hop.failure = OkStatus();
  return fd->Release();
}

void HttpTransfer::Hop::Configure(CURL* easy, const HttpRequest& request,
                                  const curl_slist* headers) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline.at - deadline.clock.Now());
  const auto connect =
      std::chrono::duration_cast<std::chrono::milliseconds>(options.connect_timeout);
  const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, url.Text().c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_USERAGENT, "throng");
  set(CURLOPT_HTTPHEADER, headers);
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (request.method == "POST") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  const bool direct = options.proxy.empty() || IsAllowedHost(options.addresses, url);
  address_is_checked = direct;
  set(CURLOPT_PROXY, direct ? "" : options.proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  if (!options.ca_pem.empty()) {
    curl_blob blob{.data = const_cast<char*>(options.ca_pem.data()),
                   .len = options.ca_pem.size(),
                   .flags = CURL_BLOB_COPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  } else if (!options.ca_bundle.empty()) {
    set(CURLOPT_CAINFO, options.ca_bundle.c_str());
  }
  if (!options.verify_tls) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()) + 1);  // not before; and 0 is: none
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, options.low_speed_bytes);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.low_speed_time.count()));
  set(CURLOPT_BUFFERSIZE, 256L * 1024);
  set(CURLOPT_OPENSOCKETFUNCTION, &Hop::OnOpen);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Hop::OnHeader);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Hop::OnBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_XFERINFOFUNCTION, &Hop::OnProgress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
  set(CURLOPT_NOPROGRESS, 0L);
}

Status HttpTransfer::Hop::StatusOf(CURLcode code) const {
  if (cancelled()) return CancelledError("the fetch was cancelled");
  if (code == CURLE_OK) return OkStatus();
  if (!failure.ok()) return failure;
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return FailedPreconditionError("the storage address is not a web address");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return UnavailableError("the storage host's name cannot be resolved");
    case CURLE_COULDNT_CONNECT:
      return UnavailableError("no connection to the storage host");
    case CURLE_OPERATION_TIMEDOUT:
      if (deadline.clock.Now() >= deadline.at) {
        return DeadlineExceededError("the deadline passed while reading from the store");
      }
      return UnavailableError("the storage host is too slow or does not answer");
    case CURLE_PEER_FAILED_VERIFICATION:
      return Status(StatusCode::kUnauthenticated,
                    "the storage host's certificate is not valid for it");
    case CURLE_SSL_CACERT_BADFILE:
      return FailedPreconditionError("the file of certificates cannot be read");
    case CURLE_SSL_CONNECT_ERROR:
      return UnavailableError("no TLS connection to the storage host");
    default:
      return UnavailableError("the connection to the storage host broke (" +
                              std::to_string(static_cast<int>(code)) + ")");
  }
}

HttpTransfer::HttpTransfer(const StorageOptions& options)
    : options_(options), idle_(std::make_unique<Idle>()) {
  // Once a process; thread-safe since libcurl 7.84. Without signals (CURLOPT_NOSIGNAL) libcurl
  // leaves broken pipes of TLS connections to us.
  static const CURLcode initialized = [] {
    os::IgnoreBrokenPipes();
    return curl_global_init(CURL_GLOBAL_DEFAULT);
  }();
  THRONG_CHECK(initialized == CURLE_OK);
}

HttpTransfer::~HttpTransfer() = default;

Result<HttpReply> HttpTransfer::SendOnce(const HttpRequest& request, bool with_secrets,
                                         const Deadline& deadline, const HeadCheck& check,
                                         const ByteSink& sink) {
  if (deadline.clock.Now() >= deadline.at) {
    return DeadlineExceededError("the deadline passed while reading from the store");
  }
  Hop hop{.options = options_, .deadline = deadline, .check = check, .sink = sink};
  if (hop.cancelled()) return CancelledError("the fetch was cancelled");
  if (!hop.url.Set(request.url)) {
    return FailedPreconditionError("the storage address is not a web address");
  }
  THRONG_RETURN_IF_ERROR(hop.url.Check());
  if (LooksNumeric(hop.url.host())) {
    THRONG_RETURN_IF_ERROR(CheckAddress(options_.addresses, hop.url.host(),
                                        WithoutBrackets(hop.url.host()), hop.url.port()));
  }
  THRONG_ASSIGN_OR_RETURN(const HeaderList headers, MakeHeaders(request, with_secrets));
  Easy easy;
  {
    const MutexLock lock(idle_->mutex);
    if (!idle_->handles.empty()) {
      easy = std::move(idle_->handles.back());
      idle_->handles.pop_back();
    }
  }
  if (easy == nullptr) easy.reset(curl_easy_init());
  if (easy == nullptr) return ResourceExhaustedError("no memory for a storage request");
  hop.Configure(easy.get(), request, headers.get());
  const CURLcode code = curl_easy_perform(easy.get());
  Status status = hop.StatusOf(code);
  if (status.ok()) status = hop.CheckHead();
  curl_easy_reset(easy.get());  // keeps connections, forgets everything that points here
  {
    const MutexLock lock(idle_->mutex);
    if (idle_->handles.size() < kIdleHandles) idle_->handles.push_back(std::move(easy));
  }
  if (!status.ok()) return status;
  hop.reply.url = hop.url.Text();
  return std::move(hop.reply);
}

Result<HttpReply> HttpTransfer::Send(const HttpRequest& request, const Deadline& deadline,
                                     const HeadCheck& check, const ByteSink& sink) {
  HttpRequest hop = request;
  bool with_secrets = true;
  for (int redirects = 0;; ++redirects) {
    THRONG_ASSIGN_OR_RETURN(HttpReply reply, SendOnce(hop, with_secrets, deadline, check, sink));
    const std::string* location = reply.Find("location");
    if (!IsRedirect(reply.status) || location == nullptr || !request.follow_redirects ||
        request.method == "POST") {
      return reply;
    }
    if (redirects == limits::kStorageRedirects) {
      return UnavailableError("the store redirects more than " +
                              std::to_string(limits::kStorageRedirects) + " times");
    }
    Url from;
    Url to;
    if (!from.Set(hop.url) || !to.Set(hop.url) || !to.Set(*location)) {
      return UnavailableError("the store redirects to what is no web address");
    }
    THRONG_RETURN_IF_ERROR(to.Check());
    if (from.scheme() == "https" && to.scheme() == "http") {
      return PermissionDeniedError("the store redirects from https to http");
    }
    with_secrets = with_secrets && from.SameOrigin(to);
    hop.url = to.Text();
  }
}

Result<HttpReply> HttpTransfer::Send(const HttpRequest& request, const Deadline& deadline) {
  return Send(request, deadline, nullptr, nullptr);
}

}  // namespace throng::storage
