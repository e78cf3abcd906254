// throng get RESOURCE [NAME...]
#include <algorithm>
#include <set>

#include "cli/kube/manifests.h"
#include "cli/kube/targets.h"
#include "cli/kube/text/printing.h"
#include "cli/kube/verbs.h"
#include "client/server_error.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

struct GetFlags {
  std::string output;
  std::vector<std::string> files;
  Selection selection;
  bool watch = false;
  bool watch_only = false;
  bool no_headers = false;
  bool show_labels = false;
  bool managed_fields = false;
  bool ignore_not_found = false;
};

class GetRun {
 public:
  GetRun(Verb& verb, Cluster& cluster, const GetFlags& flags, Output output)
      : verb_(verb), cluster_(cluster), flags_(flags), output_(std::move(output)) {
    name_space_ = verb.all_namespaces() ? "" : cluster.name_space;
  }

  int Run(const std::vector<Target>& targets) {
    std::set<std::string> types;
    for (const Target& target : targets) types.insert(target.type.QualifiedResource());
    if (flags_.watch || flags_.watch_only) return Watch(targets, types.size());
    return output_.is_table() ? Tables(targets, types.size() > 1) : Objects(targets);
  }

 private:
  TableOptions OptionsFor(const client::ResourceType& type, bool several) const {
    TableOptions options;
    options.wide = output_.form == Form::kWide;
    options.headers = !flags_.no_headers;
    options.with_namespace = verb_.all_namespaces() && type.namespaced;
    options.show_labels = flags_.show_labels;
    if (several) options.name_prefix = type.ObjectPrefix() + "/";
    return options;
  }

  // One object, or all of a type, as a Table or as what `accept` says. Nothing: it was told.
  std::optional<Json> Read(const Target& target, std::string_view accept) {
    Result<Json> read =
        target.name.empty()
            ? ListAll(cluster_.client, target.type, name_space_, flags_.selection, accept)
            : cluster_.client.Send(
                  {.path = target.PathIn(name_space_), .accept = std::string(accept)});
    if (read.ok()) return std::move(*read);
    const bool silent = flags_.ignore_not_found && read.status().code() == StatusCode::kNotFound;
    if (!silent) verb_.Complain(read.status());
    return std::nullopt;
  }

  int Tables(const std::vector<Target>& targets, bool several) {
    // Rows of one type stand in one table.
    std::vector<std::pair<client::ResourceType, Json>> tables;
    for (const Target& target : targets) {
      std::optional<Json> table = Read(target, client::kTableAccept);
      if (!table || !table->contains("rows") || !(*table)["rows"].is_array()) continue;
      const bool joins = !tables.empty() &&
                         tables.back().first.QualifiedResource() == target.type.QualifiedResource();
      if (!joins) {
        tables.emplace_back(target.type, std::move(*table));
        continue;
      }
      for (Json& row : (*table)["rows"]) tables.back().second["rows"].push_back(std::move(row));
    }
    bool printed = false;
    for (const auto& [type, table] : tables) {
      if (table["rows"].empty()) continue;
      if (std::exchange(printed, true)) verb_.Print("\n");
      verb_.Print(PrintTable(table, OptionsFor(type, several)));
    }
    if (!printed && verb_.ExitStatus() == 0) SayNothingFound(targets);
    return verb_.ExitStatus();
  }

  void SayNothingFound(const std::vector<Target>& targets) {
    if (flags_.ignore_not_found) return;
    const bool somewhere = !name_space_.empty() &&
                           std::any_of(targets.begin(), targets.end(),
                                       [](const Target& target) { return target.type.namespaced; });
    verb_.io().error(somewhere ? "No resources found in " + name_space_ + " namespace.\n"
                               : std::string("No resources found\n"));
  }

  int Objects(const std::vector<Target>& targets) {
    Json items = Json::array();
    std::vector<std::string> labels;
    for (const Target& target : targets) {
      std::optional<Json> read = Read(target, client::kJsonType);
      if (!read) continue;
      const bool is_list = target.name.empty();
      Json found = is_list ? read->value("items", Json::array()) : Json::array({std::move(*read)});
      for (Json& object : found) {
        FillKind(target.type, object);
        labels.push_back(target.type.ObjectPrefix() + "/" + throng::kube::NameOf(object));
        items.push_back(std::move(object));
      }
    }
    if (output_.form == Form::kName) {
      for (const std::string& label : labels) verb_.Print(label + "\n");
      return verb_.ExitStatus();
    }
    const bool single = targets.size() == 1 && !targets[0].name.empty();
    if (single && items.empty()) return verb_.ExitStatus();
    Json shown = single ? std::move(items[0])
                        : Json{{"apiVersion", "v1"},
                               {"kind", "List"},
                               {"metadata", {{"resourceVersion", ""}}},
                               {"items", std::move(items)}};
    const auto text = PrintObject(output_, std::move(shown), "", flags_.managed_fields);
    if (!text.ok()) return verb_.Fail(text.status());
    verb_.Print(*text);
    return verb_.ExitStatus();
  }

