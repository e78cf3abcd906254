#include "benchmarks/harness/closed_loop.h"

#include "benchmarks/harness/process_clock.h"
#include "benchmarks/load/load_generator.h"

namespace throng::bench {

Result<Measurement> Measure(const ClosedLoop& loop) {
  LoadGenerator generator;
  THRONG_RETURN_IF_ERROR(generator.AddStream(
      {.port = loop.port, .requests = {loop.request}, .connections = loop.connections}));
  const TreeCpu before = ReadTreeCpu(loop.pid);
  THRONG_ASSIGN_OR_RETURN(
      const LoadResult load,
      generator.Run(std::chrono::nanoseconds(static_cast<int64_t>(loop.seconds * 1e9))));
  const TreeCpu after = ReadTreeCpu(loop.pid);
  const StreamResult& stream = load.streams[0];
  if (stream.failed > 0) {
    return UnavailableError(loop.label + " was refused: " + stream.first_error);
  }
  const auto count = static_cast<double>(stream.ok);
  Measurement result;
  result.front_us = static_cast<double>(after.front_door_ns - before.front_door_ns) / 1e3 / count;
  result.cells_us = static_cast<double>(after.cells_ns - before.cells_ns) / 1e3 / count;
  result.p50_us = stream.latency.PercentileUs(50);
  result.p99_us = stream.latency.PercentileUs(99);
  result.per_second = count / load.seconds;
  return result;
}

}  // namespace throng::bench
