#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "base/control_limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {
namespace {

constexpr std::string_view kAzureHost = ".blob.core.windows.net";

Status Invalid(std::string_view rule) {
  return InvalidArgumentError("storage URI: " + std::string(rule));
}

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string LowerCase(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = LowerCase(c);
  return result;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerCase(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// KServe's message for an address that no prefix fits; the caller puts the resource's name before.
Status UnknownPrefix(std::string_view text) {
  std::string prefixes;
  for (const Scheme& scheme : Schemes()) {
    if (!prefixes.empty()) prefixes += ", ";
    prefixes.append(scheme.name).append("://");
  }
  // What looks like a password is not said again.
  const bool tells = text.find('@') == std::string_view::npos;
  return InvalidArgumentError(
      "storageUri field is invalid. The storage uri must start with one of the prefixes: " +
      prefixes + "." + (tells ? " (the storage uri given is \"" + EscapeForLog(text) + "\")" : ""));
}

Status CheckCharacters(std::string_view text) {
  if (text.size() > limits::kStorageUriBytes) {
    return Invalid("longer than " + std::to_string(limits::kStorageUriBytes) + " bytes");
  }
  if (!IsValidUtf8(text)) return Invalid("not UTF-8");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return Invalid("control character");
    if (c == '\\') return Invalid("backslash");
  }
  return OkStatus();
}

Status CheckBucket(std::string_view bucket) {
  constexpr size_t kShortest = 3;
  constexpr size_t kLongest = 222;  // of Google's names with dots
  if (bucket.empty()) return Invalid("no bucket");
  if (bucket.size() < kShortest || bucket.size() > kLongest) {
    return Invalid("a bucket's name has 3 to 222 characters");
  }
  for (const char c : bucket) {
    if (!IsAlphanumeric(c) && c != '-' && c != '_' && c != '.') {
      return Invalid("a bucket's name has letters, digits, '-', '_' and '.' only");
    }
  }
  if (!IsAlphanumeric(bucket.front()) || bucket.find("..") != std::string_view::npos) {
    return Invalid("not a bucket's name");
  }
  return OkStatus();
}

// KServe's message for what names no claim.
Status CheckClaim(const StorageUri& uri) {
  if (uri.authority.empty()) return Invalid("it must be pvc://<pvcname>/[path]");
  return CheckClaimName(uri.authority).WithContext("storage URI");
}

Status CheckPort(std::string_view port) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (error != std::errc() || end != port.data() + port.size() || value == 0 || value > 65535) {
    return Invalid("the port is not a number from 1 to 65535");
  }
  return OkStatus();
}

Status CheckHost(std::string_view authority) {
  constexpr size_t kLongest = 253;
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return Invalid("'[' without ']' in the host");
    host = authority.substr(1, close - 1);
    rest = authority.substr(close + 1);
    for (const char c : host) {
      if (HexDigit(c) < 0 && c != ':' && c != '.') return Invalid("not an address in '[' and ']'");
    }
  } else {
    const size_t colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) rest = authority.substr(colon);
    for (const char c : host) {
      if (!IsAlphanumeric(c) && c != '-' && c != '.' && c != '_') return Invalid("not a host name");
    }
  }
  if (host.empty()) return Invalid("no host");
  if (host.size() > kLongest) return Invalid("the host's name is too long");
  if (rest.empty()) return OkStatus();
  if (rest.front() != ':') return Invalid("not a host name");
  return CheckPort(rest.substr(1));
}

// A web address is percent-encoded: what would become a separator or a control character when
// decoded is refused, as the same character is when it is written plainly.
Status CheckEncoding(std::string_view path, std::string& decoded) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == ' ' || static_cast<unsigned char>(path[i]) >= 0x80) {
      return Invalid("a character that must be percent-encoded");
    }
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    const int high = i + 2 < path.size() ? HexDigit(path[i + 1]) : -1;
    const int low = i + 2 < path.size() ? HexDigit(path[i + 2]) : -1;
    if (high < 0 || low < 0) return Invalid("'%' without two hexadecimal digits");
    const int value = high * 16 + low;
    if (value < 0x20 || value == 0x7f || value == '/' || value == '\\') {
      return Invalid("an encoded separator or control character");
    }
    decoded += static_cast<char>(value);
    i += 2;
  }
  return OkStatus();
}

