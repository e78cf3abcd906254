// NamespaceController: gives each namespace its ServiceAccount "default", empties a namespace whose
// end was asked for, then lets it go. What finalizers keep in it is waited for.
//
//   NamespaceController controller(executor, registry);
//   controller.Start();
//
// Everything on the executor; the registry must outlive it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/executor.h"
#include "kube/server/registry.h"

namespace throng::kube::server {

class NamespaceController {
 public:
  NamespaceController(Executor& executor, Registry& registry);
  ~NamespaceController();

  void Start();

 private:
  void Seen(EventKind kind, const Json& object);
  void SeenAccount(EventKind kind, const Json& object);
  void MakeAccount(const std::string& name_space);
  // One round: deletes what is there, or lets the namespace go when there is nothing.
  void Empty(const std::string& name);
  void LookAgain();

  Executor& executor_;
  Registry& registry_;
  std::unique_ptr<ObjectWatch> watch_;
  std::unique_ptr<ObjectWatch> account_watch_;
  std::set<std::string> ending_;
  Executor::TimerId timer_ = 0;
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
};

}  // namespace throng::kube::server
