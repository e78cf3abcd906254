// RemovedDirectories: directories that nobody needs any more. They are out of sight at once, under
// another name, and deleted by a thread, since models are many gigabytes; what a crash leaves of
// them is deleted by the next one on the same root.
//
//   RemovedDirectories removed(loop, logger, "/state/replicas");
//   removed.Resume();
//   removed.Remove("/state/replicas/default/pod-a");
//
// Owned by a launcher; called on its event loop. Destruction waits for what has begun.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "os/event_loop.h"
#include "os/thread_pool.h"

namespace throng::launcher {

class RemovedDirectories {
 public:
  RemovedDirectories(os::EventLoop& loop, const Logger& logger, std::string root)
      : loop_(loop), logger_(logger), root_(std::move(root)) {}

  // Whether an entry of the root is one of these.
  static bool IsOne(std::string_view name);
  // Deletes what an earlier life left.
  void Resume();
  // `directory`: beneath the root, on its file system. No effect when it is absent.
  void Remove(const std::string& directory);

 private:
  void Delete(std::string path);

  os::EventLoop& loop_;
  const Logger& logger_;
  const std::string root_;
  uint64_t next_ = 0;
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
  os::ThreadPool thread_{1};
};

}  // namespace throng::launcher
