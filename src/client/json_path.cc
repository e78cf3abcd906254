#include "client/json_path.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/control_limits.h"

namespace throng::client {

using kube::Json;

namespace {

struct Expression;

struct Step {
  enum class Kind : uint8_t { kField, kIndex, kSlice, kWildcard, kRecursive, kUnion, kFilter };
  Kind kind = Kind::kField;
  std::string name;                   // kField
  std::optional<int64_t> start, end;  // kIndex: start; kSlice
  int64_t stride = 1;                 // kSlice
  std::vector<Step> alternatives;     // kUnion
  std::shared_ptr<const Expression> filter;
};

struct Expression {
  // A path when `is_path`, else a constant.
  struct Operand {
    bool is_path = false;
    std::vector<Step> steps;
    Json constant;
  };
  Operand left;
  std::string comparison;  // empty: it exists
  Operand right;
};

using Values = std::vector<const Json*>;

}  // namespace

struct JsonPath::Node {
  enum class Kind : uint8_t { kText, kPath, kRange };
  Kind kind = Kind::kText;
  std::string text;
  std::vector<Step> steps;
  std::vector<Node> body;  // of a range
};

namespace {

using Node = JsonPath::Node;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  // Until the end of the text, or "{end}" inside a range.
  Result<std::vector<Node>> Template(size_t depth) {
    if (depth > limits::kTemplateDepth) return Error("ranges are nested too deep");
    std::vector<Node> nodes;
    while (at_ < text_.size()) {
      const size_t brace = std::min(text_.find('{', at_), text_.size());
      if (brace > at_) AddText(text_.substr(at_, brace - at_), nodes);
      at_ = brace;
      if (at_ == text_.size()) break;
      ++at_;
      SkipBlanks();
      if (TakeWord("end")) {
        if (depth == 0) return Error("'end' without 'range'");
        if (!Take('}')) return Error("'}' is missing");
        return nodes;
      }
      THRONG_RETURN_IF_ERROR(Action(depth, nodes));
    }
    if (depth > 0) return Error("'range' without 'end'");
    return nodes;
  }

 private:
  Status Error(std::string_view what) const {
    return InvalidArgumentError("jsonpath: " + std::string(what) + " at byte " +
                                std::to_string(at_));
  }
  static void AddText(std::string_view text, std::vector<Node>& nodes) {
    Node node;
    node.text = std::string(text);
    nodes.push_back(std::move(node));
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    SkipBlanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n') ++at_;
  }
  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    const size_t after = at_ + word.size();
    const bool ends = after >= text_.size() ||
                      std::string_view(" \t\n}.[@$").find(text_[after]) != std::string_view::npos;
    if (ends) at_ = after;
    return ends;
  }

  // What is between braces, and the closing one.
  Status Action(size_t depth, std::vector<Node>& nodes) {
    const bool is_range = TakeWord("range");
    SkipBlanks();
    if (!is_range && (Peek() == '"' || Peek() == '\'')) {
      THRONG_ASSIGN_OR_RETURN(const std::string text, Quoted());
      AddText(text, nodes);
    } else {
      Node node;
      node.kind = is_range ? Node::Kind::kRange : Node::Kind::kPath;
      THRONG_ASSIGN_OR_RETURN(node.steps, Path(depth));
      nodes.push_back(std::move(node));
    }
    if (!Take('}')) return Error("'}' is missing");
    if (!is_range) return OkStatus();
    THRONG_ASSIGN_OR_RETURN(nodes.back().body, Template(depth + 1));
    return OkStatus();
  }

  Result<std::vector<Step>> Path(size_t depth) {
    std::vector<Step> steps;
    if (Peek() == '$' || Peek() == '@') ++at_;
    while (true) {
      Step step;
      if (Peek() == '.') {
        ++at_;
        if (Peek() == '.') {
          ++at_;
          step.kind = Step::Kind::kRecursive;
          steps.push_back(step);
          step = Step();
          if (Peek() == '[') continue;
        }
        if (Peek() == '[' || IsEnd(Peek())) continue;  // "{.}", ".["
        THRONG_ASSIGN_OR_RETURN(step, Field());
      } else if (Peek() == '[') {
        ++at_;
        THRONG_ASSIGN_OR_RETURN(step, Bracket(depth));
      } else if (IsEnd(Peek())) {
        return steps;
      } else if (steps.empty()) {
        THRONG_ASSIGN_OR_RETURN(step, Field());  // "{a.b}"
      } else {
        return Error("a '.' or '[' is missing");
      }
      steps.push_back(std::move(step));
    }
  }

  static bool IsEnd(char c) {
    return std::string_view("\0 \t\n}),]=<>!", 12).find(c) != std::string_view::npos;
  }

