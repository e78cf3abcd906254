// Registry: the objects of the cluster over a store of records, with Kubernetes' rules for writing
// them: names, uid, generation, status apart from the rest, finalizers, preconditions, dry run,
// field validation, admission. Controllers see it as kube::Objects; the HTTP side uses the
// operations that answer with ApiResult. Derived kinds (kind.h) lie in a second store, which
// forgets.
//
//   Registry registry(executor, random, sqlite_store, memory_store);
//   registry.Create({&kind, "default", ""}, body, {}, [](ApiResult<Written> written) { ... });
//
// One writer: nothing else may write to the two stores, which must outlive it. Everything on the
// executor, where all answers come too, none before its call returns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "kube/api_error.h"
#include "kube/kind.h"
#include "kube/objects.h"
#include "kube/records/key_queue.h"
#include "kube/records/object_rules.h"
#include "kube/records/stored_object.h"
#include "store/record_store.h"

namespace throng::kube::server {

template <typename T>
using ApiDone = Done<ApiResult<T>>;

// Null: all.
using ObjectFilter = std::function<bool(const Json& object)>;

struct ListOptions {
  ObjectFilter filter;
  size_t limit = 0;            // 0: all
  std::string continue_token;  // of the page before
  std::string resource_version;
  std::string resource_version_match;  // "", "Exact", "NotOlderThan"
};

struct ObjectPage {
  std::vector<SharedObject> objects;  // in stored form: ViewAs before they are shown
  uint64_t revision = 0;
  std::string continue_token;  // empty: this was the last page
  std::optional<uint64_t> remaining_count;
};

struct WatchEvent {
  EventKind kind = EventKind::kAdded;
  SharedObject object;  // in stored form; kDeleted: its last state, with the revision of the end
  uint64_t revision = 0;
};

class Registry final : public Objects {
 public:
  // Asked for writes of users, not for those of controllers, which keep the same rules themselves.
  // May change the object of a create or an update (stored form). `old` is null for kCreate;
  // `object` is the old one for kDelete.
  using Admission = std::function<std::optional<ApiError>(Operation operation, const Kind& kind,
                                                          const Json* old, Json& object)>;

  Registry(Executor& executor, Random& random, store::RecordStore& durable,
           store::RecordStore& derived);
  ~Registry() override;

  void SetAdmission(Admission admission) { admission_ = std::move(admission); }
  // From then on derived kinds can be read by users; before, 503 tells "not known yet" from "none".
  void SetDerivedReady() { derived_ready_ = true; }

  // --- What the HTTP side asks -------------------------------------------------------------
  // 503 for derived kinds that are not known yet.
  std::optional<ApiError> RefuseRead(const Kind& kind) const;
  ApiResult<Json> Get(const Target& target) const;
  // ERRORS: 410 Expired, 400 for a token that is none, 504 for a revision that has not come.
  ApiResult<ObjectPage> List(const Kind& kind, std::string_view name_space,
                             const ListOptions& options) const;
  // Every change after `since`; one that leaves the filter is a kDeleted. ERRORS: 410 Expired, 429.
  ApiResult<std::unique_ptr<ObjectWatch>> Watch(const Kind& kind, std::string_view name_space,
                                                ObjectFilter filter, uint64_t since,
                                                std::function<void(const WatchEvent&)> handler);
  // `body` as the client sent it. The objects that come back are as the target's kind shows them.
  void Create(const Target& target, Json body, const WriteOptions& options, ApiDone<Written> done);
  void Update(const Target& target, Part part, Json body, const WriteOptions& options,
              ApiDone<Written> done);
  void Patch(const Target& target, Part part, PatchType type, Json patch,
             const WriteOptions& options, ApiDone<Written> done);
  void Delete(const Target& target, const DeleteOptions& options, ApiDone<Written> done);
  // What was deleted, or is being deleted, as a page.
  void DeleteCollection(const Kind& kind, std::string_view name_space, const ListOptions& list,
                        const DeleteOptions& options, ApiDone<ObjectPage> done);
  uint64_t RevisionOf(const Kind& kind) const { return StoreOf(kind).revision(); }
  // Ends the life of a namespace that is empty. Asked by the namespace controller only.
  void FinishNamespace(std::string_view name, ApiDone<Written> done);

  // --- Objects -----------------------------------------------------------------------------
  Result<Json> Get(std::string_view resource, std::string_view name_space,
                   std::string_view name) const override;
  std::vector<Json> List(std::string_view resource, std::string_view name_space) const override;
  void Create(std::string_view resource, Json object, WriteDone done) override;
  void Update(std::string_view resource, Json object, Part part, WriteDone done) override;
  void Delete(std::string_view resource, std::string_view name_space, std::string_view name,
              Propagation propagation, WriteDone done) override;
  std::unique_ptr<ObjectWatch> Watch(std::string_view resource, Handler handler) override;

 private:
  // What a write makes of what is there: pure, and asked again when that has changed meanwhile.
  using Step = std::function<ApiResult<Plan>(const Json* current)>;
  struct Modification;
  struct Collection;

  store::RecordStore& StoreOf(const Kind& kind) const {
    return kind.is_derived ? derived_ : durable_;
  }

  std::optional<ApiError> RefuseWrite(const Kind& kind) const;
  std::optional<ApiError> RefuseNamespace(const Target& target) const;
  std::optional<ApiError> Admit(Operation operation, const Target& target,
                                const WriteOptions& options, const Json* old, Json& object) const;
  RuleContext MakeContext() const;
  // Refuses on the executor, after the call.
  template <typename T>
  void Refuse(ApiError error, ApiDone<T> done);

  void Modify(const Target& target, bool dry_run, Step step, ApiDone<Written> done);
  void Run(const std::shared_ptr<Modification>& modification);
  void Store(const std::shared_ptr<Modification>& modification, uint64_t revision);
  void Stored(const std::shared_ptr<Modification>& modification, Result<store::Record> record);
  void Finish(const std::shared_ptr<Modification>& modification, ApiResult<Written> result);
  void CreateNamed(const Target& target, Json body, const WriteOptions& options, int tries,
                   ApiDone<Written> done);
  void DeleteOne(const Target& target, const DeleteOptions& options, bool by_controller,
                 ApiDone<Written> done);
  void DeleteMore(const std::shared_ptr<Collection>& collection);
  ApiResult<Plan> PlanCreate(const Target& target, Json body, const WriteOptions& options,
                             const Json* current) const;
  ApiResult<Plan> PlanUpdate(const Target& target, Part part, Json body,
                             const WriteOptions& options, const Json& current) const;
  ApiResult<Plan> PlanPatch(const Target& target, Part part, PatchType type, const Json& patch,
                            const WriteOptions& options, const Json* current) const;

  Executor& executor_;
  Random& random_;
  store::RecordStore& durable_;
  store::RecordStore& derived_;
  KeyQueue queue_;
  Admission admission_;
  bool derived_ready_ = false;
  // Namespaces whose end was asked for and may not be durable yet.
  std::set<std::string, std::less<>> closing_;
  std::shared_ptr<size_t> api_watches_ = std::make_shared<size_t>(0);
  mutable ObjectCache cache_;
  // Answers that come after the end find it gone.
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
};

}  // namespace throng::kube::server
