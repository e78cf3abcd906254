#include "kube/selector.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/object_meta.h"

namespace throng::kube {
namespace {

enum class TokenKind : uint8_t { kEnd, kIdentifier, kSymbol, kIn, kNotIn };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;

  bool Is(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
  // Where a value is expected, "in" and "notin" are words like any other.
  bool IsWord() const { return kind != TokenKind::kEnd && kind != TokenKind::kSymbol; }
};

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kSymbols = "=!(),><";

std::vector<Token> Tokens(std::string_view text) {
  std::vector<Token> tokens;
  for (;;) {
    const size_t start = text.find_first_not_of(kBlanks);
    if (start == text.npos) break;
    text.remove_prefix(start);
    Token token;
    if (kSymbols.find(text.front()) != kSymbols.npos) {
      const bool two = text.starts_with("==") || text.starts_with("!=");
      token = {TokenKind::kSymbol, text.substr(0, two ? 2 : 1)};
    } else {
      const size_t length = std::min(text.find_first_of("=!(),>< \t\r\n"), text.size());
      token = {TokenKind::kIdentifier, text.substr(0, length)};
      if (token.text == "in") token.kind = TokenKind::kIn;
      if (token.text == "notin") token.kind = TokenKind::kNotIn;
    }
    text.remove_prefix(token.text.size());
    tokens.push_back(token);
  }
  tokens.emplace_back();
  return tokens;
}

std::string Found(std::string_view text, std::string_view expected) {
  return "found '" + std::string(text) + "', expected: " + std::string(expected);
}

std::string Join(const std::vector<std::string>& texts, std::string_view separator) {
  std::string out;
  for (const std::string& text : texts) {
    if (&text != &texts.front()) out += separator;
    out += text;
  }
  return out;
}

void SortOnce(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

std::optional<int64_t> WholeNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.starts_with('+')) return std::nullopt;
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

// One text as it is, several in brackets.
std::string Aggregate(const std::vector<std::string>& errors) {
  if (errors.empty()) return "";
  return errors.size() == 1 ? errors.front() : "[" + Join(errors, ", ") + "]";
}

std::string InvalidText(std::string_view field, std::string_view value, std::string_view why) {
  return std::string(field) + ": Invalid value: " + QuoteText(value) + ": " + std::string(why);
}

// Empty: the requirement is one.
std::string CheckRequirement(const LabelRequirement& requirement) {
  std::vector<std::string> errors;
  const bool compares = requirement.op == SelectorOperator::kGreaterThan ||
                        requirement.op == SelectorOperator::kLessThan;
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    if (compares && !WholeNumber(requirement.values[i])) {
      errors.push_back(InvalidText("values[" + std::to_string(i) + "]", requirement.values[i],
                                   "for 'Gt', 'Lt' operators, the value must be an integer"));
    }
  }
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    const auto wrong = CheckLabelValue(requirement.values[i]);
    if (wrong.empty()) continue;
    errors.push_back(InvalidText("values[" + std::to_string(i) + "][" + requirement.key + "]",
                                 requirement.values[i], Join(wrong, "; ")));
  }
  return Aggregate(errors);
}

class LabelParser {
 public:
  explicit LabelParser(std::string_view text) : tokens_(Tokens(text)) {}

  // Empty: `requirements` are what the text says.
  std::string Parse(std::vector<LabelRequirement>& requirements) {
    size_t terms = 0;
    while (Peek().kind != TokenKind::kEnd) {
      if (!StartsRequirement(Peek())) {
        return Found(Peek().text, "!, identifier, or 'end of string'");
      }
      LabelRequirement requirement;
      if (std::string error = ParseRequirement(requirement); !error.empty()) {
        return "unable to parse requirement: " + error;
      }
      terms += 1 + requirement.values.size();
      if (terms > limits::kSelectorTerms) {
        return "a selector must have at most " + std::to_string(limits::kSelectorTerms) + " terms";
      }
      requirements.push_back(std::move(requirement));
      const Token next = Take();
      if (next.kind == TokenKind::kEnd) return "";
      if (!next.Is(",")) return Found(next.text, "',' or 'end of string'");
      if (!StartsRequirement(Peek())) return Found(Peek().text, "identifier after ','");
    }
    return "";
  }

