#include "store/record_table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/kill_point.h"

namespace throng::store {
namespace {

constexpr int kRetrySeconds = 1;

std::string Name(const RecordKey& key) { return "'" + key.name + "' of '" + key.resource + "'"; }

}  // namespace

RecordTable::RecordTable(Executor& executor, const StoreLimits& limits,
                         std::unique_ptr<RecordIndex> index)
    : executor_(executor),
      limits_(limits),
      index_(std::move(index)),
      watches_(executor, *index_, limits.watches),
      last_revision_(index_->revision()) {}

RecordTable::~RecordTable() = default;

std::optional<Record> RecordTable::Get(const RecordKey& key) const {
  const Version* found = index_->Find(key);
  if (found == nullptr) return std::nullopt;
  return Record{key, found->revision, found->value};
}

Result<RecordPage> RecordTable::List(const ListQuery& query) const { return index_->List(query); }

Result<std::unique_ptr<RecordWatch>> RecordTable::Watch(Selection selection,
                                                        uint64_t since_revision,
                                                        ChangeHandler handler) {
  return watches_.Add(std::move(selection), since_revision, std::move(handler));
}

void RecordTable::Create(RecordKey key, std::string value, WriteDone done) {
  if (Status status = CheckSize(key, value); !status.ok()) return Answer(std::move(done), status);
  if (Last(key) != nullptr) {
    return Answer(std::move(done), AlreadyExistsError(Name(key) + " already exists"));
  }
  if (static_cast<int64_t>(index_->size()) + pending_records_ >=
      static_cast<int64_t>(limits_.records)) {
    return Answer(std::move(done),
                  ResourceExhaustedError("there are " + std::to_string(limits_.records) +
                                         " records, the most that are allowed"));
  }
  Accept(ChangeKind::kAdded, std::move(key), std::make_shared<const std::string>(std::move(value)),
         std::move(done));
}

void RecordTable::Update(RecordKey key, uint64_t expected_revision, std::string value,
                         WriteDone done) {
  Status status = CheckExpected(key, expected_revision);
  if (status.ok()) status = CheckSize(key, value);
  if (!status.ok()) return Answer(std::move(done), status);
  const Version& last = *Last(key);
  if (*last.value != value) {
    return Accept(ChangeKind::kModified, std::move(key),
                  std::make_shared<const std::string>(std::move(value)), std::move(done));
  }
  Record same = {std::move(key), last.revision, last.value};
  if (!pending_.contains(same.key)) return Answer(std::move(done), std::move(same));
  // True only when the write that it stands on becomes durable.
  if (status = CheckRoom(0); !status.ok()) return Answer(std::move(done), status);
  Enqueue({nullptr, std::move(same), std::move(done), 0});
}

void RecordTable::Delete(RecordKey key, uint64_t expected_revision, WriteDone done) {
  if (Status status = CheckExpected(key, expected_revision); !status.ok()) {
    return Answer(std::move(done), status);
  }
  auto value = Last(key)->value;
  Accept(ChangeKind::kDeleted, std::move(key), std::move(value), std::move(done));
}

const Version* RecordTable::Last(const RecordKey& key) const {
  const auto pending = pending_.find(key);
  if (pending == pending_.end()) return index_->Find(key);
  return pending->second.version.value == nullptr ? nullptr : &pending->second.version;
}

Status RecordTable::CheckSize(const RecordKey& key, std::string_view value) const {
  if (value.size() > limits_.value_bytes) {
    return ResourceExhaustedError("the record has " + std::to_string(value.size()) +
                                  " bytes; at most " + std::to_string(limits_.value_bytes) +
                                  " are allowed");
  }
  if (key.resource.size() + key.name_space.size() + key.name.size() > limits_.key_bytes) {
    return ResourceExhaustedError("the names of the record have more than " +
                                  std::to_string(limits_.key_bytes) + " bytes");
  }
  return OkStatus();
}

Status RecordTable::CheckExpected(const RecordKey& key, uint64_t expected_revision) const {
  const Version* last = Last(key);
  if (last == nullptr) return NotFoundError(Name(key) + " does not exist");
  if (last->revision != expected_revision) {
    return Status(StatusCode::kAborted,
                  Name(key) + " has changed since revision " + std::to_string(expected_revision));
  }
  return OkStatus();
}

Status RecordTable::CheckRoom(size_t bytes) const {
  if (pending_writes_ < limits_.pending_writes && pending_bytes_ + bytes <= limits_.pending_bytes) {
    return OkStatus();
  }
  return ResourceExhaustedError("too many writes wait for the disk").WithRetryAfter(kRetrySeconds);
}

void RecordTable::Answer(WriteDone done, Result<Record> result) {
  executor_.Post(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void RecordTable::Accept(ChangeKind kind, RecordKey key, std::shared_ptr<const std::string> value,
                         WriteDone done) {
  const size_t bytes = kind == ChangeKind::kDeleted ? 0 : value->size();
  if (Status status = CheckRoom(bytes); !status.ok()) return Answer(std::move(done), status);
  const Version* last = Last(key);
  const Version before = last == nullptr ? Version() : *last;
  auto logged = std::make_shared<LoggedChange>();
  const uint64_t revision = ++last_revision_;
  logged->change = {kind, {std::move(key), revision, std::move(value)}, before.value};
  logged->created = kind == ChangeKind::kAdded ? revision : before.created;
  logged->previous_revision = before.revision;
  const Record& record = logged->change.record;
  pending_[record.key].version =
      kind == ChangeKind::kDeleted ? Version() : Version{logged->created, revision, record.value};
  if (kind == ChangeKind::kAdded) ++pending_records_;
  if (kind == ChangeKind::kDeleted) --pending_records_;
  Enqueue({logged, record, std::move(done), bytes});
}

void RecordTable::Enqueue(Write write) {
  ++pending_[write.result.key].writes;
  ++pending_writes_;
  pending_bytes_ += write.bytes;
  waiting_.push_back(std::move(write));
  StartCommitSoon();
}

// Not at once, so that what one round of the executor brings is committed together.
void RecordTable::StartCommitSoon() {
  if (is_committing_ || start_is_posted_) return;
  start_is_posted_ = true;
  executor_.Post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    start_is_posted_ = false;
    StartCommit();
  });
}

void RecordTable::StartCommit() {
  if (is_committing_ || waiting_.empty()) return;
  is_committing_ = true;
  committing_ = std::exchange(waiting_, {});
  CommitBatch batch;
  for (const Write& write : committing_) {
    if (write.logged != nullptr) batch.changes.push_back(write.logged);
  }
  batch.history_floor = index_->floor();
  auto finish = [this, alive = std::weak_ptr(alive_)](const Status& status) {
    if (!alive.expired()) Finish(status);
  };
  if (batch.changes.empty()) {
    executor_.Post([finish] { finish(OkStatus()); });
  } else {
    Commit(std::move(batch), std::move(finish));
  }
}

void RecordTable::Finish(const Status& status) {
  is_committing_ = false;
  std::vector<Write> writes = std::exchange(committing_, {});
  if (status.ok()) {
    FinishDurable(std::move(writes));
  } else {
    FinishFailed(std::move(writes), status);
  }
}

void RecordTable::FinishDurable(std::vector<Write> writes) {
  const auto alive = std::weak_ptr(alive_);
  StartCommit();  // the disk works on while handlers run
  for (Write& write : writes) {
    Forget(write);
    if (write.logged != nullptr) {
      index_->Apply(write.logged);
      KillPoint("api.write.before_event");
      watches_.Deliver(*write.logged);
      if (alive.expired()) return;
      KillPoint("api.write.before_answer");
    }
    write.done(std::move(write.result));
    if (alive.expired()) return;
  }
  index_->Trim(watches_.NeededAfter());
}

void RecordTable::FinishFailed(std::vector<Write> writes, const Status& status) {
  std::set<RecordKey> keys;
  for (const Write& write : writes) keys.insert(write.result.key);
  const auto stacked = std::stable_partition(
      waiting_.begin(), waiting_.end(),
      [&keys](const Write& write) { return !keys.contains(write.result.key); });
  std::move(stacked, waiting_.end(), std::back_inserter(writes));
  waiting_.erase(stacked, waiting_.end());
  for (const Write& write : writes) Forget(write);
  StartCommit();
  const auto alive = std::weak_ptr(alive_);
  for (Write& write : writes) {
    write.done(Status(StatusCode::kUnavailable, status.message()).WithRetryAfter(kRetrySeconds));
    if (alive.expired()) return;
  }
}

void RecordTable::Forget(const Write& write) {
  --pending_writes_;
  pending_bytes_ -= write.bytes;
  if (write.logged != nullptr) {
    const ChangeKind kind = write.logged->change.kind;
    if (kind == ChangeKind::kAdded) --pending_records_;
    if (kind == ChangeKind::kDeleted) ++pending_records_;
  }
  const auto pending = pending_.find(write.result.key);
  if (--pending->second.writes == 0) pending_.erase(pending);
}

}  // namespace throng::store
