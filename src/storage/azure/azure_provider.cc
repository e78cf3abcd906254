#include "storage/azure/azure_provider.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <pugixml.hpp>

#include "base/control_limits.h"
#include "base/limits.h"
#include "storage/azure/shared_key.h"
#include "storage/checksum.h"
#include "storage/http/http_transfer.h"

namespace throng::storage {
namespace {

constexpr std::string_view kHost = ".blob.core.windows.net";

Status NotAPage() { return UnavailableError("the store's reply is not what Azure says"); }

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

std::string WithoutQuotes(std::string_view tag) {
  if (tag.size() >= 2 && tag.starts_with('"') && tag.ends_with('"')) {
    tag = tag.substr(1, tag.size() - 2);
  }
  return std::string(tag);
}

std::string VersionOfReply(const HttpReply& head) {
  const std::string* tag = head.Find("etag");
  return tag == nullptr ? "" : WithoutQuotes(*tag);
}

bool ParseSize(std::string_view text, uint64_t& size_bytes) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size_bytes);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

void SetMd5(std::string_view text, ObjectInfo& object) {
  const std::optional<std::string> digest = DecodeBase64(text);
  if (!digest || digest->size() != 16) return;
  object.checksum = Checksum::kMd5;
  object.digest = *digest;
}

struct AzurePlace {
  std::string base;  // "https://account.blob.core.windows.net", or an emulator's with the account
  std::string path;  // of `base`: "", or "/account"
  std::string account;
  std::string container;
  std::string blob;  // or the folder; decoded
};

bool IsPlainName(std::string_view text, size_t least, size_t most, std::string_view extra) {
  return text.size() >= least && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [extra](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  extra.find(c) != std::string_view::npos;
         });
}

class AzureProvider final : public StorageProvider {
 public:
  AzureProvider(const ProviderContext& context, AzurePlace place)
      : transfer_(context.options),
        credentials_(context.credentials.azure),
        place_(std::move(place)) {}

  Result<Listing> List(const StorageUri&, const Deadline& deadline) override {
    Listing listing;
    const Status folder = ListFolder(deadline, listing);
    if (folder.ok() && !listing.objects.empty()) return listing;
    // Whoever may read blobs need not be allowed to list the container.
    const bool may_be_blob = folder.ok() || folder.code() == StatusCode::kPermissionDenied ||
                             folder.code() == StatusCode::kNotFound;
    if (!may_be_blob) return folder;
    const Result<HttpReply> head = Ask("HEAD", BlobPath(place_.blob), {}, deadline);
    if (!head.ok()) return folder.ok() ? head.status() : folder;
    ObjectInfo object;
    object.key = place_.blob;
    object.relative_path = place_.blob.substr(place_.blob.rfind('/') + 1);
    object.version = VersionOfReply(*head);
    const std::string* length = head->Find("content-length");
    if (length == nullptr || !ParseSize(*length, object.size_bytes)) return NotAPage();
    if (const std::string* md5 = head->Find("content-md5")) SetMd5(*md5, object);
    listing.objects.push_back(std::move(object));
    return listing;
  }

  Status Read(const StorageUri&, const ObjectInfo& object, uint64_t offset, uint64_t size_bytes,
              const Deadline& deadline, const ByteSink& sink) override {
    AzureTarget target = Target("GET", BlobPath(object.key), {});
    if (!object.version.empty()) target.if_match = "\"" + object.version + "\"";
    target.range = RangeText(object, offset, size_bytes);
    THRONG_ASSIGN_OR_RETURN(HttpRequest request, RequestOf(target, deadline));
    return ReadObject(transfer_, std::move(request), object, offset, size_bytes, deadline,
                      VersionOfReply, sink);
  }

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;

  std::string ContainerPath() const {
    return place_.path + "/" + PercentEncode(place_.container, false);
  }
  std::string BlobPath(const std::string& name) const {
    return ContainerPath() + "/" + PercentEncode(name, true);
  }

  AzureTarget Target(const std::string& method, std::string path, Query query) const {
    AzureTarget target;
    target.method = method;
    target.account = place_.account;
    target.path = std::move(path);
    target.query = std::move(query);
    return target;
  }

  Result<HttpRequest> RequestOf(const AzureTarget& target, const Deadline& deadline) const {
    HttpRequest request;
    request.method = target.method;
    request.follow_redirects = false;  // a signature is good for one host and path only
    request.url = place_.base + target.path;
    char separator = '?';
    for (const auto& [name, value] : target.query) {
      request.url += separator + PercentEncode(name, false) + "=" + PercentEncode(value, false);
      separator = '&';
    }
    if (credentials_.account_key.empty() && !credentials_.sas_token.empty()) {
      request.url += separator + credentials_.sas_token;
    }
    THRONG_ASSIGN_OR_RETURN(request.secret_headers, AzureHeaders(credentials_.account_key,
                                                                 deadline.clock.WallNow(), target));
    return request;
  }

