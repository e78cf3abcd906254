#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/storage_provider.h"

namespace throng::storage {
namespace {

using V4 = uint32_t;                 // host order
using V6 = std::array<uint16_t, 8>;  // groups

enum class Kind : uint8_t { kPublic, kPrivate, kNever };

struct V4Range {
  V4 first;
  int bits;
  Kind kind;
};

constexpr V4 Address(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA's special-purpose registry, and the services that clouds answer to whoever asks from inside
// a machine, which hand out its credentials.
constexpr V4Range kV4Ranges[] = {
    {Address(169, 254, 169, 254), 32, Kind::kNever},  // metadata: Amazon, Google, Azure, ...
    {Address(169, 254, 170, 2), 32, Kind::kNever},    // Amazon: credentials of tasks
    {Address(169, 254, 170, 23), 32, Kind::kNever},   // Amazon: credentials of pods
    {Address(100, 100, 100, 200), 32, Kind::kNever},  // Alibaba
    {Address(192, 0, 0, 192), 32, Kind::kNever},      // Oracle
    {Address(168, 63, 129, 16), 32, Kind::kNever},    // Azure
    {Address(0, 0, 0, 0), 8, Kind::kNever},           // Linux takes it for this host
    {Address(224, 0, 0, 0), 4, Kind::kNever},         // multicast
    {Address(240, 0, 0, 0), 4, Kind::kNever},         // reserved, broadcast
    {Address(192, 0, 2, 0), 24, Kind::kNever},        // documentation
    {Address(198, 51, 100, 0), 24, Kind::kNever},
    {Address(203, 0, 113, 0), 24, Kind::kNever},
    {Address(10, 0, 0, 0), 8, Kind::kPrivate},
    {Address(172, 16, 0, 0), 12, Kind::kPrivate},
    {Address(192, 168, 0, 0), 16, Kind::kPrivate},
    {Address(127, 0, 0, 0), 8, Kind::kPrivate},
    {Address(169, 254, 0, 0), 16, Kind::kPrivate},
    {Address(100, 64, 0, 0), 10, Kind::kPrivate},  // carriers' NAT, and pods of some clusters
    {Address(192, 0, 0, 0), 24, Kind::kPrivate},
    {Address(198, 18, 0, 0), 15, Kind::kPrivate},  // benchmarks
};

Kind KindOf(V4 address) {
  for (const V4Range& range : kV4Ranges) {
    const V4 mask = ~V4{0} << (32 - range.bits);
    if ((address & mask) == range.first) return range.kind;
  }
  return Kind::kPublic;
}

bool IsZero(const V6& address, size_t first, size_t last) {
  return std::all_of(address.begin() + first, address.begin() + last,
                     [](uint16_t group) { return group == 0; });
}

V4 Joined(uint16_t high, uint16_t low) { return V4{high} << 16 | low; }

// IPv6 addresses that are another way to write an IPv4 one.
std::optional<V4> Embedded(const V6& a) {
  if (IsZero(a, 0, 5) && a[5] == 0xffff) return Joined(a[6], a[7]);                  // mapped
  if (IsZero(a, 0, 4) && a[4] == 0xffff && a[5] == 0) return Joined(a[6], a[7]);     // translated
  if (IsZero(a, 0, 6) && (a[6] != 0 || a[7] > 1)) return Joined(a[6], a[7]);         // compatible
  if (a[0] == 0x64 && a[1] == 0xff9b && IsZero(a, 2, 6)) return Joined(a[6], a[7]);  // NAT64
  if (a[0] == 0x2002) return Joined(a[1], a[2]);                                     // 6to4
  return std::nullopt;
}

Kind KindOf(const V6& a) {
  if (const std::optional<V4> embedded = Embedded(a)) return KindOf(*embedded);
  if (a == V6{0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254}) return Kind::kNever;  // Amazon's metadata
  if (a == V6{0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254}) return Kind::kNever;   // Google's metadata
  // Oracle's, and OpenStack's on each link: 169.254.169.254 as the last 32 bits.
  if (a[6] == 0xa9fe && a[7] == 0xa9fe && (a[0] == 0xfd00 || a[0] == 0xfe80)) return Kind::kNever;
  if (IsZero(a, 0, 7)) return a[7] == 1 ? Kind::kPrivate : Kind::kNever;  // ::1, ::
  if ((a[0] & 0xffc0) == 0xfe80 || (a[0] & 0xffc0) == 0xfec0) return Kind::kPrivate;
  if ((a[0] & 0xfe00) == 0xfc00) return Kind::kPrivate;
  if (a[0] == 0x64 && a[1] == 0xff9b && a[2] == 1) return Kind::kPrivate;  // local NAT64
  // Only 2000::/3 is assigned to hosts of the internet; Teredo and documentation lie in it.
  if ((a[0] & 0xe000) != 0x2000) return Kind::kNever;
  if (a[0] == 0x2001 && (a[1] == 0 || a[1] == 0xdb8)) return Kind::kNever;
  return Kind::kPublic;
}

// Strict: four numbers without leading zeros, so that no other reader sees another address.
std::optional<V4> ParseV4(std::string_view text) {
  V4 address = 0;
  for (int part = 0; part < 4; ++part) {
    const size_t dot = part < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos || dot == 0 || dot > 3) return std::nullopt;
    if (dot > 1 && text.front() == '0') return std::nullopt;
    V4 value = 0;
    for (const char c : text.substr(0, dot)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<V4>(c - '0');
    }
    if (value > 255) return std::nullopt;
    address = address << 8 | value;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return address;
}

std::optional<uint16_t> ParseGroup(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  uint16_t value = 0;
  for (const char c : text) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) return std::nullopt;
    value = static_cast<uint16_t>(value << 4 | digit);
  }
  return value;
}

// The groups of one side of "::"; a dotted address may end it. Nothing when they are malformed.
std::optional<size_t> ParseGroups(std::string_view text, bool may_end_dotted, V6& groups) {
  size_t count = 0;
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      const std::optional<V4> dotted = ParseV4(part);
      if (!may_end_dotted || !dotted || count > 6) return std::nullopt;
      groups[count++] = static_cast<uint16_t>(*dotted >> 16);
      groups[count++] = static_cast<uint16_t>(*dotted);
      return count;
    }
    const std::optional<uint16_t> group = ParseGroup(part);
    if (!group || count == groups.size()) return std::nullopt;
    groups[count++] = *group;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return count;
}

