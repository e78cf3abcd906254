#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/testing/memory_file_system.h"
#include "repository/repository.h"
#include "repository/testing/manifests.h"
#include "repository/testing/zip_writer.h"

namespace throng::repository {
namespace {

const std::string kOnnx = "\x08\x07:\x02xx";
const std::string kGraphDef =
    "\x0a\x05\x0a\x03"
    "abc";
const std::string kSavedModel = "\x08\x01\x12\x80\x01" + std::string(128, 'x');

class RepositoryTest : public ::testing::Test {
 protected:
  // With content that its name promises.
  void Put(const std::string& path) {
    if (path.ends_with(".onnx")) return Put(path, kOnnx);
    if (path.ends_with(".graphdef")) return Put(path, kGraphDef);
    Put(path, path.ends_with("saved_model.pb") ? kSavedModel : "x");
  }
  void Put(const std::string& path, std::string content) {
    files_.PutFile(path, std::move(content));
  }

  Repository Open(std::vector<std::string> roots = {"/r"}) const {
    return Repository(files_, std::move(roots), testing::ReadManifests(THRONG_SOURCE_DIR));
  }

  Snapshot Scan(std::vector<std::string> roots = {"/r"}) const {
    Result<Snapshot> snapshot = Open(std::move(roots)).Scan();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    return snapshot.ok() ? *snapshot : Snapshot{};
  }

  // "a(onnx:1,3) b(torch:1) | c: reason": all that a scan says. Find must say the same of each.
  std::string Summary(std::vector<std::string> roots = {"/r"}) const {
    const Repository repository = Open(roots);
    const Snapshot snapshot = Scan(roots);
    std::string text;
    for (const ModelEntry& model : snapshot.models) {
      const std::string line = Line(model);
      text += (text.empty() ? "" : " ") + line;
      const Result<ModelEntry> found = repository.Find(model.name);
      EXPECT_EQ(found.ok() ? Line(*found) : found.status().ToString(), line);
    }
    for (const SkippedEntry& skipped : snapshot.skipped) {
      text += " | " + skipped.name + ": " + skipped.reason;
      const Result<model::ModelName> name = model::ModelName::Parse(skipped.name);
      if (!name.ok()) continue;
      const Status status = repository.Find(*name).status();
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << skipped.name;
      EXPECT_EQ(status.message(), skipped.reason);
    }
    return text;
  }

  static std::string Line(const ModelEntry& model) {
    std::string text = model.name.str() + "(" + model.framework + ":";
    for (const ModelVersionEntry& version : model.versions) {
      if (!text.ends_with(':')) text += ",";
      text += std::to_string(version.version);
    }
    return text + ")";
  }

  ModelEntry Only(std::vector<std::string> roots = {"/r"}) const {
    Snapshot snapshot = Scan(std::move(roots));
    EXPECT_EQ(snapshot.models.size(), 1u);
    for (const SkippedEntry& skipped : snapshot.skipped) {
      ADD_FAILURE() << skipped.name << ": " << skipped.reason;
    }
    if (snapshot.models.empty())
      return ModelEntry{*model::ModelName::Parse("none"), "", {}, {}, {}};
    return std::move(snapshot.models[0]);
  }

