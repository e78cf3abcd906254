#include "model/model_state.h"

#include <set>

#include <gtest/gtest.h>

namespace throng::model {
namespace {

constexpr ResidencyState kAll[] = {ResidencyState::kAbsent, ResidencyState::kPulling,
                                   ResidencyState::kOnDisk, ResidencyState::kLoading,
                                   ResidencyState::kReady,  ResidencyState::kUnloading,
                                   ResidencyState::kFailed};

TEST(ResidencyStateTest, EveryStateHasItsOwnName) {
  std::set<std::string_view> names;
  for (const ResidencyState state : kAll) names.insert(ResidencyStateName(state));
  EXPECT_EQ(names.size(), std::size(kAll));
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(ResidencyStateTest, MapsToTritonsIndexStates) {
  EXPECT_EQ(IndexStateName(ResidencyState::kReady), "READY");
  EXPECT_EQ(IndexStateName(ResidencyState::kLoading), "LOADING");
  EXPECT_EQ(IndexStateName(ResidencyState::kUnloading), "UNLOADING");
  for (const ResidencyState state : {ResidencyState::kAbsent, ResidencyState::kPulling,
                                     ResidencyState::kOnDisk, ResidencyState::kFailed}) {
    EXPECT_EQ(IndexStateName(state), "UNAVAILABLE");
  }
}

}  // namespace
}  // namespace throng::model
