#include "storage/azure/shared_key.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "storage/checksum.h"

namespace throng::storage {
namespace {

constexpr std::string_view kVersion = "2021-08-06";

// "Fri, 26 Jun 2015 23:39:12 GMT"
std::string HttpDate(WallTime now) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(seconds - day);
  char text[64];
  snprintf(text, sizeof(text), "%s, %02u %s %04d %02d:%02d:%02d GMT",
           kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
           kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
           static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
           static_cast<int>(time.seconds().count()));
  return text;
}

std::string Hmac(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  THRONG_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest,
                    &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

}  // namespace

Result<HttpHeaders> AzureHeaders(const std::string& account_key, WallTime now,
                                 const AzureTarget& target) {
  HttpHeaders headers = {{"x-ms-date", HttpDate(now)}, {"x-ms-version", std::string(kVersion)}};
  if (!target.if_match.empty()) headers.emplace_back("If-Match", target.if_match);
  if (account_key.empty()) return headers;
  const std::optional<std::string> key = DecodeBase64(account_key);
  if (!key || key->empty()) return InvalidArgumentError("the Azure account key is not base64");
  // Encoding, language, length, MD5, type, date, modified-since; then what is used here.
  std::string text =
      target.method + "\n\n\n\n\n\n\n\n" + target.if_match + "\n\n\n" + target.range + "\n";
  text += "x-ms-date:" + headers[0].second + "\nx-ms-version:" + headers[1].second + "\n";
  text += "/" + target.account + target.path;
  std::vector<std::pair<std::string, std::string>> query = target.query;
  std::sort(query.begin(), query.end());
  for (const auto& [name, value] : query) text += "\n" + name + ":" + value;
  headers.emplace_back("Authorization",
                       "SharedKey " + target.account + ":" + EncodeBase64(Hmac(*key, text)));
  return headers;
}

}  // namespace throng::storage
