#include "cli/options/text_table.h"

#include <algorithm>
#include <cctype>

namespace throng::cli {

std::string TextTable::Text() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      std::string cell = rows_[r][i];
      if (r == 0) {
        for (char& c : cell) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      }
      cell.resize(widths[i] + 2, ' ');
      line += cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace throng::cli
