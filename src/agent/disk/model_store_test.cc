#include "agent/disk/model_store.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "os/testing/temporary_directory.h"
#include "storage/checksum.h"

namespace throng::agent {
namespace {

namespace fs = std::filesystem;

// The real files, and a path that cannot be read for now.
class TroubledFiles final : public os::FileSystem {
 public:
  explicit TroubledFiles(std::string path) : path_(std::move(path)) {}
  Result<os::FileInfo> Stat(const std::string& path) const override { return real_.Stat(path); }
  Result<std::vector<os::DirectoryEntry>> List(const std::string& path) const override {
    if (path == path_) return ResourceExhaustedError("no descriptors");
    return real_.List(path);
  }
  Result<std::string> Read(const std::string& path, uint64_t max_bytes) const override {
    if (path == path_) return UnavailableError("I/O error");
    return real_.Read(path, max_bytes);
  }
  Result<std::string> ReadPrefix(const std::string& path, uint64_t max_bytes) const override {
    return real_.ReadPrefix(path, max_bytes);
  }
  Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                uint64_t size_bytes) const override {
    return real_.ReadRange(path, offset, size_bytes);
  }
  Result<uint64_t> AppendTo(const std::string& path, int fd, uint64_t max_bytes) const override {
    return real_.AppendTo(path, fd, max_bytes);
  }
  Status WriteAtomically(const std::string& path, std::string_view content) override {
    return real_.WriteAtomically(path, content);
  }

 private:
  os::FileSystem& real_ = os::RealFileSystem();
  const std::string path_;
};

class ModelStoreTest : public ::testing::Test {
 protected:
  ModelStoreTest() { EXPECT_TRUE(store_.Prepare().ok()); }

  // As if it was fetched.
  ModelRecord Stage(const std::string& model, const std::string& content) {
    ModelRecord record;
    record.model = model;
    record.uid = "u";
    record.storage_uri = "gs://b/" + model;
    record.success_file = "SUCCESS.0123";
    record.fetch_id = "id-" + content;
    EXPECT_TRUE(store_.ClearStaging(model).ok());
    Write(store_.StagingPath(model) + "/1/model.pt", content);
    Write(store_.StagingPath(model) + "/config.pbtxt", "");
    EXPECT_TRUE(store_.Seal(record).ok());
    return record;
  }
  static void Write(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << content;
  }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string Installed(const std::string& model) const {
    return Read(directory_.path() + "/models/" + model + "/1/model.pt");
  }
  static std::vector<std::string> NamesOf(const std::vector<ModelRecord>& records) {
    std::vector<std::string> names;
    names.reserve(records.size());
    for (const ModelRecord& record : records) names.push_back(record.model);
    return names;
  }

