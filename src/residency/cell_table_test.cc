#include "residency/cell_table.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::residency {
namespace {

using std::chrono::seconds;

const MonotonicTime kNow = MonotonicTime(seconds(1000));

CellSnapshot Cell(runner::CellId id, size_t models, seconds idle) {
  return {id, "onnx", true, false, models, models * 1000, kNow - idle};
}

PlacementRequest Request() { return {"onnx", 1000, false, 0}; }

TEST(ChooseCellTest, TakesTheFullestQuietCell) {
  EXPECT_EQ(ChooseCell({Cell(1, 2, seconds(5)), Cell(2, 7, seconds(5)), Cell(3, 9, seconds(0))},
                       Request(), kNow),
            2U);
}

TEST(ChooseCellTest, AsksForAFreshCellWhenAllAreBusy) {
  EXPECT_EQ(ChooseCell({Cell(1, 2, seconds(0))}, Request(), kNow), 0U);
}

TEST(ChooseCellTest, TakesTheLeastBusyWhenThereAreEnoughCells) {
  std::vector<CellSnapshot> cells;
  for (size_t i = 1; i < limits::kPackedCellsPerFramework; ++i)
    cells.push_back(Cell(i, 1, seconds(0)));
  EXPECT_EQ(ChooseCell(cells, Request(), kNow), 0U);
  CellSnapshot oldest = Cell(99, 1, seconds(0));
  oldest.last_ran = kNow - std::chrono::milliseconds(500);
  cells.push_back(oldest);
  EXPECT_EQ(ChooseCell(cells, Request(), kNow), 99U);
}

TEST(ChooseCellTest, KeepsTheBoundsOfACell) {
  CellSnapshot cell = Cell(1, limits::kModelsPerPackedCell - 1, seconds(5));
  EXPECT_EQ(ChooseCell({cell}, Request(), kNow), 1U);
  cell.model_count = limits::kModelsPerPackedCell;
  EXPECT_EQ(ChooseCell({cell}, Request(), kNow), 0U);
  cell = Cell(1, 1, seconds(5));
  cell.file_bytes = limits::kPackedCellBytes - 1000;
  EXPECT_EQ(ChooseCell({cell}, Request(), kNow), 1U);
  cell.file_bytes += 1;
  EXPECT_EQ(ChooseCell({cell}, Request(), kNow), 0U);
}

TEST(ChooseCellTest, NeverSharesWhatMustNotBeShared) {
  PlacementRequest request = Request();
  request.alone = true;
  EXPECT_EQ(ChooseCell({Cell(1, 1, seconds(5))}, request, kNow), 0U);
  CellSnapshot other = Cell(1, 1, seconds(5));
  other.framework = "torch";
  EXPECT_EQ(ChooseCell({other}, Request(), kNow), 0U);
  CellSnapshot loading = Cell(1, 1, seconds(5));
  loading.loading = true;
  EXPECT_EQ(ChooseCell({loading}, Request(), kNow), 0U);
  CellSnapshot alone = Cell(1, 1, seconds(5));
  alone.shareable = false;
  EXPECT_EQ(ChooseCell({alone}, Request(), kNow), 0U);
  request = Request();
  request.avoid = 1;
  EXPECT_EQ(ChooseCell({Cell(1, 1, seconds(5))}, request, kNow), 0U);
}

TEST(WantsOwnCellTest, FollowsSizeAndIsolation) {
  model::ModelConfig config;
  EXPECT_FALSE(WantsOwnCell(config, limits::kPackedModelBytes));
  EXPECT_TRUE(WantsOwnCell(config, limits::kPackedModelBytes + 1));
  config.isolation = model::Isolation::kModel;
  EXPECT_TRUE(WantsOwnCell(config, 1));
  config.isolation = model::Isolation::kFramework;
  EXPECT_FALSE(WantsOwnCell(config, limits::kPackedModelBytes + 1));
}

}  // namespace
}  // namespace throng::residency
