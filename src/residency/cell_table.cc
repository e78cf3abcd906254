#include "residency/cell_table.h"

#include <algorithm>

#include "base/limits.h"

namespace throng::residency {
namespace {

constexpr std::chrono::seconds kQuietTime{1};
constexpr std::chrono::seconds kOrphanIdleTime{10};
constexpr std::chrono::milliseconds kHeldUpTime{50};

bool HasRoom(const CellSnapshot& cell, const PlacementRequest& request) {
  return cell.shareable && !cell.loading && !cell.held_up && cell.framework == request.framework &&
         cell.id != request.avoid && cell.model_count < limits::kModelsPerPackedCell &&
         cell.file_bytes + request.file_bytes <= limits::kPackedCellBytes;
}

}  // namespace

runner::CellId ChooseCell(const std::vector<CellSnapshot>& cells, const PlacementRequest& request,
                          MonotonicTime now) {
  if (request.alone) return 0;
  const CellSnapshot* quiet = nullptr;
  const CellSnapshot* oldest = nullptr;
  size_t packed_cells = 0;
  for (const CellSnapshot& cell : cells) {
    if (cell.framework == request.framework && cell.shareable) ++packed_cells;
    if (!HasRoom(cell, request)) continue;
    if (oldest == nullptr || cell.last_ran < oldest->last_ran) oldest = &cell;
    if (now - cell.last_ran < kQuietTime) continue;
    if (quiet == nullptr || cell.model_count > quiet->model_count) quiet = &cell;
  }
  if (quiet != nullptr) return quiet->id;
  if (packed_cells < limits::kPackedCellsPerFramework || oldest == nullptr) return 0;
  return oldest->id;
}

bool WantsOwnCell(const model::ModelConfig& config, uint64_t file_bytes) {
  if (config.isolation == model::Isolation::kModel) return true;
  return config.isolation == model::Isolation::kDefault && file_bytes > limits::kPackedModelBytes;
}

CellTable::Record* CellTable::Choose(const PlacementRequest& request, MonotonicTime now) {
  std::vector<CellSnapshot> snapshot;
  snapshot.reserve(records_.size());
  for (const auto& [id, record] : records_) {
    const bool runs = record.cell->calls_in_flight() > 0;
    snapshot.push_back({id, record.cell->framework(),
                        !record.alone && record.cell->accepts_models(), record.loading,
                        record.instances.size(), record.file_bytes, runs ? now : record.last_ran,
                        runs && now - record.cell->running_since() > kHeldUpTime});
  }
  return Find(ChooseCell(snapshot, request, now));
}

CellTable::Record& CellTable::Add(std::shared_ptr<runner::Cell> cell, bool alone) {
  Record& record = records_[cell->id()];
  record.cell = std::move(cell);
  record.alone = alone;
  return record;
}

CellTable::Record* CellTable::Find(runner::CellId id) {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

void CellTable::Remove(runner::CellId id) { records_.erase(id); }

void CellTable::AddInstance(const std::shared_ptr<ModelInstance>& instance) {
  Record* record = Find(instance->cell->id());
  if (record == nullptr) return;
  record->instances.insert(instance);
  record->file_bytes += instance->file_bytes;
}

void CellTable::RemoveInstance(const std::shared_ptr<ModelInstance>& instance) {
  Record* record = Find(instance->cell->id());
  if (record == nullptr || record->instances.erase(instance) == 0) return;
  record->file_bytes -= instance->file_bytes;
  // Unloading the last model is the end of the process: the memory is back for certain.
  if (record->instances.empty() && !record->loading) {
    record->alone = true;
    record->cell->End(runner::CellExitCause::kStopped);
  }
}

void CellTable::NoteRan(runner::CellId id, MonotonicTime now) {
  if (Record* record = Find(id)) record->last_ran = now;
}

void CellTable::DrainOrphans(MonotonicTime now) {
  for (auto& [id, record] : records_) {
    if (record.cell->accepts_models()) continue;
    if (record.orphan_since == MonotonicTime{}) record.orphan_since = now;
    const bool in_use = record.loading || record.cell->calls_in_flight() > 0 ||
                        std::any_of(record.instances.begin(), record.instances.end(),
                                    [](const auto& instance) { return instance->pins > 0; });
    if (in_use || now - std::max(record.last_ran, record.orphan_since) < kOrphanIdleTime) continue;
    record.cell->End(runner::CellExitCause::kStopped);
  }
}

}  // namespace throng::residency
