// RouteTable: which replicas are in the route of each InferenceService now. Written by the
// InferenceService's reconciler, read by that of models. One executor.
#pragma once

#include <map>
#include <set>
#include <string>

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

 private:
  std::map<controller::ObjectKey, std::set<std::string>> routes_;
};

}  // namespace throng::reconcilers
