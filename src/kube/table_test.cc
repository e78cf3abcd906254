#include "kube/table.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace throng::kube {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1000)};

Kind TestKind() {
  Kind kind;
  kind.kind = "Thing";
  kind.columns = {{.name = "Name",
                   .type = "string",
                   .format = "name",
                   .description = "its name",
                   .priority = 0,
                   .cell = [](const Json& object) -> Json {
                     return TextAt(object, {"metadata", "name"});
                   },
                   .cell_at = nullptr},
                  {.name = "Seconds",
                   .type = "integer",
                   .format = "",
                   .description = "",
                   .priority = 1,
                   .cell = nullptr,
                   .cell_at = [](const Json& /*object*/, WallTime now) -> Json {
                     return now.time_since_epoch() / std::chrono::seconds(1);
                   }}};
  return kind;
}

Json Print(const Column& column, const Json& object, WallTime now) {
  return column.cell != nullptr ? column.cell(object) : column.cell_at(object, now);
}

Json Thing(const char* name) {
  return {{"apiVersion", "v1"},
          {"kind", "Thing"},
          {"metadata", {{"name", name}, {"resourceVersion", "7"}}},
          {"spec", {{"a", 1}}}};
}

constexpr std::string_view kColumns =
    R"([{"description":"its name","format":"name","name":"Name","priority":0,"type":"string"},)"
    R"({"description":"","format":"","name":"Seconds","priority":1,"type":"integer"}])";

TEST(TableTest, HasRowsWithTheirMetadata) {
  const Kind kind = TestKind();
  const TablePrinter printer(kind, {}, Print);
  EXPECT_EQ(PrintJson(printer.Single(Thing("a"), kNow)),
            R"({"apiVersion":"meta.k8s.io/v1","columnDefinitions":)" + std::string(kColumns) +
                R"(,"kind":"Table","metadata":{"resourceVersion":"7"},"rows":[{"cells":["a",1000],)"
                R"("object":{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata",)"
                R"("metadata":{"name":"a","resourceVersion":"7"}}}]})");
}

TEST(TableTest, IncludesWhatIsAsked) {
  const Kind kind = TestKind();
  using Include = TableOptions::Include;
  const auto object = [&](Include include) {
    const TablePrinter printer(kind, {.include = include, .api_version = "meta.k8s.io/v1beta1"},
                               Print);
    return printer.Row(Thing("a"), kNow)["object"];
  };
  EXPECT_EQ(object(Include::kNone), nullptr);
  EXPECT_EQ(object(Include::kObject), Thing("a"));
  EXPECT_EQ(object(Include::kMetadata)["apiVersion"], "meta.k8s.io/v1beta1");
  EXPECT_EQ(*ParseIncludeObject(""), Include::kMetadata);
  EXPECT_EQ(*ParseIncludeObject("Metadata"), Include::kMetadata);
  EXPECT_EQ(*ParseIncludeObject("None"), Include::kNone);
  EXPECT_EQ(*ParseIncludeObject("Object"), Include::kObject);
  EXPECT_EQ(ParseIncludeObject("all").error().message,
            "Unable to convert to Table as requested: includeObject: Invalid value: \"all\": must "
            "be 'Metadata', 'Object', 'None', or empty");
}

TEST(TableTest, HasTheMetadataOfAList) {
  const Kind kind = TestKind();
  const TablePrinter printer(kind, {}, Print);
  const Json table = printer.List(
      Json::array(), {.resource_version = "9", .continue_token = "c", .remaining_count = 3});
  EXPECT_EQ(PrintJson(table["metadata"]),
            R"({"continue":"c","remainingItemCount":3,"resourceVersion":"9"})");
  EXPECT_EQ(table["rows"], Json::array());
  EXPECT_EQ(PrintJson(table["columnDefinitions"]), kColumns);
}

TEST(TableTest, SendsColumnsOnceInAWatch) {
  const Kind kind = TestKind();
  TablePrinter printer(kind, {}, Print);
  EXPECT_EQ(PrintJson(printer.Event(Thing("a"), kNow)["columnDefinitions"]), kColumns);
  const Json second = printer.Event(Thing("b"), kNow);
  EXPECT_EQ(second["columnDefinitions"], nullptr);
  EXPECT_EQ(second["rows"][0]["cells"][0], "b");
  EXPECT_EQ(second["metadata"]["resourceVersion"], "7");
}

TEST(TableTest, HasConditionsOfRows) {
  Kind kind = TestKind();
  kind.row_conditions = [](const Json& object) -> Json {
    if (TextAt(object, {"metadata", "name"}) != "done") return nullptr;
    return {{{"type", "Completed"}}};
  };
  const TablePrinter printer(kind, {}, Print);
  EXPECT_FALSE(printer.Row(Thing("a"), kNow).contains("conditions"));
  EXPECT_EQ(PrintJson(printer.Row(Thing("done"), kNow)["conditions"]), R"([{"type":"Completed"}])");
}

TEST(PartialObjectMetadataTest, HoldsTheMetadataAlone) {
  EXPECT_EQ(PrintJson(PartialObjectMetadata(Thing("a"))),
            R"({"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata",)"
            R"("metadata":{"name":"a","resourceVersion":"7"}})");
  EXPECT_EQ(PrintJson(PartialObjectMetadata(Json::object())["metadata"]), "{}");
  EXPECT_EQ(PrintJson(PartialObjectMetadataList(
                Json::array({PartialObjectMetadata(Thing("a"), "meta.k8s.io/v1beta1")}),
                {.resource_version = "9", .continue_token = "", .remaining_count = {}},
                "meta.k8s.io/v1beta1")),
            R"({"apiVersion":"meta.k8s.io/v1beta1","items":[{"apiVersion":"meta.k8s.io/v1beta1",)"
            R"("kind":"PartialObjectMetadata","metadata":{"name":"a","resourceVersion":"7"}}],)"
            R"("kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"9"}})");
}

}  // namespace
}  // namespace throng::kube
