#include "storage/gcs/gcs_provider.h"

#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/control_limits.h"
#include "base/limits.h"
#include "base/mutex.h"
#include "storage/checksum.h"
#include "storage/gcs/service_account.h"
#include "storage/http/http_transfer.h"

namespace throng::storage {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kEndpoint = "https://storage.googleapis.com";
constexpr std::string_view kFields = "name,size,generation,crc32c,md5Hash,contentEncoding";
constexpr std::chrono::seconds kTokenMargin{60};

std::string TextField(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Status NotAReply() { return UnavailableError("the store's reply is not what Cloud Storage says"); }

void SetChecksum(const Json& item, ObjectInfo& object) {
  const std::optional<std::string> crc = DecodeBase64(TextField(item, "crc32c"));
  const std::optional<std::string> md5 = DecodeBase64(TextField(item, "md5Hash"));
  if (crc && crc->size() == 4) {
    object.checksum = Checksum::kCrc32c;
    object.digest = *crc;
  } else if (md5 && md5->size() == 16) {
    object.checksum = Checksum::kMd5;
    object.digest = *md5;
  }
}

Result<ObjectInfo> ObjectOf(const Json& item) {
  if (!item.is_object()) return NotAReply();
  ObjectInfo object;
  object.key = TextField(item, "name");
  object.version = TextField(item, "generation");
  const std::string size = TextField(item, "size");
  const auto [end, error] =
      std::from_chars(size.data(), size.data() + size.size(), object.size_bytes);
  if (object.key.empty() || size.empty() || error != std::errc() ||
      end != size.data() + size.size()) {
    return NotAReply();
  }
  // It would be sent unpacked, of unknown size and without a checksum.
  if (!TextField(item, "contentEncoding").empty()) {
    return InvalidArgumentError(
        "an object is stored with a Content-Encoding, which is not supported");
  }
  SetChecksum(item, object);
  return object;
}

// The token of a service account, asked for when it is needed.
class TokenSource {
 public:
  explicit TokenSource(ServiceAccount account) : account_(std::move(account)) {}

  Result<std::string> Get(HttpTransfer& transfer, const Deadline& deadline) {
    const MutexLock lock(mutex_);
    if (!token_.empty() && deadline.clock.Now() < expires_) return token_;
    HttpRequest request;
    request.method = "POST";
    request.url = account_.token_uri;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    THRONG_ASSIGN_OR_RETURN(request.body, MakeTokenRequest(account_, deadline.clock.WallNow()));
    THRONG_ASSIGN_OR_RETURN(const HttpReply reply, transfer.Send(request, deadline));
    if (reply.status == 400 || reply.status == 401 || reply.status == 403) {
      return PermissionDeniedError("the token server refused the service account");
    }
    if (reply.status != 200) {
      return StatusOfReply(reply, deadline.clock).WithContext("the token server");
    }
    THRONG_ASSIGN_OR_RETURN(const AccessToken token, ParseTokenReply(reply.body));
    token_ = token.value;
    expires_ = deadline.clock.Now() + token.lifetime - kTokenMargin;
    return token_;
  }

 private:
  const ServiceAccount account_;
  Mutex mutex_;
  std::string token_ THRONG_GUARDED_BY(mutex_);
  MonotonicTime expires_ THRONG_GUARDED_BY(mutex_);
};

class GcsProvider final : public StorageProvider {
 public:
  explicit GcsProvider(const ProviderContext& context)
      : transfer_(context.options),
        endpoint_(context.options.gcs_endpoint.empty() ? std::string(kEndpoint)
                                                       : context.options.gcs_endpoint),
        bearer_(context.credentials.gcs.bearer_token) {}

  void set_service_account(ServiceAccount account) { tokens_.emplace(std::move(account)); }

  Result<Listing> List(const StorageUri& uri, const Deadline& deadline) override {
    Listing listing;
    THRONG_RETURN_IF_ERROR(ListFolder(uri, deadline, listing));
    if (!listing.objects.empty()) return listing;
    THRONG_ASSIGN_OR_RETURN(
        const HttpReply reply,
        Ask(ObjectUrl(uri, uri.path) + "?fields=" + PercentEncode(kFields, false), deadline));
    const Json item = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
    THRONG_ASSIGN_OR_RETURN(ObjectInfo object, ObjectOf(item));
    object.relative_path = uri.path.substr(uri.path.rfind('/') + 1);
    listing.objects.push_back(std::move(object));
    return listing;
  }

  Status Read(const StorageUri& uri, const ObjectInfo& object, uint64_t offset, uint64_t size_bytes,
              const Deadline& deadline, const ByteSink& sink) override {
    HttpRequest request;
    request.url = ObjectUrl(uri, object.key) + "?alt=media";
    if (!object.version.empty())
      request.url += "&generation=" + PercentEncode(object.version, false);
    THRONG_RETURN_IF_ERROR(Authorize(request, deadline));
    const auto version_of = [](const HttpReply& head) {
      const std::string* generation = head.Find("x-goog-generation");
      return generation == nullptr ? "" : *generation;
    };
    return ReadObject(transfer_, std::move(request), object, offset, size_bytes, deadline,
                      version_of, sink);
  }

 private:
  std::string BucketUrl(const StorageUri& uri) const {
    return endpoint_ + "/storage/v1/b/" + PercentEncode(uri.authority, false) + "/o";
  }
  std::string ObjectUrl(const StorageUri& uri, const std::string& name) const {
    return BucketUrl(uri) + "/" + PercentEncode(name, false);
  }

  Status Authorize(HttpRequest& request, const Deadline& deadline) {
    std::string token = bearer_;
    if (tokens_) {
      THRONG_ASSIGN_OR_RETURN(token, tokens_->Get(transfer_, deadline));
    }
    if (!token.empty()) request.secret_headers.emplace_back("Authorization", "Bearer " + token);
    return OkStatus();
  }

  // A reply with status 200.
  Result<HttpReply> Ask(std::string url, const Deadline& deadline) {
    HttpRequest request;
    request.url = std::move(url);
    THRONG_RETURN_IF_ERROR(Authorize(request, deadline));
    THRONG_ASSIGN_OR_RETURN(HttpReply reply, transfer_.Send(request, deadline));
    if (reply.status != 200) return StatusOfReply(reply, deadline.clock);
    return reply;
  }

  // What lies below "path/". The slash is what keeps models/user10 out of models/user1.
  Status ListFolder(const StorageUri& uri, const Deadline& deadline, Listing& listing) {
    const std::string prefix = uri.path + "/";
    std::string page_token;
    for (size_t page = 0; page < limits::kStorageListings; ++page) {
      std::string url = BucketUrl(uri) + "?prefix=" + PercentEncode(prefix, false) +
                        "&maxResults=1000&fields=nextPageToken," +
                        PercentEncode("items(" + std::string(kFields) + ")", false);
      if (!page_token.empty()) url += "&pageToken=" + PercentEncode(page_token, false);
      THRONG_ASSIGN_OR_RETURN(const HttpReply reply, Ask(std::move(url), deadline));
      THRONG_ASSIGN_OR_RETURN(page_token, AddGcsPage(reply.body, prefix, listing));
      if (page_token.empty()) return OkStatus();
    }
    return ResourceExhaustedError("the listing has more than " +
                                  std::to_string(limits::kStorageListings) + " pages");
  }

  HttpTransfer transfer_;
  const std::string endpoint_;
  const std::string bearer_;
  std::optional<TokenSource> tokens_;
};

}  // namespace

Result<std::string> AddGcsPage(std::string_view json, std::string_view prefix, Listing& listing) {
  const Json page = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!page.is_object()) return NotAReply();
  const auto items = page.find("items");
  if (items != page.end() && !items->is_array()) return NotAReply();
  for (const Json& item : items == page.end() ? Json::array() : *items) {
    THRONG_ASSIGN_OR_RETURN(ObjectInfo object, ObjectOf(item));
    if (!object.key.starts_with(prefix)) return NotAReply();
    object.relative_path = object.key.substr(prefix.size());
    // What consoles make for an empty folder.
    if (object.relative_path.empty() || object.relative_path.ends_with('/')) {
      if (object.size_bytes == 0) continue;
    }
    if (listing.objects.size() == limits::kArtifactFiles) {
      return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles) +
                                    " files");
    }
    listing.objects.push_back(std::move(object));
  }
  return TextField(page, "nextPageToken");
}

Result<std::unique_ptr<StorageProvider>> MakeGcsProvider(const ProviderContext& context,
                                                         const StorageUri&) {
  auto provider = std::make_unique<GcsProvider>(context);
  if (!context.credentials.gcs.service_account_json.empty()) {
    THRONG_ASSIGN_OR_RETURN(ServiceAccount account,
                            ParseServiceAccount(context.credentials.gcs.service_account_json));
    // The key file is the model owner's. A signed request for a token is a secret as well.
    const size_t host = account.token_uri.find("://");
    const std::string authority =
        host == std::string::npos
            ? ""
            : account.token_uri.substr(host + 3, account.token_uri.find('/', host + 3) - host - 3);
    const auto& allowed = context.options.addresses.allowed_hosts;
    const bool is_operators = std::find(allowed.begin(), allowed.end(), authority) != allowed.end();
    if (!account.token_uri.starts_with("https://") && !is_operators) {
      return PermissionDeniedError("the service account's token_uri is not https");
    }
    provider->set_service_account(std::move(account));
  }
  return std::unique_ptr<StorageProvider>(std::move(provider));
}

}  // namespace throng::storage
