// Checksum: 64 bits over numbers and texts, to find rows that a disk gave back wrong. Every step is
// reversible for a given word, so that one wrong word is always found. Not against an attacker. A
// value type.
//
//   const int64_t checksum = Checksum().Add(revision).Add(name).value();
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace throng::store {

class Checksum {
 public:
  Checksum& Add(std::integral auto number) { return AddWord(static_cast<uint64_t>(number)); }
  // With its length, so that "ab" + "c" is not "a" + "bc".
  Checksum& Add(std::string_view bytes) {
    AddWord(bytes.size());
    for (; bytes.size() >= sizeof(uint64_t); bytes.remove_prefix(sizeof(uint64_t))) {
      AddWord(WordOf(bytes));
    }
    return bytes.empty() ? *this : AddWord(WordOf(bytes));
  }
  int64_t value() const { return static_cast<int64_t>(state_); }

 private:
  static uint64_t WordOf(std::string_view bytes) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof(word)));
    return word;
  }
  Checksum& AddWord(uint64_t word) {
    constexpr uint64_t kOddMultiplier = 0x9E3779B97F4A7C15;
    constexpr int kHalf = 32;
    state_ = (state_ ^ word) * kOddMultiplier;
    state_ ^= state_ >> kHalf;
    return *this;
  }

  uint64_t state_ = 0x54686E67;
};

}  // namespace throng::store
