#include "kube/rest/protobuf_body.h"

#include <string>

#include <gtest/gtest.h>

namespace throng::kube::server {
namespace {

// A field of a message: length-delimited.
std::string Field(int number, const std::string& bytes) {
  std::string out;
  out += static_cast<char>(number << 3 | 2);
  out += static_cast<char>(bytes.size());
  return out + bytes;
}
std::string Flag(int number, bool value) {
  return std::string(1, static_cast<char>(number << 3)) + static_cast<char>(value);
}
std::string Entry(int number, const std::string& key, const std::string& value) {
  return Field(number, Field(1, key) + Field(2, value));
}
std::string Envelope(const std::string& kind, const std::string& raw,
                     const std::string& api_version = "v1") {
  return std::string("k8s\0", 4) + Field(1, Field(1, api_version) + Field(2, kind)) +
         Field(2, raw) + Field(3, "") + Field(4, "");
}

TEST(ProtobufBodyTest, ReadsConfigMaps) {
  const std::string metadata = Field(1, "settings") + Field(2, "") + Entry(11, "tier", "front") +
                               Field(14, "a.io/b") + Field(8, "");
  const auto object = ParseProtobufBody(
      Envelope("ConfigMap", Field(1, metadata) + Entry(2, "a", "1") + Entry(2, "b", "") +
                                Entry(3, "c", std::string("\xff\x00", 2)) + Flag(4, true)));
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(
      object.value(),
      Json({{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata",
             {{"name", "settings"}, {"labels", {{"tier", "front"}}}, {"finalizers", {"a.io/b"}}}},
            {"data", {{"a", "1"}, {"b", ""}}},
            {"binaryData", {{"c", "/wA="}}},
            {"immutable", true}}));
}

TEST(ProtobufBodyTest, ReadsTheOtherKinds) {
  const std::string metadata = Field(1, Field(1, "x"));
  EXPECT_EQ((*ParseProtobufBody(
                Envelope("Namespace", metadata + Field(2, "") + Field(3, ""))))["metadata"]["name"],
            "x");
  const auto secret = ParseProtobufBody(
      Envelope("Secret", metadata + Entry(2, "password", "Man") + Field(3, "Opaque")));
  EXPECT_EQ(secret.value()["data"]["password"], "TWFu");
  EXPECT_EQ(secret.value()["type"], "Opaque");
  const auto account =
      ParseProtobufBody(Envelope("ServiceAccount", metadata + Field(2, Field(3, "s"))));
  const auto review = ParseProtobufBody(
      Envelope("SelfSubjectAccessReview",
               Field(1, "") + Field(2, Field(1, Field(2, "get") + Field(5, "pods"))),
               "authorization.k8s.io/v1"));
  EXPECT_EQ(review.value()["spec"]["resourceAttributes"],
            Json({{"verb", "get"}, {"resource", "pods"}}));
  EXPECT_EQ(account.value()["secrets"], Json::array({{{"name", "s"}}}));
}

TEST(ProtobufBodyTest, OtherKindsAreRefused) {
  EXPECT_EQ(ParseProtobufBody(Envelope("Pod", "")).error().code, 415);
  EXPECT_EQ(ParseProtobufBody(std::string("k8s\0", 4)).error().code, 415);
}

TEST(ProtobufBodyTest, BytesThatAreNoMessageAreRefused) {
  const std::string whole = Envelope("ConfigMap", Field(1, Field(1, "settings")));
  for (const std::string& body :
       {std::string(), std::string("k8s"), std::string("{}"), whole.substr(0, whole.size() - 1),
        Envelope("ConfigMap", "\x0a\x7f"), Envelope("ConfigMap", Flag(1, true)),
        Envelope("ConfigMap", Field(1, Field(1, "\xff"))),
        Envelope("ConfigMap", Field(2, "\x0a\x7f")), Envelope("ConfigMap", Field(4, "true"))}) {
    const auto object = ParseProtobufBody(body);
    ASSERT_FALSE(object.ok());
    EXPECT_EQ(object.error().code, 400);
  }
}

}  // namespace
}  // namespace throng::kube::server
