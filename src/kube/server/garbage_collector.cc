#include "kube/server/garbage_collector.h"

#include <algorithm>
#include <utility>

#include "kube/kind.h"
#include "kube/records/object_rules.h"

namespace throng::kube::server {
namespace {

constexpr size_t kWritesAtOnce = 64;
constexpr std::chrono::milliseconds kRetryAfter{500};

bool RefersTo(const std::vector<OwnerReference>& owners, const std::string& uid, bool blocking) {
  return std::any_of(owners.begin(), owners.end(), [&](const OwnerReference& owner) {
    return owner.uid == uid && (!blocking || owner.block_owner_deletion);
  });
}

}  // namespace

GarbageCollector::GarbageCollector(Executor& executor, Objects& objects)
    : executor_(executor), objects_(objects) {}

GarbageCollector::~GarbageCollector() { executor_.CancelTimer(timer_); }

void GarbageCollector::Start() {
  std::set<std::string> seen;
  for (const Kind& kind : AllKinds()) {
    // Controllers look after what they derive themselves.
    if (kind.is_derived || !seen.insert(kind.storage_resource).second) continue;
    watches_.push_back(objects_.Watch(
        kind.storage_resource,
        [this, resource = kind.storage_resource](EventKind event, const Json& object) {
          Seen(resource, event, object);
        }));
  }
}

void GarbageCollector::Seen(const std::string& resource, EventKind kind, const Json& object) {
  const std::string uid = UidOf(object);
  Forget(uid);
  if (kind == EventKind::kDeleted) return EnqueueDependents(uid);
  Node node;
  node.owners = OwnerReferencesOf(object);
  node.is_deleting = IsBeingDeleted(object);
  node.is_foreground = node.is_deleting && HasFinalizer(object, kForegroundFinalizer);
  node.is_orphaning = node.is_deleting && HasFinalizer(object, kOrphanFinalizer);
  if (node.owners.empty() && !node.is_foreground && !node.is_orphaning) return;
  node.resource = resource;
  node.name_space = NamespaceOf(object);
  node.name = NameOf(object);
  for (const OwnerReference& owner : node.owners) {
    dependents_[owner.uid].insert(uid);
    // It may wait for this one, or have to be told that it is there.
    if (nodes_.contains(owner.uid)) Enqueue(owner.uid);
  }
  nodes_[uid] = std::move(node);
  Enqueue(uid);
}

void GarbageCollector::Forget(const std::string& uid) {
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return;
  for (const OwnerReference& owner : found->second.owners) {
    const auto dependents = dependents_.find(owner.uid);
    if (dependents == dependents_.end()) continue;
    dependents->second.erase(uid);
    if (dependents->second.empty()) dependents_.erase(dependents);
    if (nodes_.contains(owner.uid)) Enqueue(owner.uid);
  }
  nodes_.erase(found);
}

void GarbageCollector::EnqueueDependents(const std::string& uid) {
  const auto found = dependents_.find(uid);
  if (found == dependents_.end()) return;
  for (const std::string& dependent : found->second) Enqueue(dependent);
}

void GarbageCollector::Enqueue(const std::string& uid) {
  if (queued_.insert(uid).second) queue_.push_back(uid);
  if (is_posted_) return;
  is_posted_ = true;
  executor_.Post([this, life = std::weak_ptr<char>(life_)] {
    if (life.expired()) return;
    is_posted_ = false;
    Work();
  });
}

bool GarbageCollector::HasSynced() const {
  return std::all_of(watches_.begin(), watches_.end(),
                     [](const auto& watch) { return watch->has_synced(); });
}

void GarbageCollector::Work() {
  // Before everything was seen, an owner would seem to have no dependents.
  if (!HasSynced()) {
    for (const std::string& uid : queue_) RetryLater(uid);
    queue_.clear();
    queued_.clear();
    return;
  }
  while (!queue_.empty() && in_flight_.size() < kWritesAtOnce) {
    const std::string uid = std::move(queue_.front());
    queue_.pop_front();
    queued_.erase(uid);
    Process(uid);
  }
}

void GarbageCollector::Process(const std::string& uid) {
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return;
  if (in_flight_.contains(uid)) return RetryLater(uid);
  const Node node = found->second;
  if (node.is_orphaning) return FinishOrphaning(uid, node);
  if (node.is_foreground) return FinishForeground(uid, node);
  if (!node.is_deleting) Judge(uid, node);
}

void GarbageCollector::FinishForeground(const std::string& uid, const Node& node) {
  bool is_blocked = false;
  if (const auto found = dependents_.find(uid); found != dependents_.end()) {
    for (const std::string& dependent : found->second) {
      const Node& child = nodes_.at(dependent);
      is_blocked = is_blocked || RefersTo(child.owners, uid, true);
      if (!child.is_deleting) Enqueue(dependent);
    }
  }
  if (!is_blocked) DropFinalizer(uid, node, kForegroundFinalizer);
}

void GarbageCollector::FinishOrphaning(const std::string& uid, const Node& node) {
  const auto found = dependents_.find(uid);
  if (found == dependents_.end()) return DropFinalizer(uid, node, kOrphanFinalizer);
  const std::set<std::string> children = found->second;
  for (const std::string& child : children) {
    if (in_flight_.contains(child)) continue;
    DropOwners(child, nodes_.at(child),
               [&](const OwnerReference& owner) { return owner.uid == uid; });
  }
  // A child whose write fails has nothing to ask for itself: its owner is still there.
  RetryLater(uid);
}

GarbageCollector::Owner GarbageCollector::Look(const OwnerReference& owner,
                                               const std::string& name_space) const {
  const Kind* kind = FindKind(owner.api_version, owner.kind);
  // An owner of a kind that is not known here is not ours to judge.
  if (kind == nullptr || kind->is_derived) return Owner::kSolid;
  const Result<Json> object = objects_.Get(
      kind->storage_resource, kind->scope == Scope::kCluster ? "" : name_space, owner.name);
  if (!object.ok()) {
    return object.status().code() == StatusCode::kNotFound ? Owner::kAbsent : Owner::kSolid;
  }
  if (UidOf(*object) != owner.uid) return Owner::kAbsent;
  const bool waits = IsBeingDeleted(*object) && HasFinalizer(*object, kForegroundFinalizer);
  return waits ? Owner::kWaiting : Owner::kSolid;
}

void GarbageCollector::Judge(const std::string& uid, const Node& node) {
  std::set<std::string> lost;
  bool has_solid = false;
  bool has_waiting = false;
  for (const OwnerReference& owner : node.owners) {
    const Owner state = Look(owner, node.name_space);
    has_solid = has_solid || state == Owner::kSolid;
    has_waiting = has_waiting || state == Owner::kWaiting;
    if (state != Owner::kSolid) lost.insert(owner.uid);
  }
  if (lost.empty()) return;
  if (has_solid) {
    return DropOwners(uid, node,
                      [&](const OwnerReference& owner) { return lost.contains(owner.uid); });
  }
  const bool has_dependents = dependents_.contains(uid);
  Collect(uid, node,
          has_waiting && has_dependents ? Propagation::kForeground : Propagation::kBackground);
}

void GarbageCollector::Rewrite(const std::string& uid, const Node& node,
                               const std::function<void(Json&)>& change) {
  Result<Json> object = objects_.Get(node.resource, node.name_space, node.name);
  if (!object.ok() || UidOf(*object) != uid) return;
  change(*object);
  in_flight_.insert(uid);
  objects_.Update(node.resource, *std::move(object), Part::kAllButStatus, Finished(uid));
}

void GarbageCollector::DropOwners(const std::string& uid, const Node& node,
                                  const std::function<bool(const OwnerReference&)>& is_dropped) {
  Rewrite(uid, node, [&](Json& object) {
    Json kept = Json::array();
    for (const OwnerReference& owner : OwnerReferencesOf(object)) {
      if (!is_dropped(owner)) kept.push_back(OwnerReferenceJson(owner));
    }
    object["metadata"]["ownerReferences"] = std::move(kept);
  });
}

void GarbageCollector::DropFinalizer(const std::string& uid, const Node& node,
                                     std::string_view finalizer) {
  Rewrite(uid, node, [&](Json& object) {
    std::vector<std::string> kept = FinalizersOf(object);
    std::erase(kept, finalizer);
    object["metadata"]["finalizers"] = kept;
  });
}

void GarbageCollector::Collect(const std::string& uid, const Node& node, Propagation propagation) {
  const Result<Json> object = objects_.Get(node.resource, node.name_space, node.name);
  if (!object.ok() || UidOf(*object) != uid) return;
  in_flight_.insert(uid);
  objects_.Delete(node.resource, node.name_space, node.name, propagation, Finished(uid));
}

Objects::WriteDone GarbageCollector::Finished(const std::string& uid) {
  return [this, life = std::weak_ptr<char>(life_), uid](Result<Json> result) {
    if (life.expired()) return;
    in_flight_.erase(uid);
    const StatusCode code = result.status().code();
    if (code != StatusCode::kOk && code != StatusCode::kNotFound) RetryLater(uid);
    if (!queue_.empty()) Work();
  };
}

void GarbageCollector::RetryLater(const std::string& uid) {
  later_.insert(uid);
  if (timer_ != 0) return;
  timer_ = executor_.StartTimer(executor_.clock().Now() + kRetryAfter, [this] {
    timer_ = 0;
    for (const std::string& one : std::exchange(later_, {})) Enqueue(one);
  });
}

}  // namespace throng::kube::server
