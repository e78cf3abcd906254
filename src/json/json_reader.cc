#include "json/json_reader.h"

#include <charconv>
#include <cstring>
#include <functional>
#include <utility>

#include "base/utf8.h"

namespace throng::json {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101ULL;
constexpr uint64_t kHighBits = 0x8080808080808080ULL;

constexpr const char* kMissingArrayComma = "Missing a comma or ] after an array element.";
constexpr const char* kMissingObjectComma = "Missing a comma or } after an object member.";
constexpr const char* kInvalidValue = "Invalid value.";
constexpr const char* kTooDeep = "Nested deeper than 64 levels.";
static_assert(limits::kJsonDepth == 64, "the text of kTooDeep names the limit");

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

uint64_t LoadWord(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  return word;
}

uint64_t ZeroBytes(uint64_t word) { return (word - kOnes) & ~word & kHighBits; }

// Not zero when one of eight bytes ends a run of plain characters in a string: a quote, a backslash
// or a control character.
uint64_t StringStops(uint64_t word) {
  const uint64_t control = (word - kOnes * 0x20) & ~word & kHighBits;
  return control | ZeroBytes(word ^ (kOnes * '"')) | ZeroBytes(word ^ (kOnes * '\\'));
}

bool IsStringStop(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

size_t EncodeUtf8(uint32_t code_point, char* out) {
  if (code_point < 0x80) {
    out[0] = static_cast<char>(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    out[0] = static_cast<char>(0xc0 | (code_point >> 6));
    out[1] = static_cast<char>(0x80 | (code_point & 0x3f));
    return 2;
  }
  if (code_point < 0x10000) {
    out[0] = static_cast<char>(0xe0 | (code_point >> 12));
    out[1] = static_cast<char>(0x80 | ((code_point >> 6) & 0x3f));
    out[2] = static_cast<char>(0x80 | (code_point & 0x3f));
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | (code_point >> 18));
  out[1] = static_cast<char>(0x80 | ((code_point >> 12) & 0x3f));
  out[2] = static_cast<char>(0x80 | ((code_point >> 6) & 0x3f));
  out[3] = static_cast<char>(0x80 | (code_point & 0x3f));
  return 4;
}

struct NullSink {
  void Append(const char*, size_t) {}
};

struct StringSink {
  std::string& out;
  void Append(const char* text, size_t size) { out.append(text, size); }
};

struct BytesSink {
  std::vector<std::byte>& out;
  void Append(const char* text, size_t size) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(text);
    out.insert(out.end(), bytes, bytes + size);
  }
};

}  // namespace

// A view of the body as long as one run of it is the whole key.
struct JsonReader::KeySink {
  const char* begin;
  const char* end;
  std::string_view view = {};
  std::string copy = {};
  bool copied = false;

  void Append(const char* text, size_t size) {
    if (size == 0) return;
    const bool in_body = std::less_equal<>()(begin, text) && std::less<>()(text, end);
    if (!copied && view.empty() && in_body) {
      view = std::string_view(text, size);
      return;
    }
    if (!copied) copy = view;
    copied = true;
    copy.append(text, size);
  }
};

void JsonReader::KeySet::Clear() {
  size_ = 0;
  if (!rest_.empty()) rest_.clear();
  if (!kept_.empty()) kept_.clear();
}

bool JsonReader::KeySet::Insert(std::string_view key) {
  const size_t linear_count = size_ < kLinear ? size_ : kLinear;
  for (size_t i = 0; i < linear_count; ++i) {
    if (first_[i] == key) return false;
  }
  if (size_ < kLinear) {
    first_[size_] = key;
  } else if (!rest_.insert(key).second) {
    return false;
  }
  ++size_;
  return true;
}

std::string_view JsonReader::KeySet::Keep(std::string key) {
  kept_.push_back(std::make_unique<std::string>(std::move(key)));
  return *kept_.back();
}

JsonReader::JsonReader(std::string_view text, size_t offset, size_t depth)
    : begin_(text.data()), end_(text.data() + text.size()), next_(begin_ + offset), depth_(depth) {
  frames_.reserve(depth + 4);
  frames_.resize(depth);
}

Status JsonReader::status() const {
  if (!status_.ok()) return status_;
  if (error_ == nullptr) return OkStatus();
  return InternalError("failed to parse the request JSON buffer: " + std::string(error_) + " at " +
                       std::to_string(error_offset_));
}

bool JsonReader::Fail(Status status) {
  if (ok()) status_ = std::move(status);
  next_ = end_;
  return false;
}

bool JsonReader::FailAt(const char* reason, const char* where) {
  if (ok()) {
    error_ = reason;
    error_offset_ = static_cast<size_t>(where - begin_);
  }
  next_ = end_;
  return false;
}

void JsonReader::SkipSpaceRun() {
  while (next_ != end_ && IsSpace(*next_)) {
    ++next_;
    // Indented bodies are mostly runs of blanks.
    while (end_ - next_ >= 8 && LoadWord(next_) == kOnes * ' ') next_ += 8;
  }
}

JsonReader::Kind JsonReader::Peek() {
  SkipSpace();
  if (next_ == end_ || !ok()) return Kind::kEnd;
  switch (*next_) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBool;
    case 'n':
      return Kind::kNull;
    case 'N':
    case 'I':
      return Kind::kSpecial;
    case '-':
      return end_ - next_ > 1 && next_[1] == 'I' ? Kind::kSpecial : Kind::kNumber;
    default:
      return IsDigit(*next_) ? Kind::kNumber : Kind::kEnd;
  }
}

