// throng label, throng annotate
#include <algorithm>
#include <map>
#include <optional>

#include "cli/kube/manifests.h"
#include "cli/kube/verbs.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;

// The two verbs differ in these words.
struct Wording {
  const char* verb;       // "label"
  const char* field;      // "labels"
  const char* manager;    // "kubectl-label"
  const char* set;        // "labeled"
  const char* removed;    // "unlabeled"
  const char* unchanged;  // "not labeled"
};
constexpr Wording kLabel = {"label",   "labels",    "kubectl-label",
                            "labeled", "unlabeled", "not labeled"};
constexpr Wording kAnnotate = {"annotation", "annotations", "kubectl-annotate",
                               "annotated",  "annotated",   "annotated"};

struct LabelFlags {
  std::vector<std::string> files;
  Selection selection;
  DryRun dry_run = DryRun::kNone;
  bool overwrite = false;
  bool list = false;
  bool all = false;
};

// Nothing: it is removed.
using Changes = std::map<std::string, std::optional<std::string>>;

bool IsChange(const std::string& word) {
  return word.find('=') != std::string::npos || (word.ends_with('-') && word.size() > 1);
}

// Words that say what to set come after those that say of what.
Result<Changes> TakeChanges(std::vector<std::string>& words) {
  const auto first = std::find_if(words.begin(), words.end(), IsChange);
  Changes changes;
  for (auto at = first; at != words.end(); ++at) {
    if (!IsChange(*at)) {
      return InvalidArgumentError("all resources must be specified before changes: " + *at);
    }
    const size_t equals = at->find('=');
    const bool removes = equals == std::string::npos;
    const std::string key = removes ? at->substr(0, at->size() - 1) : at->substr(0, equals);
    if (key.empty()) return InvalidArgumentError("a key is missing in '" + *at + "'");
    std::optional<std::string> value;
    if (!removes) value = at->substr(equals + 1);
    if (!changes.emplace(key, value).second) {
      return InvalidArgumentError("can not both modify and remove, or give twice, '" + key + "'");
    }
  }
  words.erase(first, words.end());
  return changes;
}

class LabelRun {
 public:
  LabelRun(Verb& verb, Cluster& cluster, const LabelFlags& flags, const Wording& wording)
      : verb_(verb), cluster_(cluster), flags_(flags), wording_(wording) {}

  // With --list: several objects are told apart.
  void ShowListHeaders() { list_headers_ = true; }

  Status One(const FoundObject& found, const Changes& changes) {
    const Json* before = FindPath(found.object, {"metadata", wording_.field});
    const Json& old = before != nullptr && before->is_object() ? *before : kNone;
    if (flags_.list) return List(found, old);
    Json patch = Json::object();
    bool sets = false;
    for (const auto& [key, value] : changes) {
      const bool is_there = old.contains(key);
      if (!value) {
        if (is_there) patch[key] = nullptr;
        if (!is_there) verb_.Print(std::string(wording_.verb) + " \"" + key + "\" not found.\n");
        continue;
      }
      if (is_there && old[key] == *value) continue;
      if (is_there && !flags_.overwrite) {
        return InvalidArgumentError("'" + key + "' already has a value (" +
                                    old[key].get<std::string>() + "), and --overwrite is false");
      }
      patch[key] = *value;
      sets = true;
    }
    THRONG_RETURN_IF_ERROR(Send(found, patch));
    const char* what = patch.empty() ? wording_.unchanged : sets ? wording_.set : wording_.removed;
    verb_.Print(found.target.Label() + " " + what + "\n");
    return OkStatus();
  }

 private:
  static inline const Json kNone = Json::object();

  Status List(const FoundObject& found, const Json& old) {
    if (list_headers_) {
      verb_.Print("Listing " + std::string(wording_.field) + " for " + found.target.Label() +
                  ":\n");
    }
    for (const auto& [key, value] : old.items()) {
      verb_.Print((list_headers_ ? " " : "") + key + "=" +
                  (value.is_string() ? value.get<std::string>() : "") + "\n");
    }
    return OkStatus();
  }

