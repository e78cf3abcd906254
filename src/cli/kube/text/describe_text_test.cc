#include "cli/kube/text/describe_text.h"

#include <gtest/gtest.h>

namespace throng::cli::kube {
namespace {

using throng::kube::Json;

TEST(DescribeTextTest, ASecretShowsTheSizesOfItsEntriesOnly) {
  const Json secret = {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"metadata",
       {{"name", "keys"},
        {"annotations",
         {{"kubectl.kubernetes.io/last-applied-configuration", "{\"key\":\"c2VjcmV0\"}"},
          {"serving.kserve.io/s3-endpoint", "minio:9000"}}}}},
      {"data", {{"key", "c2VjcmV0"}, {"odd", "?"}, {"none", ""}}}};
  const std::string text = DescribeObject(secret, nullptr, {});
  EXPECT_EQ(text.find("c2VjcmV0"), std::string::npos) << text;
  EXPECT_NE(text.find("6 bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("not base64"), std::string::npos) << text;
  EXPECT_NE(text.find("minio:9000"), std::string::npos) << text;
}

}  // namespace
}  // namespace throng::cli::kube
