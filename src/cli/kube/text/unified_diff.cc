#include "cli/kube/text/unified_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/control_limits.h"

namespace throng::cli::kube {
namespace {

using Lines = std::vector<std::string_view>;

constexpr size_t kContext = 3;

struct Edit {
  char mark;  // ' ', '-', '+'
  std::string_view line;
};

Lines LinesOf(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return lines;
}

void Replace(const Lines& before, const Lines& after, std::vector<Edit>& edits) {
  for (const auto line : before) edits.push_back({'-', line});
  for (const auto line : after) edits.push_back({'+', line});
}

// The longest common subsequence, by its table of lengths.
void CompareMiddle(const Lines& before, const Lines& after, std::vector<Edit>& edits) {
  const size_t width = after.size() + 1;
  if (before.size() * after.size() > limits::kDiffCells) return Replace(before, after, edits);
  std::vector<uint32_t> common((before.size() + 1) * width, 0);
  for (size_t i = before.size(); i-- > 0;) {
    for (size_t j = after.size(); j-- > 0;) {
      common[i * width + j] =
          before[i] == after[j] ? common[(i + 1) * width + j + 1] + 1
                                : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < before.size() && j < after.size()) {
    if (before[i] == after[j]) {
      edits.push_back({' ', before[i++]});
      ++j;
    } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) {
      edits.push_back({'-', before[i++]});
    } else {
      edits.push_back({'+', after[j++]});
    }
  }
  while (i < before.size()) edits.push_back({'-', before[i++]});
  while (j < after.size()) edits.push_back({'+', after[j++]});
}

std::vector<Edit> Compare(Lines before, Lines after) {
  const auto [middle, other] =
      std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  std::vector<Edit> edits;
  for (auto line = before.begin(); line != middle; ++line) edits.push_back({' ', *line});
  before.erase(before.begin(), middle);
  after.erase(after.begin(), other);
  Lines tail;
  while (!before.empty() && !after.empty() && before.back() == after.back()) {
    tail.push_back(before.back());
    before.pop_back();
    after.pop_back();
  }
  CompareMiddle(before, after, edits);
  for (auto line = tail.rbegin(); line != tail.rend(); ++line) edits.push_back({' ', *line});
  return edits;
}

// "12,3" as in "@@ -12,3 +14,2 @@": of no lines, the one before.
std::string Range(size_t first, size_t count) {
  const std::string start = std::to_string(count == 0 ? first : first + 1);
  return count == 1 ? start : start + "," + std::to_string(count);
}

// The edits from `begin` to `end` as one hunk. `before` and `after` are the lines that lie ahead of
// it on each side.
std::string Hunk(const std::vector<Edit>& edits, size_t begin, size_t end, size_t before,
                 size_t after) {
  size_t removed = 0;
  size_t added = 0;
  std::string body;
  for (size_t i = begin; i < end; ++i) {
    if (edits[i].mark != '+') ++removed;
    if (edits[i].mark != '-') ++added;
    body += edits[i].mark;
    body += edits[i].line;
    if (!edits[i].line.ends_with('\n')) body += "\n\\ No newline at end of file\n";
  }
  return "@@ -" + Range(before, removed) + " +" + Range(after, added) + " @@\n" + body;
}

}  // namespace

std::string UnifiedDiff(const DiffSide& before, const DiffSide& after) {
  if (before.text == after.text) return "";
  const std::vector<Edit> edits = Compare(LinesOf(before.text), LinesOf(after.text));
  std::string out = "--- " + std::string(before.name) + "\n+++ " + std::string(after.name) + "\n";
  size_t at = 0;        // edits that are done with
  size_t from[2] = {};  // and their lines on each side
  const auto advance = [&](size_t to) {
    for (; at < to; ++at) {
      if (edits[at].mark != '+') ++from[0];
      if (edits[at].mark != '-') ++from[1];
    }
  };
  while (true) {
    const auto is_change = [](const Edit& edit) { return edit.mark != ' '; };
    const auto first =
        std::find_if(edits.begin() + static_cast<ptrdiff_t>(at), edits.end(), is_change);
    if (first == edits.end()) return out;
    const size_t change = static_cast<size_t>(first - edits.begin());
    advance(change - std::min(kContext, change - at));
    size_t last = change;  // of the changes that share the hunk
    for (size_t i = change; i < edits.size() && i <= last + 2 * kContext + 1; ++i) {
      if (is_change(edits[i])) last = i;
    }
    const size_t end = std::min(edits.size(), last + 1 + kContext);
    out += Hunk(edits, at, end, from[0], from[1]);
    advance(end);
  }
}

}  // namespace throng::cli::kube