  Status Send(const FoundObject& found, const Json& patch) {
    if (patch.empty() || flags_.dry_run == DryRun::kClient) return OkStatus();
    std::string path = client::WithParameter(found.target.PathIn(cluster_.name_space),
                                             "fieldManager", wording_.manager);
    if (flags_.dry_run == DryRun::kServer) path = client::WithParameter(path, "dryRun", "All");
    const Json body = {{"metadata", {{wording_.field, patch}}}};
    return cluster_.client
        .Send({.method = "PATCH",
               .path = path,
               .content_type = std::string(client::kMergePatchType),
               .body = throng::kube::PrintJson(body)})
        .status();
  }

  Verb& verb_;
  Cluster& cluster_;
  const LabelFlags& flags_;
  const Wording& wording_;
  bool list_headers_ = false;
};

void AddFlags(OptionTable& table, LabelFlags& flags) {
  table.Add(
      {"overwrite", "", "one that has another value gets this one", Boolean(&flags.overwrite)});
  table.Add({"list", "", "show them", Boolean(&flags.list)});
  table.Add({"all", "", "all of the type", Boolean(&flags.all)});
  table.Add('l', {"selector", "LABELS", "those with these labels", Text(&flags.selection.labels)});
  table.Add({"field-selector", "FIELDS", "those with these fields", Text(&flags.selection.fields)});
  OptionRow files{"filename", "FILE", "the objects that a file, a folder or - names",
                  TextList(&flags.files)};
  files.letter = 'f';
  table.AddList(files);
  table.Add({"dry-run", "WHERE", "none, client or server", DryRunFlag(&flags.dry_run)});
}

int Run(Verb& verb, const Wording& wording, std::span<const std::string> arguments) {
  LabelFlags flags;
  AddFlags(verb.flags(), flags);
  verb.AddAllNamespaces();
  if (const auto status = verb.Parse(arguments)) return *status;
  std::vector<std::string> words = verb.words();
  const auto changes = TakeChanges(words);
  if (!changes.ok()) return verb.Misused(changes.status().message());
  if (changes->empty() && !flags.list) return verb.Misused("no KEY=VALUE or KEY- is given");
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = flags.files.empty() ? ParseTargets(**cluster, words)
                                           : TargetsOfFiles(**cluster, verb.io(), flags.files);
  if (!targets.ok()) return verb.Fail(targets.status());
  const bool selected =
      flags.all || !flags.selection.labels.empty() || !flags.selection.fields.empty();
  LabelRun run(verb, **cluster, flags, wording);
  for (const Target& target : *targets) {
    if (target.name.empty() && !selected) {
      return verb.Fail(
          InvalidArgumentError("one or more resources must be specified as RESOURCE "
                               "NAME or RESOURCE/NAME"));
    }
    const std::string name_space = verb.all_namespaces() ? "" : (*cluster)->name_space;
    const auto objects = FindObjects(**cluster, {target}, name_space, flags.selection);
    if (!objects.ok()) {
      verb.Complain(objects.status());
      continue;
    }
    if (targets->size() > 1 || objects->size() > 1) run.ShowListHeaders();
    for (const FoundObject& object : *objects) {
      const Status status = run.One(object, *changes);
      if (!status.ok()) verb.Complain(status);
    }
  }
  return verb.ExitStatus();
}

}  // namespace

int LabelVerb(std::span<const std::string> arguments, Surroundings& surroundings) {
  Verb verb("label", "RESOURCE NAME KEY=VALUE... KEY-...", "Sets and removes labels.",
            surroundings);
  return Run(verb, kLabel, arguments);
}

int Annotate(std::span<const std::string> arguments, Surroundings& surroundings) {
  Verb verb("annotate", "RESOURCE NAME KEY=VALUE... KEY-...", "Sets and removes annotations.",
            surroundings);
  return Run(verb, kAnnotate, arguments);
}

}  // namespace throng::cli::kube
