#include "server/startup_report.h"

#include <gtest/gtest.h>

namespace throng::server {
namespace {

repository::Snapshot Folder(int models, int skipped) {
  repository::Snapshot snapshot;
  for (int i = 0; i < models; ++i) {
    auto config = std::make_shared<model::ModelConfig>();
    config->platform = i % 2 == 0 ? "onnxruntime_onnx" : "pytorch_libtorch";
    snapshot.models.push_back({*model::ModelName::Parse("m" + std::to_string(i)), "x", config, {}});
  }
  for (int i = 0; i < skipped; ++i) snapshot.skipped.push_back({"s" + std::to_string(i), "why"});
  return snapshot;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

ServerOptions At(std::string http_address) {
  ServerOptions options;
  options.http_address = std::move(http_address);
  return options;
}

TEST(StartupReportTest, CountsByFormat) {
  const std::string report = StartupReport(Folder(3, 1), At("127.0.0.1"), 8000);
  EXPECT_NE(report.find("served  3 (2 onnxruntime_onnx, 1 pytorch_libtorch)\nskipped 1\n"),
            std::string::npos);
  EXPECT_NE(report.find("curl http://127.0.0.1:8000/v2/models/m0\n"), std::string::npos);
}

TEST(StartupReportTest, ShowsTenOfEachAtMost) {
  const std::string ten = StartupReport(Folder(10, 10), At("::1"), 80);
  EXPECT_EQ(Count(ten, "curl http://[::1]:80/"), 10U);
  EXPECT_EQ(Count(ten, "  why"), 10U);
  EXPECT_EQ(Count(ten, "more:"), 0U);
  const std::string eleven = StartupReport(Folder(11, 11), At("0.0.0.0"), 80);
  EXPECT_EQ(Count(eleven, "curl http://127.0.0.1:80/"), 10U);
  EXPECT_EQ(Count(eleven, "... and 1 more"), 1U);
}

ServerOptions Explicit(std::vector<std::string> load_at_start) {
  ServerOptions options;
  options.models.policy = residency::LoadPolicy::kExplicit;
  options.models.load_at_start = std::move(load_at_start);
  return options;
}

TEST(StartupReportTest, ExplicitModeServesNothingYet) {
  const std::string report = StartupReport(Folder(3, 1), Explicit({}), 8000);
  EXPECT_EQ(report.find("served"), std::string::npos);
  EXPECT_TRUE(report.starts_with(
      "found   3 (2 onnxruntime_onnx, 1 pytorch_libtorch); load them with: curl -X POST "
      "http://127.0.0.1:8000/v2/repository/models/NAME/load\nskipped 1\n"))
      << report;
  EXPECT_EQ(Count(report, "/v2/models/"), 0U);
  const std::string one = StartupReport(Folder(3, 0), Explicit({"m1", "gone"}), 8000);
  EXPECT_NE(one.find("; loading 1 of them; load them with:"), std::string::npos) << one;
  EXPECT_EQ(Count(one, "curl http://127.0.0.1:8000/v2/models/m1\n"), 1U);
  EXPECT_EQ(Count(one, "/v2/models/"), 1U);
  EXPECT_TRUE(StartupReport(Folder(3, 0), Explicit({"*"}), 8000).starts_with("served  3"));
}

TEST(StartupReportTest, OnlyModelsThatTellTheirInputsAreOfferedToTry) {
  repository::Snapshot snapshot = Folder(4, 0);
  snapshot.models[0].tells_inputs = false;
  auto half = std::make_shared<model::ModelConfig>();
  half->inputs.push_back({.name = "x", .type = tensor::DataType::kFp16});
  snapshot.models[1].config = half;
  const std::string report = StartupReport(snapshot, At("127.0.0.1"), 8000);
  EXPECT_EQ(Count(report, "curl "), 4U);
  EXPECT_EQ(Count(report, " --random"), 2U);
  EXPECT_EQ(Count(report, "throng infer m2 --random --url http://127.0.0.1:8000\n"), 1U);
}

TEST(StartupReportTest, AnEmptyFolderThatIsFilledLaterIsNotReported) {
  EXPECT_EQ(StartupReport(Folder(0, 0), Explicit({}), 8000), "");
  EXPECT_NE(StartupReport(Folder(0, 1), Explicit({}), 8000), "");
  EXPECT_TRUE(StartupReport(Folder(0, 0), At("127.0.0.1"), 8000).starts_with("served  0"));
}

TEST(StartupReportTest, WithoutHttpThereIsNothingToPaste) {
  EXPECT_EQ(StartupReport(Folder(1, 0), ServerOptions(), 0),
            "served  1 (1 onnxruntime_onnx)\nskipped 0\n");
}

TEST(StartupReportTest, WhatIsEscapedIsNotEscapedAgain) {
  repository::Snapshot snapshot;
  snapshot.skipped.push_back({"a\\x0ab", "name 'a\\x0ab'"});
  EXPECT_NE(StartupReport(snapshot, At("::1"), 1).find("  a\\x0ab  name 'a\\x0ab'\n"),
            std::string::npos);
}

TEST(StartupReportTest, NamesFromTheDiskCannotForgeLines) {
  repository::Snapshot snapshot;
  snapshot.skipped.push_back({"a\nserved 100", "why\x1b[31m"});
  const std::string report = StartupReport(snapshot, At("127.0.0.1"), 1);
  EXPECT_EQ(report.find("\nserved 100"), std::string::npos);
  EXPECT_EQ(report.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace throng::server
