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

TEST(StartupReportTest, CountsByFormat) {
  const std::string report = StartupReport(Folder(3, 1), "127.0.0.1", 8000);
  EXPECT_NE(report.find("served  3 (2 onnxruntime_onnx, 1 pytorch_libtorch)\nskipped 1\n"),
            std::string::npos);
  EXPECT_NE(report.find("curl http://127.0.0.1:8000/v2/models/m0\n"), std::string::npos);
}

TEST(StartupReportTest, ShowsTenOfEachAtMost) {
  const std::string ten = StartupReport(Folder(10, 10), "::1", 80);
  EXPECT_EQ(Count(ten, "curl http://[::1]:80/"), 10U);
  EXPECT_EQ(Count(ten, "  why"), 10U);
  EXPECT_EQ(Count(ten, "more:"), 0U);
  const std::string eleven = StartupReport(Folder(11, 11), "0.0.0.0", 80);
  EXPECT_EQ(Count(eleven, "curl http://127.0.0.1:80/"), 10U);
  EXPECT_EQ(Count(eleven, "... and 1 more"), 1U);
}

TEST(StartupReportTest, NamesFromTheDiskCannotForgeLines) {
  repository::Snapshot snapshot;
  snapshot.skipped.push_back({"a\nserved 100", "why\x1b[31m"});
  const std::string report = StartupReport(snapshot, "127.0.0.1", 1);
  EXPECT_EQ(report.find("\nserved 100"), std::string::npos);
  EXPECT_EQ(report.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace throng::server