size_t JsonReader::Offset() {
  SkipSpace();
  return static_cast<size_t>(next_ - begin_);
}

bool JsonReader::Push(bool is_object) {
  if (depth_ >= limits::kJsonDepth) return FailAt(kTooDeep, next_);
  if (frames_.size() == depth_) frames_.emplace_back();
  Frame& frame = frames_[depth_++];
  frame.is_object = is_object;
  frame.is_first = true;
  frame.keys.Clear();
  ++next_;
  return true;
}

bool JsonReader::NextInContainer(char close, const char* missing) {
  SkipSpace();
  if (!ok()) return false;
  if (next_ == end_) return FailAt(missing, next_);
  Frame& frame = top();
  if (frame.is_first) {
    frame.is_first = false;
    if (*next_ != close) return true;
  } else if (*next_ == ',') {
    ++next_;
    return true;
  }
  if (*next_ != close) return FailAt(missing, next_);
  ++next_;
  Pop();
  return false;
}

bool JsonReader::BeginObject() {
  if (Peek() != Kind::kObject) return FailAt(kInvalidValue, next_);
  return Push(true);
}

bool JsonReader::BeginArray() {
  if (Peek() != Kind::kArray) return FailAt(kInvalidValue, next_);
  return Push(false);
}

bool JsonReader::NextElement() { return NextInContainer(']', kMissingArrayComma); }

bool JsonReader::NextMember(std::string_view& key) {
  return NextInContainer('}', kMissingObjectComma) && ReadKey(key);
}

bool JsonReader::ReadKey(std::string_view& key) {
  SkipSpace();
  const char* const where = next_;
  if (next_ == end_ || *next_ != '"') return FailAt("Missing a name for object member.", next_);
  KeySink sink{begin_, end_};
  if (!ParseString(sink)) return false;
  SkipSpace();
  if (next_ == end_ || *next_ != ':') {
    return FailAt("Missing a colon after a name of object member.", next_);
  }
  ++next_;
  KeySet& keys = top().keys;
  key = sink.copied ? keys.Keep(std::move(sink.copy)) : sink.view;
  if (!keys.Insert(key)) return FailAt("Duplicate name of object member.", where);
  if (keys.size() > limits::kJsonKeysPerObject) return FailAt("Too many object members.", where);
  return true;
}

bool JsonReader::ReadString(std::string& value) {
  if (Peek() != Kind::kString) return FailAt(kInvalidValue, next_);
  value.clear();
  StringSink sink{value};
  return ParseString(sink);
}

bool JsonReader::AppendString(std::vector<std::byte>& out) {
  BytesSink sink{out};
  return ParseString(sink);
}

template <typename Sink>
bool JsonReader::ParseString(Sink& sink) {
  const char* const open = next_++;
  for (;;) {
    const char* const run = next_;
    uint64_t seen = 0;
    while (end_ - next_ >= 8) {
      const uint64_t word = LoadWord(next_);
      if (StringStops(word) != 0) break;
      seen |= word;
      next_ += 8;
    }
    while (next_ != end_ && !IsStringStop(*next_)) seen |= static_cast<unsigned char>(*next_++);
    const std::string_view text(run, static_cast<size_t>(next_ - run));
    if ((seen & kHighBits) != 0 && !IsValidUtf8(text)) {
      return FailAt("Invalid encoding in string.", run);
    }
    sink.Append(text.data(), text.size());
    if (next_ == end_) return FailAt("Missing a closing quotation mark in string.", open);
    if (*next_ == '"') {
      ++next_;
      return true;
    }
    if (*next_ != '\\') return FailAt("Invalid encoding in string.", next_);
    if (!ParseEscape(sink)) return false;
  }
}

