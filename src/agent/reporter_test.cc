#include "agent/reporter.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/testing/temporary_directory.h"
#include "watch/testing/fake_api.h"

namespace throng::agent {
namespace {

class ReporterTest : public ::testing::Test {
 protected:
  ReporterTest()
      : api_(harness_, directory_.path() + "/api.sock"),
        client_(http::AsyncClient::Create(harness_.loop(), {})),
        log_(harness_.loop().clock(), [](std::string_view) {}),
        reporter_(harness_.loop(), *client_,
                  {.api_socket = directory_.path() + "/api.sock",
                   .name_space = "default",
                   .replica = "pod",
                   .models =
                       [this] {
                         std::vector<std::string> names;
                         for (const auto& [name, state] : models_) names.push_back(name);
                         return names;
                       },
                   .report = [this](const std::string& model) -> Json {
                     const auto found = models_.find(model);
                     if (found == models_.end()) return nullptr;
                     return {{"model", model}, {"state", found->second}};
                   },
                   .server = [] { return std::string("life"); },
                   .is_known = [this] { return known_; }},
                  random_, log_) {
    api_.on_other = [this](const std::shared_ptr<http::Exchange>& exchange) {
      reports_.push_back(Json::parse(exchange->request().body));
      exchange->Send({.status = status_, .body = "{}"});
    };
  }

  void Change(const std::string& model, const std::string& state) {
    models_[model] = state;
    reporter_.OnChange(model);
  }
  bool WaitFor(size_t reports) {
    return harness_.RunUntil([&] { return reports_.size() >= reports; });
  }

