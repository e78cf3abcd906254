// throng logs POD|RESOURCE/NAME
#include <algorithm>
#include <thread>

#include "base/control_limits.h"
#include "cli/kube/targets.h"
#include "cli/kube/verbs.h"
#include "client/server_error.h"
#include "kube/object_meta.h"
#include "kube/selector.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

constexpr int64_t kTailOfSelected = 10;

struct LogsFlags {
  std::string container;
  std::string labels;
  Duration since{0};
  int64_t tail = -1;
  int64_t limit_bytes = 0;
  int64_t max_requests = limits::kLogFollowers;
  bool tail_given = false;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  bool all_containers = false;
  bool prefix = false;
};

// One log to read.
struct Source {
  std::string path;
  std::string prefix;  // before every line; empty: none
};

std::vector<std::string> ContainersOf(const Json& pod, std::string_view list) {
  std::vector<std::string> names;
  const Json* containers = FindPath(pod, {"spec", list});
  if (containers == nullptr || !containers->is_array()) return names;
  for (const Json& container : *containers) names.push_back(TextAt(container, {"name"}));
  return names;
}

// What selects the pods of a Job, a Deployment, a Service: as the object says it.
Result<std::string> SelectorOf(const client::ResourceType& type, const Json& object) {
  const Json* selector = FindPath(object, {"spec", "selector"});
  if (selector == nullptr && type.kind == "Job") {
    return "job-name=" + throng::kube::NameOf(object);
  }
  const Status none = InvalidArgumentError("cannot get the logs from " + type.ObjectPrefix() +
                                           ": it selects no pods");
  if (selector == nullptr || !selector->is_object() || selector->empty()) return none;
  const bool is_plain =
      !selector->contains("matchLabels") && !selector->contains("matchExpressions");
  const Json whole = is_plain ? Json{{"matchLabels", *selector}} : *selector;
  const auto parsed = throng::kube::LabelSelector::FromJson(whole);
  return parsed.ok() ? Result<std::string>(parsed->ToString()) : Result<std::string>(none);
}

// Puts a text before every line, and gives whole lines on.
class LinePrinter {
 public:
  LinePrinter(const Surroundings& io, std::string prefix) : io_(io), prefix_(std::move(prefix)) {}
  ~LinePrinter() {
    if (!rest_.empty()) io_.out(prefix_ + rest_ + "\n");
  }
  LinePrinter(const LinePrinter&) = delete;
  LinePrinter& operator=(const LinePrinter&) = delete;

  void Add(std::string_view bytes) {
    rest_.append(bytes);
    std::string lines;
    size_t at = 0;
    for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', at)) {
      lines += prefix_;
      lines.append(rest_, at, end + 1 - at);
      at = end + 1;
    }
    rest_.erase(0, at);
    if (rest_.size() > limits::kClientEventBytes) {  // no line: bytes without end
      lines += std::exchange(rest_, std::string());
    }
    if (!lines.empty()) io_.out(lines);
  }

 private:
  const Surroundings& io_;
  const std::string prefix_;
  std::string rest_;
};

class LogsRun {
 public:
  LogsRun(Verb& verb, Cluster& cluster, const LogsFlags& flags)
      : verb_(verb), cluster_(cluster), flags_(flags) {}

  // ERRORS: what stops everything; others are told and the rest goes on.
  Status Run() {
    THRONG_ASSIGN_OR_RETURN(const std::vector<Json> pods, Pods());
    std::vector<Source> sources;
    for (const Json& pod : pods) {
      THRONG_ASSIGN_OR_RETURN(std::vector<std::string> containers, Containers(pod));
      for (const std::string& container : containers) sources.push_back(SourceOf(pod, container));
    }
    if (sources.size() > 1 && flags_.follow) return FollowAll(sources);
    for (const Source& source : sources) {
      const Status status = Read(cluster_.client, source);
      if (!status.ok()) verb_.Complain(status);
    }
    return OkStatus();
  }