  os::testing::MemoryFileSystem files_;
  const std::string torch_script_ = testing::TorchScriptArchive();
};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(RepositoryTest, KnowsEveryLayout) {
  Put("/r/triton/1/model.onnx");
  Put("/r/triton/2/model.onnx");
  Put("/r/configured/config.pbtxt", "platform: 'tensorflow_graphdef'");
  Put("/r/configured/1/model.graphdef");
  Put("/r/flat/model.pt", torch_script_);
  Put("/r/flat-any/net.onnx");
  Put("/r/bare.onnx");
  Put("/r/bare-torch.pt", torch_script_);
  Put("/r/saved/1/model.savedmodel/saved_model.pb");
  Put("/r/saved-flat/saved_model.pb");
  Put("/r/saved-version/1/saved_model.pb");
  Put("/r/saved-bare.savedmodel/saved_model.pb");
  Put("/r/version-any/7/weights.onnx");
  EXPECT_EQ(
      Summary(),
      "bare(onnx:1) bare-torch(torch:1) configured(tensorflow:1) flat(torch:1) "
      "flat-any(onnx:1) saved(tensorflow:1) saved-bare(tensorflow:1) saved-flat(tensorflow:1) "
      "saved-version(tensorflow:1) triton(onnx:2) version-any(onnx:7)");
}

TEST_F(RepositoryTest, SaysWhereTheArtefactIs) {
  const struct {
    const char* file;
    const char* path;
    bool is_directory;
    const char* file_name;
    const char* default_filename;
  } kCases[] = {
      {"/r/m/3/model.onnx", "/r/m/3/model.onnx", false, "model.onnx", "model.onnx"},
      {"/r/m/net.onnx", "/r/m/net.onnx", false, "net.onnx", "net.onnx"},
      {"/r/m.onnx", "/r/m.onnx", false, "m.onnx", "m.onnx"},
      {"/r/m/1/model.savedmodel/saved_model.pb", "/r/m/1/model.savedmodel", true,
       "model.savedmodel", "model.savedmodel"},
      {"/r/m/1/saved_model.pb", "/r/m/1", true, "saved_model.pb", "model.savedmodel"},
      {"/r/m/saved_model.pb", "/r/m", true, "saved_model.pb", "model.savedmodel"},
  };
  for (const auto& item : kCases) {
    files_.Remove("/r");
    Put(item.file);
    Put("/r/other.onnx");
    const Result<ModelEntry> entry = Open().Find(*model::ModelName::Parse("m"));
    ASSERT_TRUE(entry.ok()) << item.file << ": " << entry.status().ToString();
    ASSERT_EQ(entry->versions.size(), 1u);
    const ModelVersionEntry& version = entry->versions[0];
    EXPECT_EQ(version.source.path, item.path);
    EXPECT_EQ(version.source.is_directory, item.is_directory);
    EXPECT_EQ(version.file_name, item.file_name);
    EXPECT_EQ(version.size_bytes, files_.Stat(item.file)->size_bytes);
    EXPECT_EQ(version.modified_ns, files_.Stat(item.file)->modified_ns);
    EXPECT_EQ(entry->config->default_model_filename, item.default_filename);
    EXPECT_EQ(entry->config->name, "m");
    EXPECT_FALSE(entry->config->from_file);
    EXPECT_FALSE(entry->config->platform.empty());
    EXPECT_FALSE(entry->config->backend.empty());
  }
}

TEST_F(RepositoryTest, AddsUpAFoldersFiles) {
  Put("/r/m/1/model.savedmodel/saved_model.pb", kSavedModel);
  Put("/r/m/1/model.savedmodel/variables/variables.index", std::string(20, 'a'));
  Put("/r/m/1/model.savedmodel/variables/variables.data", std::string(30, 'a'));
  const ModelEntry entry = Only();
  EXPECT_EQ(entry.versions[0].size_bytes, kSavedModel.size() + 50u);
  EXPECT_EQ(entry.versions[0].modified_ns,
            files_.Stat("/r/m/1/model.savedmodel/variables/variables.data")->modified_ns);
}

TEST_F(RepositoryTest, IgnoresWhatIsNoModel) {
  for (const char* stray :
       {"/r/.git/HEAD", "/r/__pycache__/x.onnx", "/r/README.md", "/r/readme.DE.rst", "/r/README",
        "/r/SUCCESS.0123", "/r/configs/a.pbtxt", "/r/warmup/x", "/r/initial_state/x",
        "/r/labels.txt", "/r/models.json", "/r/.m.onnx", "/r/net.onnx.data", "/r/make.py"}) {
    Put(stray);
  }
  Put("/r/m/1/model.onnx");
  Put("/r/m/SUCCESS.99");
  Put("/r/m/labels.txt");
  Put("/r/m/configs/gpu.pbtxt");
  Put("/r/m/warmup/data");
  files_.PutOther("/r/pipe");
  EXPECT_EQ(Summary(), "m(onnx:1)");
  EXPECT_EQ(Summary({"/r/m"}), "m(onnx:1)");
}

TEST_F(RepositoryTest, ServesModelsWhoseNamesOnlyLookLikeOtherFiles) {
  Put("/r/README_model.onnx");
  Put("/r/readme.onnx");
  Put("/r/readme-bot/1/model.onnx");
  Put("/r/configs/1/model.onnx");
  Put("/r/warmup/model.onnx");
  Put("/r/SUCCESS.onnx");
  Put("/r/initial_state/1/x");
  EXPECT_EQ(Summary(),
            "README_model(onnx:1) SUCCESS(onnx:1) configs(onnx:1) readme(onnx:1) "
            "readme-bot(onnx:1) warmup(onnx:1) | initial_state: version 1: no model in it; "
            "expected one of 'model.onnx', 'model.ort', 'model.pt', 'model.pth', "
            "'model.graphdef', 'model.savedmodel/'");
}

TEST_F(RepositoryTest, TellsOfAFileThatAVersionCovers) {
  Put("/r/m/model.onnx");
  Put("/r/m/1/model.onnx");
  const ModelEntry entry = Only();
  EXPECT_EQ(entry.versions[0].source.path, "/r/m/1/model.onnx");
  EXPECT_EQ(entry.warnings,
            std::vector<std::string>{
                "'model.onnx' is not served: the folder has versions, which come before it"});
}

TEST_F(RepositoryTest, SaysWhichUnservedFormatAFolderHolds) {
  const struct {
    const char* file;
    const char* what;
  } kCases[] = {
      {"/r/m/1/model.plan", "'m/1/model.plan': looks like a TensorRT engine, which is not"},
      {"/r/m/model.py", "'m/model.py': looks like a model of Triton's Python backend, which"},
      {"/r/m/1/model.savedmodel.zip", "looks like a zipped SavedModel (unpack it"},
      {"/r/m/1/model.xgb", "looks like an XGBoost model, which is not supported"},
      {"/r/m.ubj", "'m.ubj': looks like an XGBoost model, which is not supported"},
      {"/r/m/1/model.mlpackage/x", "looks like a Core ML model, which is not supported"},
  };
  for (const auto& item : kCases) {
    files_.Remove("/r");
    Put(item.file);
    Put("/r/zz.onnx");
    EXPECT_TRUE(Has(Summary(), item.what)) << Summary();
  }
}

TEST_F(RepositoryTest, AFileMustHoldWhatItsNameSays) {
  const std::string hdf5 = "\x89HDF\r\n\x1a\n";
  const std::string noise = "\x01\xc5\x8a\x4f\x14\xd9";
  const struct {
    const char* file;
    std::string content;
    const char* reason;
  } kCases[] = {
      {"/r/m.onnx", noise, "'m.onnx': its content is not ONNX"},
      {"/r/m/1/model.onnx", hdf5, "keras.saving.load_model('m/1/model.onnx').export("},
      {"/r/m/model.graphdef", noise, "its content is not a TensorFlow GraphDef"},
      {"/r/m/1/model.savedmodel/saved_model.pb", noise,
       "model.savedmodel/saved_model.pb': its content is not a SavedModel"},
      {"/r/m/saved_model.pb", "", "'m/saved_model.pb': the file is empty"},
      {"/r/m.onnx", torch_script_,
       "its content is TorchScript: in the served folder run: mv "
       "m.onnx m.pt"},
      {"/r/m/1/model.graphdef", kOnnx, "mv m/1/model.graphdef m/1/model.onnx"},
  };
  for (const auto& item : kCases) {
    files_.Remove("/r");
    Put(item.file, item.content);
    Put("/r/zz.onnx");
    EXPECT_TRUE(Has(Summary(), " | m: ") && Has(Summary(), item.reason)) << Summary();
  }
}

TEST_F(RepositoryTest, TellsWhatItKnowsOfAFile) {
  Put("/r/a.onnx");
  Put("/r/b.ort");
  Put("/r/c.pt", torch_script_);
  Put("/r/d/model.pt", torch_script_);
  Put("/r/d/config.pbtxt", "input { name: 'x' data_type: TYPE_FP32 dims: 1 }");
  const Snapshot snapshot = Scan();
  ASSERT_EQ(snapshot.models.size(), 4u);
  EXPECT_TRUE(snapshot.models[0].content_is_known && snapshot.models[0].tells_inputs);
  EXPECT_TRUE(!snapshot.models[1].content_is_known && snapshot.models[1].tells_inputs);
  EXPECT_TRUE(snapshot.models[2].content_is_known && !snapshot.models[2].tells_inputs);
  EXPECT_TRUE(snapshot.models[3].tells_inputs);
}

TEST_F(RepositoryTest, ReportsBadNames) {
  Put("/r/my model.onnx");
  Put("/r/-rf/1/model.onnx");
  Put("/r/a\nb/1/model.onnx");
  Put("/r/" + std::string(limits::kModelNameBytes + 1, 'n') + ".onnx");
  const Snapshot snapshot = Scan();
  EXPECT_TRUE(snapshot.models.empty());
  ASSERT_EQ(snapshot.skipped.size(), 4u);
  for (const SkippedEntry& skipped : snapshot.skipped) {
    EXPECT_TRUE(Has(skipped.reason, "name '" + skipped.name.substr(0, 9))) << skipped.reason;
    EXPECT_TRUE(Has(skipped.reason, "model name must ")) << skipped.reason;
    EXPECT_FALSE(Has(skipped.name, "\n"));
    EXPECT_FALSE(Has(skipped.reason, "\n"));
  }
}

TEST_F(RepositoryTest, ReportsTwoEntriesOfOneName) {
  Put("/r/a.onnx");
  Put("/r/a.pt", torch_script_);
  Put("/r/b.onnx");
  Put("/r/b/1/model.onnx");
  EXPECT_EQ(Summary(),
            " | a: two entries give this name: 'a.onnx' and 'a.pt'; rename or remove one"
            " | b: two entries give this name: 'b' and 'b.onnx'; rename or remove one");
}

TEST_F(RepositoryTest, WhatAModelWasMadeFromDoesNotClashWithIt) {
  Put("/r/a.h5", "\x89HDF\r\n\x1a\n");
  Put("/r/a/1/model.savedmodel/saved_model.pb");
  Put("/r/b.pkl", "\x80\x02}.");
  Put("/r/b.onnx");
  Put("/r/c.pt", "\x80\x02}.");
  Put("/r/c/model.pt", torch_script_);
  Put("/r/d.onnx");
  Put("/r/d/notes.txt");
  const std::string summary = Summary();
  EXPECT_TRUE(
      summary.starts_with("a(tensorflow:1) b(onnx:1) c(torch:1) d(onnx:1) | a (a.h5): 'a.h5'"))
      << summary;
  EXPECT_TRUE(Has(summary, " | b (b.pkl): 'b.pkl': a Python pickle")) << summary;
  EXPECT_TRUE(Has(summary, " | c (c.pt): 'c.pt': a Python pickle")) << summary;
  EXPECT_TRUE(Has(summary, " | d (d): no model in it; expected")) << summary;
}

TEST_F(RepositoryTest, EveryEntryOfANameThatNoneServesHasItsReason) {
  Put("/r/a.h5", "\x89HDF\r\n\x1a\n");
  Put("/r/a/notes.txt");
  const std::string summary = Summary();
  EXPECT_TRUE(summary.starts_with(" | a: no model in it")) << summary;
  EXPECT_TRUE(Has(summary, " | a (a.h5): 'a.h5': an HDF5 file")) << summary;
}

TEST_F(RepositoryTest, RefusesANameThatTwoRootsHave) {
  Put("/r/a.onnx");
  Put("/r/b.onnx");
  Put("/s/b/1/model.onnx");
  Put("/s/c.onnx");
  Put("/r/broken/1/nothing");
  Put("/s/broken.onnx");
  EXPECT_EQ(Summary({"/r", "/s"}),
            "a(onnx:1) c(onnx:1) | b: model appears in two or more repositories"
            " | broken: model appears in two or more repositories");
}

TEST_F(RepositoryTest, SelectsVersionsByPolicy) {
  const struct {
    const char* config;
    const char* expected;
  } kCases[] = {
      {"", "m(onnx:12)"},
      {"version_policy { latest { num_versions: 2 } }", "m(onnx:3,12)"},
      {"version_policy { latest { num_versions: 99 } }", "m(onnx:1,2,3,12)"},
      {"version_policy { all { } }", "m(onnx:1,2,3,12)"},
      {"version_policy { specific { versions: [ 12, 1, 77 ] } }", "m(onnx:1,12)"},
      {"version_policy { specific { versions: 77 } }",
       " | m: version_policy selects none of its versions"},
  };
  for (const char* version : {"1", "2", "3", "12"}) {
    Put("/m/" + std::string(version) + "/model.onnx");
  }
  for (const auto& item : kCases) {
    Put("/m/config.pbtxt", item.config);
    EXPECT_EQ(Summary({"/m"}), item.expected) << item.config;
  }
}

TEST_F(RepositoryTest, IgnoresVersionsWithLeadingZeros) {
  Put("/r/m/2/model.onnx");
  Put("/r/m/007/model.onnx");
  Put("/r/m/99999999999999999999/model.onnx");
  const ModelEntry entry = Only();
  EXPECT_EQ(Line(entry), "m(onnx:2)");
  EXPECT_EQ(
      entry.warnings,
      (std::vector<std::string>{
          "ignore version directory '007' which contains leading zeros in its directory name",
          "ignore version directory '99999999999999999999' which fails to convert to integral "
          "number"}));
}

TEST_F(RepositoryTest, ABadVersionLeavesTheOthers) {
  Put("/r/m/config.pbtxt", "version_policy { all { } }");
  Put("/r/m/1/model.onnx");
  Put("/r/m/2/model.onnx", "");
  Put("/r/m/3/model.graphdef");
  Put("/r/m/4/model.onnx");
  const ModelEntry entry = Only();
  EXPECT_EQ(Line(entry), "m(onnx:1,4)");
  EXPECT_EQ(entry.warnings,
            (std::vector<std::string>{"version 3: its format differs from the newest version's",
                                      entry.warnings.back()}));
  EXPECT_TRUE(Has(entry.warnings.back(), "version 2: '")) << entry.warnings.back();
  EXPECT_TRUE(Has(entry.warnings.back(), "/2/model.onnx': the file is empty"));
}

TEST_F(RepositoryTest, BoundsTheVersions) {
  Put("/r/m/config.pbtxt", "version_policy { all { } }");
  for (size_t i = 1; i <= limits::kVersionsPerModel; ++i) {
    Put("/r/m/" + std::to_string(i) + "/model.onnx");
  }
  EXPECT_EQ(Only().versions.size(), limits::kVersionsPerModel);
  Put("/r/m/" + std::to_string(limits::kVersionsPerModel + 1) + "/model.onnx");
  EXPECT_EQ(Summary(), " | m: version_policy selects more than 1024 versions");
}

TEST_F(RepositoryTest, TheConfigurationDecidesBetweenFiles) {
  const struct {
    const char* config;
    const char* expected;
  } kCases[] = {
      {"",
       " | m: version 1: more than one model file: 'model.graphdef' and 'model.onnx'; name the "
       "right one by default_model_filename in config.pbtxt"},
      {"platform: 'onnxruntime_onnx'", "m(onnx:1)"},
      {"backend: 'tensorflow'", "m(tensorflow:1)"},
      {"default_model_filename: 'other.onnx'", "m(onnx:1)"},
      {"default_model_filename: 'net'", "m(torch:1)"},
      {"default_model_filename: 'net' platform: 'pytorch_libtorch'", "m(torch:1)"},
      {"default_model_filename: 'gone.onnx'",
       " | m: version 1: default_model_filename 'gone.onnx' is not in the folder"},
      {"platform: 'pytorch_libtorch'",
       " | m: version 1: '1/model.onnx': its content is onnxruntime_onnx, but config.pbtxt names "
       "another platform or backend"},
      {"platform: 'caffe2'",
       " | m: config.pbtxt: platform: unknown platform 'caffe2'; known are "
       "'onnxruntime_onnx', 'pytorch_libtorch', 'tensorflow_graphdef', "
       "'tensorflow_savedmodel'"},
      {"backend: 'fil'",
       " | m: config.pbtxt: backend: unknown backend 'fil'; known are "
       "'onnxruntime', 'pytorch', 'tensorflow'"},
      {"backend: 'pytorch' platform: 'onnxruntime_onnx'",
       " | m: config.pbtxt: platform 'onnxruntime_onnx' does not belong to backend 'pytorch'"},
      {"name: 'm' platform: 5", " | m: config.pbtxt, line 1, column 21: Expected string, got: 5"},
  };
  Put("/m/1/model.onnx");
  Put("/m/1/model.graphdef");
  Put("/m/1/other.onnx");
  Put("/m/1/net", torch_script_);
  for (const auto& item : kCases) {
    Put("/m/config.pbtxt", item.config);
    EXPECT_EQ(Summary({"/m"}), item.expected) << item.config;
  }
}

TEST_F(RepositoryTest, NameInTheConfigurationMustEqualTheFolders) {
  Put("/r/d/config.pbtxt", "name: 'n'");
  Put("/r/d/1/model.onnx");
  EXPECT_EQ(Summary(),
            " | d: unexpected directory name 'd' for model 'n', directory name must equal model "
            "name");
}

TEST_F(RepositoryTest, RefusesAConfigurationThatIsTooLong) {
  Put("/r/m/config.pbtxt", std::string(limits::kModelConfigBytes + 1, '#'));
  Put("/r/m/1/model.onnx");
  EXPECT_EQ(Summary(), " | m: config.pbtxt: longer than 1048576 bytes");
}

TEST_F(RepositoryTest, SaysWhyAFileIsNotServed) {
  const std::string pickled = [] {
    testing::ZipWriter zip;
    zip.Add("net/data.pkl",
            "\x80\x02"
            "c__main__\nNet\n");
    return zip.Finish();
  }();
  const struct {
    std::string file;
    std::string content;
    const char* reason;
  } kCases[] = {
      {"/r/m.pt", pickled, "torch.load('m.pt', weights_only=False)"},
      {"/r/m.pth", pickled, "torch.load('m.pth', weights_only=False)"},
      {"/r/m/1/model.pt", pickled, "torch.load('m/1/model.pt', weights_only=False)"},
      {"/r/m/pytorch_model.bin", pickled, "torch.load('m/pytorch_model.bin'"},
      {"/r/m.pt", torch_script_.substr(0, 200), "'m.pt': the archive is cut short or damaged"},
      {"/r/m.pt", "noise", "'m.pt': its content is not TorchScript"},
      {"/r/m.h5", "\x89HDF\r\n\x1a\n", "load_model('m.h5').export('m/1/model.savedmodel')"},
      {"/r/m.pkl", "\x80\x03}.", "joblib.load('m.pkl'); open('m.onnx', 'wb')"},
      {"/r/m.pt", "\x08\x07:\x02xx",
       "its content is ONNX: in the served folder run: mv m.pt m.onnx"},
      {"/r/m.onnx", "", "'m.onnx': the file is empty"},
      {"/r/m.onnx", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"/r/m/1/notes.txt", "x", "version 1: no model in it; expected one of 'model.onnx'"},
      {"/r/m/notes.txt", "x", "no model in it; expected one of 'model.onnx'"},
      {"/r/m.savedmodel/x", "x", "a SavedModel's folder without saved_model.pb"},
      {"/r/m.pb",
       "\x0a\x05\x0a\x03"
       "abc",
       "mv m.pb m.graphdef"},
  };
  for (const auto& item : kCases) {
    files_.Remove("/r");
    Put(item.file, item.content);
    Put("/r/zz/1/model.onnx");
    const std::string summary = Summary();
    EXPECT_TRUE(summary.starts_with("zz(onnx:1) | m: ")) << item.file << " gave " << summary;
    EXPECT_TRUE(Has(summary, item.reason)) << item.file << " gave " << summary;
    EXPECT_FALSE(Has(summary, "/r/"));
  }
}

TEST_F(RepositoryTest, KnowsTorchScriptByContentUnderAnyName) {
  Put("/r/a.bin", torch_script_);
  Put("/r/b/weights.model", torch_script_);
  Put("/r/c.jit", torch_script_);
  EXPECT_EQ(Summary(), "a(torch:1) b(torch:1) c(torch:1)");
}

TEST_F(RepositoryTest, ServesOneModelsFolder) {
  const struct {
    const char* root;
    std::vector<const char*> files;
    const char* expected;
  } kCases[] = {
      {"/x/net", {"/x/net/1/model.onnx", "/x/net/2/model.onnx"}, "net(onnx:2)"},
      {"/x/net/", {"/x/net/1/model.onnx"}, "net(onnx:1)"},
      {"/x/net/1", {"/x/net/1/model.onnx"}, "net(onnx:1)"},
      {"/x/net", {"/x/net/1/weights.onnx", "/x/net/labels.txt"}, "net(onnx:1)"},
      {"/x/net", {"/x/net/model.onnx", "/x/net/labels.txt"}, "net(onnx:1)"},
      {"/x/net",
       {"/x/net/saved_model.pb", "/x/net/variables/variables.index"},
       "net(tensorflow:1)"},
      {"/x/net.savedmodel", {"/x/net.savedmodel/saved_model.pb"}, "net(tensorflow:1)"},
      {"/x/net/1/model.savedmodel",
       {"/x/net/1/model.savedmodel/saved_model.pb"},
       "net(tensorflow:1)"},
      {"/x/net/1/model.onnx", {"/x/net/1/model.onnx"}, "net(onnx:1)"},
      {"/x/tiny.onnx", {"/x/tiny.onnx", "/x/other.onnx"}, "tiny(onnx:1)"},
      {"/x/my net", {"/x/my net/1/model.onnx"}, "model(onnx:1)"},
  };
  for (const auto& item : kCases) {
    files_.Remove("/x");
    for (const char* file : item.files) Put(file);
    EXPECT_EQ(Summary({item.root}), item.expected) << item.root;
  }
}

TEST_F(RepositoryTest, AFolderOfModelsIsNotTakenForOneModel) {
  Put("/r/model.onnx");
  Put("/r/other.onnx");
  EXPECT_EQ(Summary(), "model(onnx:1) other(onnx:1)");
  files_.Remove("/r");
  Put("/r/1/notes.txt");
  Put("/r/a/1/model.onnx");
  EXPECT_TRUE(Has(Summary(), "a(onnx:1) | 1: no model in it")) << Summary();
}

TEST_F(RepositoryTest, OneModelsFolderIsCalledAsItsConfigurationSays) {
  Put("/x/copy/config.pbtxt", "name: 'net' max_batch_size: 4");
  Put("/x/copy/1/model.onnx");
  EXPECT_EQ(Summary({"/x/copy"}), "net(onnx:1)");
  EXPECT_EQ(Only({"/x/copy"}).config->max_batch_size, 4);
  EXPECT_EQ(Open({"/x/copy"}).Find(*model::ModelName::Parse("copy")).status().code(),
            StatusCode::kNotFound);
}

TEST_F(RepositoryTest, WarningsOfTheConfigurationReachTheEntry) {
  Put("/r/m/config.pbtxt", "dynamic_batching { }");
  Put("/r/m/1/model.onnx");
  Put("/r/n.onnx");
  const Result<ModelEntry> entry = Open().Find(*model::ModelName::Parse("m"));
  ASSERT_TRUE(entry.ok());
  EXPECT_TRUE(entry->config->from_file);
  ASSERT_EQ(entry->warnings.size(), 1u);
  EXPECT_TRUE(Has(entry->warnings[0], "dynamic_batching is ignored"));
}

TEST_F(RepositoryTest, FindsNothingWhereNothingIs) {
  Put("/r/m.onnx");
  const Status status = Open().Find(*model::ModelName::Parse("gone")).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no model named 'gone' in the model repository");
  EXPECT_EQ(Open().Find(*model::ModelName::Parse("m.onnx")).status().code(), StatusCode::kNotFound);
}

TEST_F(RepositoryTest, ARootThatCannotBeReadIsAnError) {
  EXPECT_EQ(Open({"/secret/gone"}).Scan().status().ToString(),
            "NOT_FOUND: model repository 'gone': does not exist");
  Put("/secret/r/m.onnx");
  files_.Fail("/secret/r", PermissionDeniedError("'r': Permission denied"));
  const Status status = Open({"/secret/r"}).Scan().status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_FALSE(Has(status.message(), "secret"));
}

TEST_F(RepositoryTest, AModelThatCannotBeReadLeavesTheOthers) {
  Put("/r/a.onnx");
  Put("/r/b/1/model.onnx");
  files_.Fail("/r/b", UnavailableError("'b': Input/output error"));
  const Snapshot snapshot = Scan();
  EXPECT_EQ(snapshot.models.size(), 1u);
  ASSERT_EQ(snapshot.skipped.size(), 1u);
  EXPECT_EQ(snapshot.skipped[0].reason, "'b': Input/output error");
}

TEST_F(RepositoryTest, AnEmptyFolderHoldsNothing) {
  files_.MakeDirectory("/r");
  EXPECT_EQ(Summary(), "");
}

// The rest is on the real disk.

std::string Names(const std::string& root) {
  const Repository repository(os::RealFileSystem(), {root},
                              testing::ReadManifests(THRONG_SOURCE_DIR));
  const Result<Snapshot> snapshot = repository.Scan();
  if (!snapshot.ok()) return snapshot.status().ToString();
  std::string text;
  for (const ModelEntry& model : snapshot->models) text += model.name.str() + " ";
  for (const SkippedEntry& skipped : snapshot->skipped) text += "| " + skipped.name + " ";
  return text;
}

TEST(RepositoryOnDiskTest, ServesTheExamples) {
  const std::string root = THRONG_SOURCE_DIR "/examples/models";
  EXPECT_EQ(Names(root), "cifar10 cifar10-onnx half-plus-two simple-string string-upper tiny-mlp ");
  EXPECT_EQ(Names(root + "/cifar10"), "cifar10 ");
  EXPECT_EQ(Names(root + "/cifar10/1/model.pt"), "cifar10 ");
  EXPECT_EQ(Names(root + "/half-plus-two"), "half-plus-two ");
  EXPECT_EQ(Names(root + "/string-upper"), "string-upper ");
  EXPECT_EQ(Names(root + "/tiny-mlp.onnx"), "tiny-mlp ");
}

TEST(RepositoryOnDiskTest, ServesEveryModelOfTheFixtures) {
  const std::string names = Names(THRONG_SOURCE_DIR "/tests/fixtures/models");
  EXPECT_TRUE(Has(names, "add-sub-named ")) << names;
  EXPECT_FALSE(Has(names, "|")) << names;
}

TEST(RepositoryOnDiskTest, RefusesWhatTheFixturesSay) {
  const std::string names = Names(THRONG_SOURCE_DIR "/tests/fixtures/refuse");
  for (const char* name : {"| model ", "| whole_module ", "| state_dict ", "| state_dict_legacy ",
                           "| runs_on_load "}) {
    EXPECT_TRUE(Has(names, name)) << names;
  }
}

}  // namespace
}  // namespace throng::repository