  Result<Step> Field() {
    Step step;
    if (Peek() == '*') {
      ++at_;
      step.kind = Step::Kind::kWildcard;
      return step;
    }
    while (!IsEnd(Peek()) && Peek() != '.' && Peek() != '[') {
      if (Peek() == '\\' && at_ + 1 < text_.size()) ++at_;
      step.name += text_[at_++];
    }
    if (step.name.empty()) return Error("a name is missing");
    return step;
  }

  Result<Step> Bracket(size_t depth) {
    Step all;
    all.kind = Step::Kind::kUnion;
    do {
      THRONG_ASSIGN_OR_RETURN(Step step, BracketItem(depth));
      all.alternatives.push_back(std::move(step));
    } while (Take(','));
    if (!Take(']')) return Error("']' is missing");
    if (all.alternatives.size() == 1) {
      Step one = std::move(all.alternatives[0]);
      return one;
    }
    return all;
  }

  Result<Step> BracketItem(size_t depth) {
    SkipBlanks();
    Step step;
    if (Peek() == '*') {
      ++at_;
      step.kind = Step::Kind::kWildcard;
      return step;
    }
    if (Peek() == '\'' || Peek() == '"') {
      THRONG_ASSIGN_OR_RETURN(step.name, Quoted());
      return step;
    }
    if (Peek() == '?') {
      ++at_;
      return Filter(depth + 1);
    }
    return Index();
  }

  Result<Step> Index() {
    Step step;
    step.kind = Step::Kind::kIndex;
    step.start = Integer();
    if (!Take(':')) {
      if (!step.start) return Error("an index, '*', a name in quotes or '?(' is missing");
      return step;
    }
    step.kind = Step::Kind::kSlice;
    step.end = Integer();
    if (Take(':')) step.stride = Integer().value_or(1);
    if (step.stride <= 0) return Error("a step must be positive");
    return step;
  }

  std::optional<int64_t> Integer() {
    SkipBlanks();
    int64_t value = 0;
    const char* first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    at_ += static_cast<size_t>(end - first);
    return value;
  }

  Result<Step> Filter(size_t depth) {
    if (depth > limits::kTemplateDepth) return Error("filters are nested too deep");
    if (!Take('(')) return Error("'(' is missing");
    Expression expression;
    THRONG_ASSIGN_OR_RETURN(expression.left, Operand(depth));
    SkipBlanks();
    for (const std::string_view comparison : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!text_.substr(at_).starts_with(comparison)) continue;
      at_ += comparison.size();
      expression.comparison = std::string(comparison);
      THRONG_ASSIGN_OR_RETURN(expression.right, Operand(depth));
      break;
    }
    if (!Take(')')) return Error("a comparison or ')' is missing");
    Step step;
    step.kind = Step::Kind::kFilter;
    step.filter = std::make_shared<const Expression>(std::move(expression));
    return step;
  }

  Result<Expression::Operand> Operand(size_t depth) {
    SkipBlanks();
    Expression::Operand operand;
    if (Peek() == '@' || Peek() == '$' || Peek() == '.') {
      operand.is_path = true;
      THRONG_ASSIGN_OR_RETURN(operand.steps, Path(depth));
      return operand;
    }
    if (Peek() == '\'' || Peek() == '"') {
      THRONG_ASSIGN_OR_RETURN(operand.constant, Quoted());
      return operand;
    }
    const size_t end = std::min(text_.find_first_of(" )=<>!", at_), text_.size());
    const Result<Json> constant = kube::ParseJson(text_.substr(at_, end - at_));
    if (!constant.ok() || constant->is_structured()) return Error("a value is missing");
    at_ = end;
    operand.constant = *constant;
    return operand;
  }

  Result<std::string> Quoted() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        c = text_[at_++];
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
      out += c;
    }
    if (at_ == text_.size()) return Error("a quote is not closed");
    ++at_;
    return out;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

class Evaluator {
 public:
  bool overflow() const { return overflow_; }

  Values Walk(const std::vector<Step>& steps, const Json& root) {
    Values values = {&root};
    for (const Step& step : steps) {
      Values next;
      for (const Json* value : values) Take(step, *value, next);
      values = std::move(next);
    }
    return values;
  }

 private:
  void Add(const Json& value, Values& out) {
    if (++count_ > limits::kTemplateValues) {
      overflow_ = true;
      return;
    }
    out.push_back(&value);
  }

  void Take(const Step& step, const Json& value, Values& out) {
    if (overflow_) return;
    switch (step.kind) {
      case Step::Kind::kField:
        return TakeField(step.name, value, out);
      case Step::Kind::kIndex:
      case Step::Kind::kSlice:
        return TakeSlice(step, value, out);
      case Step::Kind::kWildcard:
        for (const Json& inner : value) {
          if (value.is_structured()) Add(inner, out);
        }
        return;
      case Step::Kind::kRecursive:
        return TakeAll(value, out);
      case Step::Kind::kUnion:
        for (const Step& one : step.alternatives) Take(one, value, out);
        return;
      case Step::Kind::kFilter:
        for (const Json& inner : value) {
          if (value.is_array() && Holds(*step.filter, inner)) Add(inner, out);
        }
        return;
    }
  }

