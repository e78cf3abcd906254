// What every CellFactory promises (runner/runner.h), as tests that run against the real processes
// and against the fake. A world makes the factory, lets time pass, and has models of known
// behaviour.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runner/runner.h"

namespace throng::runner::testing {

class RunnerWorld {
 public:
  virtual ~RunnerWorld() = default;
  virtual CellFactory& factory() = 0;
  virtual std::string framework() const = 0;
  // Lets things happen until `done()`, bounded. False: it never was.
  virtual bool RunUntil(const std::function<bool()>& done) = 0;
  // Inputs of more than half of this find no room beside each other, those of more than this never.
  static constexpr uint64_t kInputArenaBytes = 256 * 1024;
  // "echo": one FP32 [-1,4] input IN, one output OUT with the same bytes. "bad": refuses to load.
  // "crash": loads, and ends its process when it is executed. "slow": echo that takes a while.
  virtual LoadSpec Model(const std::string& behavior) = 0;
};

}  // namespace throng::runner::testing
