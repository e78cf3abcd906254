// Tables for people: columns aligned, targets beside what was measured. Value types.
#pragma once

#include <string>
#include <vector>

namespace throng::bench {

// 12.3, 1234, 0.0123: three digits that matter.
std::string Number(double value);

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void Print(const std::string& title) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the header
};

// Rows of what must hold.
class Targets {
 public:
  // Met when measured <= target.
  void AtMost(const std::string& what, double measured, double target, const std::string& unit);
  void AtLeast(const std::string& what, double measured, double target, const std::string& unit);
  void Print() const;

 private:
  void Add(const std::string& what, double measured, const std::string& target, bool met,
           const std::string& unit);
  Table table_{{"what must hold", "target", "measured", ""}};
};

// REQUIRES: not empty.
double Median(std::vector<double> values);
double Percentile(std::vector<double> values, double percent);
// Slope of the line of least squares. REQUIRES: two different x.
double Slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace throng::bench
