#include "reconcilers/replica_reports.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"

namespace throng::reconcilers {
namespace {

using kube::Json;

const ObjectKey kReplica = {"default", "pod"};

Json Entry(size_t number, const char* state = "Loaded") {
  return {{"model", "m" + std::to_string(number)}, {"uid", "u"}, {"state", state}};
}

TEST(ReplicaReportsTest, AReplicaHoldsAtMostSoManyModels) {
  ReplicaReports reports(MonotonicTime{});
  size_t number = 0;
  while (number < limits::kModelsPerReplica - 1) {
    Json models = Json::array();
    while (number < limits::kModelsPerReplica - 1 && models.size() < limits::kAgentReportModels) {
      models.push_back(Entry(number++));
    }
    ASSERT_TRUE(reports.Apply(kReplica, {{"models", std::move(models)}}).ok()) << number;
  }
  const auto report = [&](const Json& entry) {
    return reports.Apply(kReplica, {{"models", Json::array({entry})}}).code();
  };
  EXPECT_EQ(report(Entry(number)), StatusCode::kOk);  // the last that there is room for
  EXPECT_EQ(report(Entry(number + 1)), StatusCode::kResourceExhausted);
  // What is known is told of all the same, and one that is gone makes room.
  EXPECT_EQ(report(Entry(0, "Failed")), StatusCode::kOk);
  EXPECT_EQ(report(Entry(0, "Gone")), StatusCode::kOk);
  EXPECT_EQ(report(Entry(number + 1)), StatusCode::kOk);
  EXPECT_EQ(reports.Find(kReplica)->copies.size(), limits::kModelsPerReplica);
}

TEST(ReplicaReportsTest, AgentsAreWaitedForAfterAStartAndNoLonger) {
  const MonotonicTime start = MonotonicTime{} + std::chrono::hours(1);
  ReplicaReports reports(start);
  const Duration grace = limits::kReportGrace;
  const Duration tick(1);
  EXPECT_EQ(reports.WaitFor("default", {"pod"}, start), grace);
  EXPECT_EQ(reports.WaitFor("default", {"pod"}, start + grace - tick), tick);
  EXPECT_EQ(reports.WaitFor("default", {"pod"}, start + grace), Duration(0));
  EXPECT_EQ(reports.WaitFor("default", {"pod"}, start + grace + tick), Duration(0));
  EXPECT_EQ(reports.WaitFor("default", {}, start), Duration(0));
  ASSERT_TRUE(reports.Apply(kReplica, {{"full", true}, {"models", Json::array()}}).ok());
  EXPECT_EQ(reports.WaitFor("default", {"pod"}, start), Duration(0));
  EXPECT_EQ(reports.WaitFor("default", {"pod", "other"}, start), grace);
}

TEST(ReplicaReportsTest, AReportThatCannotBeReadChangesNothing) {
  ReplicaReports reports(MonotonicTime{});
  const std::string long_name(limits::kObjectNameBytes + 1, 'n');
  for (const Json& models :
       {Json("text"), Json::array({Entry(1), {{"model", ""}, {"state", "Loaded"}}}),
        Json::array({Entry(1), {{"model", long_name}, {"state", "Loaded"}}}),
        Json::array({Entry(1), {{"model", "m"}, {"state", "Other"}}}),
        Json::array({Entry(1), {{"model", "m"}}}), Json::array({Entry(1), "text"})}) {
    EXPECT_EQ(reports.Apply(kReplica, {{"models", models}}).code(), StatusCode::kInvalidArgument)
        << models.dump().substr(0, 200);
    EXPECT_EQ(reports.Find(kReplica), nullptr);
  }
}

}  // namespace
}  // namespace throng::reconcilers
