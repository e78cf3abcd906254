#include "kube/table.h"

#include <utility>

#include "kube/field_error.h"
#include "kube/object_meta.h"

namespace throng::kube {

Json ListMetaJson(const ListMeta& meta) {
  Json json = Json::object();
  if (!meta.resource_version.empty()) json["resourceVersion"] = meta.resource_version;
  if (!meta.continue_token.empty()) json["continue"] = meta.continue_token;
  if (meta.remaining_count) json["remainingItemCount"] = *meta.remaining_count;
  return json;
}

ApiResult<TableOptions::Include> ParseIncludeObject(std::string_view text) {
  if (text.empty() || text == "Metadata") return TableOptions::Include::kMetadata;
  if (text == "None") return TableOptions::Include::kNone;
  if (text == "Object") return TableOptions::Include::kObject;
  return BadRequestError("Unable to convert to Table as requested: includeObject: Invalid value: " +
                         QuoteText(text) + ": must be 'Metadata', 'Object', 'None', or empty");
}

Json TablePrinter::Row(const Json& object, WallTime now) const {
  Json cells = Json::array();
  for (const Column& column : kind_.columns) cells.push_back(print_cell_(column, object, now));
  Json row = {{"cells", std::move(cells)}};
  if (kind_.row_conditions != nullptr) {
    Json conditions = kind_.row_conditions(object);
    if (!conditions.is_null()) row["conditions"] = std::move(conditions);
  }
  switch (options_.include) {
    case TableOptions::Include::kNone:
      row["object"] = nullptr;
      break;
    case TableOptions::Include::kMetadata:
      row["object"] = PartialObjectMetadata(object, options_.api_version);
      break;
    case TableOptions::Include::kObject:
      row["object"] = object;
      break;
  }
  return row;
}

Json TablePrinter::ColumnDefinitions() const {
  Json columns = Json::array();
  for (const Column& column : kind_.columns) {
    columns.push_back({{"name", column.name},
                       {"type", column.type},
                       {"format", column.format},
                       {"description", column.description},
                       {"priority", column.priority}});
  }
  return columns;
}

Json TablePrinter::Table(Json rows, Json metadata, bool with_columns) const {
  return {{"kind", "Table"},
          {"apiVersion", options_.api_version},
          {"metadata", std::move(metadata)},
          {"columnDefinitions", with_columns ? ColumnDefinitions() : Json()},
          {"rows", std::move(rows)}};
}

Json TablePrinter::List(Json rows, const ListMeta& meta) const {
  return Table(std::move(rows), ListMetaJson(meta), true);
}

Json TablePrinter::Single(const Json& object, WallTime now) const {
  return List(Json::array({Row(object, now)}), {.resource_version = ResourceVersionOf(object),
                                                .continue_token = {},
                                                .remaining_count = std::nullopt});
}

Json TablePrinter::Event(const Json& object, WallTime now) {
  const bool is_first = !std::exchange(has_columns_sent_, true);
  const ListMeta meta{.resource_version = ResourceVersionOf(object),
                      .continue_token = {},
                      .remaining_count = std::nullopt};
  return Table(Json::array({Row(object, now)}), ListMetaJson(meta), is_first);
}

Json PartialObjectMetadata(const Json& object, std::string_view api_version) {
  const Json* metadata = FindPath(object, {"metadata"});
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", api_version},
          {"metadata", metadata != nullptr ? *metadata : Json::object()}};
}

Json PartialObjectMetadataList(Json items, const ListMeta& meta, std::string_view api_version) {
  return {{"kind", "PartialObjectMetadataList"},
          {"apiVersion", api_version},
          {"metadata", ListMetaJson(meta)},
          {"items", std::move(items)}};
}

}  // namespace throng::kube
