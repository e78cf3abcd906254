// throng delete (-f FILE | RESOURCE NAME)
#include "cli/kube/manifests.h"
#include "cli/kube/verbs.h"
#include "cli/kube/waiting.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::TextAt;

struct DeleteFlags {
  std::vector<std::string> files;
  Selection selection;
  std::string cascade = "Background";
  std::string output;
  DryRun dry_run = DryRun::kNone;
  Duration timeout{0};  // 0: as long as it takes
  int64_t grace_period_seconds = -1;
  bool all = false;
  bool wait = true;
  bool force = false;
  bool now = false;
  bool ignore_not_found = false;
};

OptionSetter CascadeFlag(std::string* target) {
  return [target](std::string_view value) -> Status {
    if (value == "background" || value == "true") {
      *target = "Background";
    } else if (value == "foreground") {
      *target = "Foreground";
    } else if (value == "orphan" || value == "false") {
      *target = "Orphan";
    } else {
      return InvalidArgumentError("must be background, foreground or orphan");
    }
    return OkStatus();
  };
}

class DeleteRun {
 public:
  DeleteRun(Verb& verb, Cluster& cluster, const DeleteFlags& flags)
      : verb_(verb), cluster_(cluster), flags_(flags) {}

  int Run(const std::vector<Target>& targets) {
    const std::string name_space = verb_.all_namespaces() ? "" : cluster_.name_space;
    std::vector<Gone> gone;
    bool found = false;
    for (const Target& target : targets) {
      std::vector<Target> named = {target};
      if (target.name.empty()) {
        const auto objects = FindObjects(cluster_, {target}, name_space, flags_.selection);
        if (!objects.ok()) {
          verb_.Complain(objects.status());
          continue;
        }
        named.clear();
        for (const FoundObject& object : *objects) named.push_back(object.target);
      }
      for (const Target& one : named) {
        found = true;
        DeleteOne(one, name_space, gone);
      }
    }
    if (!found && verb_.ExitStatus() == 0) verb_.Print("No resources found\n");
    if (flags_.wait && flags_.dry_run == DryRun::kNone) WaitForAll(gone);
    return verb_.ExitStatus();
  }

 private:
  struct Gone {
    Target target;
    std::string name_space;
    std::string uid;
  };

  std::string Body() const {
    Json options = {{"propagationPolicy", flags_.cascade}};
    if (flags_.dry_run == DryRun::kServer) options["dryRun"] = Json::array({"All"});
    int64_t seconds = flags_.grace_period_seconds;
    if (flags_.now) seconds = 1;
    if (flags_.force && seconds < 0) seconds = 0;
    if (seconds >= 0) options["gracePeriodSeconds"] = seconds;
    return throng::kube::PrintJson(options);
  }

  void DeleteOne(const Target& target, const std::string& name_space, std::vector<Gone>& gone) {
    std::string uid;
    if (flags_.dry_run != DryRun::kClient) {
      const Result<Json> reply =
          cluster_.client.Send({.method = "DELETE",
                                .path = target.PathIn(name_space),
                                .content_type = std::string(client::kJsonType),
                                .body = Body()});
      if (!reply.ok()) {
        const bool silent =
            flags_.ignore_not_found && reply.status().code() == StatusCode::kNotFound;
        if (!silent) verb_.Complain(reply.status());
        return;
      }
      // The object, or a Status that names it.
      uid = TextAt(*reply, {"details", "uid"});
      if (uid.empty()) uid = throng::kube::UidOf(*reply);
    }
    const char* suffix = flags_.dry_run == DryRun::kNone     ? ""
                         : flags_.dry_run == DryRun::kClient ? " (dry run)"
                                                             : " (server dry run)";
    const char* how = flags_.force ? " force deleted" : " deleted";
    verb_.Print(flags_.output == "name" ? target.Label() + "\n"
                                        : target.type.ObjectPrefix() + " \"" + target.name + "\"" +
                                              how + suffix + "\n");
    gone.push_back({target, target.name_space.empty() ? name_space : target.name_space, uid});
  }

  void WaitForAll(const std::vector<Gone>& gone) {
    Waiter waiter(cluster_.client, *verb_.io().clock, flags_.timeout);
    for (const Gone& one : gone) {
      const Status status =
          waiter.UntilGone(one.target.type, one.name_space, one.target.name, one.uid);
      if (!status.ok()) verb_.Complain(status);
    }
  }

  Verb& verb_;
  Cluster& cluster_;
  const DeleteFlags& flags_;
};

void AddFlags(OptionTable& table, DeleteFlags& flags) {
  OptionRow files{"filename", "FILE", "the objects that a file, a folder or - names",
                  TextList(&flags.files)};
  files.letter = 'f';
  table.AddList(files);
  table.Add('l', {"selector", "LABELS", "those with these labels", Text(&flags.selection.labels)});
  table.Add({"field-selector", "FIELDS", "those with these fields", Text(&flags.selection.fields)});
  table.Add({"all", "", "all of the type", Boolean(&flags.all)});
  table.Add({"cascade", "HOW",
             "what they own: background (default), foreground (first), orphan (stays)",
             CascadeFlag(&flags.cascade)});
  table.Add({"wait", "", "until they are gone (default true)", Boolean(&flags.wait)});
  table.Add({"timeout", "TIME", "wait no longer (default: as long as it takes)",
             DurationFlag(&flags.timeout)});
  table.Add({"grace-period", "SECONDS", "time for an orderly end",
             Integer(&flags.grace_period_seconds, -1, 86400)});
  table.Add({"force", "", "do not wait for an orderly end", Boolean(&flags.force)});
  table.Add({"now", "", "a grace period of one second", Boolean(&flags.now)});
  table.Add(
      {"ignore-not-found", "", "what is not there is no error", Boolean(&flags.ignore_not_found)});
  table.Add({"dry-run", "WHERE", "none, client or server", DryRunFlag(&flags.dry_run)});
  table.Add('o', {"output", "FORM", "name: the names alone",
                  Choice({"name"}, [&flags](size_t) { flags.output = "name"; })});
}

}  // namespace

int Delete(std::span<const std::string> arguments, Surroundings& surroundings) {
  DeleteFlags flags;
  Verb verb("delete",
            "RESOURCE NAME... | RESOURCE/NAME... | RESOURCE (-l LABELS | --all) | -f FILE",
            "Deletes objects, and what they own, and waits until they are gone.", surroundings);
  AddFlags(verb.flags(), flags);
  verb.AddAllNamespaces();
  if (const auto status = verb.Parse(arguments)) return *status;
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = flags.files.empty() ? ParseTargets(**cluster, verb.words())
                                           : TargetsOfFiles(**cluster, verb.io(), flags.files);
  if (!targets.ok()) return verb.Fail(targets.status());
  const bool selected =
      flags.all || !flags.selection.labels.empty() || !flags.selection.fields.empty();
  for (const Target& target : *targets) {
    if (!target.name.empty() || selected) continue;
    return verb.Fail(InvalidArgumentError(
        "resource(s) were provided, but no name was specified; to delete all, say --all"));
  }
  return DeleteRun(verb, **cluster, flags).Run(*targets);
}

}  // namespace throng::cli::kube
