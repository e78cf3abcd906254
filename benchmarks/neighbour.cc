#include "benchmarks/benchmarks.h"

namespace throng::bench {

Status RunNeighbour(const Options&) { return UnimplementedError("not measured yet"); }

}  // namespace throng::bench