template <typename Sink>
bool JsonReader::ParseEscape(Sink& sink) {
  static constexpr std::string_view kNames = "\"\\/bfnrt";
  static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  const char* const where = next_++;
  if (next_ == end_) return FailAt("Missing a closing quotation mark in string.", where);
  const char name = *next_++;
  if (const size_t found = kNames.find(name); found != std::string_view::npos) {
    sink.Append(&kValues[found], 1);
    return true;
  }
  if (name != 'u') return FailAt("Invalid escape character in string.", where);
  uint32_t code_point = 0;
  if (!ParseHex4(code_point)) return false;
  if (code_point >= 0xd800 && code_point < 0xe000) {
    uint32_t low = 0;
    if (code_point >= 0xdc00 || end_ - next_ < 2 || next_[0] != '\\' || next_[1] != 'u') {
      return FailAt("The surrogate pair in string is invalid.", where);
    }
    next_ += 2;
    if (!ParseHex4(low)) return false;
    if (low < 0xdc00 || low >= 0xe000) {
      return FailAt("The surrogate pair in string is invalid.", where);
    }
    code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
  }
  char utf8[4];
  const size_t size = EncodeUtf8(code_point, utf8);
  sink.Append(utf8, size);
  return true;
}

bool JsonReader::ParseHex4(uint32_t& value) {
  constexpr size_t kDigits = 4;
  const char* const where = next_;
  if (static_cast<size_t>(end_ - next_) >= kDigits) {
    const auto [end, error] = std::from_chars(next_, next_ + kDigits, value, 16);
    // from_chars would take a '-' for a signed type only; `value` is unsigned.
    if (error == std::errc() && end == next_ + kDigits) {
      next_ = end;
      return true;
    }
  }
  return FailAt("Incorrect hex digit after \\u escape in string.", where);
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): RFC 8259's grammar, one branch a rule
bool JsonReader::ScanNumber() {
  const char* const where = next_;
  if (next_ != end_ && *next_ == '-') ++next_;
  if (next_ == end_ || !IsDigit(*next_)) return FailAt(kInvalidValue, where);
  if (*next_ == '0') {
    ++next_;
    if (next_ != end_ && IsDigit(*next_)) return FailAt(kInvalidValue, where);
  } else {
    while (next_ != end_ && IsDigit(*next_)) ++next_;
  }
  if (next_ != end_ && *next_ == '.') {
    ++next_;
    if (next_ == end_ || !IsDigit(*next_)) return FailAt("Miss fraction part in number.", next_);
    while (next_ != end_ && IsDigit(*next_)) ++next_;
  }
  if (next_ != end_ && (*next_ == 'e' || *next_ == 'E')) {
    ++next_;
    if (next_ != end_ && (*next_ == '+' || *next_ == '-')) ++next_;
    if (next_ == end_ || !IsDigit(*next_)) return FailAt("Miss exponent in number.", next_);
    while (next_ != end_ && IsDigit(*next_)) ++next_;
  }
  return true;
}

bool JsonReader::ReadBool(bool& value) {
  if (Peek() != Kind::kBool) return FailAt(kInvalidValue, next_);
  value = *next_ == 't';
  return MatchWord(value ? "true" : "false");
}

bool JsonReader::ReadNumber(Number& value) {
  if (Peek() != Kind::kNumber) return FailAt(kInvalidValue, next_);
  const char* const first = next_;
  if (!ScanNumber()) return false;
  const char* const last = next_;
  value = {};
  const auto [end, error] = std::from_chars(first, last, value.integer);
  value.is_integer = error == std::errc() && end == last;
  if (value.is_integer) {
    value.real = static_cast<double>(value.integer);
    return true;
  }
  next_ = first;
  return ReadReal(value.real);
}

bool JsonReader::MatchWord(std::string_view word) {
  if (remaining() < word.size() || std::memcmp(next_, word.data(), word.size()) != 0) {
    return FailAt(kInvalidValue, next_);
  }
  next_ += word.size();
  return true;
}

bool JsonReader::SkipScalar(Constants constants) {
  switch (Peek()) {
    case Kind::kString: {
      NullSink sink;
      return ParseString(sink);
    }
    case Kind::kNumber:
      return ScanNumber();
    case Kind::kBool:
      return MatchWord(*next_ == 't' ? "true" : "false");
    case Kind::kNull:
      return MatchWord("null");
    case Kind::kSpecial: {
      double ignored = 0;
      if (constants == Constants::kAccepted) return ReadSpecial(ignored);
      return FailAt(kInvalidValue, next_);
    }
    default:
      return FailAt(kInvalidValue, next_);
  }
}

bool JsonReader::Skip() { return SkipValue(Constants::kRefused); }

bool JsonReader::SkipValue(Constants constants) {
  const size_t base = depth_;
  std::string_view key;
  do {
    const Kind kind = Peek();
    const bool opens = kind == Kind::kObject || kind == Kind::kArray;
    if (opens ? !Push(kind == Kind::kObject) : !SkipScalar(constants)) return false;
    while (depth_ > base) {
      if (top().is_object ? NextMember(key) : NextElement()) break;
      if (!ok()) return false;
    }
  } while (depth_ > base);
  return true;
}

bool JsonReader::ExpectEnd() {
  SkipSpace();
  if (!ok()) return false;
  if (next_ == end_) return true;
  return FailAt("The document root must not be followed by other values.", next_);
}

}  // namespace throng::json