Status CheckSegments(std::string_view path) {
  if (path.ends_with('/')) return Invalid("empty segment in the path");
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty()) return Invalid("empty segment in the path");
    if (segment == "." || segment == "..") return Invalid("'.' or '..' in the path");
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return OkStatus();
}

Status CheckPath(const Scheme& scheme, StorageUri& uri) {
  if (uri.path.ends_with('/')) {
    if (scheme.authority == AuthorityKind::kHost && uri.scheme != "azure") {
      return Invalid("the path must name a file, not end with '/'");
    }
    uri.path.pop_back();
  }
  if (uri.path.empty() && scheme.path_required) {
    return Invalid(scheme.authority == AuthorityKind::kBucket
                       ? "no path: a whole bucket is not fetched"
                       : "no path");
  }
  if (scheme.authority != AuthorityKind::kHost) return CheckSegments(uri.path);
  std::string decoded;
  THRONG_RETURN_IF_ERROR(CheckEncoding(uri.path, decoded));
  if (!IsValidUtf8(decoded)) return Invalid("the path is not UTF-8 when decoded");
  THRONG_RETURN_IF_ERROR(CheckSegments(uri.path));
  return CheckSegments(decoded);
}

Status CheckAuthority(const Scheme& scheme, StorageUri& uri) {
  if (uri.authority.find('@') != std::string::npos) {
    return Invalid("no user or password may stand in it");
  }
  switch (scheme.authority) {
    case AuthorityKind::kBucket:
      return CheckBucket(uri.authority);
    case AuthorityKind::kHost:
      uri.authority = LowerCase(uri.authority);
      return CheckHost(uri.authority);
    case AuthorityKind::kClaim:
      return CheckClaim(uri);
    case AuthorityKind::kNone:
      if (uri.authority.empty() || uri.authority == "localhost") return OkStatus();
      return Invalid("a file's address has no host: " + uri.scheme + ":///path");
  }
  return InternalError("storage URI: a scheme without a kind");
}

}  // namespace

Status CheckClaimName(std::string_view name) {
  constexpr size_t kLongest = 253;
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  const auto is_edge = [&](char c) { return is_inner(c) && c != '-' && c != '.'; };
  const bool is_name = !name.empty() && name.size() <= kLongest && is_edge(name.front()) &&
                       is_edge(name.back()) && std::all_of(name.begin(), name.end(), is_inner) &&
                       name.find("..") == std::string_view::npos;
  if (is_name) return OkStatus();
  return InvalidArgumentError(
      "a claim's name consists of lower case letters, digits, '-' and '.', begins and ends with a "
      "letter or digit, and has at most 253 characters");
}

Result<StorageUri> ParseStorageUri(std::string_view text) {
  THRONG_RETURN_IF_ERROR(CheckCharacters(text));
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return UnknownPrefix(text);
  const Scheme* scheme = FindScheme(text.substr(0, colon));
  if (scheme == nullptr) {
    const std::string_view name = text.substr(0, colon);
    if (name == "hf" || name == "oci") {
      return UnimplementedError("storage URI: " + std::string(name) + ":// is not supported yet");
    }
    return UnknownPrefix(text);
  }
  StorageUri uri;
  uri.text = text;
  uri.scheme = scheme->name;
  std::string_view rest = text.substr(colon + 3);
  if (scheme->authority == AuthorityKind::kHost) {
    if (rest.find('#') != std::string_view::npos) return Invalid("'#' in a web address");
    if (const size_t mark = rest.find('?'); mark != std::string_view::npos) {
      uri.query = rest.substr(mark + 1);
      rest = rest.substr(0, mark);
      for (const char c : uri.query) {
        if (c == ' ' || static_cast<unsigned char>(c) >= 0x80) {
          return Invalid("a character in the query that must be percent-encoded");
        }
      }
    }
  }
  const size_t slash = rest.find('/');
  uri.authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) uri.path = rest.substr(slash + 1);
  THRONG_RETURN_IF_ERROR(CheckAuthority(*scheme, uri));
  if (uri.scheme == "https" && uri.authority.ends_with(kAzureHost)) {
    uri.scheme = "azure";
    scheme = FindScheme(uri.scheme);
  }
  THRONG_RETURN_IF_ERROR(CheckPath(*scheme, uri));
  return uri;
}

}  // namespace throng::storage
