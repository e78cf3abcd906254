// throng describe RESOURCE [NAME...]
#include "cli/kube/manifests.h"
#include "cli/kube/text/describe_text.h"
#include "cli/kube/verbs.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;

// Those about the object. Nothing: they cannot be read (no permission), which hides no object.
std::optional<std::vector<Json>> EventsOf(Cluster& cluster, const Json& object) {
  std::string fields = "involvedObject.name=" + throng::kube::NameOf(object);
  const std::string name_space = throng::kube::NamespaceOf(object);
  if (!name_space.empty()) fields += ",involvedObject.namespace=" + name_space;
  const std::string uid = throng::kube::UidOf(object);
  if (!uid.empty()) fields += ",involvedObject.uid=" + uid;
  const Selection selection{.labels = "", .fields = fields};
  const auto list = ListAll(cluster.client, EventType(), name_space, selection, client::kJsonType);
  if (!list.ok()) return std::nullopt;
  const Json* items = FindPath(*list, {"items"});
  if (items == nullptr || !items->is_array()) return std::vector<Json>();
  return std::vector<Json>(items->begin(), items->end());
}

}  // namespace

int Describe(std::span<const std::string> arguments, Surroundings& surroundings) {
  Selection selection;
  std::vector<std::string> files;
  bool show_events = true;
  Verb verb("describe", "RESOURCE [NAME...] | RESOURCE/NAME... | -f FILE",
            "Shows all there is to know of objects, and what happened to them.", surroundings);
  verb.flags().Add('l', {"selector", "LABELS", "those with these labels", Text(&selection.labels)});
  OptionRow row{"filename", "FILE", "the objects that a file, a folder or - names",
                TextList(&files)};
  row.letter = 'f';
  verb.flags().AddList(row);
  verb.flags().Add(
      {"show-events", "", "what happened to them (default true)", Boolean(&show_events)});
  verb.AddAllNamespaces();
  if (const auto status = verb.Parse(arguments)) return *status;
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = files.empty() ? ParseTargets(**cluster, verb.words())
                                     : TargetsOfFiles(**cluster, verb.io(), files);
  if (!targets.ok()) return verb.Fail(targets.status());
  const std::string name_space = verb.all_namespaces() ? "" : (*cluster)->name_space;
  bool printed = false;
  for (const Target& target : *targets) {
    const auto objects = FindObjects(**cluster, {target}, name_space, selection);
    if (!objects.ok()) {
      verb.Complain(objects.status());
      continue;
    }
    for (const FoundObject& found : *objects) {
      if (std::exchange(printed, true)) verb.Print("\n\n");
      const auto events =
          show_events ? EventsOf(**cluster, found.object) : std::optional<std::vector<Json>>();
      verb.Print(
          DescribeObject(found.object, events ? &*events : nullptr, surroundings.clock->WallNow()));
    }
  }
  if (!printed && verb.ExitStatus() == 0) {
    surroundings.error(name_space.empty()
                           ? "No resources found\n"
                           : "No resources found in " + name_space + " namespace.\n");
  }
  return verb.ExitStatus();
}

}  // namespace throng::cli::kube
