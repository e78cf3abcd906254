#include "attack/pipeline.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <span>

#include "attack/shell_words.h"
#include "base/control_limits.h"
#include "base/go_duration.h"
#include "base/log.h"
#include "http/syntax.h"

namespace throng::attack {
namespace {

using Words = std::span<const ShellWord>;

constexpr uint64_t kMostCpus = 1024;

std::string Quoted(std::string_view text) { return "'" + EscapeForLog(text) + "'"; }

Result<uint64_t> ParseCount(std::string_view text) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return InvalidArgumentError(Quoted(text) + " is no whole number");
  }
  return value;
}

// A flag of one of the commands. What Go's flag package takes: -name=value, -name value, and two
// dashes in place of one; a boolean without a value is true.
struct Flag {
  std::string_view name;
  bool is_boolean;
  std::function<Status(std::string_view value)> set;
};

class FlagReader {
 public:
  FlagReader(std::string command, std::vector<Flag> flags)
      : command_(std::move(command)), flags_(std::move(flags)) {}

  // Takes flags from the front of `words`, up to the first word that is none.
  Status Take(Words& words) const {
    while (!words.empty()) {
      std::string_view word = words.front().text;
      if (word.size() < 2 || word.front() != '-') return OkStatus();
      words = words.subspan(1);
      word.remove_prefix(word[1] == '-' ? 2 : 1);
      THRONG_RETURN_IF_ERROR(TakeOne(word, words));
    }
    return OkStatus();
  }

 private:
  Status TakeOne(std::string_view word, Words& words) const {
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const auto flag = std::find_if(flags_.begin(), flags_.end(),
                                   [name](const Flag& row) { return row.name == name; });
    if (flag == flags_.end()) {
      return InvalidArgumentError(command_ + ": flag " + Quoted("-" + std::string(name)) +
                                  " is not supported");
    }
    std::string_view value = "true";
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (!flag->is_boolean) {
      if (words.empty()) {
        return InvalidArgumentError(command_ + ": flag -" + std::string(name) + " needs a value");
      }
      value = words.front().text;
      words = words.subspan(1);
    }
    return flag->set(value).WithContext(command_ + ": flag -" + std::string(name));
  }

  const std::string command_;
  const std::vector<Flag> flags_;
};

Flag Count(std::string_view name, uint64_t minimum, uint64_t maximum, uint64_t* target) {
  return {name, false, [=](std::string_view value) -> Status {
            THRONG_ASSIGN_OR_RETURN(const uint64_t count, ParseCount(value));
            if (count < minimum || count > maximum) {
              return InvalidArgumentError("must be between " + std::to_string(minimum) + " and " +
                                          std::to_string(maximum));
            }
            if (target != nullptr) *target = count;
            return OkStatus();
          }};
}

Flag KeepAlive(AttackPlan& plan) {
  return {"keepalive", true, [&plan](std::string_view value) -> Status {
            for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
              if (value == yes) return plan.keep_alive = true, OkStatus();
            }
            for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
              if (value == no) return plan.keep_alive = false, OkStatus();
            }
            return InvalidArgumentError(Quoted(value) + " is neither true nor false");
          }};
}

Flag Timeout(AttackPlan& plan) {
  return {"timeout", false, [&plan](std::string_view value) -> Status {
            THRONG_ASSIGN_OR_RETURN(plan.timeout, ParseGoDuration(value));
            // As vegeta has it, 0 is no limit of its own.
            if (plan.timeout.count() == 0) plan.timeout = limits::kAttackLongest;
            if (plan.timeout <= limits::kAttackLongest) return OkStatus();
            return InvalidArgumentError("must be at most 1h");
          }};
}

