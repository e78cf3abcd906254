// What S3's XML says; see storage/s3/s3_provider.h.
#include <charconv>
#include <optional>

#include <pugixml.hpp>

#include "base/limits.h"
#include "storage/s3/s3_provider.h"

namespace throng::storage {
namespace {

Status NotAPage() { return UnavailableError("the store's reply is not what S3 says"); }

// Keys come percent-encoded ('+' stands for a blank), because XML cannot hold every character.
std::optional<std::string> Decoded(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      result += ' ';
    } else if (text[i] == '%') {
      unsigned value = 0;
      if (i + 2 >= text.size()) return std::nullopt;
      const auto [end, error] =
          std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

pugi::xml_parse_result Parse(pugi::xml_document& document, std::string_view xml) {
  // Neither DOCTYPE nor processing instructions are looked at; entities are XML's five.
  return document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
}

}  // namespace

Result<std::string> AddS3Page(std::string_view xml, std::string_view prefix, Listing& listing) {
  pugi::xml_document document;
  if (!Parse(document, xml)) return NotAPage();
  const pugi::xml_node page = document.child("ListBucketResult");
  if (!page) return NotAPage();
  const bool encoded = page.child_value("EncodingType") == std::string_view("url");
  for (const pugi::xml_node item : page.children("Contents")) {
    ObjectInfo object;
    const std::string_view key = item.child_value("Key");
    const std::optional<std::string> decoded = encoded ? Decoded(key) : std::string(key);
    const std::string_view size = item.child_value("Size");
    const auto [end, error] =
        std::from_chars(size.data(), size.data() + size.size(), object.size_bytes);
    if (!decoded || decoded->empty() || size.empty() || error != std::errc() ||
        end != size.data() + size.size() || !decoded->starts_with(prefix)) {
      return NotAPage();
    }
    object.key = *decoded;
    object.relative_path = object.key.substr(prefix.size());
    object.version = item.child_value("ETag");
    // What consoles make for an empty folder.
    const bool is_folder = object.relative_path.empty() || object.relative_path.ends_with('/');
    if (is_folder && object.size_bytes == 0) continue;
    if (listing.objects.size() == limits::kArtifactFiles) {
      return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles) +
                                    " files");
    }
    listing.objects.push_back(std::move(object));
  }
  if (page.child_value("IsTruncated") != std::string_view("true")) return std::string();
  const std::string token = page.child_value("NextContinuationToken");
  if (token.empty()) return NotAPage();
  return token;
}

std::string S3ErrorCode(std::string_view xml) {
  constexpr size_t kMostBytes = 64;
  pugi::xml_document document;
  if (!Parse(document, xml)) return "";
  const std::string code = document.child("Error").child_value("Code");
  for (const char c : code) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter) return "";
  }
  return code.size() <= kMostBytes ? code : "";
}

}  // namespace throng::storage
