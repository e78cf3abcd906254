// Reading: get, list, watch, and the same for controllers. Writing is in registry_write.cc.
#include "kube/server/registry.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/records/built_in_rules.h"

namespace throng::kube::server {
namespace {

constexpr size_t kScannedAtOnce = 500;

ApiError NoSuchObject(const Kind& kind, std::string_view name) {
  return NotFoundError(kind.group, kind.resource, name);
}

std::optional<uint64_t> ParseRevision(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A continue token: "REVISION:NAMESPACE/NAME" of the last object of a page; a revision of nought
// goes on with what is there now.
struct Position {
  uint64_t revision = 0;
  store::RecordKey key;
};

std::string PrintToken(uint64_t revision, const store::RecordKey& key) {
  return std::to_string(revision) + ":" + key.name_space + "/" + key.name;
}

std::optional<Position> ParseToken(const Kind& kind, std::string_view token) {
  const size_t colon = token.find(':');
  const size_t slash = token.find('/');
  if (colon == token.npos || slash == token.npos || slash < colon) return std::nullopt;
  const std::optional<uint64_t> revision = ParseRevision(token.substr(0, colon));
  if (!revision || slash + 1 == token.size()) return std::nullopt;
  return Position{.revision = *revision,
                  .key = {.resource = kind.storage_resource,
                          .name_space = std::string(token.substr(colon + 1, slash - colon - 1)),
                          .name = std::string(token.substr(slash + 1))}};
}

ApiError TooLargeRevision(uint64_t asked, uint64_t present) {
  ApiError error;
  error.code = 504;
  error.reason = "Timeout";
  error.message = "Timeout: Too large resource version: " + std::to_string(asked) +
                  ", current: " + std::to_string(present);
  error.causes.push_back(
      {.reason = "ResourceVersionTooLarge", .message = "Too large resource version", .field = ""});
  error.retry_after_seconds = 1;
  return error;
}

// What a list is to be read from: the records as of `revision`, behind `after`.
ApiResult<store::ListQuery> MakeQuery(const Kind& kind, std::string_view name_space,
                                      const ListOptions& options, uint64_t present) {
  store::ListQuery query;
  query.selection = {.resource = kind.storage_resource, .name_space = std::string(name_space)};
  if (!options.continue_token.empty()) {
    if (!options.resource_version.empty() && options.resource_version != "0") {
      return BadRequestError("specifying resource version is not allowed when using continue");
    }
    auto position = ParseToken(kind, options.continue_token);
    if (!position) return BadRequestError("continue key is not valid");
    // Nought: at the present state, whatever the pages before showed.
    if (position->revision != 0) query.revision = position->revision;
    query.after = std::move(position->key);
    return query;
  }
  const std::string& match = options.resource_version_match;
  if (!match.empty() && match != "Exact" && match != "NotOlderThan") {
    return BadRequestError("resourceVersionMatch: " + QuoteText(match) + " is not supported");
  }
  if (options.resource_version.empty()) {
    if (match.empty()) return query;
    return InvalidError("meta.k8s.io", "ListOptions", "",
                        {ForbiddenValue("resourceVersionMatch",
                                        "resourceVersionMatch is forbidden unless resourceVersion "
                                        "is provided")});
  }
  const std::optional<uint64_t> asked = ParseRevision(options.resource_version);
  if (!asked) {
    const std::string text = QuoteText(options.resource_version);
    return BadRequestError("invalid resource version: resourceVersion: Invalid value: " + text +
                           ": strconv.ParseUint: parsing " + text + ": invalid syntax");
  }
  if (*asked > present) return TooLargeRevision(*asked, present);
  // A page of an old list was always exact, before there was a word for it.
  const bool is_exact = match == "Exact" || (match.empty() && options.limit > 0);
  if (is_exact && *asked == 0 && match == "Exact") {
    return BadRequestError("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
  }
  if (is_exact && *asked > 0) query.revision = *asked;
  return query;
}

ApiError ExpiredList(const ListOptions& options, const store::ListQuery& query, uint64_t present) {
  const uint64_t asked = query.revision.value_or(0);
  if (!options.continue_token.empty() && query.after) {
    ApiError error = ExpiredError(
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted between "
        "the time the first chunk was returned and now may show up in the list.");
    error.continue_token = PrintToken(0, *query.after);
    return error;
  }
  return ExpiredError("The resourceVersion for the provided list is too old: " +
                      std::to_string(asked) + " (" + std::to_string(present) + ")");
}

EventKind EventKindOf(store::ChangeKind kind) {
  switch (kind) {
    case store::ChangeKind::kAdded:
      return EventKind::kAdded;
    case store::ChangeKind::kModified:
      return EventKind::kModified;
    case store::ChangeKind::kDeleted:
      break;
  }
  return EventKind::kDeleted;
}

// A change as one that sees only what passes the filter sees it; nothing when it does not.
std::optional<WatchEvent> MakeEvent(ObjectCache& cache, const ObjectFilter& filter,
                                    const store::Change& change) {
  const uint64_t revision = change.record.revision;
  SharedObject now = cache.Decode(change.record);
  if (now == nullptr) return std::nullopt;
  const EventKind kind = EventKindOf(change.kind);
  if (filter == nullptr) return WatchEvent{kind, std::move(now), revision};
  if (kind != EventKind::kModified) {
    if (!filter(*now)) return std::nullopt;
    return WatchEvent{kind, std::move(now), revision};
  }
  SharedObject before = cache.Decode(change.previous, revision);
  const bool did_pass = before != nullptr && filter(*before);
  const bool does_pass = filter(*now);
  if (did_pass && does_pass) return WatchEvent{EventKind::kModified, std::move(now), revision};
  if (does_pass) return WatchEvent{EventKind::kAdded, std::move(now), revision};
  if (did_pass) return WatchEvent{EventKind::kDeleted, std::move(before), revision};
  return std::nullopt;
}

class ApiWatch final : public ObjectWatch {
 public:
  ApiWatch(std::unique_ptr<store::RecordWatch> records, std::shared_ptr<size_t> count)
      : records_(std::move(records)), count_(std::move(count)) {
    ++*count_;
  }
  ApiWatch(const ApiWatch&) = delete;
  ApiWatch& operator=(const ApiWatch&) = delete;
  ~ApiWatch() override { --*count_; }

 private:
  std::unique_ptr<store::RecordWatch> records_;
  const std::shared_ptr<size_t> count_;
};

// A controller's watch: everything there is, a slice at a time, then what has changed meanwhile,
// then every change.
class ControllerWatch final : public ObjectWatch {
 public:
  struct State : std::enable_shared_from_this<State> {
    State(Executor& on, ObjectCache& objects, Objects::Handler to)
        : executor(on), cache(objects), handler(std::move(to)) {}

    void Deliver(EventKind kind, const store::Record& record) {
      if (const SharedObject object = cache.Decode(record)) handler(kind, *object);
    }
    void DeliverInitial() {
      const size_t end = std::min(initial.size(), next + kScannedAtOnce);
      while (next < end && !has_ended) Deliver(EventKind::kAdded, initial[next++]);
      if (has_ended) return;
      if (next < initial.size()) return PostInitial();
      initial.clear();
      while (!meanwhile.empty() && !has_ended) {
        const store::Change change = std::move(meanwhile.front());
        meanwhile.pop_front();
        Deliver(EventKindOf(change.kind), change.record);
      }
      is_live = true;
    }
    void PostInitial() {
      executor.Post([weak = weak_from_this()] {
        if (const auto state = weak.lock()) state->DeliverInitial();
      });
    }
    void Change(const store::Change& change) {
      if (has_ended) return;
      if (!is_live) {
        meanwhile.push_back(change);
      } else {
        Deliver(EventKindOf(change.kind), change.record);
      }
    }

    Executor& executor;
    ObjectCache& cache;
    Objects::Handler handler;
    std::vector<store::Record> initial;
    size_t next = 0;
    std::deque<store::Change> meanwhile;
    bool is_live = false;
    bool has_ended = false;
  };

  explicit ControllerWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~ControllerWatch() override { state_->has_ended = true; }
  bool has_synced() const override { return state_->is_live; }
  void Hold(std::unique_ptr<store::RecordWatch> records) { records_ = std::move(records); }

 private:
  std::shared_ptr<State> state_;
  std::unique_ptr<store::RecordWatch> records_;
};

}  // namespace

Registry::Registry(Executor& executor, Random& random, store::RecordStore& durable,
                   store::RecordStore& derived)
    : executor_(executor),
      random_(random),
      durable_(durable),
      derived_(derived),
      queue_(executor) {}

Registry::~Registry() = default;

std::optional<ApiError> Registry::RefuseRead(const Kind& kind) const {
  if (!kind.is_derived || derived_ready_) return std::nullopt;
  ApiError error =
      ServiceUnavailableError("the controllers have not yet seen everything: try again");
  error.retry_after_seconds = 1;
  return error;
}

ApiResult<Json> Registry::Get(const Target& target) const {
  const Kind& kind = *target.kind;
  if (auto error = RefuseRead(kind)) return *std::move(error);
  const auto record = StoreOf(kind).Get(KeyOf(kind, target.name_space, target.name));
  if (!record) return NoSuchObject(kind, target.name);
  const SharedObject object = cache_.Decode(*record);
  if (object == nullptr) return InternalServerError("the stored object cannot be read");
  return ViewAs(kind, *object);
}

ApiResult<ObjectPage> Registry::List(const Kind& kind, std::string_view name_space,
                                     const ListOptions& options) const {
  if (auto error = RefuseRead(kind)) return *std::move(error);
  const store::RecordStore& records = StoreOf(kind);
  ApiResult<store::ListQuery> made = MakeQuery(kind, name_space, options, records.revision());
  if (!made.ok()) return std::move(made.error());
  store::ListQuery& query = *made;
  ObjectPage page;
  while (true) {
    const size_t missing = options.limit == 0 ? 0 : options.limit - page.objects.size();
    // With a filter: more at once than what may be found in the first few.
    query.limit = missing == 0 ? 0 : options.filter ? std::max(missing, kScannedAtOnce) : missing;
    Result<store::RecordPage> found = records.List(query);
    if (!found.ok()) return ExpiredList(options, query, records.revision());
    page.revision = found->revision;
    query.revision = found->revision;
    for (size_t i = 0; i < found->records.size(); ++i) {
      const store::Record& record = found->records[i];
      SharedObject object = cache_.Decode(record);
      if (object == nullptr || (options.filter && !options.filter(*object))) continue;
      page.objects.push_back(std::move(object));
      const uint64_t behind = found->remaining_count + (found->records.size() - i - 1);
      if (page.objects.size() == options.limit && behind > 0) {
        page.continue_token = PrintToken(found->revision, record.key);
        if (!options.filter) page.remaining_count = behind;
        return page;
      }
    }
    if (found->remaining_count == 0 || found->records.empty()) return page;
    query.after = found->records.back().key;
  }
}

ApiResult<std::unique_ptr<ObjectWatch>> Registry::Watch(
    const Kind& kind, std::string_view name_space, ObjectFilter filter, uint64_t since,
    std::function<void(const WatchEvent&)> handler) {
  if (auto error = RefuseRead(kind)) return *std::move(error);
  if (*api_watches_ >= limits::kApiWatches) {
    return TooManyRequestsError(
        "there are " + std::to_string(limits::kApiWatches) + " watches, the most that are allowed",
        1);
  }
  store::RecordStore& records = StoreOf(kind);
  auto watch = records.Watch(
      {.resource = kind.storage_resource, .name_space = std::string(name_space)}, since,
      [this, life = std::weak_ptr<char>(life_), filter = std::move(filter),
       handler = std::move(handler)](const store::Change& change) {
        if (life.expired()) return;
        if (const auto event = MakeEvent(cache_, filter, change)) handler(*event);
      });
  if (watch.ok()) {
    return std::unique_ptr<ObjectWatch>(
        std::make_unique<ApiWatch>(*std::move(watch), api_watches_));
  }
  if (watch.status().code() == StatusCode::kOutOfRange) {
    return ExpiredError("too old resource version: " + std::to_string(since) + " (" +
                        std::to_string(records.revision()) + ")");
  }
  return TooManyRequestsError(watch.status().message(), 1);
}

Result<Json> Registry::Get(std::string_view resource, std::string_view name_space,
                           std::string_view name) const {
  const Kind* kind = FindStorageResource(resource);
  if (kind == nullptr) return throng::NotFoundError("there is no such resource");
  const auto record = StoreOf(*kind).Get(KeyOf(*kind, name_space, name));
  if (!record) return ToStatus(NoSuchObject(*kind, name));
  const SharedObject object = cache_.Decode(*record);
  if (object == nullptr) return InternalError("the stored object cannot be read");
  return *object;
}

std::vector<Json> Registry::List(std::string_view resource, std::string_view name_space) const {
  std::vector<Json> objects;
  const Kind* kind = FindStorageResource(resource);
  if (kind == nullptr) return objects;
  store::ListQuery query;
  query.selection = {.resource = kind->storage_resource, .name_space = std::string(name_space)};
  const auto page = StoreOf(*kind).List(query);
  if (!page.ok()) return objects;
  objects.reserve(page->records.size());
  for (const store::Record& record : page->records) {
    if (const SharedObject object = cache_.Decode(record)) objects.push_back(*object);
  }
  return objects;
}

std::unique_ptr<ObjectWatch> Registry::Watch(std::string_view resource, Handler handler) {
  auto state = std::make_shared<ControllerWatch::State>(executor_, cache_, std::move(handler));
  auto watch = std::make_unique<ControllerWatch>(state);
  const Kind* kind = FindStorageResource(resource);
  if (kind == nullptr) return watch;
  store::RecordStore& records = StoreOf(*kind);
  store::ListQuery query;
  query.selection = {.resource = kind->storage_resource, .name_space = ""};
  auto page = records.List(query);
  if (!page.ok()) return watch;
  state->initial = std::move(page->records);
  state->PostInitial();
  auto live = records.Watch(query.selection, page->revision,
                            [weak = std::weak_ptr(state)](const store::Change& change) {
                              if (const auto still = weak.lock()) still->Change(change);
                            });
  if (live.ok()) watch->Hold(*std::move(live));
  return watch;
}

}  // namespace throng::kube::server
