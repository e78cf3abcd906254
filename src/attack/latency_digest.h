// LatencyDigest: quantiles of any number of values in bounded memory, as a merging t-digest of
// compression 100 (Dunning, Ertl, "Computing extremely accurate quantiles using t-digests"). The
// same steps as vegeta's, so that the same latencies give the same report. Not thread-safe.
//
//   LatencyDigest digest;
//   digest.Add(1.5e6);
//   double median = digest.Quantile(0.5);
#pragma once

#include <cstddef>
#include <vector>

namespace throng::attack {

class LatencyDigest {
 public:
  void Add(double value);
  // `q` from 0 to 1; 0 when nothing was added.
  double Quantile(double q);

 private:
  struct Centroid {
    double mean = 0;
    double weight = 0;
  };

  void Merge();
  void SumUp();

  std::vector<Centroid> merged_;   // by mean
  std::vector<Centroid> waiting_;  // not merged yet
  std::vector<double> middle_;     // weight up to the middle of each of `merged_`, then all of it
  double weight_ = 0;              // of `merged_`
  double minimum_ = 0;
  double maximum_ = 0;
};

}  // namespace throng::attack