FlagReader AttackFlags(AttackPlan& plan) {
  constexpr uint64_t kAny = UINT64_MAX;
  std::vector<Flag> flags;
  flags.push_back({"name", false, [&plan](std::string_view value) {
                     plan.name = value;
                     if (http::IsFieldValue(value)) return OkStatus();
                     return InvalidArgumentError("control characters are not allowed");
                   }});
  flags.push_back({"targets", false, [&plan](std::string_view value) {
                     plan.targets_path = value;
                     return OkStatus();
                   }});
  flags.push_back({"format", false, [](std::string_view value) {
                     if (value == "http") return OkStatus();
                     return InvalidArgumentError(Quoted(value) + " is not supported, only http");
                   }});
  flags.push_back({"duration", false, [&plan](std::string_view value) -> Status {
                     THRONG_ASSIGN_OR_RETURN(plan.duration, ParseAttackDuration(value));
                     return OkStatus();
                   }});
  flags.push_back({"rate", false, [&plan](std::string_view value) -> Status {
                     THRONG_ASSIGN_OR_RETURN(plan.rate, ParseRate(value));
                     return OkStatus();
                   }});
  flags.push_back(Timeout(plan));
  flags.push_back(KeepAlive(plan));
  // How many it begins with tells nothing: requests do not wait for each other.
  flags.push_back(Count("workers", 0, kAny, nullptr));
  flags.push_back(Count("max-workers", 1, kAny, &plan.max_workers));
  flags.push_back(Count("connections", 0, kAny, &plan.idle_connections));
  return {"vegeta attack", std::move(flags)};
}

// Takes "vegeta [-cpus=N] COMMAND".
Status TakeCommand(Words& words, std::string_view command) {
  if (words.empty() || words.front().text != "vegeta") {
    return InvalidArgumentError(words.empty() ? "a command is missing"
                                              : Quoted(words.front().text) +
                                                    " is not supported, only vegeta is");
  }
  words = words.subspan(1);
  THRONG_RETURN_IF_ERROR(FlagReader("vegeta", {Count("cpus", 1, kMostCpus, nullptr)}).Take(words));
  const std::string wanted = "'vegeta " + std::string(command) + "'";
  if (words.empty()) return InvalidArgumentError(wanted + " is expected, not 'vegeta' alone");
  if (words.front().text != command) {
    return InvalidArgumentError(Quoted("vegeta " + words.front().text) +
                                " is not supported there, " + wanted + " is expected");
  }
  words = words.subspan(1);
  return OkStatus();
}

Status ExpectEnd(Words words, std::string_view command) {
  if (words.empty()) return OkStatus();
  return InvalidArgumentError(std::string(command) + ": " + Quoted(words.front().text) +
                              " is not supported");
}

Result<AttackPlan> ParseAttack(Words words) {
  AttackPlan plan;
  THRONG_RETURN_IF_ERROR(TakeCommand(words, "attack"));
  THRONG_RETURN_IF_ERROR(AttackFlags(plan).Take(words));
  THRONG_RETURN_IF_ERROR(ExpectEnd(words, "vegeta attack"));
  if (plan.targets_path.empty() || plan.targets_path == "stdin") {
    return InvalidArgumentError("vegeta attack: flag -targets must name a file");
  }
  if (plan.duration.count() == 0) {
    return InvalidArgumentError("vegeta attack: flag -duration must be given, at most 1h");
  }
  return plan;
}

Status CheckReport(Words words) {
  THRONG_RETURN_IF_ERROR(TakeCommand(words, "report"));
  const FlagReader flags("vegeta report", {{"type", false, [](std::string_view value) {
                                              if (value == "text") return OkStatus();
                                              return InvalidArgumentError(
                                                  Quoted(value) + " is not supported, only text");
                                            }}});
  THRONG_RETURN_IF_ERROR(flags.Take(words));
  return ExpectEnd(words, "vegeta report");
}

bool IsShell(std::string_view word) {
  constexpr std::string_view kShells[] = {"sh",        "bash",     "ash",         "/bin/sh",
                                          "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash"};
  return std::find(std::begin(kShells), std::end(kShells), word) != std::end(kShells);
}

