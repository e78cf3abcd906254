// Tables for people, as kubectl prints them: cells between tabs, columns as wide as their widest
// cell, and a column ends where a line has no cell in it, so that blocks are aligned each on their
// own (Go's text/tabwriter). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace throng::client {

struct Alignment {
  size_t minimum_width = 0;  // of a column, padding included
  size_t padding = 2;
};
inline constexpr Alignment kTableAlignment{6, 3};     // of `get`
inline constexpr Alignment kDescribeAlignment{0, 2};  // of `describe`

// Lines end with a line break; cells but the last of a line end with a tab.
std::string Align(std::string_view text, Alignment alignment);

// Rows that come one after the other (a watch): a column never gets narrower.
class RowAligner {
 public:
  explicit RowAligner(Alignment alignment) : alignment_(alignment) {}
  // All rows of one go are aligned with each other.
  std::string Add(const std::vector<std::vector<std::string>>& rows);

 private:
  const Alignment alignment_;
  std::vector<size_t> widths_;
};

// Characters that a terminal would act on, made visible; the text up to the first line break, then
// "...".
std::string CellText(std::string_view text);
// In characters, not bytes.
size_t TextWidth(std::string_view text);

}  // namespace throng::client
