#include "attack/targets.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/control_limits.h"
#include "base/log.h"
#include "http/syntax.h"

namespace throng::attack {
namespace {

constexpr size_t kMethodBytes = 32;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Capital letters and a blank.
bool StartsWithMethod(std::string_view line) {
  const size_t end = line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return end != 0 && end != std::string_view::npos && (line[end] == ' ' || line[end] == '\t');
}

class TargetReader {
 public:
  TargetReader(std::string_view text, const BodyReader& read_body)
      : text_(text), read_body_(read_body) {}

  Result<std::vector<AttackTarget>> Run() {
    while (at_ < text_.size()) {
      const std::string_view line = NextLine();
      if (line.empty() || line.front() == '#') continue;
      const Status read = ReadTarget(line);
      if (!read.ok()) return read.WithContext("targets, line " + std::to_string(line_number_));
    }
    if (targets_.empty()) return InvalidArgumentError("targets: there are none");
    return std::move(targets_);
  }

 private:
  std::string_view LineAt(size_t at) const {
    return Trim(text_.substr(at, text_.find('\n', at) - at));
  }
  std::string_view NextLine() {
    const std::string_view line = LineAt(at_);
    at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    ++line_number_;
    return line;
  }

  Status ReadTarget(std::string_view line) {
    if (targets_.size() >= limits::kAttackTargets) {
      return InvalidArgumentError("there are more than " + std::to_string(limits::kAttackTargets) +
                                  " targets");
    }
    AttackTarget target;
    THRONG_RETURN_IF_ERROR(ReadFirstLine(line, target));
    const std::string_view next = at_ < text_.size() ? LineAt(at_) : "";
    if (!next.empty() && !StartsWithMethod(next)) THRONG_RETURN_IF_ERROR(ReadRest(target));
    targets_.push_back(std::move(target));
    return OkStatus();
  }

  static Status ReadFirstLine(std::string_view line, AttackTarget& target) {
    if (line.size() > limits::kAttackLineBytes) return TooLong();
    const size_t blank = line.find_first_of(" \t");
    if (!StartsWithMethod(line) || blank > kMethodBytes) {
      return InvalidArgumentError("must be METHOD URL, with the method in capital letters");
    }
    target.method = line.substr(0, blank);
    target.url = Trim(line.substr(blank));
    const bool is_http = target.url.rfind("http://", 0) == 0;
    if (!is_http || !http::IsRequestTarget(target.url)) {
      return InvalidArgumentError("the URL must begin with http:// and hold no blanks");
    }
    return OkStatus();
  }

  // Headers up to an empty line or a body.
  Status ReadRest(AttackTarget& target) {
    while (at_ < text_.size()) {
      const std::string_view line = NextLine();
      if (line.empty()) return OkStatus();
      if (line.size() > limits::kAttackLineBytes) return TooLong();
      if (line.front() == '#') continue;
      if (line.front() == '@') return ReadBody(std::string(line.substr(1)), target);
      THRONG_RETURN_IF_ERROR(ReadHeader(line, target));
    }
    return OkStatus();
  }

  static Status ReadHeader(std::string_view line, AttackTarget& target) {
    const size_t colon = line.find(':');
    const std::string_view name = Trim(line.substr(0, colon));
    const std::string_view value =
        colon == std::string_view::npos ? "" : Trim(line.substr(colon + 1));
    if (value.empty() || !http::IsToken(name) || !http::IsFieldValue(value)) {
      return InvalidArgumentError("must be a header, as Name: value");
    }
    constexpr std::array<std::string_view, 4> kOurs = {"Content-Length", "Transfer-Encoding",
                                                       "Connection", "Expect"};
    for (const std::string_view ours : kOurs) {
      if (http::EqualsIgnoringCase(name, ours)) {
        return InvalidArgumentError("header " + std::string(ours) + " cannot be set");
      }
    }
    if (target.headers.size() >= limits::kAttackHeaders) {
      return InvalidArgumentError("the target has more than " +
                                  std::to_string(limits::kAttackHeaders) + " headers");
    }
    target.headers.push_back({std::string(name), std::string(value)});
    return OkStatus();
  }

  Status ReadBody(const std::string& path, AttackTarget& target) {
    auto& body = bodies_[path];
    if (body == nullptr) {
      auto content = read_body_(path);
      if (!content.ok()) return content.status();
      body_bytes_ += content->size();
      if (body_bytes_ > limits::kAttackFilesBytes) {
        return InvalidArgumentError("all bodies together are larger than " +
                                    std::to_string(limits::kAttackFilesBytes) + " bytes");
      }
      body = std::make_shared<const std::string>(*std::move(content));
    }
    target.body = body;
    return OkStatus();
  }

  static Status TooLong() {
    return InvalidArgumentError("is longer than " + std::to_string(limits::kAttackLineBytes) +
                                " bytes");
  }

  const std::string_view text_;
  const BodyReader& read_body_;
  size_t at_ = 0;
  size_t line_number_ = 0;
  size_t body_bytes_ = 0;
  std::map<std::string, std::shared_ptr<const std::string>> bodies_;
  std::vector<AttackTarget> targets_;
};

}  // namespace

Result<std::vector<AttackTarget>> ParseTargets(std::string_view text, const BodyReader& read_body) {
  return TargetReader(text, read_body).Run();
}

Result<std::vector<AttackTarget>> TargetsOf(const std::string& path, const AttackFiles& files) {
  const auto find = [&files](const std::string& wanted) -> Result<std::string> {
    const auto found = files.find(wanted);
    if (found != files.end()) return found->second;
    return NotFoundError("file '" + EscapeForLog(wanted) + "' is in no ConfigMap that is mounted");
  };
  const auto text = find(path);
  if (!text.ok()) return text.status().WithContext("targets");
  return ParseTargets(*text, find);
}

}  // namespace throng::attack
