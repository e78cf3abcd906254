// What replies of stores mean, and reading a part of an object; see storage/http/http_transfer.h.
#include <algorithm>
#include <charconv>
#include <optional>

#include <curl/curl.h>

#include "storage/http/http_transfer.h"

namespace throng::storage {
namespace {

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Seconds, or a date. Nothing when it says neither.
std::optional<int> RetryAfter(const HttpReply& reply, const Clock& clock) {
  constexpr int64_t kMost = 3600;
  const std::string* value = reply.Find("retry-after");
  if (value == nullptr) return std::nullopt;
  if (const std::optional<uint64_t> seconds = ParseNumber(*value)) {
    return static_cast<int>(std::min<uint64_t>(*seconds, kMost));
  }
  const time_t date = curl_getdate(value->c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(clock.WallNow().time_since_epoch()).count();
  return static_cast<int>(std::clamp<int64_t>(static_cast<int64_t>(date) - now, 0, kMost));
}

bool ReachesTheEnd(const ObjectInfo& object, uint64_t offset, uint64_t size_bytes) {
  return size_bytes == kToTheEnd || (object.size_known && offset + size_bytes >= object.size_bytes);
}

Status Changed(std::string_view what) {
  return Status(StatusCode::kAborted, "the object changed while it was read: " + std::string(what));
}

// "bytes 10-19/100"
struct ContentRange {
  uint64_t first = 0;
  std::optional<uint64_t> total;
};

std::optional<ContentRange> ParseContentRange(const HttpReply& head) {
  const std::string* value = head.Find("content-range");
  if (value == nullptr || !value->starts_with("bytes ")) return std::nullopt;
  const std::string_view text = std::string_view(*value).substr(6);
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const std::optional<uint64_t> first = ParseNumber(text.substr(0, dash));
  if (!first) return std::nullopt;
  return ContentRange{*first, ParseNumber(text.substr(slash + 1))};
}

// One read: what was asked for, and what of it has come.
struct Reading {
  const ObjectInfo& object;
  uint64_t offset;
  uint64_t wanted_bytes;  // kToTheEnd: until the body ends
  bool asked_range;
  uint64_t skip_bytes = 0;  // the server ignored the range
  uint64_t taken_bytes = 0;
  bool has_enough = false;  // ended by us, because the rest is not wanted

  Status CheckHead(const HttpReply& head, const VersionOf& version_of);
  Status Take(std::string_view bytes, const ByteSink& sink);
};

Status Reading::CheckHead(const HttpReply& head, const VersionOf& version_of) {
  const std::string version = version_of(head);
  if (!version.empty() && !object.version.empty() && version != object.version) {
    return Changed("another version");
  }
  if (head.status == 206) {
    const std::optional<ContentRange> range = ParseContentRange(head);
    if (!asked_range || !range || range->first != offset) {
      return DataLossError("the store sent another part than was asked for");
    }
    if (object.size_known && range->total && *range->total != object.size_bytes) {
      return Changed("another size");
    }
    return OkStatus();
  }
  skip_bytes = offset;
  const std::string* length = head.Find("content-length");
  const std::optional<uint64_t> size = length ? ParseNumber(*length) : std::nullopt;
  if (object.size_known && size && *size != object.size_bytes) return Changed("another size");
  return OkStatus();
}

Status Reading::Take(std::string_view bytes, const ByteSink& sink) {
  const uint64_t skipped = std::min<uint64_t>(skip_bytes, bytes.size());
  skip_bytes -= skipped;
  bytes.remove_prefix(skipped);
  const uint64_t left = wanted_bytes == kToTheEnd ? kToTheEnd : wanted_bytes - taken_bytes;
  const std::string_view taken = bytes.substr(0, std::min<uint64_t>(left, bytes.size()));
  if (!taken.empty()) THRONG_RETURN_IF_ERROR(sink(taken));
  taken_bytes += taken.size();
  if (taken.size() == bytes.size()) return OkStatus();
  // More than was asked for: the rest of an object whose range was ignored, or a lie.
  if (object.size_known && offset + taken_bytes < object.size_bytes) {
    has_enough = true;
    return CancelledError("enough");
  }
  return DataLossError("the object is longer than declared");
}

}  // namespace

const std::string* HttpReply::Find(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return &value;
  }
  return nullptr;
}

Status StatusOfReply(const HttpReply& reply, const Clock& clock) {
  const std::string text = "the store answered " + std::to_string(reply.status);
  switch (reply.status) {
    case 401:
    case 403:
      return PermissionDeniedError(text);
    case 404:
    case 410:
      return NotFoundError(text);
    case 412:
    case 416:
      return Status(StatusCode::kAborted, text);
    default:
      break;
  }
  if (reply.status >= 500 || reply.status == 408 || reply.status == 429) {
    Status status = UnavailableError(text);
    const std::optional<int> seconds = RetryAfter(reply, clock);
    return seconds ? status.WithRetryAfter(*seconds) : status;
  }
  return FailedPreconditionError(text);
}

std::string PercentEncode(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (keep_slashes && c == '/');
    if (plain) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += kDigits[byte >> 4];
    result += kDigits[byte & 15];
  }
  return result;
}

std::string RangeText(const ObjectInfo& object, uint64_t offset, uint64_t size_bytes) {
  const bool to_the_end = ReachesTheEnd(object, offset, size_bytes);
  if (offset == 0 && to_the_end) return "";
  const std::string first = "bytes=" + std::to_string(offset) + "-";
  return to_the_end ? first : first + std::to_string(offset + size_bytes - 1);
}

Status ReadObject(HttpTransfer& transfer, HttpRequest request, const ObjectInfo& object,
                  uint64_t offset, uint64_t size_bytes, const Deadline& deadline,
                  const VersionOf& version_of, const ByteSink& sink) {
  const bool to_the_end = ReachesTheEnd(object, offset, size_bytes);
  uint64_t wanted_bytes = size_bytes;
  if (to_the_end) wanted_bytes = object.size_known ? object.size_bytes - offset : kToTheEnd;
  if (wanted_bytes == 0 && offset > 0) return OkStatus();
  std::string range = RangeText(object, offset, size_bytes);
  Reading reading{object, offset, wanted_bytes, !range.empty()};
  if (!range.empty()) request.headers.emplace_back("Range", std::move(range));
  const Result<HttpReply> reply = transfer.Send(
      request, deadline, [&](const HttpReply& head) { return reading.CheckHead(head, version_of); },
      [&](std::string_view bytes) { return reading.Take(bytes, sink); });
  if (reading.has_enough) return OkStatus();
  if (!reply.ok()) return reply.status();
  if (reply->status == 404 || reply->status == 410) return Changed("it is gone");
  if (reply->status != 200 && reply->status != 206) return StatusOfReply(*reply, deadline.clock);
  if (wanted_bytes != kToTheEnd && reading.taken_bytes < wanted_bytes) {
    return DataLossError("the object is shorter than declared");
  }
  return OkStatus();
}

}  // namespace throng::storage
