#include "benchmarks/harness/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace throng::bench {

std::string Number(double value) {
  const double size = std::fabs(value);
  const int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

void Table::Print(const std::string& title) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::printf("\n%s\n", title.c_str());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      const int width = static_cast<int>(widths[i]);
      if (i == 0) std::printf("  %-*s", width, row[i].c_str());
      if (i != 0) std::printf("  %*s", width, row[i].c_str());
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

void Targets::Add(const std::string& what, double measured, const std::string& target, bool met,
                  const std::string& unit) {
  table_.Add({what, target + " " + unit, Number(measured) + " " + unit, met ? "met" : "MISSED"});
}

void Targets::AtMost(const std::string& what, double measured, double target,
                     const std::string& unit) {
  Add(what, measured, "<= " + Number(target), measured <= target, unit);
}

void Targets::AtLeast(const std::string& what, double measured, double target,
                      const std::string& unit) {
  Add(what, measured, ">= " + Number(target), measured >= target, unit);
}

void Targets::Print() const { table_.Print("Targets"); }

double Median(std::vector<double> values) { return Percentile(std::move(values), 50); }

double Percentile(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
  const auto index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  return values[std::min(index, values.size() - 1)];
}

double Slope(const std::vector<double>& x, const std::vector<double>& y) {
  const auto count = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / count;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / count;
  double above = 0;
  double below = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    above += (x[i] - mean_x) * (y[i] - mean_y);
    below += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return above / below;
}

}  // namespace throng::bench