  void TakeField(const std::string& name, const Json& value, Values& out) {
    if (!value.is_object()) return;
    const auto found = value.find(name);
    if (found != value.end()) Add(*found, out);
  }

  void TakeSlice(const Step& step, const Json& value, Values& out) {
    if (!value.is_array()) return;
    const auto size = static_cast<int64_t>(value.size());
    const auto clamp = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
    };
    if (step.kind == Step::Kind::kIndex) {
      const int64_t at = *step.start < 0 ? *step.start + size : *step.start;
      if (at >= 0 && at < size) Add(value[static_cast<size_t>(at)], out);
      return;
    }
    const int64_t end = clamp(step.end.value_or(size));
    int64_t at = clamp(step.start.value_or(0));
    while (at < end) {
      Add(value[static_cast<size_t>(at)], out);
      if (step.stride >= end - at) return;
      at += step.stride;
    }
  }

  // The value and all in it; as deep as the parser let objects be.
  void TakeAll(const Json& value, Values& out) {
    if (overflow_) return;
    Add(value, out);
    if (!value.is_structured()) return;
    for (const Json& inner : value) TakeAll(inner, out);
  }

  bool Holds(const Expression& expression, const Json& value) {
    const Values left = Of(expression.left, value);
    if (expression.comparison.empty()) return !left.empty();
    const Values right = Of(expression.right, value);
    if (left.empty() || right.empty()) return false;
    return Compare(*left[0], expression.comparison, *right[0]);
  }

  Values Of(const Expression::Operand& operand, const Json& value) {
    return operand.is_path ? Walk(operand.steps, value) : Values{&operand.constant};
  }

  static bool Compare(const Json& left, std::string_view comparison, const Json& right) {
    if (comparison == "==") return left == right;
    if (comparison == "!=") return left != right;
    const bool comparable =
        (left.is_number() && right.is_number()) || (left.is_string() && right.is_string());
    if (!comparable) return false;
    if (comparison == "<") return left < right;
    if (comparison == "<=") return left <= right;
    return comparison == ">" ? left > right : left >= right;
  }

  size_t count_ = 0;
  bool overflow_ = false;
};

Status TooMany() {
  return ResourceExhaustedError("jsonpath: more than " + std::to_string(limits::kTemplateValues) +
                                " values");
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : kube::PrintJson(value);
}

Status PrintNodes(const std::vector<Node>& nodes, const Json& root, std::string& out) {
  for (const Node& node : nodes) {
    if (node.kind == Node::Kind::kText) {
      out += node.text;
      continue;
    }
    Evaluator evaluator;
    const Values values = evaluator.Walk(node.steps, root);
    if (evaluator.overflow()) return TooMany();
    for (size_t i = 0; i < values.size(); ++i) {
      if (node.kind == Node::Kind::kRange) {
        THRONG_RETURN_IF_ERROR(PrintNodes(node.body, *values[i], out));
      } else {
        out += (i == 0 ? "" : " ") + TextOf(*values[i]);
      }
      if (out.size() > limits::kClientReplyBytes) return TooMany();
    }
  }
  return OkStatus();
}

}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  if (text.size() > limits::kTemplateBytes) {
    return InvalidArgumentError("jsonpath: longer than " + std::to_string(limits::kTemplateBytes) +
                                " bytes");
  }
  THRONG_ASSIGN_OR_RETURN(std::vector<Node> nodes, Parser(text).Template(0));
  JsonPath path;
  path.nodes_ = std::make_shared<const std::vector<Node>>(std::move(nodes));
  return path;
}

Result<JsonPath> JsonPath::ParseExpression(std::string_view text) {
  std::string whole(text);
  if (!whole.starts_with('{')) whole = "{" + whole + "}";
  THRONG_ASSIGN_OR_RETURN(JsonPath path, Parse(whole));
  if (path.nodes_->size() != 1 || path.nodes_->front().kind != Node::Kind::kPath) {
    return InvalidArgumentError("jsonpath: one expression is wanted");
  }
  return path;
}

Result<std::string> JsonPath::Print(const Json& root) const {
  std::string out;
  THRONG_RETURN_IF_ERROR(PrintNodes(*nodes_, root, out));
  return out;
}

Result<std::vector<const Json*>> JsonPath::Find(const Json& root) const {
  for (const Node& node : *nodes_) {
    if (node.kind == Node::Kind::kText) continue;
    Evaluator evaluator;
    Values values = evaluator.Walk(node.steps, root);
    if (evaluator.overflow()) return TooMany();
    return values;
  }
  return Values();
}

}  // namespace throng::client
