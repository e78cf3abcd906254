#include "kube/server/namespace_controller.h"

#include <chrono>
#include <utility>

#include "kube/object_meta.h"

namespace throng::kube::server {
namespace {

constexpr std::chrono::milliseconds kLookAgainAfter{200};
// Of one kind in one round, so that a full namespace does not fill the queue of writes.
constexpr size_t kDeletionsPerRound = 500;
constexpr const char* kAccounts = "serviceaccounts";
constexpr const char* kDefaultAccount = "default";

}  // namespace

NamespaceController::NamespaceController(Executor& executor, Registry& registry)
    : executor_(executor), registry_(registry) {}

NamespaceController::~NamespaceController() { executor_.CancelTimer(timer_); }

void NamespaceController::Start() {
  watch_ = registry_.Watch("namespaces",
                           [this](EventKind kind, const Json& object) { Seen(kind, object); });
  account_watch_ = registry_.Watch(
      kAccounts, [this](EventKind kind, const Json& object) { SeenAccount(kind, object); });
}

void NamespaceController::Seen(EventKind kind, const Json& object) {
  const std::string name = NameOf(object);
  if (kind == EventKind::kDeleted) {
    ending_.erase(name);
  } else if (IsBeingDeleted(object) && ending_.insert(name).second) {
    Empty(name);
  } else if (!IsBeingDeleted(object)) {
    MakeAccount(name);
  }
}

void NamespaceController::SeenAccount(EventKind kind, const Json& object) {
  if (kind != EventKind::kDeleted || NameOf(object) != kDefaultAccount) return;
  const Result<Json> name_space = registry_.Get("namespaces", "", NamespaceOf(object));
  if (name_space.ok() && !IsBeingDeleted(*name_space)) MakeAccount(NamespaceOf(object));
}

// Clients look for it before they name any; nothing runs under it.
void NamespaceController::MakeAccount(const std::string& name_space) {
  if (registry_.Get(kAccounts, name_space, kDefaultAccount).ok()) return;
  registry_.Create(kAccounts,
                   {{"apiVersion", "v1"},
                    {"kind", "ServiceAccount"},
                    {"metadata", {{"name", kDefaultAccount}, {"namespace", name_space}}}},
                   [](Result<Json>) {});
}

void NamespaceController::Empty(const std::string& name) {
  bool is_empty = true;
  std::set<std::string> looked_at;
  for (const Kind& kind : AllKinds()) {
    if (kind.is_derived || kind.scope == Scope::kCluster) continue;
    if (!looked_at.insert(kind.storage_resource).second) continue;
    ListOptions options;
    options.limit = kDeletionsPerRound;
    const ApiResult<ObjectPage> page = registry_.List(kind, name, options);
    if (!page.ok()) continue;
    for (const SharedObject& object : page->objects) {
      is_empty = false;
      if (IsBeingDeleted(*object)) continue;
      registry_.Delete(kind.storage_resource, name, NameOf(*object), Propagation::kBackground,
                       [](Result<Json>) {});
    }
  }
  if (is_empty) registry_.FinishNamespace(name, [](ApiResult<Written>) {});
  if (timer_ == 0) {
    timer_ = executor_.StartTimer(executor_.clock().Now() + kLookAgainAfter, [this] {
      timer_ = 0;
      LookAgain();
    });
  }
}

void NamespaceController::LookAgain() {
  const std::set<std::string> names = ending_;
  for (const std::string& name : names) Empty(name);
}

}  // namespace throng::kube::server