  // A reply with status 200.
  Result<HttpReply> Ask(const std::string& method, const std::string& path, const Query& query,
                        const Deadline& deadline) {
    THRONG_ASSIGN_OR_RETURN(const HttpRequest request,
                            RequestOf(Target(method, path, query), deadline));
    THRONG_ASSIGN_OR_RETURN(HttpReply reply, transfer_.Send(request, deadline));
    if (reply.status == 200) return reply;
    // 409: an account that allows nobody in without credentials.
    if (reply.status == 409) return PermissionDeniedError("the store answered 409");
    return StatusOfReply(reply, deadline.clock);
  }

  // What lies below "path/". The slash is what keeps models/user10 out of models/user1.
  Status ListFolder(const Deadline& deadline, Listing& listing) {
    const std::string prefix = place_.blob + "/";
    std::string marker;
    for (size_t page = 0; page < limits::kStorageListings; ++page) {
      Query query = {{"restype", "container"}, {"comp", "list"}, {"prefix", prefix}};
      if (!marker.empty()) query.emplace_back("marker", marker);
      THRONG_ASSIGN_OR_RETURN(const HttpReply reply, Ask("GET", ContainerPath(), query, deadline));
      THRONG_ASSIGN_OR_RETURN(marker, AddAzurePage(reply.body, prefix, listing));
      if (marker.empty()) return OkStatus();
    }
    return ResourceExhaustedError("the listing has more than " +
                                  std::to_string(limits::kStorageListings) + " pages");
  }

  HttpTransfer transfer_;
  const AzureCredentials credentials_;
  const AzurePlace place_;
};

Result<AzurePlace> PlaceOf(const std::string& endpoint, const StorageUri& uri) {
  AzurePlace place;
  place.account = uri.authority.ends_with(kHost)
                      ? uri.authority.substr(0, uri.authority.size() - kHost.size())
                      : uri.authority;
  if (!IsPlainName(place.account, 3, 24, "")) {
    return InvalidArgumentError("the Azure account's name is not 3 to 24 letters and digits");
  }
  if (!uri.query.empty()) {
    return InvalidArgumentError("a signature does not belong into the address of a model");
  }
  const std::string path = PercentDecode(uri.path);
  const size_t slash = path.find('/');
  place.container = path.substr(0, slash);
  if (!IsPlainName(place.container, 3, 63, "-$")) {
    return InvalidArgumentError("not the name of an Azure container");
  }
  if (slash == std::string::npos) {
    return InvalidArgumentError("no path: a whole container is not fetched");
  }
  place.blob = path.substr(slash + 1);
  place.base = "https://" + place.account + std::string(kHost);
  if (!endpoint.empty()) {
    place.path = "/" + place.account;
    place.base = endpoint.ends_with(place.path)
                     ? endpoint.substr(0, endpoint.size() - place.path.size())
                     : endpoint;
  }
  return place;
}

}  // namespace

Result<std::string> AddAzurePage(std::string_view xml, std::string_view prefix, Listing& listing) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8)) {
    return NotAPage();
  }
  const pugi::xml_node page = document.child("EnumerationResults");
  if (!page) return NotAPage();
  for (const pugi::xml_node item : page.child("Blobs").children("Blob")) {
    const pugi::xml_node properties = item.child("Properties");
    // A folder of an account with a hierarchy.
    if (properties.child_value("ResourceType") == std::string_view("directory")) continue;
    ObjectInfo object;
    object.key = item.child_value("Name");
    if (item.child("Name").attribute("Encoded").as_bool()) object.key = PercentDecode(object.key);
    if (!object.key.starts_with(prefix) ||
        !ParseSize(properties.child_value("Content-Length"), object.size_bytes)) {
      return NotAPage();
    }
    object.relative_path = object.key.substr(prefix.size());
    object.version = WithoutQuotes(properties.child_value("Etag"));
    SetMd5(properties.child_value("Content-MD5"), object);
    const bool is_folder = object.relative_path.empty() || object.relative_path.ends_with('/');
    if (is_folder && object.size_bytes == 0) continue;
    if (listing.objects.size() == limits::kArtifactFiles) {
      return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles) +
                                    " files");
    }
    listing.objects.push_back(std::move(object));
  }
  return std::string(page.child_value("NextMarker"));
}

Result<std::unique_ptr<StorageProvider>> MakeAzureProvider(const ProviderContext& context,
                                                           const StorageUri& uri) {
  const std::string& key = context.credentials.azure.account_key;
  if (!key.empty() && !DecodeBase64(key)) {
    return InvalidArgumentError("the Azure account key is not base64");
  }
  const std::string& token = context.credentials.azure.sas_token;
  if (token.find_first_of("#? \r\n") != std::string::npos) {
    return InvalidArgumentError("the shared access signature is not the query of an address");
  }
  THRONG_ASSIGN_OR_RETURN(AzurePlace place, PlaceOf(context.options.azure_endpoint, uri));
  return std::unique_ptr<StorageProvider>(
      std::make_unique<AzureProvider>(context, std::move(place)));
}

}  // namespace throng::storage