std::optional<V6> ParseV6(std::string_view text) {
  text = text.substr(0, text.find('%'));  // the zone
  V6 address = {};
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const std::optional<size_t> count = ParseGroups(text, true, address);
    if (!count || *count != address.size()) return std::nullopt;
    return address;
  }
  V6 tail = {};
  const std::optional<size_t> before = ParseGroups(text.substr(0, gap), false, address);
  const std::optional<size_t> after = ParseGroups(text.substr(gap + 2), true, tail);
  if (!before || !after || *before + *after >= address.size()) return std::nullopt;
  std::copy_n(tail.begin(), *after, address.end() - static_cast<ptrdiff_t>(*after));
  return address;
}

bool IsAllowedHost(const AddressPolicy& policy, std::string_view host, uint16_t port) {
  std::string name(host);
  if (name.find(':') != std::string::npos && !name.starts_with('[')) name = "[" + name + "]";
  const std::string with_port = name + ":" + std::to_string(port);
  return std::any_of(
      policy.allowed_hosts.begin(), policy.allowed_hosts.end(),
      [&](const std::string& allowed) { return allowed == name || allowed == with_port; });
}

}  // namespace

Status CheckAddress(const AddressPolicy& policy, std::string_view host, std::string_view address,
                    uint16_t port) {
  if (IsAllowedHost(policy, host, port)) return OkStatus();
  Kind kind = Kind::kNever;
  if (const std::optional<V4> v4 = ParseV4(address)) {
    kind = KindOf(*v4);
  } else if (const std::optional<V6> v6 = ParseV6(address)) {
    kind = KindOf(*v6);
  }
  if (kind == Kind::kPublic || (kind == Kind::kPrivate && policy.allow_private)) return OkStatus();
  return PermissionDeniedError(kind == Kind::kPrivate
                                   ? "the storage host has a private address, which is not allowed"
                                   : "the storage host has an address that is never allowed");
}

}  // namespace throng::storage
