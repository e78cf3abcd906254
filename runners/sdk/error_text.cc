#include "runners/sdk/error_text.h"

#include <algorithm>
#include <exception>
#include <new>

#include "base/limits.h"
#include "base/utf8.h"

namespace throng::sdk {
namespace {

// Shorter hexadecimal numbers are values (0x10), not addresses.
constexpr size_t kAddressDigits = 6;

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool IsWordCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '.' || c == '-' || c == '~' || static_cast<unsigned char>(c) >= 0x80;
}

// ':' belongs to a path, so that "file.cc:12" stays together.
bool IsPathCharacter(char c) {
  return static_cast<unsigned char>(c) > ' ' &&
         std::string_view("\"'`()[]{}<>,;|").find(c) == std::string_view::npos;
}

// Length of the absolute path that starts at `position`; 0 when there is none.
size_t PathLength(std::string_view text, size_t position) {
  if (text[position] != '/') return 0;
  if (position > 0 && IsWordCharacter(text[position - 1])) return 0;
  size_t end = position + 1;
  while (end < text.size() && IsPathCharacter(text[end])) ++end;
  return end - position > 1 ? end - position : 0;
}

// Length of the address ("0x7f12ab34cd56") that starts at `position`; 0 when there is none.
size_t AddressLength(std::string_view text, size_t position) {
  if (text[position] != '0' || position + 1 >= text.size()) return 0;
  if (text[position + 1] != 'x' && text[position + 1] != 'X') return 0;
  size_t end = position + 2;
  while (end < text.size() && IsHexDigit(text[end])) ++end;
  return end - position - 2 >= kAddressDigits ? end - position : 0;
}

std::string_view LastComponent(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Appends a character or a whole UTF-8 sequence; returns how many bytes of `text` it took.
size_t AppendCharacter(std::string_view text, std::string& out) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < ' ' || first == 0x7f) {
    out += ' ';
    return 1;
  }
  const size_t length = Utf8SequenceLength(text);
  if (length == 0) {
    out += '?';
    return 1;
  }
  out += text.substr(0, length);
  return length;
}

std::string ReplaceSecrets(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (const size_t address = AddressLength(text, i); address > 0) {
      out += "<address>";
      i += address;
    } else if (const size_t path = PathLength(text, i); path > 0) {
      out += LastComponent(text.substr(i, path));
      i += path;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace

std::string SanitizeErrorText(std::string_view text) {
  // A framework may print a whole tensor; what is cut off anyway need not be looked at.
  const std::string replaced = ReplaceSecrets(text.substr(0, 8 * limits::kErrorTextBytes));
  std::string out;
  std::string_view rest = replaced;
  while (!rest.empty()) {
    const size_t before = out.size();
    rest.remove_prefix(AppendCharacter(rest, out));
    if (out.size() > limits::kErrorTextBytes) {
      out.resize(before);
      break;
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

Status SanitizeStatus(const Status& status) {
  if (status.ok()) return status;
  return Status(status.code(), SanitizeErrorText(status.message()));
}

Status StatusFromCurrentException() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("the model needs more memory than its cell may use");
  } catch (const std::exception& error) {
    return InternalError(SanitizeErrorText(error.what()));
  } catch (...) {
    return InternalError("the framework failed and did not say why");
  }
}

}  // namespace throng::sdk
