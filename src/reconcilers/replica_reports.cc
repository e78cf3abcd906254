#include "reconcilers/replica_reports.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/control_limits.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::TextAt;

constexpr std::array<std::string_view, 8> kStateNames = {
    "Pending", "Downloading", "Downloaded", "Loading", "Loaded", "Failed", "Unloading", "Gone"};
constexpr size_t kTextBytes = 1024;

std::string ShortText(const Json& json, std::string_view key) {
  std::string text = TextAt(json, {key});
  if (text.size() > kTextBytes) text.resize(kTextBytes);
  return text;
}

int64_t IntegerAt(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* found = kube::FindPath(json, path);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : 0;
}

bool FlagAt(const Json& json, std::string_view key) {
  const Json* found = kube::FindPath(json, {key});
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

Result<CopyReport> ReadCopy(const Json& json) {
  CopyReport copy;
  const std::string state = TextAt(json, {"state"});
  size_t index = 0;
  while (index < kStateNames.size() && kStateNames[index] != state) ++index;
  if (index == kStateNames.size()) return InvalidArgumentError("models[].state is not one");
  copy.state = static_cast<CopyState>(index);
  copy.uid = ShortText(json, "uid");
  copy.generation = IntegerAt(json, {"generation"});
  copy.downloaded = FlagAt(json, "downloaded");
  copy.loaded = FlagAt(json, "loaded");
  copy.reason = ShortText(json, "reason");
  copy.message = ShortText(json, "message");
  copy.failures = static_cast<int>(IntegerAt(json, {"failures"}));
  copy.retry_at = ShortText(json, "retryAt");
  copy.serving_generation = IntegerAt(json, {"serving", "generation"});
  copy.serving_uri = TextAt(json, {"serving", "storageUri"});
  copy.bytes = static_cast<uint64_t>(std::max<int64_t>(0, IntegerAt(json, {"bytes"})));
  copy.time = ShortText(json, "time");
  return copy;
}

}  // namespace

Status ReplicaReports::Apply(const ObjectKey& replica, const Json& body) {
  const Json* models = kube::FindPath(body, {"models"});
  if (models == nullptr || !models->is_array()) {
    return InvalidArgumentError("models must be a list");
  }
  std::vector<std::pair<std::string, CopyReport>> copies;
  for (const Json& model : *models) {
    const std::string name = TextAt(model, {"model"});
    if (name.empty() || name.size() > limits::kObjectNameBytes) {
      return InvalidArgumentError("models[].model must be a name");
    }
    THRONG_ASSIGN_OR_RETURN(CopyReport copy, ReadCopy(model));
    copies.emplace_back(name, std::move(copy));
  }
  std::vector<std::string> changed;
  if (FlagAt(body, "full")) {
    THRONG_ASSIGN_OR_RETURN(const bool is_whole, TakePart(replica, body, copies));
    if (!is_whole) return OkStatus();
    ReplicaReport& report = reports_[replica];
    for (const auto& [name, copy] : report.copies) changed.push_back(name);
    report.copies = std::move(parts_[replica].copies);
    for (const auto& [name, copy] : report.copies) changed.push_back(name);
    report.is_full = true;
    parts_.erase(replica);
  } else {
    for (const auto& [name, copy] : copies) changed.push_back(name);
    THRONG_RETURN_IF_ERROR(Merge(copies, reports_[replica].copies));
  }
  reports_[replica].server = ShortText(body, "server");
  if (listener_) listener_(replica, changed);
  return OkStatus();
}

Status ReplicaReports::Merge(NamedCopies& copies, Copies& target) {
  for (auto& [name, copy] : copies) {
    if (copy.state == CopyState::kGone) {
      target.erase(name);
      continue;
    }
    if (target.size() >= limits::kModelsPerReplica && !target.contains(name)) {
      return ResourceExhaustedError("a replica reports more than " +
                                    std::to_string(limits::kModelsPerReplica) + " models");
    }
    target[name] = std::move(copy);
  }
  return OkStatus();
}

Result<bool> ReplicaReports::TakePart(const ObjectKey& replica, const Json& body,
                                      NamedCopies& copies) {
  const int64_t part = IntegerAt(body, {"part"});
  if (part == 0) parts_[replica] = {};
  const auto found = parts_.find(replica);
  if (found == parts_.end() || found->second.next != part) {
    parts_.erase(replica);
    return InvalidArgumentError("part is not the next one of a whole report");
  }
  ++found->second.next;
  if (const Status merged = Merge(copies, found->second.copies); !merged.ok()) {
    parts_.erase(found);
    return merged;
  }
  return !FlagAt(body, "more");
}

Duration ReplicaReports::GraceLeft(MonotonicTime now) const {
  return std::max(Duration(0), start_ + Duration(limits::kReportGrace) - now);
}

Duration ReplicaReports::WaitFor(const std::string& name_space, const std::set<std::string>& pods,
                                 MonotonicTime now) const {
  const Duration left = GraceLeft(now);
  if (left.count() == 0) return left;
  for (const std::string& pod : pods) {
    // Changes alone may come first, from an agent that has not noticed the restart.
    if (!HasSpoken({name_space, pod})) return left;
  }
  return Duration(0);
}

bool ReplicaReports::HasSpoken(const ObjectKey& replica) const {
  const ReplicaReport* report = Find(replica);
  return report != nullptr && report->is_full;
}

const ReplicaReport* ReplicaReports::Find(const ObjectKey& replica) const {
  const auto found = reports_.find(replica);
  return found == reports_.end() ? nullptr : &found->second;
}

const CopyReport* ReplicaReports::FindCopy(const ObjectKey& replica, std::string_view model) const {
  const ReplicaReport* report = Find(replica);
  if (report == nullptr) return nullptr;
  const auto found = report->copies.find(model);
  return found == report->copies.end() ? nullptr : &found->second;
}

}  // namespace throng::reconcilers
