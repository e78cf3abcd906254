#include "attack/shell_words.h"

#include "base/log.h"

namespace throng::attack {
namespace {

constexpr std::string_view kNowhere = "&;<>()$`*?[]{}";  // unquoted
constexpr std::string_view kNotInDouble = "$`";
constexpr std::string_view kNotFirst = "#~!";  // of a word

Status Refused(char c) {
  // A backslash is shown as it is written.
  const std::string shown = c == '\\' ? "\\" : EscapeForLog(std::string_view(&c, 1));
  return InvalidArgumentError("the shell's '" + shown + "' is not supported");
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<ShellWord>> Run() {
    while (at_ < text_.size()) THRONG_RETURN_IF_ERROR(TakeOne());
    EndWord();
    return std::move(words_);
  }

 private:
  Status TakeOne() {
    const char c = text_[at_];
    if (c == '\n') {
      EndWord();
      // After a pipe the command goes on, else the next word is another command.
      line_ended_ = !words_.empty() && !words_.back().is_pipe;
      ++at_;
      return OkStatus();
    }
    if (c == ' ' || c == '\t') {
      EndWord();
      ++at_;
      return OkStatus();
    }
    if (c == '\\') return TakeContinuation();
    if (line_ended_) return InvalidArgumentError("a second line of commands is not supported");
    if (c == '|') return TakePipe();
    if (c == '\'' || c == '"') return TakeQuoted(c);
    if (kNowhere.find(c) != std::string_view::npos || IsControl(c)) return Refused(c);
    if (!in_word_ && kNotFirst.find(c) != std::string_view::npos) return Refused(c);
    word_ += c;
    in_word_ = true;
    ++at_;
    return OkStatus();
  }

  Status TakePipe() {
    EndWord();
    if (at_ + 1 < text_.size() && text_[at_ + 1] == '|') {
      return InvalidArgumentError("the shell's '||' is not supported");
    }
    words_.push_back({.text = "|", .is_pipe = true});
    ++at_;
    return OkStatus();
  }

  // A backslash before the end of a line joins the lines; before anything else it is refused.
  Status TakeContinuation() {
    if (at_ + 1 >= text_.size() || text_[at_ + 1] != '\n') return Refused('\\');
    at_ += 2;
    return OkStatus();
  }

  Status TakeQuoted(char quote) {
    in_word_ = true;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote) {
        ++at_;
        return OkStatus();
      }
      if (IsControl(c)) return Refused(c);
      if (quote == '"' && (kNotInDouble.find(c) != std::string_view::npos || c == '\\')) {
        return Refused(c);
      }
      word_ += c;
    }
    return InvalidArgumentError("a quote is not closed");
  }

  void EndWord() {
    if (in_word_) words_.push_back({.text = std::move(word_)});
    word_.clear();
    in_word_ = false;
  }

  static bool IsControl(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::vector<ShellWord> words_;
  std::string word_;
  bool in_word_ = false;
  bool line_ended_ = false;
};

}  // namespace

Result<std::vector<ShellWord>> SplitShellText(std::string_view text) {
  return Splitter(text).Run();
}

}  // namespace throng::attack
