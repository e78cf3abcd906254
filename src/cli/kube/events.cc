// throng events
#include <algorithm>

#include "cli/kube/targets.h"
#include "cli/kube/text/event_text.h"
#include "cli/kube/verbs.h"
#include "client/aligned_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

struct EventsFlags {
  std::string about;  // RESOURCE/NAME
  std::string types;  // "Normal,Warning"
  bool watch = false;
  bool no_headers = false;
};

class EventsRun {
 public:
  EventsRun(Verb& verb, Cluster& cluster, const EventsFlags& flags)
      : verb_(verb), cluster_(cluster), flags_(flags), aligner_(client::kTableAlignment) {
    name_space_ = verb.all_namespaces() ? "" : cluster.name_space;
  }

  int Run() {
    if (!flags_.about.empty()) {
      const Status status = SelectAbout();
      if (!status.ok()) return verb_.Fail(status);
    }
    const auto list =
        ListAll(cluster_.client, EventType(), name_space_, selection_, client::kJsonType);
    if (!list.ok()) return verb_.Fail(list.status());
    std::vector<Json> events;
    const Json* items = FindPath(*list, {"items"});
    for (const Json& item : items == nullptr ? Json::array() : *items) {
      if (IsWanted(item)) events.push_back(item);
    }
    SortEvents(events);
    if (events.empty() && !flags_.watch) {
      verb_.io().error(name_space_.empty() ? "No events found.\n"
                                           : "No events found in " + name_space_ + " namespace.\n");
      return 0;
    }
    if (!events.empty()) Show(events);
    return flags_.watch ? Follow(TextAt(*list, {"metadata", "resourceVersion"})) : 0;
  }

 private:
  Status SelectAbout() {
    THRONG_ASSIGN_OR_RETURN(const auto targets, ParseTargets(cluster_, {flags_.about}));
    if (targets.size() != 1 || targets[0].name.empty()) {
      return InvalidArgumentError("--for must be in resource/name form");
    }
    selection_.fields =
        "involvedObject.kind=" + targets[0].type.kind + ",involvedObject.name=" + targets[0].name;
    return OkStatus();
  }

  bool IsWanted(const Json& event) const {
    if (flags_.types.empty()) return true;
    const std::string all = "," + flags_.types + ",";
    return all.find("," + TextAt(event, {"type"}) + ",") != std::string::npos;
  }

  void Show(const std::vector<Json>& events) {
    std::vector<std::vector<std::string>> rows;
    if (!flags_.no_headers && !std::exchange(header_shown_, true)) {
      rows.push_back({"LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"});
      if (name_space_.empty()) rows.back().insert(rows.back().begin(), "NAMESPACE");
    }
    const WallTime now = verb_.io().clock->WallNow();
    for (const Json& event : events) {
      rows.push_back({EventAge(event, now), client::CellText(TextAt(event, {"type"})),
                      client::CellText(TextAt(event, {"reason"})),
                      client::CellText(EventObject(event)),
                      client::CellText(TextAt(event, {"message"}))});
      if (!name_space_.empty()) continue;
      rows.back().insert(rows.back().begin(), throng::kube::NamespaceOf(event));
    }
    verb_.Print(aligner_.Add(rows));
  }

  int Follow(const std::string& version) {
    std::string path = client::WithParameter(EventType().Path(name_space_, ""), "watch", "true");
    path = client::WithParameter(path, "resourceVersion", version);
    if (!selection_.fields.empty()) {
      path = client::WithParameter(path, "fieldSelector", selection_.fields);
    }
    const Status status = cluster_.client.Watch(path, std::string(client::kJsonType), std::nullopt,
                                                [&](std::string_view type, const Json& event) {
                                                  if (type != "DELETED" && IsWanted(event))
                                                    Show({event});
                                                  return true;
                                                });
    return status.ok() ? 0 : verb_.Fail(status);
  }

  Verb& verb_;
  Cluster& cluster_;
  const EventsFlags& flags_;
  std::string name_space_;
  Selection selection_;
  client::RowAligner aligner_;
  bool header_shown_ = false;
};

}  // namespace

int Events(std::span<const std::string> arguments, Surroundings& surroundings) {
  EventsFlags flags;
  Verb verb("events", "[--for RESOURCE/NAME]", "Shows what happened, the newest last.",
            surroundings);
  verb.flags().Add({"for", "RESOURCE/NAME", "only what is about this one", Text(&flags.about)});
  verb.flags().Add({"types", "TYPES", "only these: Normal, Warning", Text(&flags.types)});
  verb.flags().Add('w', {"watch", "", "go on and show new ones", Boolean(&flags.watch)});
  verb.flags().Add({"no-headers", "", "rows only", Boolean(&flags.no_headers)});
  verb.AddAllNamespaces();
  if (const auto status = verb.Parse(arguments)) return *status;
  if (!verb.words().empty()) return verb.Misused("unknown argument '" + verb.words()[0] + "'");
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  return EventsRun(verb, **cluster, flags).Run();
}

}  // namespace throng::cli::kube