 private:
  Result<std::vector<Json>> Pods() {
    if (!flags_.labels.empty()) return Selected(flags_.labels);
    const std::string& word = verb_.words()[0];
    Target target{PodType(), word, ""};
    if (word.find('/') != std::string::npos) {
      THRONG_ASSIGN_OR_RETURN(const auto targets, ParseTargets(cluster_, {word}));
      target = targets[0];
    }
    THRONG_ASSIGN_OR_RETURN(Json object, cluster_.client.Get(target.PathIn(cluster_.name_space)));
    if (target.type.QualifiedResource() == "pods") return std::vector<Json>{std::move(object)};
    THRONG_ASSIGN_OR_RETURN(const std::string selector, SelectorOf(target.type, object));
    THRONG_ASSIGN_OR_RETURN(std::vector<Json> pods, Selected(selector));
    if (pods.empty()) {
      return NotFoundError("no pods found for " + target.Label() + " (" + selector + ")");
    }
    if (pods.size() > 1) {
      verb_.io().error("Found " + std::to_string(pods.size()) + " pods, using pod/" +
                       throng::kube::NameOf(pods[0]) + "\n");
      pods.resize(1);
    }
    return pods;
  }

  Result<std::vector<Json>> Selected(const std::string& labels) {
    const Selection selection{.labels = labels, .fields = ""};
    THRONG_ASSIGN_OR_RETURN(
        const Json list,
        ListAll(cluster_.client, PodType(), cluster_.name_space, selection, client::kJsonType));
    const Json* items = FindPath(list, {"items"});
    std::vector<Json> pods;
    if (items != nullptr && items->is_array()) pods.assign(items->begin(), items->end());
    if (pods.empty() && !flags_.labels.empty()) {
      verb_.io().error("No resources found in " + cluster_.name_space + " namespace.\n");
    }
    return pods;
  }

  Result<std::vector<std::string>> Containers(const Json& pod) {
    std::vector<std::string> all = ContainersOf(pod, "initContainers");
    const std::vector<std::string> main = ContainersOf(pod, "containers");
    all.insert(all.end(), main.begin(), main.end());
    if (flags_.all_containers) return all;
    if (!flags_.container.empty()) {
      if (std::find(all.begin(), all.end(), flags_.container) != all.end()) {
        return std::vector<std::string>{flags_.container};
      }
      return InvalidArgumentError("container " + flags_.container + " is not valid for pod " +
                                  throng::kube::NameOf(pod));
    }
    if (main.size() <= 1) return main;
    std::string chosen = throng::kube::AnnotationOf(pod, "kubectl.kubernetes.io/default-container");
    if (std::find(main.begin(), main.end(), chosen) == main.end()) chosen = main[0];
    std::string listed;
    for (const std::string& name : main) listed += (listed.empty() ? "" : ", ") + name;
    verb_.io().error("Defaulted container \"" + chosen + "\" out of: " + listed + "\n");
    return std::vector<std::string>{chosen};
  }

  Source SourceOf(const Json& pod, const std::string& container) const {
    const std::string name = throng::kube::NameOf(pod);
    const std::string name_space = throng::kube::NamespaceOf(pod);
    std::string path = PodType().Path(name_space, name) + "/log";
    path = client::WithParameter(path, "container", container);
    const auto add = [&path](bool wanted, std::string_view key, const std::string& value) {
      if (wanted) path = client::WithParameter(path, key, value);
    };
    const int64_t tail =
        !flags_.tail_given && !flags_.labels.empty() ? kTailOfSelected : flags_.tail;
    const auto since = std::chrono::ceil<std::chrono::seconds>(flags_.since).count();
    add(flags_.follow, "follow", "true");
    add(flags_.previous, "previous", "true");
    add(flags_.timestamps, "timestamps", "true");
    add(tail >= 0, "tailLines", std::to_string(tail));
    add(since > 0, "sinceSeconds", std::to_string(since));
    add(flags_.limit_bytes > 0, "limitBytes", std::to_string(flags_.limit_bytes));
    return {path, flags_.prefix ? "[pod/" + name + "/" + container + "] " : ""};
  }