  os::testing::TemporaryDirectory directory_;
  StoreOptions options_{.models = directory_.path() + "/models",
                        .staging = directory_.path() + "/staging",
                        .records = directory_.path() + "/records"};
  ModelStore store_{options_};
};

using Names = std::vector<std::string>;

TEST_F(ModelStoreTest, TheRecordNamesEveryFileWithSizeAndHash) {
  const ModelRecord record = Stage("m", "abc");
  ASSERT_EQ(record.files.size(), 2U);
  EXPECT_EQ(record.files[0].path, "1/model.pt");
  EXPECT_EQ(record.files[0].size_bytes, 3U);
  EXPECT_EQ(record.files[0].sha256, storage::Hex(storage::Sha256("abc")));
  EXPECT_EQ(record.files[1].path, "config.pbtxt");
  EXPECT_EQ(record.bytes, 3U);
  const auto sealed = RecordFromText(Read(store_.StagingPath("m") + "/SUCCESS.0123"));
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(*sealed, record);
}

TEST_F(ModelStoreTest, ASuccessFileFromTheStoreMeansNothing) {
  ModelRecord record;
  record.model = "m";
  record.success_file = "SUCCESS.0123";
  Write(store_.StagingPath("m") + "/SUCCESS.0123", "forged");
  Write(store_.StagingPath("m") + "/SUCCESS.4567", "forged");
  Write(store_.StagingPath("m") + "/1/model.pt", "x");
  ASSERT_TRUE(store_.Seal(record).ok());
  EXPECT_EQ(record.files.size(), 1U);
  EXPECT_FALSE(fs::exists(store_.StagingPath("m") + "/SUCCESS.4567"));
  EXPECT_TRUE(RecordFromText(Read(store_.StagingPath("m") + "/SUCCESS.0123")).ok());
}

TEST_F(ModelStoreTest, InstallsExchangesAndRollsBack) {
  const ModelRecord first = Stage("m", "one");
  EXPECT_EQ(*store_.Install("m"), false);
  ASSERT_TRUE(store_.RollBack("m", false).ok());
  EXPECT_EQ(Installed("m"), "");
  EXPECT_EQ(*store_.Install("m"), false);
  ASSERT_TRUE(store_.Commit(first).ok());
  Stage("m", "two");
  EXPECT_EQ(*store_.Install("m"), true);
  EXPECT_EQ(Installed("m"), "two");
  ASSERT_TRUE(store_.RollBack("m", true).ok());
  EXPECT_EQ(Installed("m"), "one");
  EXPECT_EQ(NamesOf(store_.Recover().models), Names({"m"}));
  EXPECT_FALSE(store_.Install("m").ok());  // nothing is staged
}

TEST_F(ModelStoreTest, CommitRemovesTheOneBefore) {
  Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  const ModelRecord second = Stage("m", "two");
  ASSERT_TRUE(store_.Install("m").ok());
  ASSERT_TRUE(store_.Commit(second).ok());
  EXPECT_FALSE(fs::exists(store_.StagingPath("m")));
  const auto recovered = store_.Recover();
  ASSERT_EQ(recovered.models.size(), 1U);
  EXPECT_EQ(recovered.models[0], second);
}

// The steps of a change, and a crash after each: what was recorded is found, or nothing.
TEST_F(ModelStoreTest, ACrashBetweenAnyTwoStepsLeavesTheRecordedOne) {
  for (int steps = 0; steps <= 4; ++steps) {
    ASSERT_TRUE(store_.Remove("m").ok());
    const ModelRecord first = Stage("m", "one");
    ASSERT_TRUE(store_.Install("m").ok());
    ASSERT_TRUE(store_.Commit(first).ok());
    ModelRecord second;
    if (steps >= 1) second = Stage("m", "two");
    if (steps >= 2) {
      ASSERT_TRUE(store_.Install("m").ok());
    }
    if (steps == 3) {
      ASSERT_TRUE(store_.RollBack("m", true).ok());
    }
    if (steps == 4) {
      ASSERT_TRUE(store_.Commit(second).ok());
    }
    const auto recovered = store_.Recover();
    ASSERT_EQ(recovered.models.size(), 1U) << steps;
    EXPECT_EQ(Installed("m"), steps == 4 ? "two" : "one") << steps;
    EXPECT_TRUE(fs::is_empty(directory_.path() + "/staging"));
  }
}

TEST_F(ModelStoreTest, AFirstModelThatWasNotRecordedIsACandidateAgain) {
  const ModelRecord record = Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  const auto recovered = store_.Recover();
  EXPECT_TRUE(recovered.models.empty());
  ASSERT_EQ(recovered.candidates.size(), 1U);
  EXPECT_EQ(recovered.candidates[0], record);
  EXPECT_FALSE(fs::exists(directory_.path() + "/models/m"));
  // The same as one that was just fetched.
  ASSERT_TRUE(store_.Install("m").ok());
  ASSERT_TRUE(store_.Commit(record).ok());
  EXPECT_EQ(NamesOf(store_.Recover().models), Names{"m"});
}

TEST_F(ModelStoreTest, AFirstModelThatIsNotWhatItsFetchLeftIsRemoved) {
  const auto expect_removed = [this](const char* what) {
    const auto recovered = store_.Recover();
    EXPECT_TRUE(recovered.candidates.empty()) << what;
    EXPECT_EQ(recovered.problems.size(), 1U) << what;
    EXPECT_FALSE(fs::exists(directory_.path() + "/models/m")) << what;
    EXPECT_TRUE(fs::is_empty(directory_.path() + "/staging")) << what;
  };
  const std::string place = directory_.path() + "/models/m";
  Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  const auto time = fs::last_write_time(place + "/1/model.pt");
  Write(place + "/1/model.pt", "onf");  // of the same size and time
  fs::last_write_time(place + "/1/model.pt", time);
  expect_removed("another byte");
  Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  fs::remove(place + "/SUCCESS.0123");
  expect_removed("no SUCCESS file");
  Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  fs::resize_file(place + "/SUCCESS.0123", 20);
  expect_removed("half a SUCCESS file");
  Stage("n", "one");
  fs::rename(directory_.path() + "/staging/n", place);
  expect_removed("another model's");
}

// What is staged may hold a SUCCESS file that came with the bytes.
TEST_F(ModelStoreTest, WhatIsStagedAndNotRecordedIsFetchedAgain) {
  Stage("m", "one");
  const auto recovered = store_.Recover();
  EXPECT_TRUE(recovered.candidates.empty());
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/staging"));
}

TEST_F(ModelStoreTest, WhatCannotBeReadForNowIsNotRemoved) {
  for (const char* model : {"a", "b"}) {
    const ModelRecord record = Stage(model, "good");
    ASSERT_TRUE(store_.Install(model).ok());
    ASSERT_TRUE(store_.Commit(record).ok());
  }
  for (const char* path : {"/records", "/records/a.json"}) {
    const TroubledFiles files(directory_.path() + path);
    StoreOptions troubled = options_;
    troubled.files = &files;
    const auto recovered = ModelStore(troubled).Recover();
    EXPECT_EQ(recovered.problems.size(), 1U);
    EXPECT_LT(recovered.models.size(), 2U);
  }
  EXPECT_EQ(NamesOf(store_.Recover().models), Names({"a", "b"}));
  EXPECT_EQ(Installed("a"), "good");
}

TEST_F(ModelStoreTest, RemovesEverythingOfOneModel) {
  const ModelRecord record = Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  ASSERT_TRUE(store_.Commit(record).ok());
  Stage("m", "two");
  ASSERT_TRUE(store_.Remove("m").ok());
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/models"));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/staging"));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/records"));
  EXPECT_TRUE(store_.Remove("m").ok());
}

