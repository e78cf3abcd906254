// The status of an InferenceService, from its replicas. Pure.
//
// Ready is True when at least one replica is in the route: requests are answered then, also without
// models. Columns of `kubectl get isvc` come from components.predictor.traffic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kube/json.h"
#include "reconcilers/conditions.h"

namespace throng::reconcilers {

struct ServiceReplica {
  std::string pod;
  std::string revision;
  bool in_route = false;
  std::string problem;  // why it is not running: "exit status 2"; empty: it runs
};

struct ServiceFacts {
  std::string name_space;
  std::string name;
  std::string domain;           // "example.com"
  std::string latest_revision;  // of the specification as it is; empty: it cannot be read
  std::vector<ServiceReplica> replicas;
  size_t wanted_replicas = 1;
  // Set when replicas cannot be made of the specification at all.
  std::string invalid_reason;
  std::string invalid_message;
  bool deadline_exceeded = false;
  int64_t deadline_seconds = 0;
  int64_t max_replicas = 0;  // 0: not given
  std::string ingress;       // "127.0.0.1:40575"; empty: not known
  // Of the models: how many there are, how many have failed, the last failure's words.
  size_t models = 0;
  size_t failed_models = 0;
  std::string last_failure;
  int64_t generation = 0;
};

kube::Json InferenceServiceStatus(const ServiceFacts& facts, const kube::Json& before,
                                  WallTime now);

// A line for a shell of this machine: URLs in a status have no port, and names that no resolver
// knows. Nothing when one of the two is not known.
std::string CurlLine(std::string_view url, std::string_view ingress, std::string_view path);

// The hosts that lead to it, the public one first.
std::vector<std::string> HostsOf(std::string_view name_space, std::string_view name,
                                 std::string_view domain);

}  // namespace throng::reconcilers
