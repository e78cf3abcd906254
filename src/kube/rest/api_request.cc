#include "kube/rest/api_request.h"

#include <charconv>

#include "kube/field_error.h"

namespace throng::kube::server {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What is no escape stays as it is.
std::string Decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
               HexDigit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// Of a namespace itself, so that "namespaces/NAME/status" is about NAME.
bool IsSubresourceOfNamespaces(std::string_view segment) {
  return segment == "status" || segment == "finalize";
}

}  // namespace

Query Query::Parse(std::string_view target) {
  Query query;
  const size_t mark = target.find('?');
  if (mark == target.npos) return query;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string_view value =
        equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    query.values_[Decode(pair.substr(0, equals))].push_back(Decode(value));
  }
  return query;
}

std::string Query::Get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second.front();
}

std::vector<std::string> Query::All(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

bool Query::IsTrue(std::string_view name) const {
  if (!Has(name)) return false;
  const std::string value = Get(name);
  return value != "false" && value != "False" && value != "0";
}

ApiResult<std::optional<int64_t>> Query::Number(std::string_view name) const {
  if (!Has(name) || Get(name).empty()) return std::optional<int64_t>();
  const std::string text = Get(name);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return BadRequestError(std::string(name) + ": Invalid value: " + QuoteText(text) +
                           ": must be a whole number");
  }
  if (number < 0) {
    return BadRequestError(std::string(name) + ": Invalid value: " + std::to_string(number) +
                           ": must be greater than or equal to 0");
  }
  return std::optional<int64_t>(number);
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const size_t end = path.find('/');
    if (end != 0) segments.emplace_back(path.substr(0, end));
    path = end == path.npos ? std::string_view() : path.substr(end + 1);
  }
  return segments;
}

std::optional<ResourcePath> ParseResourcePath(std::string_view path) {
  const std::vector<std::string> all = SplitPath(path);
  if (all.empty() || (all[0] != "api" && all[0] != "apis")) return std::nullopt;
  const bool is_core = all[0] == "api";
  size_t next = is_core ? 2 : 3;
  if (all.size() <= next) return std::nullopt;
  ResourcePath found;
  if (!is_core) found.group = all[1];
  found.version = all[next - 1];
  const auto take = [&] { return next < all.size() ? all[next++] : std::string(); };
  if (all[next] == "namespaces" && all.size() > next + 2 &&
      !(all.size() == next + 3 && IsSubresourceOfNamespaces(all[next + 2]))) {
    found.name_space = all[next + 1];
    next += 2;
  }
  found.resource = take();
  found.name = take();
  found.subresource = take();
  found.rest.assign(all.begin() + static_cast<ptrdiff_t>(next), all.end());
  return found;
}

std::string VerbOf(std::string_view method, const ResourcePath& path, const Query& query) {
  const bool is_one = !path.name.empty();
  if (method == "GET") {
    if (is_one) return "get";
    return query.IsTrue("watch") ? "watch" : "list";
  }
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return is_one ? "delete" : "deletecollection";
  return "";
}

}  // namespace throng::kube::server
