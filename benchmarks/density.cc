#include "benchmarks/benchmarks.h"

namespace throng::bench {

Status RunDensity(const Options&) { return UnimplementedError("not measured yet"); }

}  // namespace throng::bench
