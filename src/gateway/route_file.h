// The last known routes on disk, so that the gateway starts without an API. Changes that come close
// together are written together, on a thread of its own: the loop never waits for a disk. Called on
// the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "gateway/route_codec.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/thread_pool.h"

namespace throng::gateway {

class RouteFile {
 public:
  // `routes` is asked for what to write. `files` and `logger` outlive it.
  RouteFile(os::EventLoop& loop, os::FileSystem& files, std::string path, const Logger& logger,
            std::function<std::vector<RouteSpec>()> routes);
  RouteFile(const RouteFile&) = delete;
  RouteFile& operator=(const RouteFile&) = delete;
  // Writes what is not written yet.
  ~RouteFile();

  // Nothing when there is no file that can be read.
  std::vector<RouteSpec> Read() const;
  // The routes changed.
  void Save();

 private:
  void Write();

  os::EventLoop& loop_;
  os::FileSystem& files_;
  const std::string path_;
  const Logger& logger_;
  const std::function<std::vector<RouteSpec>()> routes_;
  os::EventLoop::TimerId timer_ = 0;
  os::ThreadPool thread_;  // last: its work uses what is above
};

}  // namespace throng::gateway
