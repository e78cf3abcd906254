#include "storage/s3/s3_provider.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/control_limits.h"
#include "base/mutex.h"
#include "storage/checksum.h"
#include "storage/http/http_transfer.h"
#include "storage/s3/signature.h"

namespace throng::storage {
namespace {

constexpr std::string_view kDefaultRegion = "us-east-1";

// Where a bucket is asked: "https" + "host[:port]" + "/bucket" (empty when the host names it).
struct S3Place {
  std::string scheme;
  std::string host;
  std::string bucket_path;
};

bool IsRegion(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::string VersionOfReply(const HttpReply& head) {
  const std::string* tag = head.Find("etag");
  return tag == nullptr ? "" : *tag;
}

// What the head of a whole object declares its bytes to be.
struct Declared {
  Checksum kind = Checksum::kNone;
  std::string digest;
};

Declared DeclaredBy(const HttpReply& head) {
  // Of an upload in parts ("...-3") it is a checksum of checksums.
  if (const std::string* crc = head.Find("x-amz-checksum-crc32c"); crc != nullptr) {
    const std::optional<std::string> digest = DecodeBase64(*crc);
    if (digest && digest->size() == 4) return {Checksum::kCrc32c, *digest};
  }
  // The ETag is the MD5 unless a key of the customer's or of KMS encrypts the object.
  const std::string* encryption = head.Find("x-amz-server-side-encryption");
  const bool own_key = head.Find("x-amz-server-side-encryption-customer-algorithm") != nullptr;
  if (own_key || (encryption != nullptr && *encryption != "AES256")) return {};
  const std::string* tag = head.Find("etag");
  if (tag == nullptr || tag->size() != 34 || !tag->starts_with('"')) return {};
  const std::optional<std::string> digest = FromHex(std::string_view(*tag).substr(1, 32));
  return digest ? Declared{Checksum::kMd5, *digest} : Declared{};
}

// The owner of the endpoint knows by what it is to be trusted.
StorageOptions OptionsOf(const ProviderContext& context) {
  StorageOptions options = context.options;
  const S3Credentials& credentials = context.credentials.s3;
  if (!credentials.endpoint.empty()) {
    options.verify_tls = credentials.verify_tls;
    options.ca_pem = credentials.ca_pem;
  }
  return options;
}

class S3Provider final : public StorageProvider {
 public:
  S3Provider(const ProviderContext& context, std::string endpoint)
      : transfer_(OptionsOf(context)),
        credentials_(context.credentials.s3),
        endpoint_(std::move(endpoint)),
        region_(credentials_.region.empty() ? std::string(kDefaultRegion) : credentials_.region) {}

  Result<Listing> List(const StorageUri& uri, const Deadline& deadline) override {
    Listing listing;
    const Status folder = ListFolder(uri, deadline, listing);
    if (folder.ok() && !listing.objects.empty()) return listing;
    // Whoever may read objects need not be allowed to list the bucket.
    if (!folder.ok() && folder.code() != StatusCode::kPermissionDenied) return folder;
    Result<HttpReply> head = Ask("HEAD", uri, uri.path, {}, deadline);
    if (!head.ok()) return folder.ok() ? head.status() : folder;
    const std::string* length = head->Find("content-length");
    ObjectInfo object;
    object.key = uri.path;
    object.relative_path = uri.path.substr(uri.path.rfind('/') + 1);
    object.version = VersionOfReply(*head);
    if (length == nullptr ||
        std::from_chars(length->data(), length->data() + length->size(), object.size_bytes).ec !=
            std::errc()) {
      return UnavailableError("the store does not say how large the object is");
    }
    listing.objects.push_back(std::move(object));
    return listing;
  }

  Status Read(const StorageUri& uri, const ObjectInfo& object, uint64_t offset, uint64_t size_bytes,
              const Deadline& deadline, const ByteSink& sink) override {
    HttpRequest request = Request("GET", uri, object.key, {}, deadline);
    if (!object.version.empty()) request.headers.emplace_back("If-Match", object.version);
    const bool whole = offset == 0 && size_bytes >= object.size_bytes;
    Declared declared;
    Hasher hasher(Checksum::kNone);
    const auto version_of = [&](const HttpReply& head) {
      if (whole && head.status == 200) declared = DeclaredBy(head);
      hasher = Hasher(declared.kind);
      return VersionOfReply(head);
    };
    THRONG_RETURN_IF_ERROR(ReadObject(transfer_, std::move(request), object, offset, size_bytes,
                                      deadline, version_of, [&](std::string_view bytes) {
                                        hasher.Update(bytes);
                                        return sink(bytes);
                                      }));
    if (declared.kind == Checksum::kNone || hasher.Finish() == declared.digest) return OkStatus();
    return DataLossError(object.relative_path + ": its " +
                         std::string(ChecksumName(declared.kind)) +
                         " is not what the store declares");
  }

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;

  std::string region() {
    const MutexLock lock(mutex_);
    return region_;
  }

  S3Place PlaceOf(const std::string& bucket) {
    const std::string encoded = "/" + PercentEncode(bucket, false);
    if (endpoint_.empty()) {
      // A bucket with dots in its name has no certificate as a host.
      const std::string host = "s3." + region() + ".amazonaws.com";
      if (bucket.find('.') != std::string::npos) return {"https", host, encoded};
      return {"https", bucket + "." + host, ""};
    }
    const size_t start = endpoint_.find("://");
    const std::string scheme = endpoint_.substr(0, start);
    std::string host = endpoint_.substr(start + 3);
    // As the Host header has it.
    const std::string own_port = scheme == "https" ? ":443" : ":80";
    if (host.ends_with(own_port)) host.resize(host.size() - own_port.size());
    if (credentials_.virtual_hosted) return {scheme, bucket + "." + host, ""};
    return {scheme, host, encoded};
  }

  HttpRequest Request(const std::string& method, const StorageUri& uri, const std::string& key,
                      Query query, const Deadline& deadline) {
    const S3Place place = PlaceOf(uri.authority);
    S3Target target{.method = method,
                    .host = place.host,
                    .path = place.bucket_path,
                    .query = std::move(query),
                    .amz_headers = {{"x-amz-checksum-mode", "ENABLED"}}};
    if (!key.empty()) target.path += "/" + PercentEncode(key, true);
    if (target.path.empty()) target.path = "/";
    HttpRequest request;
    request.method = method;
    request.url = place.scheme + "://" + place.host + target.path;
    if (const std::string text = CanonicalQuery(target); !text.empty()) request.url += "?" + text;
    // A signature is good for one host and path only.
    request.follow_redirects = false;
    const bool signs = !credentials_.anonymous && !credentials_.access_key_id.empty();
    request.secret_headers = signs
                                 ? SignS3(credentials_, region(), deadline.clock.WallNow(), target)
                                 : target.amz_headers;
    return request;
  }

  // True: the bucket is in another region, which is known now.
  bool LearnRegion(const HttpReply& reply) {
    const std::string* region = reply.Find("x-amz-bucket-region");
    if (region == nullptr || !IsRegion(*region)) return false;
    const MutexLock lock(mutex_);
    if (*region == region_) return false;
    region_ = *region;
    return true;
  }

  // A reply with status 200.
  Result<HttpReply> Ask(const std::string& method, const StorageUri& uri, const std::string& key,
                        const Query& query, const Deadline& deadline) {
    THRONG_ASSIGN_OR_RETURN(HttpReply reply,
                            transfer_.Send(Request(method, uri, key, query, deadline), deadline));
    if (reply.status != 200 && LearnRegion(reply)) {
      THRONG_ASSIGN_OR_RETURN(reply,
                              transfer_.Send(Request(method, uri, key, query, deadline), deadline));
    }
    if (reply.status == 200) return reply;
    const std::string code = S3ErrorCode(reply.body);
    Status status = StatusOfReply(reply, deadline.clock);
    // Credentials that have run out are answered 400.
    if (code == "ExpiredToken" || code == "InvalidToken") {
      status = PermissionDeniedError(status.message());
    }
    return code.empty() ? status : status.WithContext(code);
  }

  // What lies below "path/". The slash is what keeps models/user10 out of models/user1.
  Status ListFolder(const StorageUri& uri, const Deadline& deadline, Listing& listing) {
    const std::string prefix = uri.path + "/";
    std::string token;
    for (size_t page = 0; page < limits::kStorageListings; ++page) {
      Query query = {{"list-type", "2"}, {"prefix", prefix}, {"encoding-type", "url"}};
      if (!token.empty()) query.emplace_back("continuation-token", token);
      THRONG_ASSIGN_OR_RETURN(const HttpReply reply, Ask("GET", uri, "", query, deadline));
      THRONG_ASSIGN_OR_RETURN(token, AddS3Page(reply.body, prefix, listing));
      if (token.empty()) return OkStatus();
    }
    return ResourceExhaustedError("the listing has more than " +
                                  std::to_string(limits::kStorageListings) + " pages");
  }

  HttpTransfer transfer_;
  const S3Credentials credentials_;
  const std::string endpoint_;
  Mutex mutex_;
  std::string region_ THRONG_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<StorageProvider>> MakeS3Provider(const ProviderContext& context,
                                                        const StorageUri&) {
  const S3Credentials& credentials = context.credentials.s3;
  if (credentials.access_key_id.empty() != credentials.secret_access_key.empty()) {
    return InvalidArgumentError("S3 credentials need both an access key id and a secret key");
  }
  if (!credentials.region.empty() && !IsRegion(credentials.region)) {
    return InvalidArgumentError("the S3 region is not a region's name");
  }
  std::string endpoint =
      credentials.endpoint.empty() ? context.options.s3_endpoint : credentials.endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.empty()) {
    if (endpoint.find("://") == std::string::npos) endpoint = "https://" + endpoint;
    const Result<StorageUri> parsed = ParseStorageUri(endpoint + "/name");
    const bool is_web = endpoint.starts_with("https://") || endpoint.starts_with("http://");
    if (!parsed.ok() || !is_web || parsed->path != "name") {
      return InvalidArgumentError("the S3 endpoint is not http(s)://host or host:port");
    }
    endpoint = parsed->scheme + "://" + parsed->authority;
  }
  return std::unique_ptr<StorageProvider>(
      std::make_unique<S3Provider>(context, std::move(endpoint)));
}

}  // namespace throng::storage
