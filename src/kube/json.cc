#include "kube/json.h"

#include <charconv>
#include <cmath>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/control_limits.h"
#include "base/utf8.h"

namespace throng::kube {
namespace {

constexpr std::string_view kYamlTagPrefix = "tag:yaml.org,2002:";

// Builds a tree from the events of a parser, with the rules that both languages share: a cap on the
// depth, and no key twice.
class TreeBuilder {
 public:
  // Each returns false when `error()` says why the document is refused.
  bool Value(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    if (open_.back().is_array()) {
      open_.back().push_back(std::move(value));
      return true;
    }
    open_.back().emplace(keys_.back(), std::move(value));
    keys_.pop_back();
    return true;
  }

  bool Key(std::string key) {
    const bool twice = open_.back().contains(key);
    keys_.push_back(std::move(key));
    if (!twice) return true;
    error_ = "duplicate field \"" + Path() + "\"";
    return false;
  }

  bool Open(Json container) {
    if (open_.size() >= limits::kObjectDepth) {
      error_ = "nested deeper than " + std::to_string(limits::kObjectDepth) + " levels";
      return false;
    }
    open_.push_back(std::move(container));
    return true;
  }

  bool Close() {
    Json container = std::move(open_.back());
    open_.pop_back();
    return Value(std::move(container));
  }

  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  bool in_object() const { return !open_.empty() && open_.back().is_object(); }
  size_t depth() const { return open_.size(); }
  const std::string& error() const { return error_; }
  Json TakeRoot() { return std::exchange(root_, Json()); }

 private:
  // "spec.containers[0].name" of the value that is being read.
  std::string Path() const {
    std::string path;
    size_t key = 0;
    for (const Json& container : open_) {
      if (container.is_array()) {
        path += "[" + std::to_string(container.size()) + "]";
      } else if (key < keys_.size()) {
        path += (path.empty() ? "" : ".") + keys_[key++];
      }
    }
    return path;
  }

