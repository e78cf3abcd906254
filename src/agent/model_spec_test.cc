#include "agent/model_spec.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"

namespace throng::agent {
namespace {

ModelSpec Cifar10() {
  return {.model = "cifar10",
          .uid = "u",
          .generation = 3,
          .storage_uri = "gs://kfserving-examples/models/torchscript/cifar10",
          .framework = "pytorch",
          .memory = "1Gi",
          .memory_bytes = 1073741824};
}

TEST(ModelSpecTest, TheSuccessFileHasKServesDigest) {
  EXPECT_EQ(SuccessFileName(Cifar10()),
            "SUCCESS.71f376a9daa07a04ae1bd52cbe7f3a2c46ceb701350d9dffc73381df5a230923");
}

TEST(ModelSpecTest, TheDigestDependsOnAddressFrameworkAndMemory) {
  const std::string name = SuccessFileName(Cifar10());
  ModelSpec other = Cifar10();
  other.storage_uri += "2";
  EXPECT_NE(SuccessFileName(other), name);
  other = Cifar10();
  other.framework = "onnx";
  EXPECT_NE(SuccessFileName(other), name);
  other = Cifar10();
  other.memory = "2Gi";
  EXPECT_NE(SuccessFileName(other), name);
  other = Cifar10();
  other.memory = "not an amount";
  EXPECT_NE(SuccessFileName(other), name);
}

TEST(ModelSpecTest, ComesBackFromItsText) {
  ModelSpec spec = Cifar10();
  spec.sha256 = "ab";
  spec.reload = "now";
  spec.refresh = std::chrono::seconds(60);
  spec.deadline = std::chrono::seconds(7);
  const auto read = SpecFromJson(Json::parse(SpecToJson(spec).dump()));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, spec);
}

TEST(ModelSpecTest, NamesTheFieldThatIsWrong) {
  const Json good = SpecToJson(Cifar10());
  ASSERT_TRUE(SpecFromJson(good).ok());
  for (const char* field : {"uid", "storageUri", "framework", "memory", "sha256", "reload"}) {
    Json bad = good;
    bad[field] = 1;
    const auto read = SpecFromJson(bad);
    ASSERT_FALSE(read.ok()) << field;
    EXPECT_EQ(read.status().message(), std::string(field) + " must be a text");
  }
  for (const char* field : {"generation", "memoryBytes", "deadlineSeconds", "refreshSeconds"}) {
    for (const Json& value : {Json("1"), Json(1.5), Json(nullptr)}) {
      Json bad = good;
      bad[field] = value;
      EXPECT_FALSE(SpecFromJson(bad).ok()) << field << value;
    }
  }
  Json bad = good;
  bad.erase("storageUri");
  EXPECT_EQ(SpecFromJson(bad).status().message(), "storageUri is missing");
  for (const Json& no_object : {Json(), Json("x"), Json::array()}) {
    EXPECT_FALSE(SpecFromJson(no_object).ok());
  }
}

TEST(ModelSpecTest, TimesAreBounded) {
  Json json = SpecToJson(Cifar10());
  json["deadlineSeconds"] = -5;
  json["refreshSeconds"] = INT64_MAX;
  const auto read = SpecFromJson(json);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->deadline, std::chrono::seconds(120));
  EXPECT_LE(read->refresh, std::chrono::hours(24 * 366));
}

TEST(ModelSpecTest, NamesArePathComponentsAndNothingElse) {
  for (const std::string good : {"a", "A-b_c.d", "0", "model.v1", "-x", "_"}) {
    EXPECT_TRUE(CheckModelName(good).ok()) << good;
  }
  for (const std::string bad :
       {"", ".", "..", ".a", "a/b", "/a", "a b", "a%2Fb", "a\\b", "a?b", "a#b", "\xc3\xa9"}) {
    EXPECT_FALSE(CheckModelName(bad).ok()) << bad;
  }
  EXPECT_FALSE(CheckModelName(std::string("a\0b", 3)).ok());
  EXPECT_TRUE(CheckModelName(std::string(limits::kObjectNameBytes - 1, 'a')).ok());
  EXPECT_TRUE(CheckModelName(std::string(limits::kObjectNameBytes, 'a')).ok());
  EXPECT_FALSE(CheckModelName(std::string(limits::kObjectNameBytes + 1, 'a')).ok());
}

TEST(ModelSpecTest, BytesAreOfAnObjectAnAddressAPinAndAReload) {
  const ModelSpec spec = Cifar10();
  ModelSpec other = spec;
  other.generation = 9;
  other.framework = "onnx";
  other.refresh = std::chrono::seconds(1);
  EXPECT_TRUE(WantsSameBytes(spec, other));
  for (std::string ModelSpec::*field :
       {&ModelSpec::uid, &ModelSpec::storage_uri, &ModelSpec::sha256, &ModelSpec::reload}) {
    other = spec;
    other.*field += "x";
    EXPECT_FALSE(WantsSameBytes(spec, other));
  }
}

TEST(ModelSpecTest, CredentialsAreNamedAndNothingElse) {
  Json json = {{"model", "a"}, {"storageUri", "s3://b/a"}};
  EXPECT_FALSE(SpecToJson(*SpecFromJson(json)).contains("credentials"));
  json["credentials"] = {{"version", "v"}, {"reason", "r"}, {"message", "m"}, {"s3", {{"x", "y"}}}};
  const auto spec = SpecFromJson(json);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->credentials, (CredentialsName{"v", "r", "m"}));
  EXPECT_EQ(SpecToJson(*spec)["credentials"],
            (Json{{"version", "v"}, {"reason", "r"}, {"message", "m"}}));
  EXPECT_EQ(*SpecFromJson(SpecToJson(*spec)), *spec);
  ModelSpec other = *spec;
  other.credentials.version = "w";
  EXPECT_TRUE(WantsSameBytes(*spec, other));
  json["credentials"] = "v";
  EXPECT_FALSE(SpecFromJson(json).ok());
  json["credentials"] = {{"version", 1}};
  EXPECT_FALSE(SpecFromJson(json).ok());
}

}  // namespace
}  // namespace throng::agent
