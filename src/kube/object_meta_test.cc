#include "kube/object_meta.h"

#include <chrono>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/testing/goldens.h"

namespace throng::kube {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

std::string Texts(const std::vector<ApiCause>& causes) {
  std::string text;
  for (const ApiCause& cause : causes) {
    text += (text.empty() ? "" : " | ") + cause.field + ": " + cause.message;
  }
  return text;
}

Json Object(std::string_view metadata) { return Json{{"metadata", Json::parse(metadata)}}; }

std::string Checked(std::string_view metadata, Scope scope = Scope::kNamespaced,
                    NameRule rule = NameRule::kSubdomain) {
  return Texts(ValidateObjectMeta(Object(metadata), scope, rule));
}

Json List(const std::vector<std::string>& texts) { return texts.empty() ? Json() : Json(texts); }

TEST(NamesTest, AreCheckedAsKubernetesDoes) {
  for (const Json& row : testing::Goldens("names.json")) {
    const auto text = row["text"].get<std::string>();
    SCOPED_TRACE(text);
    EXPECT_EQ(List(CheckDns1123Subdomain(text)), row["subdomain"]);
    EXPECT_EQ(List(CheckDns1123Label(text)), row["label"]);
    EXPECT_EQ(List(CheckDns1035Label(text)), row["dns1035"]);
    EXPECT_EQ(List(CheckQualifiedName(text)), row["qualified"]);
    EXPECT_EQ(List(CheckLabelValue(text)), row["value"]);
  }
  for (const Json& row : testing::Goldens("quotes.json")) {
    EXPECT_EQ(QuoteText(row["text"].get<std::string>()), row["quoted"]);
  }
}

TEST(NamesTest, HaveRulesByKind) {
  EXPECT_TRUE(CheckName(NameRule::kSubdomain, "a.b", false).empty());
  EXPECT_FALSE(CheckName(NameRule::kLabel, "a.b", false).empty());
  EXPECT_FALSE(CheckName(NameRule::kDns1035, "0a", false).empty());
  EXPECT_TRUE(CheckName(NameRule::kPathSegment, "A:b", false).empty());
  EXPECT_EQ(CheckName(NameRule::kPathSegment, "..", false).front(), "may not be '..'");
  EXPECT_EQ(CheckName(NameRule::kPathSegment, "a/b%", false).size(), 2u);
  EXPECT_TRUE(CheckName(NameRule::kSubdomain, "perf-", true).empty());
  EXPECT_FALSE(CheckName(NameRule::kSubdomain, "perf-", false).empty());
  EXPECT_FALSE(CheckName(NameRule::kSubdomain, "-", true).empty());
  EXPECT_TRUE(IsDns1035Shaped(std::string(200, 'a')));
  EXPECT_FALSE(IsDns1035Shaped(""));
}

TEST(ObjectMetaTest, ReadsWhatIsThere) {
  const Json object = Object(
      R"({"name":"n","namespace":"s","uid":"u","resourceVersion":"7","generation":3,)"
      R"("labels":{"a":"b"},"annotations":{"c":"d"},"finalizers":["f",1,"g"],)"
      R"("deletionTimestamp":"t","ownerReferences":[{"apiVersion":"v1","kind":"K","name":"o",)"
      R"("uid":"1"},{"apiVersion":"v1","kind":"K","name":"p","uid":"2","controller":true}]})");
  EXPECT_EQ(NameOf(object), "n");
  EXPECT_EQ(NamespaceOf(object), "s");
  EXPECT_EQ(UidOf(object), "u");
  EXPECT_EQ(ResourceVersionOf(object), "7");
  EXPECT_EQ(GenerationOf(object), 3);
  EXPECT_EQ(LabelOf(object, "a"), "b");
  EXPECT_EQ(AnnotationOf(object, "c"), "d");
  EXPECT_EQ(DeletionTimestampOf(object), "t");
  EXPECT_EQ(FinalizersOf(object), (std::vector<std::string>{"f", "g"}));
  ASSERT_EQ(OwnerReferencesOf(object).size(), 2u);
  EXPECT_EQ(ControllerOf(object).uid, "2");
  EXPECT_EQ(PrintJson(OwnerReferenceJson(ControllerOf(object))),
            R"({"apiVersion":"v1","controller":true,"kind":"K","name":"p","uid":"2"})");
}

TEST(ObjectMetaTest, ReadsWhatIsMissingAsEmpty) {
  for (const char* text :
       {"{}", R"({"metadata":null})", R"({"metadata":[]})",
        R"({"metadata":{"name":1,"labels":[],"finalizers":{},"generation":"x"}})", "[]", "null"}) {
    const Json object = Json::parse(text);
    EXPECT_EQ(NameOf(object), "");
    EXPECT_TRUE(LabelsOf(object).empty() && LabelsOf(object).is_object());
    EXPECT_TRUE(FinalizersOf(object).empty());
    EXPECT_TRUE(OwnerReferencesOf(object).empty());
    EXPECT_EQ(GenerationOf(object), 0);
    EXPECT_EQ(ControllerOf(object).uid, "");
  }
}

TEST(ObjectMetaTest, PrintsTimes) {
  const WallTime time{seconds(1621716972) + microseconds(345) + std::chrono::nanoseconds(999)};
  EXPECT_EQ(Timestamp(time), "2021-05-22T20:56:12Z");
  EXPECT_EQ(MicroTimestamp(time), "2021-05-22T20:56:12.000345Z");
  EXPECT_EQ(Timestamp(WallTime{seconds(951782400)}), "2000-02-29T00:00:00Z");
  EXPECT_EQ(Timestamp(WallTime{seconds(-1)}), "1969-12-31T23:59:59Z");
}

TEST(ObjectMetaTest, AcceptsWhatIsRight) {
  EXPECT_EQ(Checked(R"({"name":"a.b","namespace":"default","generateName":"a-",)"
                    R"("labels":{"x.y/z":"V_1","e":""},"annotations":{"X/y":"any thing"},)"
                    R"("finalizers":["trainedmodel.finalizer","x/y"],"uid":null,)"
                    R"("ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n","uid":"u"}]})"),
            "");
  EXPECT_EQ(Checked(R"({"name":"a"})", Scope::kCluster, NameRule::kLabel), "");
}

TEST(ObjectMetaTest, SaysWhatIsWrong) {
  EXPECT_EQ(Checked("{}"),
            "metadata.name: Required value: name or generateName is required | "
            "metadata.namespace: Required value");
  EXPECT_EQ(Checked(R"({"name":"n","namespace":"s"})", Scope::kCluster),
            "metadata.namespace: Forbidden: not allowed on this type");
  EXPECT_EQ(Checked(R"({"name":"N","namespace":"s"})"),
            "metadata.name: Invalid value: \"N\": a lowercase RFC 1123 subdomain must consist of "
            "lower case alphanumeric characters, '-' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  EXPECT_EQ(Checked(R"({"name":"n","namespace":"a.b","generation":-1})"),
            "metadata.namespace: Invalid value: \"a.b\": must not contain dots | "
            "metadata.generation: Invalid value: -1: must be greater than or equal to 0");
  EXPECT_EQ(Checked(R"({"name":"n","namespace":"s","finalizers":["orphan","foregroundDeletion"]})"),
            "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer "
            "orphan and foregroundDeletion cannot be both set");
}

TEST(ObjectMetaTest, RefusesOtherTypes) {
  EXPECT_EQ(Texts(ValidateObjectMeta(Json::parse(R"({"metadata":[]})"), Scope::kCluster,
                                     NameRule::kLabel)),
            "metadata: Invalid value: []: must be an object");
  EXPECT_EQ(Checked(R"({"name":1,"generation":"x"})"),
            "metadata.name: Invalid value: 1: must be of type string | "
            "metadata.generation: Invalid value: \"x\": must be of type integer");
  EXPECT_EQ(Checked(R"({"name":"n","namespace":"s","labels":{"a":1},"annotations":[],)"
                    R"("finalizers":{},"ownerReferences":[1]})"),
            "metadata.labels.a: Invalid value: 1: must be of type string | "
            "metadata.annotations: Invalid value: []: must be an object | "
            "metadata.ownerReferences: Invalid value: 1: must be an object | "
            "metadata.finalizers: Invalid value: {}: must be an array");
}

TEST(ObjectMetaTest, ChecksOwnerReferences) {
  EXPECT_EQ(Texts(ValidateOwnerReferences(Json::parse("[{}]"), "f")),
            "f.apiVersion: Invalid value: \"\": version must not be empty | "
            "f.kind: Invalid value: \"\": kind must not be empty | "
            "f.name: Invalid value: \"\": name must not be empty | "
            "f.uid: Invalid value: \"\": uid must not be empty");
  const std::string controller =
      R"({"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":true})";
  EXPECT_NE(
      Texts(ValidateOwnerReferences(Json::parse("[" + controller + "," + controller + "]"), "f"))
          .find("Only one reference can have Controller set to true. Found \"true\" in "
                "references for K/n and K/n"),
      std::string::npos);
}

TEST(ObjectMetaTest, BoundsAnnotations) {
  const auto check = [](size_t bytes) {
    return Texts(ValidateAnnotations(Json{{"key", std::string(bytes - 3, 'x')}}, "f"));
  };
  EXPECT_EQ(check(limits::kAnnotationBytes - 1), "");
  EXPECT_EQ(check(limits::kAnnotationBytes), "");
  EXPECT_EQ(check(limits::kAnnotationBytes + 1), "f: Too long: may not be more than 262144 bytes");
}

TEST(ObjectMetaTest, KeepsWhatMustNotChange) {
  const Json old =
      Object(R"({"name":"n","namespace":"s","uid":"u","resourceVersion":"1","generation":2,)"
             R"("deletionTimestamp":"t","finalizers":["a","b"]})");
  Json changed = old;
  changed["metadata"]["finalizers"] = {"b"};
  EXPECT_EQ(Texts(ValidateObjectMetaUpdate(changed, old)), "");
  changed["metadata"] = {{"name", "m"},     {"namespace", "s"},         {"uid", "u"},
                         {"generation", 1}, {"deletionTimestamp", "t"}, {"finalizers", {"c", "a"}}};
  EXPECT_EQ(Texts(ValidateObjectMetaUpdate(changed, old)),
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
            "deleted, found new finalizers []string{\"c\"} | "
            "metadata.resourceVersion: Invalid value: \"\": must be specified for an update | "
            "metadata.generation: Invalid value: 1: must not be decremented | "
            "metadata.name: Invalid value: \"m\": field is immutable");
}

TEST(ObjectMetaTest, MakesNamesAndUids) {
  SeededRandom random(1);
  std::set<std::string> names;
  std::set<std::string> uids;
  for (int i = 0; i < 100; ++i) {
    const std::string name = GeneratedName("perf-", random);
    EXPECT_EQ(name.size(), 10u);
    EXPECT_EQ(name.find_first_not_of("bcdfghjklmnpqrstvwxz2456789", 5), std::string::npos);
    names.insert(name);
    const std::string uid = MakeUid(random);
    EXPECT_EQ(uid.size(), 36u);
    EXPECT_EQ(uid[14], '4');
    EXPECT_NE(std::string("89ab").find(uid[19]), std::string::npos) << uid;
    EXPECT_EQ(uid[8], '-');
    EXPECT_EQ(uid[23], '-');
    uids.insert(uid);
  }
  EXPECT_GT(names.size(), 95u);
  EXPECT_EQ(uids.size(), 100u);
  EXPECT_EQ(GeneratedName(std::string(100, 'a'), random).size(), 63u);
}

TEST(ObjectMetaTest, NamesAndLabelValuesEndAtTheirBounds) {
  std::string name;
  while (name.size() + 2 <= limits::kObjectNameBytes) name += "a.";
  name.resize(limits::kObjectNameBytes - 1, 'a');
  name.back() = 'a';
  EXPECT_TRUE(CheckDns1123Subdomain(name).empty()) << name.size();
  name += 'a';
  EXPECT_EQ(name.size(), limits::kObjectNameBytes);
  EXPECT_TRUE(CheckDns1123Subdomain(name).empty());
  EXPECT_FALSE(CheckDns1123Subdomain(name + 'a').empty());
  EXPECT_TRUE(CheckLabelValue(std::string(limits::kLabelValueBytes - 1, 'a')).empty());
  EXPECT_TRUE(CheckLabelValue(std::string(limits::kLabelValueBytes, 'a')).empty());
  EXPECT_FALSE(CheckLabelValue(std::string(limits::kLabelValueBytes + 1, 'a')).empty());
}

}  // namespace
}  // namespace throng::kube