  std::vector<Json> open_;         // containers, the outermost first
  std::vector<std::string> keys_;  // of every object that waits for the value of a key
  Json root_;
  std::string error_;
};

// What nlohmann's parser calls. The names of the functions are its own.
class JsonEvents {
 public:
  bool null() { return builder_.Value(nullptr); }
  bool boolean(bool value) { return builder_.Value(value); }
  bool number_integer(Json::number_integer_t value) { return builder_.Value(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return builder_.Value(value); }
  bool number_float(Json::number_float_t value, const std::string& /*text*/) {
    return builder_.Value(value);
  }
  bool string(std::string& value) { return builder_.Value(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { return builder_.Fail("binary values are no JSON"); }
  bool start_object(size_t /*size*/) { return builder_.Open(Json::object()); }
  bool key(std::string& key) { return builder_.Key(std::move(key)); }
  bool end_object() { return builder_.Close(); }
  bool start_array(size_t /*size*/) { return builder_.Open(Json::array()); }
  bool end_array() { return builder_.Close(); }
  bool parse_error(size_t byte, const std::string& /*token*/,
                   const nlohmann::detail::exception& e) {
    // "[json.exception...] parse error at line 1, column 3: REASON; last read: 'BYTES'"
    std::string_view reason = e.what();
    if (const size_t at = reason.find(": "); at != std::string_view::npos) {
      reason.remove_prefix(at + 2);
    }
    reason = reason.substr(0, reason.find("; last read"));
    // That message quotes the whole number.
    if (reason.find("number overflow") != reason.npos) reason = "a number out of range";
    return builder_.Fail("invalid JSON at byte " + std::to_string(byte) + ": " +
                         std::string(reason));
  }

  TreeBuilder& builder() { return builder_; }

 private:
  TreeBuilder builder_;
};

bool AllOf(std::string_view text, std::string_view alphabet) {
  return !text.empty() && text.find_first_not_of(alphabet) == std::string_view::npos;
}

bool IsWord(std::string_view text, std::string_view lower, std::string_view title,
            std::string_view upper) {
  return text == lower || text == title || text == upper;
}

// Digits of `base` with a sign. Numbers beyond 64 bits become floating-point, as in JSON.
Json IntegerFrom(std::string_view digits, bool negative, int base) {
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, value, base).ec == std::errc()) {
    if (!negative) return value;
    if (value <= uint64_t{1} << 63) return static_cast<int64_t>(-value);
  }
  double real = 0;
  for (const char digit : digits) {
    real = real * base + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
  }
  if (!std::isfinite(real)) return nullptr;
  return negative ? -real : real;
}

// Whether `text` (without a sign) is a number of YAML's core schema with a point or an exponent.
bool LooksReal(std::string_view text) {
  size_t at = 0;
  size_t digits = 0;
  const auto skip_digits = [&] {
    size_t count = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) ++count;
    return count;
  };
  digits = skip_digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (skip_digits() == 0) return false;
  }
  return at == text.size();
}

// The number that a plain scalar says; null when it says none.
Json NumberFrom(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view rest = text;
  if (negative || text.starts_with('+')) rest.remove_prefix(1);
  constexpr std::string_view kDigits = "0123456789";
  if (rest.starts_with("0x") && AllOf(rest.substr(2), "0123456789abcdefABCDEF")) {
    return IntegerFrom(rest.substr(2), negative, 16);
  }
  if (rest.starts_with("0o") && AllOf(rest.substr(2), "01234567")) {
    return IntegerFrom(rest.substr(2), negative, 8);
  }
  // File modes ("defaultMode: 0644") are octal for kubectl.
  if (rest.size() > 1 && rest.front() == '0' && AllOf(rest, "01234567")) {
    return IntegerFrom(rest, negative, 8);
  }
  if (AllOf(rest, kDigits)) return IntegerFrom(rest, negative, 10);
  if (!LooksReal(rest)) return nullptr;
  double value = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (parsed.ec != std::errc() && parsed.ec != std::errc::result_out_of_range) return nullptr;
  if (parsed.ec == std::errc::result_out_of_range) return nullptr;
  return negative ? -value : value;
}

// An untagged, unquoted scalar.
Json PlainScalar(const std::string& text) {
  if (text.empty() || text == "~" || IsWord(text, "null", "Null", "NULL")) return nullptr;
  if (IsWord(text, "true", "True", "TRUE")) return true;
  if (IsWord(text, "false", "False", "FALSE")) return false;
  if (Json number = NumberFrom(text); !number.is_null()) return number;
  return text;
}

bool IsUnrepresentable(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return IsWord(text, ".inf", ".Inf", ".INF") || IsWord(text, ".nan", ".NaN", ".NAN") ||
         (LooksReal(text) && NumberFrom(text).is_null());
}

// Thrown out of yaml-cpp's parser, which has no other way to be stopped.
struct Refused {
  int line;
  std::string message;
};

class YamlEvents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    if (expects_key()) Refuse(mark, "a key must be text");
    Add(mark, nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Refuse(mark, "aliases are not supported");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    if (expects_key()) {
      key_read_.back() = true;
      if (!builder_.Key(value)) Refuse(mark, builder_.error());
      return;
    }
    Add(mark, Scalar(mark, tag, value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, "seq", anchor, Json::array());
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, "map", anchor, Json::object());
  }
  void OnMapEnd() override { Close(); }

  Json TakeRoot() { return builder_.TakeRoot(); }
  const YAML::Mark& start() const { return start_; }