Result<std::vector<ShellWord>> ReadWords(const std::vector<std::string>& words) {
  size_t bytes = 0;
  for (const std::string& word : words) bytes += word.size() + 1;
  if (bytes > limits::kAttackCommandBytes) {
    return InvalidArgumentError("the command is longer than " +
                                std::to_string(limits::kAttackCommandBytes) + " bytes");
  }
  if (words.empty()) return InvalidArgumentError("a command is missing");
  if (IsShell(words[0])) {
    if (words.size() < 2 || words[1] != "-c") {
      return InvalidArgumentError("a shell is supported with -c and one text only");
    }
    if (words.size() != 3) {
      return InvalidArgumentError(words.size() < 3 ? "the text of the shell is missing"
                                                   : Quoted(words[3]) +
                                                         " after the shell's text is not "
                                                         "supported");
    }
    return SplitShellText(words[2]);
  }
  std::vector<ShellWord> split;
  for (const std::string& word : words) {
    // Kubernetes would put variables in place of $(NAME).
    if (word.find("$(") != std::string::npos) {
      return InvalidArgumentError(Quoted(word) + ": variables are not supported");
    }
    split.push_back({.text = word, .is_pipe = word == "|"});
  }
  return split;
}

}  // namespace

Result<AttackPlan> ParsePipeline(const std::vector<std::string>& words) {
  THRONG_ASSIGN_OR_RETURN(const std::vector<ShellWord> split, ReadWords(words));
  const Words all(split);
  const auto is_pipe = [](const ShellWord& word) { return word.is_pipe; };
  const auto pipe = std::find_if(split.begin(), split.end(), is_pipe);
  const auto before = static_cast<size_t>(pipe - split.begin());
  THRONG_ASSIGN_OR_RETURN(AttackPlan plan, ParseAttack(all.first(before)));
  if (pipe == split.end()) {
    return InvalidArgumentError("the pipe into 'vegeta report' is missing");
  }
  if (std::find_if(pipe + 1, split.end(), is_pipe) != split.end()) {
    return InvalidArgumentError("a second pipe is not supported");
  }
  THRONG_RETURN_IF_ERROR(CheckReport(all.subspan(before + 1)));
  return plan;
}

Result<AttackRate> ParseRate(std::string_view text) {
  const size_t slash = text.find('/');
  const auto count = ParseCount(text.substr(0, slash));
  if (!count.ok()) {
    return InvalidArgumentError(Quoted(text) + " is no rate; write one as 10/1s or 600/1m");
  }
  AttackRate rate{.count = *count};
  if (slash != std::string_view::npos) {
    std::string period(text.substr(slash + 1));
    if (!period.empty() && (period[0] < '0' || period[0] > '9')) period.insert(0, "1");
    THRONG_ASSIGN_OR_RETURN(rate.period, ParseGoDuration(period));
  }
  if (rate.count == 0 || rate.period.count() == 0 || rate.period > limits::kAttackLongest) {
    return InvalidArgumentError("must be more than 0, in a time of more than 0 and at most 1h");
  }
  const long double seconds = static_cast<long double>(rate.period.count()) / 1e9L;
  if (static_cast<long double>(rate.count) >
      static_cast<long double>(limits::kAttackRate) * seconds) {
    return InvalidArgumentError("must be at most " + std::to_string(limits::kAttackRate) +
                                " a second");
  }
  return rate;
}

Result<Duration> ParseAttackDuration(std::string_view text) {
  THRONG_ASSIGN_OR_RETURN(const Duration duration, ParseGoDuration(text));
  if (duration.count() > 0 && duration <= limits::kAttackLongest) return duration;
  return InvalidArgumentError("must be more than 0 and at most 1h");
}

Duration PlannedAfter(const AttackRate& rate, uint64_t index) {
  // 64 bits of mantissa: exact for all that the limits allow.
  const long double periods =
      static_cast<long double>(index) / static_cast<long double>(rate.count);
  return Duration(
      static_cast<int64_t>(periods * static_cast<long double>(rate.period.count()) + 0.5L));
}

}  // namespace throng::attack
