#include "cli/kube/text/unified_diff.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"

namespace throng::cli::kube {
namespace {

std::string Diff(std::string_view before, std::string_view after) {
  return UnifiedDiff({"a", before}, {"b", after});
}

std::string Numbers(int from, int to) {
  std::string out;
  for (int i = from; i <= to; ++i) out += std::to_string(i) + "\n";
  return out;
}

TEST(UnifiedDiffTest, EqualTextsSayNothing) {
  EXPECT_EQ(Diff("", ""), "");
  EXPECT_EQ(Diff("x\n", "x\n"), "");
}

// What `diff -u` prints for these.
TEST(UnifiedDiffTest, PrintsOneHunkWithContext) {
  EXPECT_EQ(Diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiffTest, OfNothingAndToNothing) {
  EXPECT_EQ(Diff("", "x\ny\n"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
  EXPECT_EQ(Diff("x\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
  EXPECT_EQ(Diff("x\n", "x"), "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+x\n\\ No newline at end of file\n");
}

TEST(UnifiedDiffTest, ChangesFarApartAreHunksOfTheirOwn) {
  // Six lines between two changes join them, seven do not.
  const std::string six = Diff("a\n" + Numbers(1, 6) + "b\n", "A\n" + Numbers(1, 6) + "B\n");
  EXPECT_EQ(six, "--- a\n+++ b\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
  const std::string seven = Diff("a\n" + Numbers(1, 7) + "b\n", "A\n" + Numbers(1, 7) + "B\n");
  EXPECT_EQ(
      seven,
      "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

TEST(UnifiedDiffTest, ALineThatMovedIsTheLeastChange) {
  EXPECT_EQ(Diff("a\nb\nc\nd\n", "b\nc\na\nd\n"),
            "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n b\n c\n+a\n d\n");
}

TEST(UnifiedDiffTest, BeyondTheBoundAllLinesCountAsChanged) {
  const size_t side = 2000;
  static_assert(side * side == limits::kDiffCells);
  std::string before;
  std::string after;
  for (size_t i = 0; i < side; ++i) {
    before += i == 0 ? "first\n" : "same " + std::to_string(i) + "\n";
    after += i + 1 == side ? "last\n" : "same " + std::to_string(i + 1) + "\n";
  }
  const auto removals = [](const std::string& diff) {
    size_t count = 0;
    for (size_t at = diff.find("\n-"); at != std::string::npos; at = diff.find("\n-", at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(removals(Diff(before, after)), 1U);
  EXPECT_EQ(removals(Diff("one more\n" + before, after)), side + 1);
}

}  // namespace
}  // namespace throng::cli::kube
