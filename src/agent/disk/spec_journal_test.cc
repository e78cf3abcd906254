#include "agent/disk/spec_journal.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "http/testing/server_harness.h"
#include "os/testing/temporary_directory.h"

namespace throng::agent {
namespace {

ModelSpec Spec(const std::string& model, int generation = 1) {
  return {.model = model, .uid = "u", .generation = generation, .storage_uri = "gs://b/" + model};
}

class SpecJournalTest : public ::testing::Test {
 protected:
  SpecJournalTest()
      : log_(harness_.loop().clock(), [this](std::string_view line) {
          const std::lock_guard lock(mutex_);
          lines_.emplace_back(line);
        }) {}

  std::unique_ptr<SpecJournal> Open() {
    return std::make_unique<SpecJournal>(harness_.loop(), path_, log_);
  }
  std::vector<std::string> Read() {
    std::vector<std::string> models;
    const auto specs = Open()->Read();
    if (!specs) return {"nothing"};
    for (const ModelSpec& spec : *specs) models.push_back(spec.model);
    return models;
  }
  size_t FileBytes() const { return std::filesystem::file_size(path_); }

  os::testing::TemporaryDirectory directory_;
  http::testing::ServerHarness harness_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  AgentLog log_;
  const std::string path_ = directory_.path() + "/assignments";
};

using Models = std::vector<std::string>;

TEST_F(SpecJournalTest, AnEmptySetIsSomethingElseThanNone) {
  EXPECT_EQ(Read(), Models({"nothing"}));
  auto journal = Open();
  EXPECT_FALSE(journal->Read().has_value());
  journal->SetKnown();
  journal.reset();
  EXPECT_EQ(Read(), Models());
}

TEST_F(SpecJournalTest, KeepsWhatWasSetLast) {
  auto journal = Open();
  journal->SetKnown();
  journal->Set(Spec("a"));
  journal->Set(Spec("b"));
  harness_.Advance(limits::kAgentJournalDelay);
  journal->Set(Spec("c"));
  journal->Remove("a");
  harness_.Advance(limits::kAgentJournalDelay);
  journal->Set(Spec("b", 2));
  journal.reset();
  EXPECT_EQ(Read(), Models({"b", "c"}));
  EXPECT_EQ(Open()->Read()->front().generation, 2);
}

TEST_F(SpecJournalTest, ANewLifeGoesOn) {
  auto journal = Open();
  journal->SetKnown();
  journal->Set(Spec("a"));
  journal.reset();
  journal = Open();
  ASSERT_TRUE(journal->Read().has_value());
  journal->Set(Spec("b"));
  journal.reset();
  EXPECT_EQ(Read(), Models({"a", "b"}));
}

TEST_F(SpecJournalTest, ManyModelsAreNotWrittenAgainForEachOne) {
  auto journal = Open();
  journal->SetKnown();
  journal->Set(Spec("first"));
  harness_.Advance(limits::kAgentJournalDelay);
  constexpr int kModels = 2000;
  for (int i = 0; i < kModels; ++i) {
    journal->Set(Spec("m" + std::to_string(i)));
    if (i % 20 == 0) harness_.Advance(limits::kAgentJournalDelay);
  }
  journal.reset();
  EXPECT_EQ(Read().size(), kModels + 1U);
  // A line each, and no more.
  std::ifstream file(path_);
  size_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  EXPECT_EQ(lines, kModels + 2U);
}

TEST_F(SpecJournalTest, WhatIsOldIsWrittenAnew) {
  auto journal = Open();
  journal->SetKnown();
  for (int i = 0; i < 5000; ++i) {
    journal->Set(Spec("m", i));
    if (i % 10 == 0) harness_.Advance(limits::kAgentJournalDelay);
  }
  journal.reset();
  EXPECT_LT(FileBytes(), 1200U * 300U);
  EXPECT_EQ(Open()->Read()->front().generation, 4999);
}

TEST_F(SpecJournalTest, DamageCostsOneLine) {
  auto journal = Open();
  journal->SetKnown();
  for (const char* model : {"a", "b", "c"}) journal->Set(Spec(model));
  journal.reset();
  std::ostringstream text;
  text << std::ifstream(path_).rdbuf();
  const std::string good = text.str();
  std::string bad = good;
  bad[bad.find("gs://b/b") - 1] = '\n';
  std::ofstream(path_) << bad;
  EXPECT_EQ(Read(), Models({"a", "c"}));
  // Cut anywhere: no crash, and never more than there was.
  for (size_t size = 0; size <= good.size(); ++size) {
    std::ofstream(path_) << good.substr(0, size);
    EXPECT_LE(Read().size(), 3U);
  }
}

TEST_F(SpecJournalTest, ADiskThatRefusesIsToldOnceAndTriedAgain) {
  auto journal = Open();
  std::filesystem::create_directory(path_ + ".keep");
  std::filesystem::rename(directory_.path(), directory_.path() + ".away");
  for (int i = 0; i < 3; ++i) {
    journal->SetKnown();
    journal->Set(Spec("a", i));
    harness_.Advance(limits::kAgentJournalDelay);
    ASSERT_TRUE(harness_.RunUntil([&] {
      const std::lock_guard lock(mutex_);
      return lines_.size() == 1;
    }));
  }
  std::filesystem::rename(directory_.path() + ".away", directory_.path());
  // Nothing changes, and it is written all the same.
  harness_.Advance(std::chrono::seconds(5));
  ASSERT_TRUE(harness_.RunUntil([&] { return std::filesystem::exists(path_); }));
  EXPECT_EQ(Read(), Models({"a"}));
  journal.reset();
  EXPECT_EQ(lines_.size(), 1U);
}

}  // namespace
}  // namespace throng::agent
