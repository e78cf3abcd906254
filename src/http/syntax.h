// The small grammar that HTTP/1.1 requests and replies share (RFC 9110 §5, RFC 9112). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throng::http {

// All of it "token" characters, and not empty (RFC 9110 §5.6.2).
bool IsToken(std::string_view text);
// Visible characters, blanks and bytes from 0x80 up: no control character but the tab.
bool IsFieldValue(std::string_view text);
// Visible ASCII without '#', not empty.
bool IsRequestTarget(std::string_view text);
// What may stand in Host or in the authority of a target; may be empty.
bool IsAuthority(std::string_view text);

// ASCII only.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
// Without blanks and tabs at both ends.
std::string_view TrimBlanks(std::string_view text);
// True when the comma-separated `list` has `token`, in any case.
bool ListHasToken(std::string_view list, std::string_view token);

// Decimal digits alone, up to 19 of them.
std::optional<uint64_t> ParseDecimal(std::string_view text);
// Hexadecimal digits alone, up to 16 of them.
std::optional<uint64_t> ParseHexadecimal(std::string_view text);

// Decodes every %XX of `text` once into `decoded`. False for a cut or malformed escape and for %00.
bool DecodePercent(std::string_view text, std::string& decoded);

// "Not Found"; "Unknown" for a number without a name.
std::string_view ReasonPhrase(int status);

}  // namespace throng::http
