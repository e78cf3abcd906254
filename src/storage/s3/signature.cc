#include "storage/s3/signature.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "storage/checksum.h"

namespace throng::storage {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string Hmac(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  THRONG_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest,
                    &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

// "20150830T123600Z"
std::string Timestamp(WallTime now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(seconds - day);
  char text[32];
  snprintf(text, sizeof(text), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
           static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
           static_cast<int>(time.seconds().count()));
  return text;
}

}  // namespace

std::string CanonicalQuery(const S3Target& target) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : target.query) {
    encoded.emplace_back(PercentEncode(name, false), PercentEncode(value, false));
  }
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

HttpHeaders SignS3(const S3Credentials& credentials, const std::string& region, WallTime now,
                   const S3Target& target) {
  const std::string time = Timestamp(now);
  const std::string date = time.substr(0, 8);
  const std::string body_hash = Hex(Sha256(""));
  HttpHeaders headers = target.amz_headers;
  headers.emplace_back("x-amz-content-sha256", body_hash);
  headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  std::sort(headers.begin(), headers.end());
  std::string names = "host";
  std::string lines = "host:" + target.host + "\n";
  for (const auto& [name, value] : headers) {
    names += ";" + name;
    lines += name + ":" + value + "\n";
  }
  const std::string canonical = target.method + "\n" + target.path + "\n" + CanonicalQuery(target) +
                                "\n" + lines + "\n" + names + "\n" + body_hash;
  const std::string scope = date + "/" + region + "/s3/aws4_request";
  const std::string to_sign =
      std::string(kAlgorithm) + "\n" + time + "\n" + scope + "\n" + Hex(Sha256(canonical));
  std::string key = Hmac("AWS4" + credentials.secret_access_key, date);
  for (const std::string& part : {region, std::string("s3"), std::string("aws4_request")}) {
    key = Hmac(key, part);
  }
  headers.emplace_back("Authorization", std::string(kAlgorithm) +
                                            " Credential=" + credentials.access_key_id + "/" +
                                            scope + ", SignedHeaders=" + names +
                                            ", Signature=" + Hex(Hmac(key, to_sign)));
  return headers;
}

}  // namespace throng::storage
