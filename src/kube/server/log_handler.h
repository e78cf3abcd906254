// LogHandler: the logs of pods over HTTP. What a log is and where it lies, only the LogSource
// knows. Owned by ApiServer; everything on the executor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_function.h"
#include "kube/server/call.h"
#include "kube/server/registry.h"

namespace throng::kube::server {

struct LogQuery {
  std::string name_space;
  std::string pod;
  std::string container;
  bool follow = false;
  bool previous = false;  // of the container's life before
  std::optional<uint64_t> tail_lines;
  std::optional<std::chrono::seconds> since;  // not older
  std::optional<uint64_t> limit_bytes;
  bool timestamps = false;  // each line starts with the time when it was written
};

// A log that is being read. Destroying it ends the reading: no call comes after that.
class LogReading {
 public:
  virtual ~LogReading() = default;
};

class LogSource {
 public:
  struct Sink {
    std::function<void(std::string_view bytes)> write;
    Done<Status> finish;  // the log's end; never with `follow`, as long as the container may write
  };
  virtual ~LogSource() = default;
  // `pod` is the object. Nothing is written before this returns. ERRORS: kInvalidArgument — no such
  // container; kNotFound — no such log.
  virtual Result<std::unique_ptr<LogReading>> Read(const LogQuery& query, const Json& pod,
                                                   Sink sink) = 0;
};

class LogHandler {
 public:
  LogHandler(Registry& registry, LogSource* source);
  ~LogHandler();

  void Start(const SharedCall& call);
  void EndAll();
  size_t size() const { return streams_.size(); }

 private:
  class Stream;

  Registry& registry_;
  LogSource* const source_;
  std::set<std::shared_ptr<Stream>> streams_;
};

}  // namespace throng::kube::server
