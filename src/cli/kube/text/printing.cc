#include "cli/kube/text/printing.h"

#include "client/yaml_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

std::string Upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

void DropManagedFields(Json& object) {
  if (!object.is_object()) return;
  if (object.contains("metadata") && object["metadata"].is_object()) {
    object["metadata"].erase("managedFields");
  }
  if (!object.contains("items") || !object["items"].is_array()) return;
  for (Json& item : object["items"]) DropManagedFields(item);
}

std::string CellOf(const Json& cell) {
  if (cell.is_null()) return "";
  return client::CellText(cell.is_string() ? cell.get<std::string>()
                                           : throng::kube::PrintJson(cell));
}

std::string LabelsText(const Json& object) {
  std::string text;
  for (const auto& [key, value] : throng::kube::LabelsOf(object).items()) {
    const std::string label = value.is_string() ? value.get<std::string>() : "";
    text += (text.empty() ? "" : ",") + key + "=" + label;
  }
  return text.empty() ? "<none>" : text;
}

const Json& ListIn(const Json& table, const char* key) {
  static const Json kEmpty = Json::array();
  const Json* list = FindPath(table, {key});
  return list != nullptr && list->is_array() ? *list : kEmpty;
}

bool IsShown(const Json& column, bool wide) {
  const Json* priority = FindPath(column, {"priority"});
  return wide || priority == nullptr || !priority->is_number_integer() ||
         priority->get<int64_t>() == 0;
}

// The cells of a row, without what surrounds them.
void AddCells(const Json& row, const Json& columns, const TableOptions& options,
              std::vector<std::string>& cells) {
  const Json& values = ListIn(row, "cells");
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!IsShown(columns[i], options.wide)) continue;
    std::string text = i < values.size() ? CellOf(values[i]) : "";
    if (i == 0) text = options.name_prefix + text;
    cells.push_back(std::move(text));
  }
}

}  // namespace

Result<Output> ParseOutput(std::string_view text) {
  Output output;
  if (text.empty()) return output;
  for (const auto& [name, form] :
       {std::pair("wide", Form::kWide), std::pair("json", Form::kJson),
        std::pair("yaml", Form::kYaml), std::pair("name", Form::kName)}) {
    if (text != name) continue;
    output.form = form;
    return output;
  }
  constexpr std::string_view kJsonPath = "jsonpath=";
  if (text.starts_with(kJsonPath)) {
    output.form = Form::kJsonPath;
    THRONG_ASSIGN_OR_RETURN(output.path, client::JsonPath::Parse(text.substr(kJsonPath.size())));
    return output;
  }
  return InvalidArgumentError("unable to match a printer suitable for the output format \"" +
                              std::string(text) +
                              "\", allowed formats are: json,jsonpath,name,wide,yaml");
}

Result<std::string> PrintObject(const Output& output, Json object, const std::string& label,
                                bool managed_fields) {
  if (!managed_fields) DropManagedFields(object);
  switch (output.form) {
    case Form::kName:
      return label + "\n";
    case Form::kYaml:
      return client::PrintYaml(object);
    case Form::kJsonPath:
      return output.path->Print(object);
    default:
      return object.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
  }
}

std::vector<std::vector<std::string>> TableCells(const Json& table, const TableOptions& options) {
  const Json& columns = ListIn(table, "columnDefinitions");
  std::vector<std::vector<std::string>> lines;
  if (options.headers) {
    std::vector<std::string> header;
    if (options.with_namespace) header.emplace_back("NAMESPACE");
    for (const Json& column : columns) {
      if (IsShown(column, options.wide)) header.push_back(Upper(TextAt(column, {"name"})));
    }
    if (options.show_labels) header.emplace_back("LABELS");
    lines.push_back(std::move(header));
  }
  for (const Json& row : ListIn(table, "rows")) {
    const Json* object = FindPath(row, {"object"});
    const Json& about = object == nullptr ? row : *object;
    std::vector<std::string> cells;
    if (options.with_namespace) cells.push_back(throng::kube::NamespaceOf(about));
    AddCells(row, columns, options, cells);
    if (options.show_labels) cells.push_back(LabelsText(about));
    lines.push_back(std::move(cells));
  }
  return lines;
}

std::string PrintTable(const Json& table, const TableOptions& options) {
  return client::RowAligner(client::kTableAlignment).Add(TableCells(table, options));
}

}  // namespace throng::cli::kube
