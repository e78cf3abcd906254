// One request on its way through the Proxy, which owns it. Internal to gateway/.
//
//   choosing ──no replica──> waiting ──routes changed, retry──> choosing
//      └──> asking ──not started, 404 and others left──> choosing
//              └──> replying ──> over
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/access_record.h"
#include "gateway/route_table.h"
#include "http/async_client.h"
#include "http/server.h"
#include "os/event_loop.h"

namespace throng::gateway {

class Proxy;

class ProxiedRequest {
 public:
  ProxiedRequest(Proxy& proxy, uint64_t number, std::shared_ptr<http::Exchange> exchange);
  ProxiedRequest(const ProxiedRequest&) = delete;
  ProxiedRequest& operator=(const ProxiedRequest&) = delete;
  ~ProxiedRequest();

  // This, and what is called later, may destroy the request.
  void Start();
  // While it waits: another look at a table that changed.
  void LookAgain() { TryNext(); }
  void StopWaiting();

  uint64_t number() const { return number_; }

 private:
  class Consumer;
  // Counts the request at its replica while it lives.
  class InFlight;

  MonotonicTime Now() const;
  void TryNext();
  void Ask(std::shared_ptr<Replica> replica);
  void Wait();
  void OnWaitTimer();
  void OnWaitOver();
  void LeaveWaiting();
  // Does no replica hold what is asked for, not counting `asked`?
  bool NoneHoldsIt(const RouteTable::Replicas& replicas, const Replica* asked) const;
  void SendNotFound();

  void OnHead(http::ClientReply reply);
  void OnBody(std::string_view bytes);
  void OnEnd(const Status& status);
  bool WantsMore();
  void OnAttemptFailed(const Status& status, http::CallStage stage);
  void OnProgress();
  void OnClientGone();

  void Refuse(int status, std::string_view text, bool may_retry);
  void Finish();

  Proxy& proxy_;
  const uint64_t number_;
  std::shared_ptr<http::Exchange> exchange_;
  std::string host_;  // normal form
  std::string target_;
  std::vector<http::Header> headers_;
  std::shared_ptr<const std::string> body_;
  AccessRecord record_;

  std::vector<std::shared_ptr<Replica>> without_model_;  // they answered 404
  std::vector<std::shared_ptr<Replica>> tried_;          // those, and those not reached
  std::unique_ptr<InFlight> in_flight_;
  std::unique_ptr<http::AsyncCall> call_;
  std::unique_ptr<http::ReplyStream> stream_;
  bool dropping_ = false;  // the reply is a 404 that another replica may know better
  http::Reply not_found_;  // the last of those, in case that nobody does

  MonotonicTime arrived_;
  MonotonicTime waiting_since_;
  MonotonicTime asked_at_;
  MonotonicTime head_at_;
  MonotonicTime held_back_since_ = MonotonicTime::max();
  bool is_waiting_ = false;
  bool has_waited_ = false;
  int retries_ = 0;  // of replicas that could not be reached, all of them
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace throng::gateway
