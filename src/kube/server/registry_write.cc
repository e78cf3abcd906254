// Writing: every operation is a step that says, purely, what becomes of the object that is there;
// one loop reads the record, asks the step, and writes what it says.
#include <algorithm>
#include <utility>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "kube/records/built_in_rules.h"
#include "kube/records/object_patch.h"
#include "kube/server/registry.h"

namespace throng::kube::server {
namespace {

// Nothing else writes to the stores, so that one try is enough; the others are for the day when
// something does.
constexpr int kWriteTries = 5;
constexpr int kGeneratedNameTries = 8;
constexpr size_t kDeletionsAtOnce = 64;
// The owner of what controllers write, in metadata.managedFields.
constexpr const char* kControllerManager = "throng";

ApiError FromStore(const Target& target, const Status& status) {
  const Kind& kind = *target.kind;
  switch (status.code()) {
    case StatusCode::kAlreadyExists:
      return AlreadyExistsError(kind.group, kind.resource, target.name);
    case StatusCode::kNotFound:
      return NotFoundError(kind.group, kind.resource, target.name);
    case StatusCode::kAborted:
      return ConflictError(kind.group, kind.resource, target.name,
                           "the object has been modified; please apply your changes to the latest "
                           "version and try again");
    case StatusCode::kResourceExhausted:
      return TooManyRequestsError(status.message(), 1);
    case StatusCode::kUnavailable: {
      ApiError error = ServiceUnavailableError(status.message());
      error.retry_after_seconds = status.retry_after_seconds().value_or(1);
      return error;
    }
    default:
      return InternalServerError(status.message());
  }
}

bool IsRace(StatusCode code) {
  return code == StatusCode::kAlreadyExists || code == StatusCode::kNotFound ||
         code == StatusCode::kAborted;
}

const Kind& NamespaceKind() { return *FindResource("", "v1", "namespaces"); }

ApiError NamespaceEnds(const Target& target, const std::string& name) {
  const Kind& kind = *target.kind;
  ApiError error = ForbiddenError(kind.group, kind.resource, name,
                                  "unable to create new content in namespace " + target.name_space +
                                      " because it is being terminated");
  error.causes.push_back({.reason = "NamespaceTerminating",
                          .message = "namespace " + target.name_space + " is being terminated",
                          .field = "metadata.namespace"});
  return error;
}

Status UnknownResource() { return InvalidArgumentError("there is no such resource"); }

// The answer of an API operation as controllers want it.
ApiDone<Written> ForController(Objects::WriteDone done) {
  return [done = std::move(done)](ApiResult<Written> written) mutable {
    if (!written.ok()) return done(ToStatus(written.error()));
    done(std::move(written->object));
  };
}

}  // namespace

// A deletion of many on its way.
struct Registry::Collection {
  const Kind* kind = nullptr;
  DeleteOptions options;
  ObjectPage page;
  size_t next = 0;
  size_t in_flight = 0;
  std::optional<ApiError> error;
  ApiDone<ObjectPage> done;
};

// A write on its way. Owned by the closures that carry it on.
struct Registry::Modification {
  Target target;
  bool dry_run = false;
  Step step;
  ApiDone<Written> done;
  KeyQueue::Turn turn;
  int tries_left = kWriteTries;
  Plan plan;
  bool exists = false;
};

template <typename T>
void Registry::Refuse(ApiError error, ApiDone<T> done) {
  executor_.Post(
      [error = std::move(error), done = std::move(done)]() mutable { done(std::move(error)); });
}

void Registry::Modify(const Target& target, bool dry_run, Step step, ApiDone<Written> done) {
  if (queue_.size() >= limits::kStorePendingWrites) {
    return Refuse(TooManyRequestsError("too many writes wait, please try again later", 1),
                  std::move(done));
  }
  auto modification = std::make_shared<Modification>();
  modification->target = target;
  modification->dry_run = dry_run;
  modification->step = std::move(step);
  modification->done = std::move(done);
  queue_.Run(KeyOf(*target.kind, target.name_space, target.name),
             [this, life = std::weak_ptr<char>(life_), modification](KeyQueue::Turn turn) {
               if (life.expired()) return;
               modification->turn = std::move(turn);
               Run(modification);
             });
}

void Registry::Run(const std::shared_ptr<Modification>& modification) {
  const Target& target = modification->target;
  const auto record =
      StoreOf(*target.kind).Get(KeyOf(*target.kind, target.name_space, target.name));
  const SharedObject current = record ? cache_.Decode(*record) : nullptr;
  if (record && current == nullptr) {
    return Finish(modification, InternalServerError("the stored object cannot be read"));
  }
  modification->exists = record.has_value();
  ApiResult<Plan> plan = Plan();
  try {
    plan = modification->step(current.get());
  } catch (const Json::exception&) {
    // A field has another type than Kubernetes' own rules for it expect.
    plan = BadRequestError("the object has a field of a type that it cannot have");
  }
  if (!plan.ok()) return Finish(modification, std::move(plan.error()));
  modification->plan = std::move(*plan);
  const Plan& made = modification->plan;
  if (modification->dry_run || made.act == Plan::Act::kNothing) {
    return Finish(modification, Written{.object = made.object,
                                        .created = !modification->exists,
                                        .deleted = made.act == Plan::Act::kDelete,
                                        .warnings = made.warnings});
  }
  Store(modification, record ? record->revision : 0);
}

void Registry::Store(const std::shared_ptr<Modification>& modification, uint64_t revision) {
  const Target& target = modification->target;
  store::RecordStore& records = StoreOf(*target.kind);
  store::RecordKey key = KeyOf(*target.kind, target.name_space, target.name);
  auto done = [this, life = std::weak_ptr<char>(life_),
               modification](Result<store::Record> record) {
    if (!life.expired()) Stored(modification, std::move(record));
  };
  if (modification->plan.act == Plan::Act::kDelete) {
    return records.Delete(std::move(key), revision, std::move(done));
  }
  std::string text = EncodeObject(modification->plan.object);
  if (text.size() > limits::kObjectBytes) {
    return Finish(modification, TooLargeError("limit is " + std::to_string(limits::kObjectBytes)));
  }
  if (modification->exists) {
    records.Update(std::move(key), revision, std::move(text), std::move(done));
  } else {
    records.Create(std::move(key), std::move(text), std::move(done));
  }
}

void Registry::Stored(const std::shared_ptr<Modification>& modification,
                      Result<store::Record> record) {
  if (!record.ok()) {
    if (IsRace(record.status().code()) && --modification->tries_left > 0) return Run(modification);
    return Finish(modification, FromStore(modification->target, record.status()));
  }
  Plan& plan = modification->plan;
  plan.object["metadata"]["resourceVersion"] = std::to_string(record->revision);
  Finish(modification, Written{.object = std::move(plan.object),
                               .created = !modification->exists,
                               .deleted = plan.act == Plan::Act::kDelete,
                               .warnings = std::move(plan.warnings)});
}

void Registry::Finish(const std::shared_ptr<Modification>& modification,
                      ApiResult<Written> result) {
  if (result.ok()) result->object = ViewAs(*modification->target.kind, std::move(result->object));
  modification->turn.reset();
  executor_.Post([done = std::move(modification->done), result = std::move(result)]() mutable {
    done(std::move(result));
  });
}

std::optional<ApiError> Registry::RefuseWrite(const Kind& kind) const {
  if (!kind.is_derived) return std::nullopt;
  return MethodNotAllowedError();
}

std::optional<ApiError> Registry::RefuseNamespace(const Target& target) const {
  const Kind& kind = *target.kind;
  if (kind.scope == Scope::kCluster || kind.is_derived) return std::nullopt;
  const Kind& spaces = NamespaceKind();
  const auto record = durable_.Get(KeyOf(spaces, "", target.name_space));
  if (!record) return NotFoundError("", "namespaces", target.name_space);
  const SharedObject space = cache_.Decode(*record);
  if (closing_.contains(target.name_space) || (space != nullptr && IsBeingDeleted(*space))) {
    return NamespaceEnds(target, target.name);
  }
  return std::nullopt;
}

std::optional<ApiError> Registry::Admit(Operation operation, const Target& target,
                                        const WriteOptions& options, const Json* old,
                                        Json& object) const {
  if (options.by_controller || !admission_) return std::nullopt;
  return admission_(operation, *target.kind, old, object);
}

RuleContext Registry::MakeContext() const {
  return {.now = executor_.clock().WallNow(), .random = &random_};
}

ApiResult<Plan> Registry::PlanCreate(const Target& target, Json body, const WriteOptions& options,
                                     const Json* current) const {
  const Kind& kind = *target.kind;
  Plan plan;
  if (auto error = CheckKnownFields(kind, options.field_validation, body, plan.warnings)) {
    return *std::move(error);
  }
  if (auto error = RefuseNamespace(target)) return *std::move(error);
  plan.object = PrepareCreate(kind, StoredForm(kind, std::move(body)), MakeContext());
  if (auto error = Admit(Operation::kCreate, target, options, nullptr, plan.object)) {
    return *std::move(error);
  }
  if (auto error = ValidateObject(target, plan.object, nullptr)) return *std::move(error);
  if (current != nullptr) return AlreadyExistsError(kind.group, kind.resource, target.name);
  TrackFields(target, Part::kAllButStatus, options, nullptr, plan.object, MakeContext().now);
  plan.act = Plan::Act::kWrite;
  return plan;
}

ApiResult<Plan> Registry::PlanUpdate(const Target& target, Part part, Json body,
                                     const WriteOptions& options, const Json& current) const {
  const Kind& kind = *target.kind;
  std::vector<std::string> warnings;
  if (auto error = CheckKnownFields(kind, options.field_validation, body, warnings)) {
    return *std::move(error);
  }
  ApiResult<Plan> plan = PrepareUpdate(target, part, current, StoredForm(kind, std::move(body)));
  if (!plan.ok()) return plan;
  plan->warnings = std::move(warnings);
  if (plan->act == Plan::Act::kNothing) return plan;
  if (part == Part::kAllButStatus) {
    if (auto error = Admit(Operation::kUpdate, target, options, &current, plan->object)) {
      return *std::move(error);
    }
  }
  if (auto error = ValidateObject(target, plan->object, &current)) return *std::move(error);
  TrackFields(target, part, options, &current, plan->object, MakeContext().now);
  return plan;
}

ApiResult<Plan> Registry::PlanPatch(const Target& target, Part part, PatchType type,
                                    const Json& patch, const WriteOptions& options,
                                    const Json* current) const {
  const Kind& kind = *target.kind;
  if (current == nullptr && (type != PatchType::kApply || part == Part::kStatus)) {
    return NotFoundError(kind.group, kind.resource, target.name);
  }
  // Patches are written against the apiVersion that the client sees.
  std::optional<Json> seen;
  if (current != nullptr) seen = ViewAs(kind, *current);
  ApiResult<Json> patched = ApplyObjectPatch(target, part, type, seen ? &*seen : nullptr, patch,
                                             options, MakeContext().now);
  if (!patched.ok()) return std::move(patched.error());
  if (auto error = CheckBody(target, *patched)) return *std::move(error);
  WriteOptions write = options;
  write.is_apply = type == PatchType::kApply;
  return current == nullptr ? PlanCreate(target, std::move(*patched), write, nullptr)
                            : PlanUpdate(target, part, std::move(*patched), write, *current);
}

void Registry::Create(const Target& target, Json body, const WriteOptions& options,
                      ApiDone<Written> done) {
  if (!options.by_controller) {
    if (auto error = RefuseWrite(*target.kind)) return Refuse(*std::move(error), std::move(done));
  }
  if (auto error = CheckBody(target, body)) return Refuse(*std::move(error), std::move(done));
  CreateNamed(target, std::move(body), options, kGeneratedNameTries, std::move(done));
}

void Registry::CreateNamed(const Target& target, Json body, const WriteOptions& options, int tries,
                           ApiDone<Written> done) {
  Json named = body;
  GenerateName(named, random_);
  const bool is_generated = NameOf(body).empty();
  Target whole = target;
  whole.name = NameOf(named);
  Step step = [this, whole, named = std::move(named), options](const Json* current) {
    return PlanCreate(whole, named, options, current);
  };
  ApiDone<Written> after = std::move(done);
  if (is_generated && tries > 1) {
    after = [this, life = std::weak_ptr<char>(life_), target, body = std::move(body), options,
             tries, done = std::move(after)](ApiResult<Written> written) mutable {
      if (written.ok() || written.error().reason != "AlreadyExists" || life.expired()) {
        return done(std::move(written));
      }
      CreateNamed(target, std::move(body), options, tries - 1, std::move(done));
    };
  }
  Modify(whole, options.dry_run, std::move(step), std::move(after));
}

void Registry::Update(const Target& target, Part part, Json body, const WriteOptions& options,
                      ApiDone<Written> done) {
  if (!options.by_controller) {
    if (auto error = RefuseWrite(*target.kind)) return Refuse(*std::move(error), std::move(done));
  }
  if (auto error = CheckBody(target, body)) return Refuse(*std::move(error), std::move(done));
  Modify(
      target, options.dry_run,
      [this, target, part, body = std::move(body),
       options](const Json* current) -> ApiResult<Plan> {
        if (current == nullptr) {
          return NotFoundError(target.kind->group, target.kind->resource, target.name);
        }
        return PlanUpdate(target, part, body, options, *current);
      },
      std::move(done));
}

void Registry::Patch(const Target& target, Part part, PatchType type, Json patch,
                     const WriteOptions& options, ApiDone<Written> done) {
  if (auto error = RefuseWrite(*target.kind)) return Refuse(*std::move(error), std::move(done));
  if (type == PatchType::kStrategic && !target.kind->is_built_in) {
    return Refuse(UnsupportedMediaTypeError(kPatchTypesOfCustomKinds), std::move(done));
  }
  Modify(
      target, options.dry_run,
      [this, target, part, type, patch = std::move(patch), options](const Json* current) {
        return PlanPatch(target, part, type, patch, options, current);
      },
      std::move(done));
}

void Registry::DeleteOne(const Target& target, const DeleteOptions& options, bool by_controller,
                         ApiDone<Written> done) {
  const bool closes = IsNamespaceKind(*target.kind) && !options.dry_run;
  if (closes) {
    // Nothing is made in it from here on; what was accepted before is durable before its mark is.
    closing_.insert(target.name);
    done = [this, life = std::weak_ptr<char>(life_), name = target.name,
            done = std::move(done)](ApiResult<Written> written) mutable {
      if (!life.expired()) closing_.erase(name);
      done(std::move(written));
    };
  }
  Modify(
      target, options.dry_run,
      [this, target, options, by_controller](const Json* current) -> ApiResult<Plan> {
        if (current == nullptr) {
          return NotFoundError(target.kind->group, target.kind->resource, target.name);
        }
        Json old = *current;
        if (auto error =
                Admit(Operation::kDelete, target, {.by_controller = by_controller}, current, old)) {
          return *std::move(error);
        }
        return PrepareDelete(target, *current, options, MakeContext());
      },
      std::move(done));
}

void Registry::Delete(const Target& target, const DeleteOptions& options, ApiDone<Written> done) {
  if (auto error = RefuseWrite(*target.kind)) return Refuse(*std::move(error), std::move(done));
  DeleteOne(target, options, false, std::move(done));
}

void Registry::DeleteCollection(const Kind& kind, std::string_view name_space,
                                const ListOptions& list, const DeleteOptions& options,
                                ApiDone<ObjectPage> done) {
  if (auto error = RefuseWrite(kind)) return Refuse(*std::move(error), std::move(done));
  ApiResult<ObjectPage> page = List(kind, name_space, list);
  if (!page.ok()) return Refuse(std::move(page.error()), std::move(done));
  auto collection = std::make_shared<Collection>();
  collection->kind = &kind;
  collection->options = options;
  collection->page = std::move(*page);
  collection->done = std::move(done);
  executor_.Post([this, life = std::weak_ptr<char>(life_), collection] {
    if (!life.expired()) DeleteMore(collection);
  });
}

void Registry::DeleteMore(const std::shared_ptr<Collection>& collection) {
  std::vector<SharedObject>& objects = collection->page.objects;
  while (!collection->error && collection->in_flight < kDeletionsAtOnce &&
         collection->next < objects.size()) {
    const Json& object = *objects[collection->next++];
    ++collection->in_flight;
    DeleteOne({collection->kind, NamespaceOf(object), NameOf(object)}, collection->options, false,
              [this, life = std::weak_ptr<char>(life_), collection](ApiResult<Written> written) {
                --collection->in_flight;
                if (!written.ok() && written.error().code != 404) {
                  collection->error = std::move(written.error());
                }
                if (!life.expired()) DeleteMore(collection);
              });
  }
  if (collection->in_flight > 0) return;
  if (collection->error) return collection->done(*std::move(collection->error));
  collection->done(std::move(collection->page));
}

void Registry::FinishNamespace(std::string_view name, ApiDone<Written> done) {
  const Target target{&NamespaceKind(), "", std::string(name)};
  Modify(
      target, false,
      [target](const Json* current) -> ApiResult<Plan> {
        if (current == nullptr) return NotFoundError("", "namespaces", target.name);
        Plan plan;
        plan.object = *current;
        if (!IsBeingDeleted(*current)) return plan;
        plan.object["spec"].erase("finalizers");
        plan.act = FinalizersOf(plan.object).empty() ? Plan::Act::kDelete : Plan::Act::kWrite;
        return plan;
      },
      std::move(done));
}

void Registry::Create(std::string_view resource, Json object, WriteDone done) {
  const Kind* kind = FindStorageResource(resource);
  if (kind == nullptr) {
    return executor_.Post([done = std::move(done)]() mutable { done(UnknownResource()); });
  }
  const Target target{kind, NamespaceOf(object), ""};
  Create(target, std::move(object), {.field_manager = kControllerManager, .by_controller = true},
         ForController(std::move(done)));
}

void Registry::Update(std::string_view resource, Json object, Part part, WriteDone done) {
  const Kind* kind = FindStorageResource(resource);
  if (kind == nullptr) {
    return executor_.Post([done = std::move(done)]() mutable { done(UnknownResource()); });
  }
  const Target target{kind, NamespaceOf(object), NameOf(object)};
  if (ResourceVersionOf(object).empty()) {
    return Refuse(BadRequestError("metadata.resourceVersion: must be specified for an update"),
                  ForController(std::move(done)));
  }
  Update(target, part, std::move(object),
         {.field_manager = kControllerManager, .by_controller = true},
         ForController(std::move(done)));
}

void Registry::Delete(std::string_view resource, std::string_view name_space, std::string_view name,
                      Propagation propagation, WriteDone done) {
  const Kind* kind = FindStorageResource(resource);
  if (kind == nullptr) {
    return executor_.Post([done = std::move(done)]() mutable { done(UnknownResource()); });
  }
  DeleteOne({kind, std::string(name_space), std::string(name)}, {.propagation = propagation}, true,
            ForController(std::move(done)));
}

}  // namespace throng::kube::server
