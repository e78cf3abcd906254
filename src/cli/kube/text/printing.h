// How objects and tables of a server look on a terminal, as kubectl prints them. Pure but for the
// templates it holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/aligned_text.h"
#include "client/discovery.h"
#include "client/json_path.h"
#include "kube/json.h"

namespace throng::cli::kube {

using throng::kube::Json;

enum class Form : uint8_t { kTable, kWide, kJson, kYaml, kName, kJsonPath };

struct Output {
  Form form = Form::kTable;
  std::optional<client::JsonPath> path;  // kJsonPath
  bool is_table() const { return form == Form::kTable || form == Form::kWide; }
};

// "", "wide", "json", "yaml", "name", "jsonpath=TEMPLATE". ERRORS: kInvalidArgument.
Result<Output> ParseOutput(std::string_view text);

// Not for tables. With a line break at the end, but for templates. `label` is for kName:
// "pod/NAME". Bookkeeping of field owners is left out unless `managed_fields`.
Result<std::string> PrintObject(const Output& output, Json object, const std::string& label,
                                bool managed_fields = false);

struct TableOptions {
  bool wide = false;
  bool headers = true;
  bool with_namespace = false;
  bool show_labels = false;
  std::string name_prefix;  // "pod/" before names, when there are several types
};

// Rows of a server's Table as cells, the header first (unless it is switched off).
std::vector<std::vector<std::string>> TableCells(const Json& table, const TableOptions& options);
// Aligned.
std::string PrintTable(const Json& table, const TableOptions& options);

}  // namespace throng::cli::kube
