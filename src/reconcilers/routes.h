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
  // True: it changed.
  bool Set(const controller::ObjectKey& service, std::set<std::string> pods) {
    auto& known = routes_[service];
    if (known == pods) return false;
    known = std::move(pods);
    return true;
  }
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
