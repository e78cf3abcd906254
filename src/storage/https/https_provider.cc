#include "storage/https/https_provider.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "storage/http/http_transfer.h"

namespace throng::storage {
namespace {

std::string LowerCase(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Checked for well-formedness when the URI was parsed.
std::string PercentDecode(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string_view LastSegment(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The strong ETag, else the time of the last change; a weak ETag may stay when bytes change.
std::string VersionOfReply(const HttpReply& head) {
  const std::string* tag = head.Find("etag");
  if (tag != nullptr && !tag->empty() && !tag->starts_with("W/")) return *tag;
  const std::string* modified = head.Find("last-modified");
  return modified == nullptr ? "" : "modified " + *modified;
}

bool IsPage(const HttpReply& reply) {
  const std::string path = reply.url.substr(0, reply.url.find('?'));
  return path.ends_with('/');
}

class HttpsProvider final : public StorageProvider {
 public:
  // `urls` are tried in turn; the first that is there is it.
  HttpsProvider(const ProviderContext& context, std::vector<std::string> urls)
      : transfer_(context.options), urls_(std::move(urls)) {}

  // To be sent to the origin of the first URL only.
  void set_secret_headers(HttpHeaders headers) { secret_headers_ = std::move(headers); }

  Result<Listing> List(const StorageUri&, const Deadline& deadline) override {
    Status refusal;
    for (const std::string& url : urls_) {
      Result<HttpReply> head = Probe(url, deadline);
      if (head.ok()) return ListingOf(url, *head);
      // Buckets behind web servers answer 403 for what is not there.
      const StatusCode code = head.status().code();
      if (code != StatusCode::kNotFound && code != StatusCode::kPermissionDenied) {
        return head.status();
      }
      if (refusal.ok() || refusal.code() == StatusCode::kNotFound) refusal = head.status();
    }
    return refusal;
  }

  Status Read(const StorageUri&, const ObjectInfo& object, uint64_t offset, uint64_t size_bytes,
              const Deadline& deadline, const ByteSink& sink) override {
    return ReadObject(transfer_, Request(object.key), object, offset, size_bytes, deadline,
                      VersionOfReply, sink);
  }

 private:
  HttpRequest Request(const std::string& url) const {
    HttpRequest request;
    request.url = url;
    request.secret_headers = secret_headers_;
    return request;
  }

  // The head of the object. Many servers refuse HEAD (addresses that are signed for GET do), so
  // that its first byte is asked for then.
  Result<HttpReply> Probe(const std::string& url, const Deadline& deadline) {
    HttpRequest request = Request(url);
    request.method = "HEAD";
    THRONG_ASSIGN_OR_RETURN(HttpReply reply, transfer_.Send(request, deadline));
    if (reply.status == 404 || reply.status == 410) return NotFoundError("nothing is there");
    if (reply.status != 200) {
      THRONG_ASSIGN_OR_RETURN(reply, ProbeByReading(url, deadline));
    }
    if (IsPage(reply)) return NotFoundError("it is a page of a web server, not a file");
    return reply;
  }

  Result<HttpReply> ProbeByReading(const std::string& url, const Deadline& deadline) {
    HttpRequest request = Request(url);
    request.headers.emplace_back("Range", "bytes=0-0");
    std::optional<HttpReply> seen;
    const Result<HttpReply> reply = transfer_.Send(
        request, deadline,
        [&seen](const HttpReply& head) {
          seen = head;
          // The rest of a whole reply is not waited for.
          return head.status == 206 ? OkStatus() : CancelledError("seen");
        },
        [](std::string_view) { return OkStatus(); });
    if (seen) {
      seen->url = reply.ok() ? reply->url : url;
      return std::move(*seen);
    }
    if (!reply.ok()) return reply.status();
    // 416: an empty object has no first byte.
    if (reply->status != 416) return StatusOfReply(*reply, deadline.clock);
    HttpReply empty;
    empty.status = 200;
    empty.headers = {{"content-length", "0"}};
    empty.url = reply->url;
    return empty;
  }

  static Result<Listing> ListingOf(const std::string& url, const HttpReply& head) {
    const std::string path = url.substr(0, url.find('?'));
    ObjectInfo object;
    object.key = url;
    object.relative_path = PercentDecode(LastSegment(path));
    object.version = VersionOfReply(head);
    const std::string* accepts = head.Find("accept-ranges");
    object.ranges = head.status == 206 || (accepts != nullptr && *accepts == "bytes");
    std::optional<uint64_t> size;
    if (const std::string* range = head.Find("content-range"); head.status == 206) {
      if (range != nullptr) size = ParseNumber(LastSegment(*range));
    } else if (const std::string* length = head.Find("content-length")) {
      size = ParseNumber(*length);
    }
    object.size_known = size.has_value();
    object.size_bytes = size.value_or(0);
    const std::string* type = head.Find("content-type");
    Listing listing;
    listing.archive = ArchiveKind(object.relative_path, type == nullptr ? "" : *type);
    listing.objects.push_back(std::move(object));
    return listing;
  }

  HttpTransfer transfer_;
  const std::vector<std::string> urls_;
  HttpHeaders secret_headers_;
};

}  // namespace

std::string ArchiveKind(std::string_view file_name, std::string_view content_type) {
  const std::string name = LowerCase(file_name);
  if (name.ends_with(".tar")) return ".tar";
  if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) return ".tgz";
  if (name.ends_with(".zip")) return ".zip";
  if (name.find('.') != std::string::npos) return "";
  std::string type = LowerCase(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  if (type == "application/zip" || type == "application/x-zip-compressed" ||
      type == "application/zip-compressed" || type == "application/x-zip") {
    return ".zip";
  }
  if (type == "application/x-tar") return ".tar";
  if (type == "application/x-gtar" || type == "application/x-gzip" || type == "application/gzip" ||
      type == "application/x-compressed-tar") {
    return ".tgz";
  }
  return "";
}

namespace {

// Null: there are none for this host.
const HttpsCredentials* CredentialsFor(const Credentials& all, const StorageUri& uri) {
  const std::string_view name =
      std::string_view(uri.authority)
          .substr(0, uri.authority.starts_with('[') ? std::string::npos : uri.authority.find(':'));
  const HttpsCredentials* found = nullptr;
  for (const HttpsCredentials& credentials : all.https) {
    const std::string host = LowerCase(credentials.host);
    if (!host.empty() && (host == uri.authority || host == name)) found = &credentials;
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<StorageProvider>> MakeHttpsProvider(const ProviderContext& context,
                                                           const StorageUri& uri) {
  std::string url = uri.scheme + "://" + uri.authority + "/" + uri.path;
  if (!uri.query.empty()) url += "?" + uri.query;
  auto provider = std::make_unique<HttpsProvider>(context, std::vector<std::string>{url});
  if (const HttpsCredentials* credentials = CredentialsFor(context.credentials, uri)) {
    const std::vector<std::string>& allowed = context.options.addresses.allowed_hosts;
    const bool is_operators =
        std::find(allowed.begin(), allowed.end(), uri.authority) != allowed.end();
    if (uri.scheme != "https" && !is_operators) {
      return PermissionDeniedError("credentials are not sent over http, only over https");
    }
    provider->set_secret_headers(credentials->headers);
  }
  return std::unique_ptr<StorageProvider>(std::move(provider));
}

Result<std::unique_ptr<StorageProvider>> MakeWebMirrorProvider(const ProviderContext& context,
                                                               const std::string& base,
                                                               const std::string& rest) {
  const std::string url = base + (rest.empty() ? "" : "/") + PercentEncode(rest, true);
  std::vector<std::string> urls = {url};
  for (const char* suffix : {".tgz", ".tar.gz", ".tar", ".zip"}) urls.push_back(url + suffix);
  return std::unique_ptr<StorageProvider>(
      std::make_unique<HttpsProvider>(context, std::move(urls)));
}

}  // namespace throng::storage
