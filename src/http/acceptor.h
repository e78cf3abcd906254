// Takes connections from a listening socket that several loops may share. Out of descriptors it
// rests for a while instead of spinning. Everything on the loop's thread.
#pragma once

#include <functional>
#include <memory>

#include "base/status.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::http {

class Acceptor {
 public:
  using OnConnection = std::function<void(os::UniqueFd)>;

  // `listener` is not owned.
  static Result<std::unique_ptr<Acceptor>> Start(os::EventLoop& loop, int listener,
                                                 OnConnection on_connection);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  // Takes what already waits in the backlog, then no more.
  void Stop();
  // A descriptor was freed: rests no longer.
  void Resume();

 private:
  Acceptor(os::EventLoop& loop, int listener, OnConnection on_connection);

  // False when there was nothing to take.
  bool AcceptOne();
  void Rest();

  os::EventLoop& loop_;
  const int listener_;
  const OnConnection on_connection_;
  os::EventLoop::TimerId rest_timer_ = 0;
  bool stopped_ = false;
};

}  // namespace throng::http
