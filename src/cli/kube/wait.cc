// throng wait --for=condition=Ready RESOURCE/NAME
#include <optional>

#include "cli/kube/manifests.h"
#include "cli/kube/verbs.h"
#include "cli/kube/waiting.h"
#include "client/json_path.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

struct WaitFlags {
  std::string condition;
  std::vector<std::string> files;
  Selection selection;
  Duration timeout = std::chrono::seconds(30);
  bool all = false;
};

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// A condition that was computed for an older object says nothing.
bool IsOutdated(const Json& object, const Json& condition) {
  const Json* observed = FindPath(condition, {"observedGeneration"});
  if (observed == nullptr) observed = FindPath(object, {"status", "observedGeneration"});
  return observed != nullptr && observed->is_number_integer() &&
         observed->get<int64_t>() < throng::kube::GenerationOf(object);
}

bool HasCondition(const Json& object, const std::string& type, const std::string& value) {
  const Json* conditions = FindPath(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  for (const Json& condition : *conditions) {
    if (!SameIgnoringCase(TextAt(condition, {"type"}), type)) continue;
    return !IsOutdated(object, condition) && SameIgnoringCase(TextAt(condition, {"status"}), value);
  }
  return false;
}

Waiter::Test ForCondition(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string type(text.substr(0, equals));
  const std::string value =
      equals == std::string_view::npos ? "true" : std::string(text.substr(equals + 1));
  return [type, value](const Json* object) {
    return object != nullptr && HasCondition(*object, type, value);
  };
}

// "{.status.phase}=Running", or "{.status.loadBalancer}" for any value.
Result<Waiter::Test> ForJsonPath(std::string_view text) {
  const size_t brace = text.rfind('}');
  const size_t equals = brace == std::string_view::npos ? text.find('=') : text.find('=', brace);
  std::optional<std::string> value;
  if (equals != std::string_view::npos) value = std::string(text.substr(equals + 1));
  if (value && value->size() >= 2 && value->front() == '"' && value->back() == '"') {
    value = value->substr(1, value->size() - 2);
  }
  THRONG_ASSIGN_OR_RETURN(const client::JsonPath path,
                          client::JsonPath::ParseExpression(text.substr(0, equals)));
  return Waiter::Test([path, value](const Json* object) {
    if (object == nullptr) return false;
    const auto found = path.Find(*object);
    if (!found.ok() || found->empty()) return false;
    if (!value) return true;
    const Json& first = *found->front();
    return (first.is_string() ? first.get<std::string>() : throng::kube::PrintJson(first)) ==
           *value;
  });
}

Result<Waiter::Test> ParseCondition(std::string_view text) {
  if (text == "delete") return Waiter::Test([](const Json* object) { return object == nullptr; });
  if (text == "create") return Waiter::Test([](const Json* object) { return object != nullptr; });
  for (const std::string_view kind : {"condition=", "jsonpath="}) {
    if (!text.starts_with(kind) || text.size() == kind.size()) continue;
    text.remove_prefix(kind.size());
    if (kind == "jsonpath=") return ForJsonPath(text);
    return ForCondition(text);
  }
  return InvalidArgumentError("unrecognized condition: \"" + std::string(text) +
                              "\"; --for is delete, create, condition=NAME[=VALUE] or "
                              "jsonpath={PATH}[=VALUE]");
}

// The objects to wait for. What is to be created need not be there yet; what is to be deleted and
// is not there is none.
Result<std::vector<Target>> Named(Cluster& cluster, const std::vector<Target>& targets,
                                  const std::string& name_space, const WaitFlags& flags) {
  std::vector<Target> named;
  for (const Target& target : targets) {
    if (!target.name.empty() && flags.condition == "create") {
      named.push_back(target);
      continue;
    }
    const auto found = FindObjects(cluster, {target}, name_space, flags.selection);
    const bool is_gone = found.status().code() == StatusCode::kNotFound;
    if (is_gone && flags.condition == "delete") continue;
    if (!found.ok()) return found.status();
    for (const FoundObject& object : *found) named.push_back(object.target);
  }
  return named;
}

int WaitForAll(Verb& verb, Cluster& cluster, const WaitFlags& flags, const Waiter::Test& test,
               const std::vector<Target>& targets) {
  const std::string name_space = verb.all_namespaces() ? "" : cluster.name_space;
  const auto named = Named(cluster, targets, name_space, flags);
  if (!named.ok()) return verb.Fail(named.status());
  if (named->empty() && flags.condition != "delete") {
    return verb.Fail(NotFoundError("no matching resources found"));
  }
  // A zero time means: look once.
  const Duration limit = flags.timeout == Duration(0) ? Duration(1) : flags.timeout;
  Waiter waiter(cluster.client, *verb.io().clock, limit);
  for (const Target& target : *named) {
    const std::string& in = target.name_space.empty() ? name_space : target.name_space;
    const Status status = waiter.Until(target.type, in, target.name, test);
    if (status.ok()) {
      verb.Print(target.Label() + " condition met\n");
    } else {
      verb.Complain(status);
    }
  }
  return verb.ExitStatus();
}

}  // namespace

int Wait(std::span<const std::string> arguments, Surroundings& surroundings) {
  WaitFlags flags;
  Verb verb("wait", "RESOURCE/NAME... --for=(condition=NAME | delete | create | jsonpath={PATH})",
            "Waits until objects have a condition.", surroundings);
  OptionTable& table = verb.flags();
  table.Add({"for", "CONDITION",
             "condition=NAME[=VALUE], delete, create or jsonpath={PATH}[=VALUE]",
             Text(&flags.condition)});
  table.Add({"timeout", "TIME", "at most (default 30s); 0: look once; negative: a week",
             DurationFlag(&flags.timeout)});
  table.Add('l', {"selector", "LABELS", "those with these labels", Text(&flags.selection.labels)});
  table.Add({"field-selector", "FIELDS", "those with these fields", Text(&flags.selection.fields)});
  table.Add({"all", "", "all of the type", Boolean(&flags.all)});
  OptionRow files{"filename", "FILE", "the objects that a file, a folder or - names",
                  TextList(&flags.files)};
  files.letter = 'f';
  table.AddList(files);
  verb.AddAllNamespaces();
  if (const auto status = verb.Parse(arguments)) return *status;
  const auto test = ParseCondition(flags.condition);
  if (!test.ok()) return verb.Fail(test.status());
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = flags.files.empty() ? ParseTargets(**cluster, verb.words())
                                           : TargetsOfFiles(**cluster, verb.io(), flags.files);
  if (!targets.ok()) return verb.Fail(targets.status());
  const bool selected =
      flags.all || !flags.selection.labels.empty() || !flags.selection.fields.empty();
  for (const Target& target : *targets) {
    if (target.name.empty() && !selected) {
      return verb.Fail(InvalidArgumentError(
          "resource name may not be empty; to wait for all of a type, say --all"));
    }
  }
  return WaitForAll(verb, **cluster, flags, *test, *targets);
}

}  // namespace throng::cli::kube
