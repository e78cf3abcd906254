#include "store/record_index.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"

namespace throng::store {
namespace {

// The first text after `text` in order.
std::string After(std::string text) {
  text.push_back('\0');
  return text;
}

size_t BytesOf(const LoggedChange& logged) {
  const Change& change = logged.change;
  const RecordKey& key = change.record.key;
  size_t bytes = sizeof(LoggedChange) + key.resource.size() + key.name_space.size() +
                 key.name.size() + change.record.value->size();
  if (change.previous != nullptr && change.previous != change.record.value) {
    bytes += change.previous->size();
  }
  return bytes;
}

Status Contradiction(const RecordKey& key) {
  return DataLossError("history and record '" + key.name + "' of '" + key.resource +
                       "' contradict each other");
}

}  // namespace

Status RecordIndex::RestoreRecord(RecordKey key, Version version) {
  const auto [position, inserted] = records_.insert(std::make_pair(key, version));
  if (inserted) return OkStatus();
  return DataLossError("record '" + key.name + "' of '" + key.resource + "' is there twice");
}

Status RecordIndex::RestoreChange(UndoRow row) {
  auto later = restored_.find(row.key);
  if (later == restored_.end()) {
    const Version* now = Find(row.key);
    later = restored_.emplace(row.key, now == nullptr ? Version() : *now).first;
  }
  const Version& after = later->second;
  const bool deleted = row.kind == ChangeKind::kDeleted;
  const bool follows = history_.empty() || row.revision < history_.front()->change.record.revision;
  const bool fits = deleted ? after.value == nullptr
                            : after.value != nullptr && after.revision == row.revision &&
                                  after.created == row.created;
  if (!follows || !fits || (row.previous == nullptr) != (row.kind == ChangeKind::kAdded)) {
    return Contradiction(row.key);
  }
  auto logged = std::make_shared<LoggedChange>();
  logged->change = {
      row.kind, {row.key, row.revision, deleted ? row.previous : after.value}, row.previous};
  logged->created = row.created;
  logged->previous_revision = row.previous_revision;
  later->second = {row.created, row.previous_revision, row.previous};
  history_bytes_ += BytesOf(*logged);
  history_.push_front(std::move(logged));
  return OkStatus();
}

Status RecordIndex::FinishRestore(uint64_t revision, uint64_t floor) {
  restored_.clear();
  const bool fits = floor <= revision &&
                    (history_.empty() || (history_.front()->change.record.revision > floor &&
                                          history_.back()->change.record.revision <= revision));
  if (!fits) return DataLossError("history and revision contradict each other");
  for (const auto& [key, version] : records_) {
    if (version.revision > revision || version.created > version.revision) {
      return Contradiction(key);
    }
  }
  revision_ = revision;
  floor_ = floor;
  Trim(std::numeric_limits<uint64_t>::max());
  return OkStatus();
}

const Version* RecordIndex::Find(const RecordKey& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

RecordIndex::Range RecordIndex::RangeOf(const ListQuery& query) {
  const Selection& selection = query.selection;
  Range range;
  range.first = {selection.resource, selection.name_space, ""};
  range.end = selection.name_space.empty()
                  ? RecordKey{After(selection.resource), "", ""}
                  : RecordKey{selection.resource, After(selection.name_space), ""};
  if (query.after.has_value()) {
    RecordKey next = *query.after;
    next.name = After(std::move(next.name));
    range.first = std::min(std::max(range.first, next), range.end);
  }
  return range;
}

std::map<RecordKey, Version> RecordIndex::Undo(const Range& range, uint64_t revision) const {
  std::map<RecordKey, Version> undone;
  for (auto it = history_.rbegin(); it != history_.rend(); ++it) {
    const LoggedChange& logged = **it;
    if (logged.change.record.revision <= revision) break;
    const RecordKey& key = logged.change.record.key;
    if (key < range.first || !(key < range.end)) continue;
    undone[key] = {logged.created, logged.previous_revision, logged.change.previous};
  }
  return undone;
}

uint64_t RecordIndex::Count(const Range& range, const std::map<RecordKey, Version>& undone) const {
  uint64_t count = records_.order_of_key(range.end) - records_.order_of_key(range.first);
  for (const auto& [key, version] : undone) {
    if (Find(key) != nullptr) --count;
    if (version.value != nullptr) ++count;
  }
  return count;
}

void RecordIndex::Fill(const Range& range, const std::map<RecordKey, Version>& undone, size_t limit,
                       RecordPage& page) const {
  auto now = records_.lower_bound(range.first);
  const auto end = records_.lower_bound(range.end);
  auto then = undone.begin();
  while (page.records.size() < limit) {
    const bool has_now = now != end;
    const bool has_then = then != undone.end();
    if (!has_now && !has_then) return;
    if (!has_then || (has_now && now->first < then->first)) {
      page.records.push_back({now->first, now->second.revision, now->second.value});
      ++now;
      continue;
    }
    if (has_now && now->first == then->first) ++now;
    if (then->second.value != nullptr) {
      page.records.push_back({then->first, then->second.revision, then->second.value});
    }
    ++then;
  }
}

Result<RecordPage> RecordIndex::List(const ListQuery& query) const {
  RecordPage page;
  page.revision = query.revision.value_or(revision_);
  if (page.revision > revision_) {
    return Status(StatusCode::kOutOfRange, "the revision has not happened");
  }
  if (page.revision < floor_) return Status(StatusCode::kOutOfRange, "the revision is too old");
  const Range range = RangeOf(query);
  const std::map<RecordKey, Version> undone = Undo(range, page.revision);
  const uint64_t count = Count(range, undone);
  const size_t limit = query.limit == 0 ? std::numeric_limits<size_t>::max() : query.limit;
  page.records.reserve(std::min<uint64_t>(limit, count));
  Fill(range, undone, limit, page);
  page.remaining_count = count - page.records.size();
  return page;
}

void RecordIndex::Apply(SharedChange change) {
  const Record& record = change->change.record;
  THRONG_CHECK(record.revision > revision_);
  if (change->change.kind == ChangeKind::kDeleted) {
    records_.erase(record.key);
  } else {
    records_[record.key] = {change->created, record.revision, record.value};
  }
  revision_ = record.revision;
  history_bytes_ += BytesOf(*change);
  history_.push_back(std::move(change));
}

void RecordIndex::Trim(uint64_t needed_after) {
  while (!history_.empty() &&
         (history_.size() > limits_.history || history_bytes_ > limits_.history_bytes) &&
         history_.front()->change.record.revision <= needed_after) {
    floor_ = history_.front()->change.record.revision;
    history_bytes_ -= BytesOf(*history_.front());
    history_.pop_front();
  }
}

}  // namespace throng::store
