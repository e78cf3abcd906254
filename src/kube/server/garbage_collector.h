// GarbageCollector: what metadata.ownerReferences ask for. An object whose owners are all gone is
// deleted; an owner that is deleted in the foreground stays until its blocking dependents are gone;
// one that is deleted with "orphan" leaves its dependents without the reference. Level-triggered:
// it looks at what there is, so that a restart loses nothing.
//
//   GarbageCollector collector(executor, registry);
//   collector.Start();
//
// Everything on the executor; the objects must outlive it.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "kube/object_meta.h"
#include "kube/objects.h"

namespace throng::kube::server {

class GarbageCollector {
 public:
  GarbageCollector(Executor& executor, Objects& objects);
  ~GarbageCollector();

  // Watches every kind that is stored.
  void Start();

 private:
  // An object that has owners, or that its finalizers keep for the sake of its dependents.
  struct Node {
    std::string resource;
    std::string name_space;
    std::string name;
    std::vector<OwnerReference> owners;
    bool is_deleting = false;
    bool is_foreground = false;
    bool is_orphaning = false;
  };
  enum class Owner { kSolid, kWaiting, kAbsent };

  void Seen(const std::string& resource, EventKind kind, const Json& object);
  void Forget(const std::string& uid);
  void Enqueue(const std::string& uid);
  void EnqueueDependents(const std::string& uid);
  bool HasSynced() const;
  void Work();
  void Process(const std::string& uid);
  void FinishForeground(const std::string& uid, const Node& node);
  void FinishOrphaning(const std::string& uid, const Node& node);
  void Judge(const std::string& uid, const Node& node);
  Owner Look(const OwnerReference& owner, const std::string& name_space) const;
  // Writes the object of the node with what `change` made of it.
  void Rewrite(const std::string& uid, const Node& node, const std::function<void(Json&)>& change);
  void DropOwners(const std::string& uid, const Node& node,
                  const std::function<bool(const OwnerReference&)>& is_dropped);
  void DropFinalizer(const std::string& uid, const Node& node, std::string_view finalizer);
  void Collect(const std::string& uid, const Node& node, Propagation propagation);
  // Ends a write: what failed is tried again later.
  Objects::WriteDone Finished(const std::string& uid);
  void RetryLater(const std::string& uid);

  Executor& executor_;
  Objects& objects_;
  std::vector<std::unique_ptr<ObjectWatch>> watches_;
  std::unordered_map<std::string, Node> nodes_;                        // by uid
  std::unordered_map<std::string, std::set<std::string>> dependents_;  // uids, by the owner's
  std::deque<std::string> queue_;
  std::set<std::string> queued_;
  std::set<std::string> in_flight_;
  std::set<std::string> later_;
  Executor::TimerId timer_ = 0;
  bool is_posted_ = false;
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
};

}  // namespace throng::kube::server