 private:
  static bool StartsRequirement(const Token& token) { return token.IsWord() || token.Is("!"); }

  const Token& Peek() const { return tokens_[std::min(at_, tokens_.size() - 1)]; }
  Token Take() {
    const Token token = Peek();
    ++at_;
    return token;
  }

  std::string ParseRequirement(LabelRequirement& requirement) {
    Token token = Take();
    const bool negated = token.Is("!");
    if (negated) token = Take();
    if (!token.IsWord()) return Found(token.text, "identifier");
    requirement.key = token.text;
    if (const auto wrong = CheckQualifiedName(token.text); !wrong.empty()) {
      return InvalidText("<nil>", token.text, Join(wrong, "; "));
    }
    if (negated || Peek().kind == TokenKind::kEnd || Peek().Is(",")) {
      requirement.op = negated ? SelectorOperator::kDoesNotExist : SelectorOperator::kExists;
      return "";
    }
    if (std::string error = ParseOperator(requirement.op); !error.empty()) return error;
    const bool is_set =
        requirement.op == SelectorOperator::kIn || requirement.op == SelectorOperator::kNotIn;
    std::string error = is_set ? ParseSet(requirement.values) : ParseExactValue(requirement.values);
    if (!error.empty()) return error;
    SortOnce(requirement.values);
    return CheckRequirement(requirement);
  }

  std::string ParseOperator(SelectorOperator& op) {
    const Token token = Take();
    if (token.kind == TokenKind::kIn) {
      op = SelectorOperator::kIn;
    } else if (token.kind == TokenKind::kNotIn) {
      op = SelectorOperator::kNotIn;
    } else if (token.Is("=")) {
      op = SelectorOperator::kEquals;
    } else if (token.Is("==")) {
      op = SelectorOperator::kDoubleEquals;
    } else if (token.Is("!=")) {
      op = SelectorOperator::kNotEquals;
    } else if (token.Is(">")) {
      op = SelectorOperator::kGreaterThan;
    } else if (token.Is("<")) {
      op = SelectorOperator::kLessThan;
    } else {
      return Found(token.text, "in, notin, =, ==, !=, gt, lt");
    }
    return "";
  }

  std::string ParseExactValue(std::vector<std::string>& values) {
    if (Peek().kind == TokenKind::kEnd || Peek().Is(",")) {
      values.emplace_back();
      return "";
    }
    const Token token = Take();
    if (!token.IsWord()) return Found(token.text, "identifier");
    values.emplace_back(token.text);
    return "";
  }

  std::string ParseSet(std::vector<std::string>& values) {
    const Token open = Take();
    if (!open.Is("(")) return "found '" + std::string(open.text) + "' expected: '('";
    const Token first = Peek();
    if (first.Is(")")) {
      Take();
      values.emplace_back();
      return "";
    }
    if (!first.IsWord() && !first.Is(",")) return Found(first.text, "',', ')' or identifier");
    if (std::string error = ParseList(values); !error.empty()) return error;
    if (!Take().Is(")")) return Found(first.text, "')'");
    return "";
  }

  // Empty places between commas are empty values.
  std::string ParseList(std::vector<std::string>& values) {
    for (;;) {
      const Token token = Take();
      if (token.IsWord()) {
        values.emplace_back(token.text);
        if (Peek().Is(")")) return "";
        if (!Peek().Is(",")) return Found(Peek().text, "',' or ')'");
      } else if (token.Is(",")) {
        if (values.empty()) values.emplace_back();
        if (Peek().Is(")")) {
          values.emplace_back();
          return "";
        }
        if (Peek().Is(",")) {
          Take();
          values.emplace_back();
        }
      } else {
        return Found(token.text, "',', or identifier");
      }
    }
  }

  const std::vector<Token> tokens_;
  size_t at_ = 0;
};

std::string_view OperatorText(SelectorOperator op) {
  switch (op) {
    case SelectorOperator::kEquals:
      return "=";
    case SelectorOperator::kDoubleEquals:
      return "==";
    case SelectorOperator::kNotEquals:
      return "!=";
    case SelectorOperator::kIn:
      return " in ";
    case SelectorOperator::kNotIn:
      return " notin ";
    case SelectorOperator::kGreaterThan:
      return ">";
    case SelectorOperator::kLessThan:
      return "<";
    case SelectorOperator::kExists:
    case SelectorOperator::kDoesNotExist:
      break;
  }
  return "";
}

