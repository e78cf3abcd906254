// Tables, which servers print for `kubectl get`, and objects cut down to their metadata:
// meta.k8s.io in its versions v1 and v1beta1. Not thread-safe: one printer per answer or watch.
//
//   TablePrinter printer(kind, {.include = TableOptions::Include::kMetadata});
//   Json rows = Json::array();
//   for (...) rows.push_back(printer.Row(object, now));
//   Json answer = printer.List(std::move(rows), {.resource_version = "42"});
//
// Objects are as `kind` shows them, with apiVersion and kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "kube/api_error.h"
#include "kube/kind.h"

namespace throng::kube {

inline constexpr std::string_view kMetaV1 = "meta.k8s.io/v1";

struct TableOptions {
  enum class Include : uint8_t { kNone, kMetadata, kObject };
  Include include = Include::kMetadata;  // what rows[].object holds
  std::string api_version{kMetaV1};
};

// The metadata of a list.
struct ListMeta {
  std::string resource_version;
  std::string continue_token;
  std::optional<uint64_t> remaining_count;
};
Json ListMetaJson(const ListMeta& meta);

// The query parameter includeObject; empty is Metadata. ERRORS: 400.
ApiResult<TableOptions::Include> ParseIncludeObject(std::string_view text);

class TablePrinter {
 public:
  using CellPrinter = Json (*)(const Column& column, const Json& object, WallTime now);

  // `kind` outlives the printer.
  explicit TablePrinter(const Kind& kind, TableOptions options = {},
                        CellPrinter print_cell = PrintCell)
      : kind_(kind), options_(std::move(options)), print_cell_(print_cell) {}

  Json Row(const Json& object, WallTime now) const;
  // A table of rows made by Row().
  Json List(Json rows, const ListMeta& meta) const;
  // Of one object.
  Json Single(const Json& object, WallTime now) const;
  // Of an event of a watch: only the first has columns.
  Json Event(const Json& object, WallTime now);

 private:
  Json Table(Json rows, Json metadata, bool with_columns) const;
  Json ColumnDefinitions() const;

  const Kind& kind_;
  const TableOptions options_;
  const CellPrinter print_cell_;
  bool has_columns_sent_ = false;
};

// {"kind":"PartialObjectMetadata","apiVersion":...,"metadata":{...}}
Json PartialObjectMetadata(const Json& object, std::string_view api_version = kMetaV1);
// Of items made by PartialObjectMetadata().
Json PartialObjectMetadataList(Json items, const ListMeta& meta,
                               std::string_view api_version = kMetaV1);

}  // namespace throng::kube