 private:
  [[noreturn]] static void Refuse(const YAML::Mark& mark, std::string message) {
    throw Refused{mark.line, std::move(message)};
  }
  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) Refuse(mark, "anchors are not supported");
  }

  bool expects_key() const { return builder_.in_object() && !key_read_.back(); }

  void Add(const YAML::Mark& mark, Json value) {
    if (!builder_.Value(std::move(value))) Refuse(mark, builder_.error());
    if (!key_read_.empty()) key_read_.back() = false;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, std::string_view expected,
            YAML::anchor_t anchor, Json container) {
    RefuseAnchor(mark, anchor);
    if (expects_key()) Refuse(mark, "a key must be text");
    const std::string_view short_tag = ShortTag(tag);
    if (short_tag != "?" && short_tag != "!" && !tag.empty() && short_tag != expected) {
      Refuse(mark, "the tag of a value is not supported");
    }
    if (!builder_.Open(std::move(container))) Refuse(mark, builder_.error());
    key_read_.push_back(false);
  }

  void Close() {
    key_read_.pop_back();
    builder_.Close();
    if (!key_read_.empty()) key_read_.back() = false;
  }

  static std::string_view ShortTag(std::string_view tag) {
    if (tag.starts_with(kYamlTagPrefix)) tag.remove_prefix(kYamlTagPrefix.size());
    return tag;
  }

  // "?" is the tag of what is plain, "!" of what is quoted.
  static Json Scalar(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    const std::string_view short_tag = ShortTag(tag);
    if (short_tag == "!" || short_tag == "str") return value;
    if (IsUnrepresentable(value)) Refuse(mark, "a number that JSON does not have");
    Json plain = PlainScalar(value);
    if (short_tag == "?" || tag.empty()) return plain;
    if ((short_tag == "int" && plain.is_number_integer()) ||
        (short_tag == "float" && plain.is_number()) ||
        (short_tag == "bool" && plain.is_boolean()) || (short_tag == "null" && plain.is_null())) {
      return plain;
    }
    Refuse(mark, "the tag of a value is not supported");
  }

  TreeBuilder builder_;
  YAML::Mark start_;
  std::vector<bool> key_read_;  // of each open container: a key waits for its value
};

// yaml-cpp guesses UTF-16 from NUL bytes and takes 0x04 for the end, so that what YAML forbids
// anyway must not reach it.
Status CheckYamlText(std::string_view text) {
  if (!IsValidUtf8(text)) return InvalidArgumentError("invalid YAML: the text is not UTF-8");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') {
      return InvalidArgumentError("invalid YAML: control characters are not allowed");
    }
  }
  return OkStatus();
}

}  // namespace

Result<Json> ParseJson(std::string_view text) {
  JsonEvents events;
  try {
    if (Json::sax_parse(text.begin(), text.end(), &events)) return events.builder().TakeRoot();
  } catch (const std::exception&) {
    return InvalidArgumentError("invalid JSON");
  }
  return InvalidArgumentError(events.builder().error());
}

Result<std::vector<Json>> ParseYamlDocuments(std::string_view text) {
  THRONG_RETURN_IF_ERROR(CheckYamlText(text));
  const auto refused = [](int line, const std::string& message) {
    return InvalidArgumentError("invalid YAML at line " + std::to_string(line + 1) + ": " +
                                message);
  };
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    std::vector<Json> documents;
    int last_start = -1;
    for (;;) {
      YamlEvents events;
      if (!parser.HandleNextDocument(events)) return documents;
      // At a token that starts nothing (","), yaml-cpp finds empty documents for ever.
      if (events.start().pos <= last_start) return refused(events.start().line, "unexpected token");
      last_start = events.start().pos;
      if (Json root = events.TakeRoot(); !root.is_null()) documents.push_back(std::move(root));
    }
  } catch (const Refused& error) {
    return refused(error.line, error.message);
  } catch (const YAML::Exception& error) {
    return refused(error.mark.line, error.msg);
  } catch (const std::exception&) {
    return InvalidArgumentError("invalid YAML");
  }
}

Result<Json> ParseYaml(std::string_view text) {
  THRONG_ASSIGN_OR_RETURN(std::vector<Json> documents, ParseYamlDocuments(text));
  if (documents.size() > 1) {
    return InvalidArgumentError("invalid YAML: one document is expected, not " +
                                std::to_string(documents.size()));
  }
  return documents.empty() ? Json() : std::move(documents.front());
}

std::string PrintJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* FindPath(const Json& json, std::initializer_list<std::string_view> keys) {
  const Json* at = &json;
  for (const std::string_view key : keys) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string TextAt(const Json& json, std::initializer_list<std::string_view> keys) {
  const Json* found = FindPath(json, keys);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace throng::kube
