// Waiting for objects: until one is gone, or until it satisfies a test. Looks once, then watches
// from there, and looks again when the server ends the watch. One time limit for all that a Waiter
// waits for. Blocks.
//
//   Waiter waiter(client, clock, std::chrono::seconds(30));
//   const Status status = waiter.Until(type, "default", "cifar10", IsReady);
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "client/discovery.h"
#include "client/kube_client.h"

namespace throng::cli::kube {

class Waiter {
 public:
  // Null: it is not there.
  using Test = std::function<bool(const throng::kube::Json* object)>;

  // `limit` zero: none; negative: a week, as kubectl has it.
  Waiter(client::KubeClient& client, const Clock& clock, Duration limit);

  // ERRORS: kDeadlineExceeded — "timed out waiting for the condition on trainedmodels/cifar10".
  Status Until(const client::ResourceType& type, const std::string& name_space,
               const std::string& name, const Test& test);
  // Gone, or another one of that name (`uid` empty: any).
  Status UntilGone(const client::ResourceType& type, const std::string& name_space,
                   const std::string& name, const std::string& uid);

 private:
  std::optional<Duration> Left() const;

  client::KubeClient& client_;
  const Clock& clock_;
  std::optional<MonotonicTime> deadline_;
};

}  // namespace throng::cli::kube
