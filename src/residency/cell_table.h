// CellTable: which models are in which cell, and the packing policy: small models of one framework
// share cells, bounded by count and bytes; a large one, a suspect, or one whose configuration says
// `isolation: model` gets a cell for itself. Belongs to the data plane's executor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/model_config.h"
#include "residency/model_instance.h"
#include "runner/runner.h"

namespace throng::residency {

// What the packing policy looks at.
struct CellSnapshot {
  runner::CellId id = 0;
  std::string framework;
  bool shareable = false;  // not held by a model that wants it alone; takes models
  bool loading = false;
  size_t model_count = 0;
  uint64_t file_bytes = 0;
  MonotonicTime last_ran{};  // when a call last ran there; now, when one runs
  bool held_up = false;      // what runs there takes long
};

struct PlacementRequest {
  std::string framework;
  uint64_t file_bytes = 0;
  bool alone = false;
  runner::CellId avoid = 0;  // do not place it here again
};

// Where to load a model: a cell, or 0 for a fresh one. Pure.
//
// Of the shareable cells with room it takes the fullest that has run nothing for a second, so that
// a load does not disturb a busy model; when all are busy it asks for a fresh cell, until there are
// limits::kPackedCellsPerFramework of them, and then takes the one that ran longest ago. Never one
// that is held up: the load would wait for a call that may take minutes.
runner::CellId ChooseCell(const std::vector<CellSnapshot>& cells, const PlacementRequest& request,
                          MonotonicTime now);

// True when a model of this size and configuration must not share a cell.
bool WantsOwnCell(const model::ModelConfig& config, uint64_t file_bytes);

class CellTable {
 public:
  struct Record {
    std::shared_ptr<runner::Cell> cell;
    std::set<std::shared_ptr<ModelInstance>> instances;
    uint64_t file_bytes = 0;
    bool loading = false;
    bool alone = false;
    bool blamed = false;  // the reason of its end is known: a call or a load that was running
    MonotonicTime last_ran{};
    MonotonicTime orphan_since{};  // when it was first seen without its zygote
  };

  // Null when no cell fits and a fresh one is wanted.
  Record* Choose(const PlacementRequest& request, MonotonicTime now);
  Record& Add(std::shared_ptr<runner::Cell> cell, bool alone);
  Record* Find(runner::CellId id);
  void Remove(runner::CellId id);

  void AddInstance(const std::shared_ptr<ModelInstance>& instance);
  // Ends the cell when that was its last model.
  void RemoveInstance(const std::shared_ptr<ModelInstance>& instance);
  void NoteRan(runner::CellId id, MonotonicTime now);

  // Ends cells whose zygote has gone and that have been idle for a while.
  void DrainOrphans(MonotonicTime now);

  const std::map<runner::CellId, Record>& records() const { return records_; }

 private:
  std::map<runner::CellId, Record> records_;
};

}  // namespace throng::residency