  os::testing::TemporaryDirectory directory_;
  http::testing::ServerHarness harness_;
  watch::testing::FakeApi api_;
  std::unique_ptr<http::AsyncClient> client_;
  SeededRandom random_{5};
  AgentLog log_;
  bool known_ = true;
  int status_ = 200;
  std::map<std::string, std::string> models_;
  std::vector<Json> reports_;
  Reporter reporter_;
};

TEST_F(ReporterTest, TheFirstIsWholeAndAtOnceTheNextASecondLater) {
  Change("a", "Pending");
  Change("b", "Pending");
  ASSERT_TRUE(WaitFor(1));
  EXPECT_EQ(reports_[0]["full"], true);
  EXPECT_EQ(reports_[0]["server"], "life");
  EXPECT_EQ(reports_[0]["models"].size(), 2U);
  harness_.Settle();
  Change("a", "Loading");
  harness_.Advance(std::chrono::milliseconds(900));
  Change("a", "Loaded");
  EXPECT_EQ(reports_.size(), 1U);
  harness_.Advance(std::chrono::milliseconds(100));
  ASSERT_TRUE(WaitFor(2));
  EXPECT_EQ(reports_[1]["full"], false);
  ASSERT_EQ(reports_[1]["models"].size(), 1U);
  EXPECT_EQ(reports_[1]["models"][0]["state"], "Loaded");
}

TEST_F(ReporterTest, WhatIsAsItWasIsNotToldAgain) {
  Change("a", "Loaded");
  ASSERT_TRUE(WaitFor(1));
  for (int i = 0; i < 5; ++i) {
    Change("a", "Loaded");
    harness_.Advance(std::chrono::seconds(2));
  }
  EXPECT_EQ(reports_.size(), 1U);
  Change("a", "Failed");
  harness_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(reports_.size(), 2U);
}

TEST_F(ReporterTest, NothingIsSaidBeforeAnythingIsKnown) {
  known_ = false;
  Change("a", "Pending");
  harness_.Advance(std::chrono::minutes(1));
  EXPECT_TRUE(reports_.empty());
  known_ = true;
  reporter_.SendAll();
  ASSERT_TRUE(WaitFor(1));
}

TEST_F(ReporterTest, AReportHoldsAtMostSoManyModels) {
  for (const size_t count : {limits::kAgentReportModels - 1, limits::kAgentReportModels,
                             limits::kAgentReportModels + 1}) {
    models_.clear();
    reports_.clear();
    for (size_t i = 0; i < count; ++i) models_["m" + std::to_string(i)] = "Loaded";
    harness_.Advance(std::chrono::seconds(2));
    reporter_.SendAll();
    const bool in_two = count > limits::kAgentReportModels;
    // The parts follow each other without a pause.
    ASSERT_TRUE(WaitFor(in_two ? 2 : 1));
    harness_.Settle();
    EXPECT_EQ(reports_.size(), in_two ? 2U : 1U);
    EXPECT_EQ(reports_[0]["full"], true);
    EXPECT_EQ(reports_[0]["models"].size(), std::min(count, limits::kAgentReportModels));
    EXPECT_EQ(reports_[0]["part"], 0);
    EXPECT_EQ(reports_[0]["more"], in_two);
    if (in_two) {
      EXPECT_EQ(reports_[1]["full"], true);
      EXPECT_EQ(reports_[1]["part"], 1);
      EXPECT_EQ(reports_[1]["more"], false);
      EXPECT_EQ(reports_[1]["models"].size(), 1U);
    }
  }
}

TEST_F(ReporterTest, AWholeOfManyModelsIsToldInPartsAndChangesComeLast) {
  constexpr size_t kModels = 5000;
  for (size_t i = 0; i < kModels; ++i) models_["m" + std::to_string(i)] = "Loaded";
  reporter_.SendAll();
  ASSERT_TRUE(WaitFor(1));
  Change("m0", "Failed");
  ASSERT_TRUE(WaitFor(3));
  harness_.Settle();
  ASSERT_EQ(reports_.size(), 3U);
  std::map<std::string, std::string> told;
  for (size_t i = 0; i < reports_.size(); ++i) {
    EXPECT_EQ(reports_[i]["full"], true);
    EXPECT_EQ(reports_[i]["part"], i);
    EXPECT_EQ(reports_[i]["more"], i < 2);
    for (const Json& entry : reports_[i]["models"]) told[entry["model"]] = entry["state"];
  }
  EXPECT_EQ(told, models_);
}

TEST_F(ReporterTest, APartThatIsRefusedBeginsTheWholeAgain) {
  for (size_t i = 0; i < 2 * limits::kAgentReportModels; ++i) {
    models_["m" + std::to_string(i)] = "Loaded";
  }
  reporter_.SendAll();
  ASSERT_TRUE(WaitFor(1));
  status_ = 503;
  ASSERT_TRUE(WaitFor(2));
  harness_.Settle();
  status_ = 200;
  reports_.clear();
  for (int i = 0; i < 60 && reports_.size() < 2; ++i) harness_.Advance(std::chrono::seconds(1));
  ASSERT_EQ(reports_.size(), 2U);
  EXPECT_EQ(reports_[0]["part"], 0);
  EXPECT_EQ(reports_[1]["part"], 1);
}

TEST_F(ReporterTest, LongReportsMakeMoreParts) {
  for (size_t i = 0; i < limits::kAgentReportModels; ++i) {
    models_["m" + std::to_string(i)] = std::string(limits::kAgentMessageBytes, 'x');
  }
  reporter_.SendAll();
  ASSERT_TRUE(WaitFor(2));
  harness_.Settle();
  EXPECT_EQ(reports_.size(), 2U);
  for (const Json& report : reports_) EXPECT_LT(report.dump().size(), limits::kObjectBodyBytes);
}

TEST_F(ReporterTest, GoneIsSaidOnceAndBeforeANewModelOfThatName) {
  Change("a", "Loaded");
  ASSERT_TRUE(WaitFor(1));
  harness_.Advance(std::chrono::seconds(1));
  models_.erase("a");
  reporter_.OnGone("a", "uid-1");
  Change("a", "Pending");
  ASSERT_TRUE(WaitFor(2));
  ASSERT_EQ(reports_[1]["models"].size(), 2U);
  EXPECT_EQ(reports_[1]["models"][0]["state"], "Gone");
  EXPECT_EQ(reports_[1]["models"][0]["uid"], "uid-1");
  EXPECT_EQ(reports_[1]["models"][1]["state"], "Pending");
  harness_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(reports_.size(), 2U);
}

TEST_F(ReporterTest, ARefusedReportIsSentAgainAsAWholeAndNotInALoop) {
  status_ = 409;
  Change("a", "Loaded");
  for (int i = 0; i < 60; ++i) harness_.Advance(std::chrono::seconds(1));
  EXPECT_GE(reports_.size(), 3U);
  EXPECT_LE(reports_.size(), 12U);
  for (const Json& report : reports_) EXPECT_EQ(report["full"], true);
  status_ = 200;
  reports_.clear();
  for (int i = 0; i < 60 && reports_.empty(); ++i) harness_.Advance(std::chrono::seconds(1));
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0]["models"].size(), 1U);
  harness_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(reports_.size(), 1U);
}

}  // namespace
}  // namespace throng::agent
