// What a verb has around it: where it prints, what it reads, who edits a file. Real ones for the
// program, others for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "os/file.h"

namespace throng::cli::kube {

struct Surroundings {
  // Thread-safe (logs of several pods are followed at once).
  std::function<void(std::string_view text)> out;
  std::function<void(std::string_view text)> error;
  // Standard input, whole. ERRORS: kResourceExhausted — more than `max_bytes`.
  std::function<Result<std::string>(uint64_t max_bytes)> input;
  // Empty when it is not set.
  std::function<std::string(const std::string& name)> environment;
  // Lets a person edit `text` with the program that `editor` names; returns what it became.
  // `suffix` is of the file's name, for editors that look at it.
  std::function<Result<std::string>(const std::string& editor, const std::string& text,
                                    const std::string& suffix)>
      edit;
  const os::FileSystem* files = nullptr;
  const Clock* clock = nullptr;
};

Surroundings RealSurroundings();

}  // namespace throng::cli::kube
