#include "admission/trained_model_rules.h"

#include <gtest/gtest.h>

namespace throng::admission {
namespace {

using kube::Json;

Json Model() {
  return Json::parse(R"({
    "metadata": {"name": "cifar10", "namespace": "default", "uid": "u", "generation": 3,
                 "annotations": {"throng.dev/reload": "1", "throng.dev/refresh": "10m"}},
    "spec": {"inferenceService": "mms",
             "model": {"framework": "pytorch", "storageUri": "gs://b/m", "memory": "1Gi"}}})");
}

TEST(TrainedModelRulesTest, ReadsWhatDecisionsAreMadeOn) {
  const auto view = ReadTrainedModel(Model());
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(view->memory_bytes, 1ULL << 30);
  EXPECT_EQ(view->memory, "1Gi");
  EXPECT_EQ(view->generation, 3);
  EXPECT_EQ(view->refresh, "10m");
  EXPECT_TRUE(CheckTrainedModel(nullptr, Model()).ok());
}

TEST(TrainedModelRulesTest, AStorageKeyIsTheNameOfAnEntry) {
  Json model = Model();
  model["metadata"]["annotations"]["throng.dev/storage-key"] = "my-minio_1.x";
  EXPECT_EQ(ReadTrainedModel(model)->storage_key, "my-minio_1.x");
  EXPECT_TRUE(CheckTrainedModel(nullptr, model).ok());
  const auto accepts = [&model](const std::string& key) {
    model["metadata"]["annotations"]["throng.dev/storage-key"] = key;
    return CheckTrainedModel(nullptr, model).ok();
  };
  EXPECT_FALSE(accepts("a/b"));
  EXPECT_FALSE(accepts("a b"));
  EXPECT_TRUE(accepts(std::string(252, 'k')));
  EXPECT_TRUE(accepts(std::string(253, 'k')));
  EXPECT_FALSE(accepts(std::string(254, 'k')));
}

TEST(TrainedModelRulesTest, AnAddressOfAClaimNamesTheClaim) {
  Json model = Model();
  model["spec"]["model"]["storageUri"] = "pvc://models/a";
  EXPECT_TRUE(CheckTrainedModel(nullptr, model).ok());
  model["spec"]["model"]["storageUri"] = "pvc:///a";
  EXPECT_NE(CheckTrainedModel(nullptr, model)
                .message()
                .find("Invalid URI must be pvc://<pvcname>/[path]: pvc:///a"),
            std::string::npos);
}

TEST(TrainedModelRulesTest, NamesAndAddressesHaveKServesWords) {
  Json model = Model();
  model["metadata"]["name"] = "a.b";
  EXPECT_EQ(
      CheckTrainedModel(nullptr, model).message(),
      "the Trained Model \"a.b\" is invalid: a Trained Model name must consist of "
      "alphanumeric characters, '_', or '-'. (e.g. \"my-Name\" or \"abc_123\", regex used for "
      "validation is '^[a-zA-Z0-9_-]+$')");
  for (const char* uri : {"", "gs://", "GS://b/m", "/etc/passwd", "ftp://host/m", "gs:/b/m"}) {
    model = Model();
    model["spec"]["model"]["storageUri"] = uri;
    EXPECT_NE(CheckTrainedModel(nullptr, model).message().find("storageUri field is invalid"),
              std::string::npos)
        << uri;
  }
}

TEST(TrainedModelRulesTest, MemoryIsAQuantityThatStays) {
  Json model = Model();
  for (const char* memory : {"much", "-1Gi", ""}) {
    model["spec"]["model"]["memory"] = memory;
    EXPECT_FALSE(CheckTrainedModel(nullptr, model).ok()) << memory;
  }
  model["spec"]["model"]["memory"] = 1073741824;
  const Json old = Model();
  EXPECT_TRUE(CheckTrainedModel(&old, model).ok()) << "the same amount, written otherwise";
  model["spec"]["model"]["memory"] = "2Gi";
  EXPECT_EQ(
      CheckTrainedModel(&old, model).message(),
      "the Trained Model \"cifar10\" memory field is immutable. The memory was \"1Gi\" but it "
      "is updated to \"2Gi\"");
}

TEST(TrainedModelRulesTest, AnnotationsHaveRules) {
  Json model = Model();
  model["metadata"]["annotations"] = {{"throng.dev/sha256", std::string(64, 'a')}};
  EXPECT_TRUE(CheckTrainedModel(nullptr, model).ok());
  for (const std::string& digest :
       {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'), std::string(64, 'g')}) {
    model["metadata"]["annotations"] = {{"throng.dev/sha256", digest}};
    EXPECT_FALSE(CheckTrainedModel(nullptr, model).ok()) << digest;
  }
  model["metadata"]["annotations"] = {{"throng.dev/refresh", "often"}};
  EXPECT_FALSE(CheckTrainedModel(nullptr, model).ok());
}

TEST(DurationSettingTest, ReadsWhatGoReads) {
  using std::chrono::seconds;
  EXPECT_EQ(*ParseDurationSetting("600s"), seconds(600));
  EXPECT_EQ(*ParseDurationSetting("10m"), seconds(600));
  EXPECT_EQ(*ParseDurationSetting("1h30m5s"), seconds(5405));
  EXPECT_EQ(*ParseDurationSetting("1.5h"), seconds(5400));
  EXPECT_EQ(*ParseDurationSetting("1000ms"), seconds(1));
  for (const char* text :
       {"", "600", "s", "-1s", "0s", "999ms", "10 m", "1d", "1e3s", "nan", "9999999h", "1s2"}) {
    EXPECT_FALSE(ParseDurationSetting(text).ok()) << text;
  }
}

}  // namespace
}  // namespace throng::admission
