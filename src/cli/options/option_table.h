// OptionTable: the flags of a command as one table of rows; parsing, --help and the hint for a
// mistyped flag are made from it.
//
//   OptionTable table;
//   table.Add({"http-port", "PORT", "port of the HTTP listener; 0: any free one", Port(&port)});
//   THRONG_ASSIGN_OR_RETURN(std::vector<std::string> paths, table.Parse(arguments));
//
// Both --name=value and --name value are taken; a flag without a value hint is a boolean, for which
// --name and --name=true|false are the same as in Triton. A row may have a letter, as kubectl's
// have: -n NAME, -nNAME, -n=NAME, and booleans together with what follows (-Aoyaml).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace throng::cli {

using OptionSetter = std::function<Status(std::string_view value)>;

struct OptionRow {
  std::string name;        // without dashes; ""  and a help text: a heading
  std::string value_hint;  // "PORT"; empty: a boolean
  std::string help;
  OptionSetter set;
  bool hidden = false;      // accepted, not listed (old names)
  bool repeatable = false;  // may be given again with another value
  char letter = 0;          // 'n' for -n; 0: none
};

// The candidate that `name` is most likely a mistyped form of; empty: none is near.
std::string NearestWord(std::string_view name, const std::vector<std::string>& candidates);

class OptionTable {
 public:
  void Add(OptionRow row) { rows_.push_back(std::move(row)); }
  void Add(char letter, OptionRow row) {
    row.letter = letter;
    Add(std::move(row));
  }
  // A row that may be given several times.
  void AddList(OptionRow row) {
    row.repeatable = true;
    Add(std::move(row));
  }
  void Heading(std::string text) { rows_.push_back({"", "", std::move(text), nullptr}); }

  // Sets what the arguments say; returns those that are no flags. "--" ends the flags. ERRORS:
  // kInvalidArgument — an unknown flag (with the nearest one), a missing or a bad value, two values
  // for one flag. "-h" is "--help" where there is that row.
  Result<std::vector<std::string>> Parse(std::span<const std::string> arguments) const;
  // Aligned, at most 100 columns.
  std::string Help() const;
  // Names of all rows (tests).
  std::vector<std::string> names() const;

 private:
  struct Parsing;  // of one list of arguments

  const OptionRow* Find(std::string_view name) const;
  const OptionRow* Find(char letter) const;
  Status ParseName(std::string_view argument, Parsing& parsing) const;
  // Without a value: the next argument, or true.
  Status Take(const OptionRow& row, std::optional<std::string_view> value, Parsing& parsing) const;
  Status ParseLetters(std::string_view letters, Parsing& parsing) const;
  std::string Nearest(std::string_view name) const;
  Status Set(const OptionRow& row, std::string_view value) const;
  std::vector<OptionRow> rows_;
};

// Setters for the usual kinds of values. ERRORS: kInvalidArgument — the rule.
OptionSetter Text(std::string* target);
OptionSetter TextList(std::vector<std::string>* target);
OptionSetter Port(uint16_t* target);
OptionSetter Boolean(bool* target);
OptionSetter Integer(int64_t* target, int64_t minimum, int64_t maximum);
OptionSetter Seconds(std::chrono::seconds* target, int64_t minimum, int64_t maximum);
// "512Mi", "2Gi", "1000000": bytes, with the binary suffixes of Kubernetes quantities.
OptionSetter Bytes(uint64_t* target);
// One of `choices`; `set` gets its index.
OptionSetter Choice(std::vector<std::string> choices, std::function<void(size_t)> set);

}  // namespace throng::cli
