// RouteTable: which replicas are in the route of each InferenceService now. Written by the
// InferenceService's reconciler, read by that of models. One executor.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "controller/work_queue.h"

namespace throng::reconcilers {

class RouteTable {
 public:
  // True: it changed, or is the first one of the service, empty or not.
  bool Set(const controller::ObjectKey& service, std::set<std::string> pods) {
    const auto [known, is_first] = routes_.try_emplace(service);
    if (!is_first && known->second == pods) return false;
    known->second = std::move(pods);
    return true;
  }
  // Whether the service was looked at since the control plane started.
  bool Knows(const controller::ObjectKey& service) const { return routes_.contains(service); }
  void Erase(const controller::ObjectKey& service) { routes_.erase(service); }
  std::set<std::string> Of(const controller::ObjectKey& service) const {
    const auto found = routes_.find(service);
    return found == routes_.end() ? std::set<std::string>() : found->second;
  }
  bool Contains(const controller::ObjectKey& service, const std::string& pod) const {
    const auto found = routes_.find(service);
    return found != routes_.end() && found->second.contains(pod);
  }
  // Where clients on this machine reach the ingress, "127.0.0.1:40575"; empty: not known yet.
  void SetIngress(std::string address) { ingress_ = std::move(address); }
  const std::string& ingress() const { return ingress_; }

 private:
  std::map<controller::ObjectKey, std::set<std::string>> routes_;
  std::string ingress_;
};

}  // namespace throng::reconcilers