// A backslash and the whole character that a text starts with.
std::string EscapeText(std::string_view text) {
  size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80) {
    ++length;
  }
  return "\\" + std::string(text.substr(0, length));
}

// Empty: `value` is the text without its escapes.
std::string Unescape(std::string_view text, std::string& value) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' || c == '=') {
      return "invalid field selector: unescaped character in value: " + std::to_string(c);
    }
    if (c != '\\') {
      value += c;
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    if (rest.empty()) return "invalid field selector: invalid escape sequence: \\";
    if (rest[0] != '\\' && rest[0] != ',' && rest[0] != '=') {
      return "invalid field selector: invalid escape sequence: " + EscapeText(rest);
    }
    value += rest[0];
    ++i;
  }
  return "";
}

std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  terms.push_back(text.substr(start));
  return terms;
}

// False: there is no operator in `term`.
bool SplitTerm(std::string_view term, FieldRequirement& requirement, std::string_view& value) {
  for (size_t i = 0; i < term.size(); ++i) {
    const std::string_view rest = term.substr(i);
    for (const std::string_view op : {"!=", "==", "="}) {
      if (!rest.starts_with(op)) continue;
      requirement.field = term.substr(0, i);
      requirement.equal = op != "!=";
      value = rest.substr(op.size());
      return true;
    }
  }
  return false;
}

std::string FieldText(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (!path.empty()) {
    const size_t dot = path.find('.');
    const std::string_view key = path.substr(0, dot);
    path.remove_prefix(dot == path.npos ? path.size() : dot + 1);
    at = FindPath(*at, {key});
    if (at == nullptr) return "";
  }
  if (at->is_string()) return at->get<std::string>();
  if (at->is_boolean() || at->is_number()) return PrintJson(*at);
  return "";
}

}  // namespace

bool LabelRequirement::Matches(const Json& labels) const {
  const Json* found = FindPath(labels, {key});
  const bool has = found != nullptr && found->is_string();
  const auto has_value = [&] {
    return std::binary_search(values.begin(), values.end(), found->get_ref<const std::string&>());
  };
  switch (op) {
    case SelectorOperator::kEquals:
    case SelectorOperator::kDoubleEquals:
    case SelectorOperator::kIn:
      return has && has_value();
    case SelectorOperator::kNotEquals:
    case SelectorOperator::kNotIn:
      return !has || !has_value();
    case SelectorOperator::kExists:
      return has;
    case SelectorOperator::kDoesNotExist:
      return !has;
    case SelectorOperator::kGreaterThan:
    case SelectorOperator::kLessThan:
      break;
  }
  if (!has || values.size() != 1) return false;
  const auto value = WholeNumber(found->get_ref<const std::string&>());
  const auto bound = WholeNumber(values.front());
  if (!value || !bound) return false;
  return op == SelectorOperator::kGreaterThan ? *value > *bound : *value < *bound;
}

std::string LabelRequirement::ToString() const {
  if (op == SelectorOperator::kExists) return key;
  if (op == SelectorOperator::kDoesNotExist) return "!" + key;
  const bool is_set = op == SelectorOperator::kIn || op == SelectorOperator::kNotIn;
  std::string text = key;
  text.append(OperatorText(op)).append(is_set ? "(" : "").append(Join(values, ","));
  return text + (is_set ? ")" : "");
}

