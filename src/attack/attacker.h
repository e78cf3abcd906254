// Attacker: carries out an AttackPlan on an event loop. An open loop: requests leave at the
// instants that were planned, whatever becomes of those before them, and a reply's time counts from
// when its request was sent. Everything on the loop's thread.
//
//   Attacker attacker(loop, plan, targets, rules, [&] { loop.Stop(); });
//   attacker.Start();
//   loop.Run();
//   std::string report = TextReport(attacker.Summary());
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "attack/destination.h"
#include "attack/metrics.h"
#include "attack/pipeline.h"
#include "attack/targets.h"
#include "base/control_limits.h"
#include "http/async_client.h"
#include "os/event_loop.h"

namespace throng::attack {

class Attacker {
 public:
  // `on_end` is called once, when all that was sent has ended; never from inside a call. REQUIRES:
  // targets is not empty.
  Attacker(os::EventLoop& loop, AttackPlan plan, std::vector<AttackTarget> targets,
           const DestinationRules& rules, std::function<void()> on_end,
           size_t max_in_flight = limits::kAttackInFlight);
  ~Attacker();
  Attacker(const Attacker&) = delete;
  Attacker& operator=(const Attacker&) = delete;

  void Start();
  // Nothing more is sent; replies are still waited for.
  void StopSending();
  AttackSummary Summary() { return metrics_.Summary(); }

 private:
  class Reply;
  struct Shot {  // a target with where it goes
    AttackTarget target;
    Result<Destination> destination;
  };

  void Send();
  void SendOne();
  void SendLater();
  http::CallSpec SpecOf(const Shot& shot, uint64_t sequence) const;
  void OnReply(uint64_t sequence, AttackResult result);
  void EndIfDone();
  std::string ErrorOf(const Shot& shot, const Status& status) const;
  bool IsOver(MonotonicTime now) const;

  os::EventLoop& loop_;
  const AttackPlan plan_;
  std::vector<Shot> shots_;
  const std::function<void()> on_end_;
  const size_t max_in_flight_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<http::AsyncClient> client_;
  std::unordered_map<uint64_t, std::unique_ptr<http::AsyncCall>> calls_;  // by sequence
  AttackMetrics metrics_;
  MonotonicTime began_{};
  uint64_t next_ = 0;  // sequence of the next request
  Executor::TimerId timer_ = 0;
  bool sending_ = false;
  bool ended_ = false;
};

}  // namespace throng::attack
