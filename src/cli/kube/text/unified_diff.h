// Two texts compared line by line, as `diff -u` prints it. Pure.
//
//   std::fputs(UnifiedDiff({"LIVE/a", before}, {"MERGED/a", after}).c_str(), stdout);
#pragma once

#include <string>
#include <string_view>

namespace throng::cli::kube {

struct DiffSide {
  std::string_view name;
  std::string_view text;  // lines, each with its line break; empty: there is none
};

// Three lines of context, the fewest changed lines; where both differ in very many lines, all of
// them count as changed. Empty when the texts are equal.
std::string UnifiedDiff(const DiffSide& before, const DiffSide& after);

}  // namespace throng::cli::kube
