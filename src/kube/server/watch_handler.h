// WatchHandler: watches over HTTP: one line of JSON for each change, bookmarks, and a bound for
// clients that do not read. Owned by ApiServer; everything on the executor.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "base/executor.h"
#include "base/random.h"
#include "kube/server/call.h"
#include "kube/server/registry.h"

namespace throng::kube::server {

class WatchHandler {
 public:
  WatchHandler(Executor& executor, Random& random, Registry& registry);
  ~WatchHandler();

  void Start(const SharedCall& call);
  void EndAll();
  size_t size() const { return streams_.size(); }

 private:
  class Stream;

  Executor& executor_;
  Random& random_;
  Registry& registry_;
  std::set<std::shared_ptr<Stream>> streams_;
};

}  // namespace throng::kube::server
