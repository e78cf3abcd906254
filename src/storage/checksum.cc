#include "storage/checksum.h"

#include <array>
#include <cstring>

#include <openssl/evp.h>

#include "base/check.h"

namespace throng::storage {
namespace {

// Eight tables, so that eight bytes are taken at a time.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr CrcTables MakeCrcTables() {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli's, reflected
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; ++byte) {
    for (size_t table = 1; table < tables.size(); ++table) {
      const uint32_t before = tables[table - 1][byte];
      tables[table][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr CrcTables kCrcTables = MakeCrcTables();

uint32_t ByteAt(std::string_view bytes, size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

uint32_t Crc32c(uint32_t crc, std::string_view bytes) {
  crc = ~crc;
  const CrcTables& t = kCrcTables;
  while (bytes.size() >= 8) {
    uint32_t low = 0;
    uint32_t high = 0;
    for (size_t i = 0; i < 4; ++i) {
      low |= ByteAt(bytes, i) << (8 * i);
      high |= ByteAt(bytes, i + 4) << (8 * i);
    }
    low ^= crc;
    crc = t[7][low & 0xff] ^ t[6][low >> 8 & 0xff] ^ t[5][low >> 16 & 0xff] ^ t[4][low >> 24] ^
          t[3][high & 0xff] ^ t[2][high >> 8 & 0xff] ^ t[1][high >> 16 & 0xff] ^ t[0][high >> 24];
    bytes.remove_prefix(8);
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc = (crc >> 8) ^ t[0][(crc ^ ByteAt(bytes, i)) & 0xff];
  }
  return ~crc;
}

struct Hasher::State {
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  Checksum kind = Checksum::kNone;
  uint32_t crc = 0;
  std::unique_ptr<EVP_MD_CTX, FreeContext> context;
};

Hasher::Hasher(Checksum kind) : state_(std::make_unique<State>()) {
  state_->kind = kind;
  if (kind != Checksum::kMd5 && kind != Checksum::kSha256) return;
  state_->context.reset(EVP_MD_CTX_new());
  const EVP_MD* digest = kind == Checksum::kMd5 ? EVP_md5() : EVP_sha256();
  THRONG_CHECK(state_->context != nullptr);
  THRONG_CHECK(EVP_DigestInit_ex(state_->context.get(), digest, nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(std::string_view bytes) {
  if (state_->kind == Checksum::kCrc32c) state_->crc = Crc32c(state_->crc, bytes);
  if (state_->context == nullptr) return;
  THRONG_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Hasher::Finish() {
  std::string result;
  if (state_->kind == Checksum::kCrc32c) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      result += static_cast<char>(state_->crc >> shift & 0xff);
    }
  }
  if (state_->context == nullptr) return result;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  THRONG_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest, &size) == 1);
  result.assign(reinterpret_cast<const char*>(digest), size);
  return result;
}

std::string_view ChecksumName(Checksum kind) {
  switch (kind) {
    case Checksum::kNone:
      return "";
    case Checksum::kCrc32c:
      return "CRC32C";
    case Checksum::kMd5:
      return "MD5";
    case Checksum::kSha256:
      return "SHA-256";
  }
  return "";
}

std::string Sha256(std::string_view bytes) {
  Hasher hasher(Checksum::kSha256);
  hasher.Update(bytes);
  return hasher.Finish();
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    text += kDigits[ByteAt(bytes, i) >> 4];
    text += kDigits[ByteAt(bytes, i) & 15];
  }
  return text;
}

std::string Base64Url(std::string_view bytes) {
  std::string text = EncodeBase64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace throng::storage
