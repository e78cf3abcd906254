#include <set>

#include "kube/kinds/columns.h"
#include "kube/kinds/human_time.h"

namespace throng::kube::columns {
namespace {

Column Text(std::string name, std::string description, Json (*cell)(const Json&),
            int priority = 0) {
  return {std::move(name), "string", "", std::move(description), priority, cell, nullptr};
}

Json CountOf(const Json& object, std::string_view key) {
  const Json* const entries = FindPath(object, {key});
  return entries == nullptr || entries->is_null() ? Json(0) : Json(entries->size());
}

// --- Services ------------------------------------------------------------------------------

void AppendItem(std::string& text, std::string_view item) {
  if (!text.empty()) text += ',';
  text += item;
}

Json PortsOfService(const Json& service) {
  std::string text;
  for (const Json& port : ListAt(service, {"spec", "ports"})) {
    std::string piece = std::to_string(NumberAt(port, {"port"}));
    if (const int64_t node_port = NumberAt(port, {"nodePort"}); node_port > 0) {
      piece += ":" + std::to_string(node_port);
    }
    const std::string protocol = TextAt(port, {"protocol"});
    AppendItem(text, piece + "/" + (protocol.empty() ? "TCP" : protocol));
  }
  return OrNone(text);
}

std::string BalancersOfService(const Json& service) {
  std::set<std::string> addresses;
  for (const Json& ingress : ListAt(service, {"status", "loadBalancer", "ingress"})) {
    const std::string ip = TextAt(ingress, {"ip"});
    const std::string address = ip.empty() ? TextAt(ingress, {"hostname"}) : ip;
    if (!address.empty()) addresses.insert(address);
  }
  std::string text;
  for (const std::string& address : addresses) AppendItem(text, address);
  return text;
}

std::string TypeOfService(const Json& service) {
  const std::string type = TextAt(service, {"spec", "type"});
  return type.empty() ? "ClusterIP" : type;
}

Json ExternalAddressOfService(const Json& service) {
  const std::string type = TypeOfService(service);
  if (type == "ExternalName") return TextAt(service, {"spec", "externalName"});
  std::string text = type == "LoadBalancer" ? BalancersOfService(service) : "";
  for (const Json& address : ListAt(service, {"spec", "externalIPs"})) {
    if (address.is_string()) AppendItem(text, address.get_ref<const std::string&>());
  }
  if (text.empty() && type == "LoadBalancer") return "<pending>";
  return OrNone(text);
}

Json AddressOfService(const Json& service) {
  const Json& addresses = ListAt(service, {"spec", "clusterIPs"});
  if (!addresses.empty() && addresses[0].is_string()) return addresses[0];
  return OrNone(TextAt(service, {"spec", "clusterIP"}));
}

Json SelectorOfService(const Json& service) {
  std::string text;
  const Json* const selector = FindPath(service, {"spec", "selector"});
  if (selector != nullptr && selector->is_object()) {
    for (const auto& [key, value] : selector->items()) {
      AppendItem(text, key + "=" + (value.is_string() ? value.get<std::string>() : ""));
    }
  }
  return OrNone(text);
}

// --- Events --------------------------------------------------------------------------------

Json FirstSeen(const Json& event, WallTime now) {
  const std::string first = TextAt(event, {"firstTimestamp"});
  return AgeSince(first.empty() ? TextAt(event, {"eventTime"}) : first, now);
}

Json LastSeen(const Json& event, WallTime now) {
  if (const Json* const series = FindPath(event, {"series"}); series && series->is_object()) {
    return AgeSince(TextAt(*series, {"lastObservedTime"}), now);
  }
  const std::string last = TextAt(event, {"lastTimestamp"});
  return last.empty() ? FirstSeen(event, now) : Json(AgeSince(last, now));
}

Json LastSeenText(const Json& event) {
  for (const char* const key : {"lastTimestamp", "firstTimestamp", "eventTime"}) {
    const std::string text = TextAt(event, {key});
    if (!text.empty()) return text;
  }
  return nullptr;
}

Json CountOfEvent(const Json& event) {
  const Json* const series = FindPath(event, {"series"});
  if (series && series->is_object()) return NumberAt(*series, {"count"});
  const int64_t count = NumberAt(event, {"count"});
  return count == 0 ? 1 : count;
}

Json TargetOfEvent(const Json& event) {
  std::string target = TextAt(event, {"involvedObject", "kind"});
  for (char& c : target) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const std::string name = TextAt(event, {"involvedObject", "name"});
  return name.empty() ? target : target + "/" + name;
}

Json SourceOfEvent(const Json& event) {
  std::string component = TextAt(event, {"source", "component"});
  if (component.empty()) component = TextAt(event, {"reportingComponent"});
  std::string host = TextAt(event, {"source", "host"});
  if (host.empty()) host = TextAt(event, {"reportingInstance"});
  return host.empty() ? component : component + ", " + host;
}

Json MessageOfEvent(const Json& event) {
  const std::string message = TextAt(event, {"message"});
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = message.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "";
  return message.substr(first, message.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Column Name() {
  return {"Name", "string",
          "name", "Name of the object, unique in its namespace among objects of its kind.",
          0,      [](const Json& object) { return Json(TextAt(object, {"metadata", "name"})); },
          nullptr};
}

Column Age() {
  return {"Age",
          "string",
          "",
          "Time since the object was created.",
          0,
          [](const Json& object) {
            return Json(TextAt(object, {"metadata", "creationTimestamp"}));
          },
          [](const Json& object, WallTime now) {
            return Json(AgeSince(TextAt(object, {"metadata", "creationTimestamp"}), now));
          }};
}

const Json& ListAt(const Json& object, std::initializer_list<std::string_view> keys) {
  static const Json empty = Json::array();
  const Json* const found = FindPath(object, keys);
  return found != nullptr && found->is_array() ? *found : empty;
}

int64_t NumberAt(const Json& object, std::initializer_list<std::string_view> keys) {
  const Json* const found = FindPath(object, keys);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string OrNone(std::string text) { return text.empty() ? "<none>" : std::move(text); }

std::vector<Column> OfNamespaces() {
  return {Name(),
          Text("Status", "Whether the namespace is in use or being removed.",
               [](const Json& object) {
                 return Json(TextAt(object, {"status", "phase"}));
               }),
          Age()};
}

std::vector<Column> OfConfigMaps() {
  return {Name(),
          Text("Data", "How many entries it holds.",
               [](const Json& object) {
                 return Json(CountOf(object, "data").get<int64_t>() +
                             CountOf(object, "binaryData").get<int64_t>());
               }),
          Age()};
}

std::vector<Column> OfSecrets() {
  return {Name(),
          Text("Type", "What kind of secret it is.",
               [](const Json& object) { return Json(TextAt(object, {"type"})); }),
          Text("Data", "How many entries it holds.",
               [](const Json& object) { return CountOf(object, "data"); }),
          Age()};
}

std::vector<Column> OfServiceAccounts() {
  return {Name(),
          Text("Secrets", "How many secrets it names.",
               [](const Json& object) { return CountOf(object, "secrets"); }),
          Age()};
}

std::vector<Column> OfServices() {
  return {Name(),
          Text("Type", "How the service is reached.",
               [](const Json& object) { return Json(TypeOfService(object)); }),
          Text("Cluster-IP", "Address within the cluster.", AddressOfService),
          Text("External-IP", "Addresses outside the cluster.", ExternalAddressOfService),
          Text("Port(s)", "Ports that it listens on.", PortsOfService),
          Age(),
          Text("Selector", "Labels of the pods behind it.", SelectorOfService, 1)};
}

std::vector<Column> OfEvents() {
  Column last_seen = Text("Last Seen", "When this happened last.", LastSeenText);
  last_seen.cell_at = LastSeen;
  Column first_seen = Text(
      "First Seen", "When this happened first.",
      [](const Json& event) { return Json(TextAt(event, {"firstTimestamp"})); }, 1);
  first_seen.cell_at = FirstSeen;
  Column name = Name();
  name.priority = 1;
  return {last_seen,
          Text("Type", "Normal or Warning.",
               [](const Json& event) { return Json(TextAt(event, {"type"})); }),
          Text("Reason", "One word that says why, for programs.",
               [](const Json& event) { return Json(TextAt(event, {"reason"})); }),
          Text("Object", "What it is about.", TargetOfEvent),
          Text(
              "Subobject", "The part of that object that it is about.",
              [](const Json& event) {
                return Json(TextAt(event, {"involvedObject", "fieldPath"}));
              },
              1),
          Text("Source", "Who reports it.", SourceOfEvent, 1),
          Text("Message", "What happened, for people.", MessageOfEvent),
          first_seen,
          Text("Count", "How often it happened.", CountOfEvent, 1),
          name};
}

std::vector<Column> OfLeases() {
  return {Name(),
          Text("Holder", "Who holds the lease.",
               [](const Json& lease) {
                 return Json(TextAt(lease, {"spec", "holderIdentity"}));
               }),
          Age()};
}

}  // namespace throng::kube::columns