ApiResult<LabelSelector> LabelSelector::Parse(std::string_view text) {
  LabelSelector selector;
  if (text.find('\0') != text.npos) return BadRequestError("a selector holds no NUL");
  if (std::string error = LabelParser(text).Parse(selector.requirements_); !error.empty()) {
    return BadRequestError(std::move(error));
  }
  std::stable_sort(selector.requirements_.begin(), selector.requirements_.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  return selector;
}

ApiResult<LabelSelector> LabelSelector::FromJson(const Json& json) {
  LabelSelector selector;
  if (json.is_null()) {
    selector.nothing_ = true;
    return selector;
  }
  if (!json.is_object()) return BadRequestError("a label selector must be an object");
  if (const Json* labels = FindPath(json, {"matchLabels"}); labels && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) {
      if (!value.is_string()) return BadRequestError("values of matchLabels must be text");
      selector.requirements_.push_back(
          {.key = key, .op = SelectorOperator::kEquals, .values = {value.get<std::string>()}});
    }
  }
  const Json* expressions = FindPath(json, {"matchExpressions"});
  for (const Json& one : expressions && expressions->is_array() ? *expressions : Json::array()) {
    static constexpr std::array<std::pair<std::string_view, SelectorOperator>, 4> kOperators = {
        {{"In", SelectorOperator::kIn},
         {"NotIn", SelectorOperator::kNotIn},
         {"Exists", SelectorOperator::kExists},
         {"DoesNotExist", SelectorOperator::kDoesNotExist}}};
    const std::string op = TextAt(one, {"operator"});
    const auto known = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](const auto& row) { return row.first == op; });
    if (known == kOperators.end()) {
      return BadRequestError(QuoteText(op) + " is not a valid label selector operator");
    }
    LabelRequirement requirement{.key = TextAt(one, {"key"}), .op = known->second, .values = {}};
    const Json* values = FindPath(one, {"values"});
    for (const Json& value : values && values->is_array() ? *values : Json::array()) {
      if (value.is_string()) requirement.values.push_back(value.get<std::string>());
    }
    SortOnce(requirement.values);
    selector.requirements_.push_back(std::move(requirement));
  }
  std::stable_sort(selector.requirements_.begin(), selector.requirements_.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  return selector;
}

bool LabelSelector::Matches(const Json& labels) const {
  if (nothing_) return false;
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const LabelRequirement& one) { return one.Matches(labels); });
}

std::string LabelSelector::ToString() const {
  std::vector<std::string> texts;
  for (const LabelRequirement& one : requirements_) texts.push_back(one.ToString());
  return Join(texts, ",");
}

ApiResult<FieldSelector> FieldSelector::Parse(std::string_view text) {
  FieldSelector selector;
  std::vector<std::string_view> terms = SplitTerms(text);
  if (terms.size() > limits::kSelectorTerms) {
    return BadRequestError("a selector must have at most " +
                           std::to_string(limits::kSelectorTerms) + " terms");
  }
  std::sort(terms.begin(), terms.end());
  for (const std::string_view term : terms) {
    if (term.empty()) continue;
    FieldRequirement requirement;
    std::string_view value;
    if (!SplitTerm(term, requirement, value)) {
      return BadRequestError("invalid selector: '" + std::string(text) + "'; can't understand '" +
                             std::string(term) + "'");
    }
    if (std::string error = Unescape(value, requirement.value); !error.empty()) {
      return BadRequestError(std::move(error));
    }
    if (requirement.field.empty() && requirement.value.empty()) continue;
    selector.requirements_.push_back(std::move(requirement));
  }
  return selector;
}

std::optional<ApiError> FieldSelector::CheckFields(std::span<const std::string_view> more,
                                                   bool is_built_in) const {
  for (const FieldRequirement& one : requirements_) {
    if (one.field == "metadata.name" || one.field == "metadata.namespace") continue;
    if (std::find(more.begin(), more.end(), one.field) == more.end()) {
      if (!is_built_in || !more.empty()) {
        return BadRequestError("field label not supported: " + one.field);
      }
      return BadRequestError(QuoteText(one.field) +
                             " is not a known field selector: only \"metadata.name\", "
                             "\"metadata.namespace\"");
    }
  }
  return std::nullopt;
}

bool FieldSelector::Matches(const Json& object) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const FieldRequirement& one) {
    return (FieldText(object, one.field) == one.value) == one.equal;
  });
}

std::optional<std::string> FieldSelector::ExactValue(std::string_view field) const {
  for (const FieldRequirement& one : requirements_) {
    if (one.equal && one.field == field) return one.value;
  }
  return std::nullopt;
}

std::string FieldSelector::ToString() const {
  std::string text;
  for (const FieldRequirement& one : requirements_) {
    text.append(text.empty() ? "" : ",").append(one.field).append(one.equal ? "=" : "!=");
    for (const char c : one.value) {
      if (c == '\\' || c == ',' || c == '=') text += '\\';
      text += c;
    }
  }
  return text;
}

}  // namespace throng::kube
