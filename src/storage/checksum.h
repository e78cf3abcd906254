// Checksums that stores declare, and their spellings. Values; not thread-safe while updated.
//
//   Hasher hasher(Checksum::kCrc32c);
//   hasher.Update(bytes);
//   if (hasher.Finish() != object.digest) ...
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "storage/storage_provider.h"

namespace throng::storage {

// CRC-32C (Castagnoli), continued from `crc`; 0 at the start.
uint32_t Crc32c(uint32_t crc, std::string_view bytes);

class Hasher {
 public:
  // kNone hashes nothing, and finishes empty.
  explicit Hasher(Checksum kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void Update(std::string_view bytes);
  // Raw bytes, most significant first. Once.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string_view ChecksumName(Checksum kind);   // "CRC32C"
std::string Sha256(std::string_view bytes);     // raw
std::string Hex(std::string_view bytes);        // lower case
std::string Base64Url(std::string_view bytes);  // for URLs, without padding
// Nothing: not an even number of hexadecimal digits.
std::optional<std::string> FromHex(std::string_view text);

}  // namespace throng::storage
