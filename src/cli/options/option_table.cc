#include "cli/options/option_table.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <optional>

namespace throng::cli {
namespace {

constexpr size_t kHelpColumn = 30;
constexpr size_t kHelpWidth = 80;  // the narrowest terminal that people have

// Levenshtein's distance.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Appends `text`, broken at blanks so that no line is longer than kHelpWidth.
void AppendWrapped(std::string_view text, std::string& out) {
  size_t column = kHelpColumn;
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    if (column + word.size() + 1 > kHelpWidth) {
      out += "\n" + std::string(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column != kHelpColumn) {
      out += ' ';
    }
    out += word;
    column += word.size() + 1;
    text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  }
  out += '\n';
}

}  // namespace

std::string NearestWord(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = name.size() / 2 + 1;  // farther away it is no help
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

const OptionRow* OptionTable::Find(std::string_view name) const {
  for (const OptionRow& row : rows_) {
    if (!row.name.empty() && row.name == name) return &row;
  }
  return nullptr;
}

std::string OptionTable::Nearest(std::string_view name) const {
  std::vector<std::string> listed;
  for (const OptionRow& row : rows_) {
    if (!row.name.empty() && !row.hidden) listed.push_back(row.name);
  }
  return NearestWord(name, listed);
}

Status OptionTable::Set(const OptionRow& row, std::string_view value) const {
  const Status set = row.set(value);
  if (set.ok()) return set;
  return InvalidArgumentError("option '--" + row.name + "': " + set.message() + ", got '" +
                              std::string(value) + "'");
}

struct OptionTable::Parsing {
  std::span<const std::string> arguments;
  size_t at = 0;  // the argument that is being read
  std::vector<std::string> others;
  std::map<std::string, std::string> given;
};

const OptionRow* OptionTable::Find(char letter) const {
  for (const OptionRow& row : rows_) {
    if (row.letter == letter && letter != 0) return &row;
  }
  return nullptr;
}

Status OptionTable::Take(const OptionRow& row, std::optional<std::string_view> value,
                         Parsing& parsing) const {
  if (!value && row.value_hint.empty()) value = "true";
  if (!value) {
    if (parsing.at + 1 == parsing.arguments.size()) {
      return InvalidArgumentError("option '--" + row.name + "' needs a value: --" + row.name + " " +
                                  row.value_hint);
    }
    value = parsing.arguments[++parsing.at];
  }
  THRONG_RETURN_IF_ERROR(Set(row, *value));
  const auto [before, is_first] = parsing.given.emplace(row.name, *value);
  if (is_first || row.repeatable || before->second == *value) return OkStatus();
  return InvalidArgumentError("option '--" + row.name + "' is given twice: '" + before->second +
                              "' and '" + std::string(*value) + "'");
}

Status OptionTable::ParseName(std::string_view argument, Parsing& parsing) const {
  const size_t equals = argument.find('=');
  const std::string_view name = argument.substr(0, equals);
  const OptionRow* row = Find(name);
  if (row == nullptr) {
    const std::string nearest = Nearest(name);
    return InvalidArgumentError("unknown option '--" + std::string(name) + "'" +
                                (nearest.empty() ? "" : "; did you mean '--" + nearest + "'?"));
  }
  if (equals == std::string_view::npos) return Take(*row, std::nullopt, parsing);
  return Take(*row, argument.substr(equals + 1), parsing);
}

Status OptionTable::ParseLetters(std::string_view letters, Parsing& parsing) const {
  for (size_t i = 0; i < letters.size(); ++i) {
    const OptionRow* row = Find(letters[i]);
    if (row == nullptr && letters[i] == 'h') row = Find("help");
    if (row == nullptr) {
      return InvalidArgumentError("unknown option '-" + std::string(letters) +
                                  "'; options start with two dashes");
    }
    std::string_view rest = letters.substr(i + 1);
    if (row->value_hint.empty() && !rest.starts_with('=')) {
      THRONG_RETURN_IF_ERROR(Take(*row, std::nullopt, parsing));
      continue;
    }
    if (rest.empty()) return Take(*row, std::nullopt, parsing);
    if (rest.starts_with('=')) rest.remove_prefix(1);
    return Take(*row, rest, parsing);
  }
  return OkStatus();
}

Result<std::vector<std::string>> OptionTable::Parse(std::span<const std::string> arguments) const {
  Parsing parsing{.arguments = arguments};
  for (; parsing.at < arguments.size(); ++parsing.at) {
    const std::string_view argument = arguments[parsing.at];
    if (argument == "--") {
      const auto rest = arguments.subspan(parsing.at + 1);
      parsing.others.insert(parsing.others.end(), rest.begin(), rest.end());
      break;
    }
    if (argument.starts_with("--")) {
      THRONG_RETURN_IF_ERROR(ParseName(argument.substr(2), parsing));
    } else if (argument.starts_with("-") && argument.size() > 1) {
      THRONG_RETURN_IF_ERROR(ParseLetters(argument.substr(1), parsing));
    } else {
      parsing.others.emplace_back(argument);
    }
  }
  return std::move(parsing.others);
}

std::string OptionTable::Help() const {
  std::string out;
  for (const OptionRow& row : rows_) {
    if (row.hidden) continue;
    if (row.name.empty()) {
      out += "\n" + row.help + "\n";
      continue;
    }
    std::string left = row.letter == 0 ? "  --" : std::string("  -") + row.letter + ", --";
    left += row.name + (row.value_hint.empty() ? "" : " " + row.value_hint);
    if (left.size() + 2 > kHelpColumn) {
      left += "\n" + std::string(kHelpColumn, ' ');
    } else {
      left.resize(kHelpColumn, ' ');
    }
    out += left;
    AppendWrapped(row.help, out);
  }
  return out;
}

std::vector<std::string> OptionTable::names() const {
  std::vector<std::string> names;
  for (const OptionRow& row : rows_) {
    if (!row.name.empty()) names.push_back(row.name);
  }
  return names;
}

OptionSetter Text(std::string* target) {
  return [target](std::string_view value) -> Status {
    if (value.empty()) return InvalidArgumentError("must not be empty");
    *target = std::string(value);
    return OkStatus();
  };
}

OptionSetter TextList(std::vector<std::string>* target) {
  return [target](std::string_view value) -> Status {
    if (value.empty()) return InvalidArgumentError("must not be empty");
    target->emplace_back(value);
    return OkStatus();
  };
}

OptionSetter Port(uint16_t* target) {
  return [target](std::string_view value) -> Status {
    const auto parsed = ParseInteger(value);
    if (!parsed || *parsed < 0 || *parsed > 65535) {
      return InvalidArgumentError("must be a port from 0 to 65535");
    }
    *target = static_cast<uint16_t>(*parsed);
    return OkStatus();
  };
}

OptionSetter Boolean(bool* target) {
  return [target](std::string_view value) -> Status {
    const bool yes = value == "true" || value == "True" || value == "1";
    const bool no = value == "false" || value == "False" || value == "0";
    if (!yes && !no) return InvalidArgumentError("must be true or false");
    *target = yes;
    return OkStatus();
  };
}

OptionSetter Integer(int64_t* target, int64_t minimum, int64_t maximum) {
  return [=](std::string_view value) -> Status {
    const auto parsed = ParseInteger(value);
    if (!parsed || *parsed < minimum || *parsed > maximum) {
      return InvalidArgumentError("must be a number from " + std::to_string(minimum) + " to " +
                                  std::to_string(maximum));
    }
    *target = *parsed;
    return OkStatus();
  };
}

OptionSetter Seconds(std::chrono::seconds* target, int64_t minimum, int64_t maximum) {
  return [=](std::string_view value) -> Status {
    int64_t seconds = 0;
    if (value.ends_with("s")) value.remove_suffix(1);
    THRONG_RETURN_IF_ERROR(Integer(&seconds, minimum, maximum)(value));
    *target = std::chrono::seconds(seconds);
    return OkStatus();
  };
}

OptionSetter Bytes(uint64_t* target) {
  return [target](std::string_view value) -> Status {
    const Status rule = InvalidArgumentError("must be a number of bytes such as 512Mi or 2Gi");
    uint64_t unit = 1;
    constexpr std::string_view kUnits = "KMGT";
    if (value.ends_with("i") && value.size() > 2) {
      const size_t power = kUnits.find(value[value.size() - 2]);
      if (power == std::string_view::npos) return rule;
      unit = uint64_t{1} << (10 * (power + 1));
      value.remove_suffix(2);
    }
    const auto parsed = ParseInteger(value);
    if (!parsed || *parsed < 0 || static_cast<uint64_t>(*parsed) > (uint64_t{1} << 60) / unit) {
      return rule;
    }
    *target = static_cast<uint64_t>(*parsed) * unit;
    return OkStatus();
  };
}

OptionSetter Choice(std::vector<std::string> choices, std::function<void(size_t)> set) {
  return [choices = std::move(choices), set = std::move(set)](std::string_view value) -> Status {
    std::string listed;
    for (size_t i = 0; i < choices.size(); ++i) {
      if (choices[i] == value) {
        set(i);
        return OkStatus();
      }
      listed += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
    }
    return InvalidArgumentError("must be " + listed);
  };
}

}  // namespace throng::cli
