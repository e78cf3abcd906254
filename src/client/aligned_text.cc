#include "client/aligned_text.h"

#include <algorithm>

namespace throng::client {
namespace {

using Line = std::vector<std::string>;

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

class Aligner {
 public:
  Aligner(std::vector<Line> lines, Alignment alignment)
      : lines_(std::move(lines)), alignment_(alignment) {}

  std::string Run() {
    Format(0, lines_.size());
    return std::move(out_);
  }

 private:
  // Lines [first, last) belong together in the columns that have widths already. No deeper than
  // lines have cells, which the caller's tables bound.
  void Format(size_t first, size_t last) {
    const size_t column = widths_.size();
    const auto has_cell = [&](size_t line) { return column + 1 < lines_[line].size(); };
    size_t at = first;
    while (at < last) {
      if (!has_cell(at)) {
        Write(at++);
        continue;
      }
      const size_t block = at;
      size_t width = alignment_.minimum_width;
      for (; at < last && has_cell(at); ++at) {
        width = std::max(width, TextWidth(lines_[at][column]) + alignment_.padding);
      }
      widths_.push_back(width);
      Format(block, at);
      widths_.pop_back();
    }
  }

  void Write(size_t line) {
    const Line& cells = lines_[line];
    for (size_t i = 0; i < cells.size(); ++i) {
      out_ += cells[i];
      if (i + 1 < cells.size() && i < widths_.size()) {
        out_.append(widths_[i] - TextWidth(cells[i]), ' ');
      }
    }
    out_ += '\n';
  }

  const std::vector<Line> lines_;
  const Alignment alignment_;
  std::vector<size_t> widths_;
  std::string out_;
};

}  // namespace

size_t TextWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string Align(std::string_view text, Alignment alignment) {
  std::vector<Line> lines;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (const std::string& line : Split(text, '\n')) lines.push_back(Split(line, '\t'));
  return Aligner(std::move(lines), alignment).Run();
}

std::string RowAligner::Add(const std::vector<std::vector<std::string>>& rows) {
  for (const auto& row : rows) {
    widths_.resize(std::max(widths_.size(), row.size()), alignment_.minimum_width);
    for (size_t i = 0; i < row.size(); ++i) {
      widths_[i] = std::max(widths_[i], TextWidth(row[i]) + alignment_.padding);
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths_[i] - TextWidth(row[i]), ' ');
    }
    out += '\n';
  }
  return out;
}

std::string CellText(std::string_view text) {
  const size_t line_end = text.find_first_of("\f\n\r");
  std::string out;
  for (const char c : text.substr(0, line_end)) {
    if (c == '\t') {
      out += ' ';
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += '^';
      out += static_cast<char>(c ^ 0x40);
    } else {
      out += c;
    }
  }
  return line_end == std::string_view::npos ? out : out + "...";
}

}  // namespace throng::client