  Status Read(client::KubeClient& client, const Source& source) const {
    if (source.prefix.empty()) {
      return client.ReadText(source.path, [&](std::string_view bytes) {
        verb_.io().out(bytes);
        return true;
      });
    }
    return ReadLines(client, source);
  }

  Status ReadLines(client::KubeClient& client, const Source& source) const {
    LinePrinter printer(verb_.io(), source.prefix);
    return client.ReadText(source.path, [&](std::string_view bytes) {
      printer.Add(bytes);
      return true;
    });
  }

  // Each on a thread of its own; whole lines, so that they do not mix.
  Status FollowAll(const std::vector<Source>& sources) {
    if (sources.size() > static_cast<size_t>(flags_.max_requests)) {
      return ResourceExhaustedError(
          "you are attempting to follow " + std::to_string(sources.size()) +
          " log streams, but maximum allowed concurrency is " +
          std::to_string(flags_.max_requests) + ", use --max-log-requests to increase the limit");
    }
    std::vector<Status> ended(sources.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < sources.size(); ++i) {
      threads.emplace_back([&, i] {
        Result<client::KubeClient> own = verb_.ConnectAnother(cluster_);
        ended[i] = own.ok() ? ReadLines(*own, sources[i]) : own.status();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Status& status : ended) {
      if (!status.ok()) verb_.Complain(status);
    }
    return OkStatus();
  }

  Verb& verb_;
  Cluster& cluster_;
  const LogsFlags& flags_;
};

void AddFlags(OptionTable& table, LogsFlags& flags) {
  table.Add('c', {"container", "NAME", "of this container", Text(&flags.container)});
  table.Add('l', {"selector", "LABELS", "of the pods with these labels", Text(&flags.labels)});
  table.Add('f', {"follow", "", "go on as it grows", Boolean(&flags.follow)});
  table.Add({"tail", "LINES", "the last ones only (default all; 10 with -l)",
             [&flags](std::string_view value) -> Status {
               flags.tail_given = true;
               return Integer(&flags.tail, -1, INT64_MAX)(value);
             }});
  table.Add({"since", "TIME", "what is newer, as 5m", DurationFlag(&flags.since)});
  table.Add(
      {"limit-bytes", "BYTES", "no more than this", Integer(&flags.limit_bytes, 0, INT64_MAX)});
  table.Add({"timestamps", "", "the time before every line", Boolean(&flags.timestamps)});
  table.Add('p', {"previous", "", "of the container that ran before", Boolean(&flags.previous)});
  table.Add({"all-containers", "", "of all containers", Boolean(&flags.all_containers)});
  table.Add({"prefix", "", "pod and container before every line", Boolean(&flags.prefix)});
  table.Add({"max-log-requests", "COUNT", "logs followed at once (default 5)",
             Integer(&flags.max_requests, 1, 64)});
}

}  // namespace

int Logs(std::span<const std::string> arguments, Surroundings& surroundings) {
  LogsFlags flags;
  Verb verb("logs", "POD [CONTAINER] | RESOURCE/NAME | -l LABELS", "Shows what containers print.",
            surroundings);
  AddFlags(verb.flags(), flags);
  if (const auto status = verb.Parse(arguments)) return *status;
  const size_t words = verb.words().size();
  if (flags.labels.empty() == (words == 0)) {
    return verb.Misused(words == 0 ? "a POD, RESOURCE/NAME or -l LABELS is needed"
                                   : "only a selector (-l) or a POD name is allowed");
  }
  if (words > 2) return verb.Misused("too many arguments");
  if (words == 2 && !flags.container.empty()) {
    return verb.Misused("only one of -c or an inline [CONTAINER] arg is allowed");
  }
  if (words == 2) flags.container = verb.words()[1];
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const Status status = LogsRun(verb, **cluster, flags).Run();
  return status.ok() ? verb.ExitStatus() : verb.Fail(status);
}

}  // namespace throng::cli::kube
