#include "benchmarks/benchmarks.h"

namespace throng::bench {

Status RunColdStart(const Options&) { return UnimplementedError("not measured yet"); }

}  // namespace throng::bench