TEST_F(ModelStoreTest, VerifyReadsEveryByte) {
  const ModelRecord record = Stage("m", "one");
  ASSERT_TRUE(store_.Install("m").ok());
  EXPECT_TRUE(store_.Verify(record).ok());
  Write(directory_.path() + "/models/m/1/model.pt", "onf");
  EXPECT_EQ(store_.Verify(record).code(), StatusCode::kDataLoss);
  fs::remove_all(directory_.path() + "/models/m");
  EXPECT_EQ(store_.Verify(record).code(), StatusCode::kDataLoss);
}

TEST_F(ModelStoreTest, NamesOfAnyLengthHaveARecord) {
  for (const size_t length : {199, 200, 201, 252, 253}) {
    const std::string name(length, 'n');
    const ModelRecord record = Stage(name, "x");
    ASSERT_TRUE(store_.Install(name).ok());
    ASSERT_TRUE(store_.Commit(record).ok());
  }
  EXPECT_EQ(store_.Recover().models.size(), 5U);
}

TEST_F(ModelStoreTest, InAFolderThatIsSharedOthersAreLeftAlone) {
  options_.shares_models = true;
  const ModelStore shared(options_);
  Write(directory_.path() + "/models/theirs/1/model.pt", "x");
  Write(directory_.path() + "/models/.agent/file", "x");
  Write(directory_.path() + "/models/ours/SUCCESS.1", "x");
  EXPECT_TRUE(shared.Recover().models.empty());
  EXPECT_TRUE(fs::exists(directory_.path() + "/models/theirs"));
  EXPECT_TRUE(fs::exists(directory_.path() + "/models/.agent"));
  EXPECT_FALSE(fs::exists(directory_.path() + "/models/ours"));
}

TEST_F(ModelStoreTest, SomebodyElsesFolderIsNeitherReplacedNorRemoved) {
  options_.shares_models = true;
  const ModelStore store(options_);
  Write(directory_.path() + "/models/theirs/1/model.pt", "theirs");
  Stage("theirs", "ours");
  EXPECT_EQ(store.Install("theirs").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store.Remove("theirs").ok());
  EXPECT_EQ(Installed("theirs"), "theirs");
  EXPECT_TRUE(store.Recover().models.empty());
  EXPECT_EQ(Installed("theirs"), "theirs");
  // What it has put there itself goes.
  const ModelRecord own = Stage("own", "ours");
  ASSERT_TRUE(store.Install("own").ok());
  ASSERT_TRUE(store.Commit(own).ok());
  Stage("own", "newer");
  EXPECT_TRUE(*store.Install("own"));
  ASSERT_TRUE(store.RollBack("own", true).ok());
  EXPECT_EQ(Installed("own"), "ours");
  fs::remove(directory_.path() + "/models/own/SUCCESS.0123");
  ASSERT_TRUE(store.Remove("own").ok());
  EXPECT_FALSE(fs::exists(directory_.path() + "/models/own"));
}

TEST(ModelRecordTest, ADamagedRecordIsNoRecord) {
  ModelRecord record;
  record.model = "m";
  record.success_file = "SUCCESS.1";
  record.files = {{"1/model.pt", 3, 99, "ab"}};
  const std::string text = RecordToText(record);
  ASSERT_TRUE(RecordFromText(text).ok());
  EXPECT_EQ(*RecordFromText(text), record);
  for (size_t at = 0; at < text.size() - 1; ++at) {
    std::string damaged = text;
    damaged[at] = damaged[at] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(RecordFromText(damaged).ok()) << at;
    EXPECT_FALSE(RecordFromText(text.substr(0, at)).ok()) << at;
  }
  for (const char* bad : {"", "[]", "{}", "{\"record\":{},\"checksum\":\"\"}", "null"}) {
    EXPECT_FALSE(RecordFromText(bad).ok());
  }
}

}  // namespace
}  // namespace throng::agent
