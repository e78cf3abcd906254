#include "kube/rest/protobuf_body.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/kinds/kind_table.h"
#include "kube/kinds/schema.h"
#include "kube/rest/protobuf_fields.h"
#include "kube/testing/goldens.h"

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
  EXPECT_EQ(ParseProtobufBody(Envelope("Node", "")).error().code, 415);
  EXPECT_EQ(
      ParseProtobufBody(Envelope("TrainedModel", "", "serving.kubeflow.org/v1alpha1")).error().code,
      415);
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

std::string Bytes(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Kubernetes writes times that are not set as null, and we leave them out.
void DropNulls(Json& value) {
  if (value.is_object()) {
    for (auto item = value.begin(); item != value.end();) {
      if (item->is_null()) {
        item = value.erase(item);
      } else {
        DropNulls(*item++);
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) DropNulls(item);
  }
}

TEST(ProtobufBodyTest, ReadsWhatKubernetesWrites) {
  for (Json row : kube::testing::Goldens("protobufs.json")) {
    const auto object = ParseProtobufBody(Bytes(row["hex"].get<std::string>()));
    ASSERT_TRUE(object.ok()) << row["object"];
    DropNulls(row["object"]);
    EXPECT_EQ(*object, row["object"]);
  }
}

TEST(ProtobufBodyTest, BytesThatAreCutAnywhereAreRefusedOrRead) {
  for (const Json& row : kube::testing::Goldens("protobufs.json")) {
    const std::string whole = Bytes(row["hex"].get<std::string>());
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto object = ParseProtobufBody(whole.substr(0, size));
      EXPECT_TRUE(object.ok() || object.error().code == 400 || object.error().code == 415);
    }
  }
}

// Every field that a schema names has a number: else it would be lost without a word.
void CheckNumbers(const Schema& schema, std::set<const Schema*>& seen) {
  if (!seen.insert(&schema).second) return;
  if (schema.items != nullptr) CheckNumbers(*schema.items, seen);
  if (schema.fields.empty()) return;
  std::set<std::string_view> numbered = {"apiVersion", "kind"};
  for (std::string_view message = schema.name; !message.empty();) {
    const auto fields = ProtobufFields(message);
    ASSERT_TRUE(fields) << message;
    message = {};
    for (int number = 1; number < 200; ++number) {
      const auto field = FindProtobufField(*fields, number);
      if (!field) continue;
      if (!field->is_inline) {
        numbered.insert(field->name);
        continue;
      }
      const auto inner = ProtobufFields(field->name);
      ASSERT_TRUE(inner) << field->name;
      for (int i = 1; i < 200; ++i) {
        if (const auto found = FindProtobufField(*inner, i)) numbered.insert(found->name);
      }
    }
  }
  for (const kube::Field& field : schema.fields) {
    EXPECT_TRUE(numbered.contains(field.name)) << schema.name << "." << field.name;
    CheckNumbers(*field.schema, seen);
  }
}

TEST(ProtobufBodyTest, EveryFieldHasANumber) {
  std::set<const Schema*> seen;
  for (const Kind& kind : AllKinds()) {
    if (kind.is_built_in) CheckNumbers(*kind.schema, seen);
  }
  EXPECT_GT(seen.size(), 100U);
}

TEST(ProtobufBodyTest, TimesOutsideTheCalendarAreRefused) {
  const auto with_time = [](const std::string& time) {
    return ParseProtobufBody(Envelope("ConfigMap", Field(1, Field(1, "a") + Field(8, time))));
  };
  ASSERT_TRUE(with_time("\x08\x01").ok());
  EXPECT_EQ((*with_time("\x08\x01"))["metadata"]["creationTimestamp"], "1970-01-01T00:00:01Z");
  EXPECT_EQ(with_time(std::string("\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 9)).error().code, 400);
  EXPECT_EQ(with_time(std::string("\x10\xff\xff\xff\xff\x7f", 6)).error().code, 400);
}

}  // namespace
}  // namespace throng::kube::server