  int Watch(const std::vector<Target>& targets, size_t type_count) {
    if (type_count != 1 || targets.size() != 1) {
      return verb_.Fail(InvalidArgumentError(
          "you may only specify a single resource type, or one name, with --watch"));
    }
    const Target& target = targets[0];
    Selection selection = flags_.selection;
    if (!target.name.empty()) selection.fields = "metadata.name=" + target.name;
    const std::string accept(output_.is_table() ? client::kTableAccept : client::kJsonType);
    const auto list = ListAll(cluster_.client, target.type, name_space_, selection, accept);
    if (!list.ok()) return verb_.Fail(list.status());
    client::RowAligner aligner(client::kTableAlignment);
    TableOptions options = OptionsFor(target.type, false);
    if (!flags_.watch_only && !ShowAll(target, *list, options, aligner)) return 1;
    return Follow(target, selection, accept, TextAt(*list, {"metadata", "resourceVersion"}),
                  options, aligner);
  }

  bool ShowAll(const Target& target, const Json& list, TableOptions& options,
               client::RowAligner& aligner) {
    if (output_.is_table()) {
      if (list.contains("rows") && !list["rows"].empty()) ShowRows(list, options, aligner);
      return true;
    }
    const Json* items = FindPath(list, {"items"});
    for (const Json& item : items == nullptr ? Json::array() : *items) {
      if (!ShowObject(target, item)) return false;
    }
    return true;
  }

  void ShowRows(const Json& table, TableOptions& options, client::RowAligner& aligner) {
    verb_.Print(aligner.Add(TableCells(table, options)));
    options.headers = false;
  }

  bool ShowObject(const Target& target, Json object) {
    FillKind(target.type, object);
    const std::string label = target.type.ObjectPrefix() + "/" + throng::kube::NameOf(object);
    const auto text = PrintObject(output_, std::move(object), label, flags_.managed_fields);
    if (!text.ok()) {
      verb_.Complain(text.status());
      return false;
    }
    verb_.Print(*text);
    return true;
  }

  int Follow(const Target& target, const Selection& selection, const std::string& accept,
             const std::string& version, TableOptions& options, client::RowAligner& aligner) {
    std::string path = client::WithParameter(target.type.Path(name_space_, ""), "watch", "true");
    path = client::WithParameter(path, "resourceVersion", version);
    if (!selection.labels.empty()) {
      path = client::WithParameter(path, "labelSelector", selection.labels);
    }
    if (!selection.fields.empty()) {
      path = client::WithParameter(path, "fieldSelector", selection.fields);
    }
    Json columns;  // only the first event of a watch has them
    const Status status = cluster_.client.Watch(
        path, accept, std::nullopt, [&](std::string_view, const Json& object) {
          if (!output_.is_table()) return ShowObject(target, object);
          Json table = object;
          const Json* sent = FindPath(table, {"columnDefinitions"});
          if (sent != nullptr && sent->is_array() && !sent->empty()) columns = *sent;
          table["columnDefinitions"] = columns;
          ShowRows(table, options, aligner);
          return true;
        });
    return status.ok() ? verb_.ExitStatus() : verb_.Fail(status);
  }

  Verb& verb_;
  Cluster& cluster_;
  const GetFlags& flags_;
  const Output output_;
  std::string name_space_;
};

void AddFlags(OptionTable& table, GetFlags& flags) {
  table.Add('o',
            {"output", "FORM", "wide, json, yaml, name or jsonpath=TEMPLATE", Text(&flags.output)});
  table.Add('l', {"selector", "LABELS", "only those with these labels, as app=x,tier!=y",
                  Text(&flags.selection.labels)});
  table.Add({"field-selector", "FIELDS", "only those with these fields, as metadata.name=x",
             Text(&flags.selection.fields)});
  OptionRow files{"filename", "FILE", "the objects that a file, a folder or - names",
                  TextList(&flags.files)};
  files.letter = 'f';
  table.AddList(files);
  table.Add('w', {"watch", "", "go on and show every change", Boolean(&flags.watch)});
  table.Add({"watch-only", "", "the same, without what there is now", Boolean(&flags.watch_only)});
  table.Add({"no-headers", "", "rows only", Boolean(&flags.no_headers)});
  table.Add({"show-labels", "", "labels in the last column", Boolean(&flags.show_labels)});
  table.Add({"show-managed-fields", "", "the bookkeeping of field owners too",
             Boolean(&flags.managed_fields)});
  table.Add(
      {"ignore-not-found", "", "what is not there is no error", Boolean(&flags.ignore_not_found)});
}

}  // namespace

int Get(std::span<const std::string> arguments, Surroundings& surroundings) {
  GetFlags flags;
  Verb verb("get", "RESOURCE [NAME...] | RESOURCE/NAME... | -f FILE",
            "Shows objects: all of a type, or those that are named.", surroundings);
  AddFlags(verb.flags(), flags);
  verb.AddAllNamespaces();
  if (const auto status = verb.Parse(arguments)) return *status;
  Result<Output> output = ParseOutput(flags.output);
  if (!output.ok()) return verb.Fail(output.status());
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = flags.files.empty() ? ParseTargets(**cluster, verb.words())
                                           : TargetsOfFiles(**cluster, verb.io(), flags.files);
  if (!targets.ok()) return verb.Fail(targets.status());
  return GetRun(verb, **cluster, flags, std::move(*output)).Run(*targets);
}

}  // namespace throng::cli::kube
