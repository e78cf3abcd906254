// throng patch RESOURCE NAME -p PATCH
#include <array>

#include "base/control_limits.h"
#include "cli/kube/targets.h"
#include "cli/kube/text/printing.h"
#include "cli/kube/verbs.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

struct PatchFlags {
  std::string patch;
  std::string patch_file;
  std::string content_type = "application/strategic-merge-patch+json";
  std::string subresource;
  std::string output;
  DryRun dry_run = DryRun::kNone;
};

// As JSON, whichever of the two it was.
Result<std::string> ReadPatch(Surroundings& io, const PatchFlags& flags) {
  std::string text = flags.patch;
  if (!flags.patch_file.empty()) {
    THRONG_ASSIGN_OR_RETURN(text, flags.patch_file == "-"
                                      ? io.input(limits::kObjectBodyBytes)
                                      : io.files->Read(flags.patch_file, limits::kObjectBodyBytes));
  }
  Result<Json> parsed = throng::kube::ParseJson(text);
  if (!parsed.ok()) parsed = throng::kube::ParseYaml(text);
  if (!parsed.ok()) return parsed.status().WithContext("unable to parse the patch");
  if (!parsed->is_structured()) return InvalidArgumentError("the patch must be an object or list");
  return throng::kube::PrintJson(*parsed);
}

void AddFlags(OptionTable& table, PatchFlags& flags) {
  table.Add('p', {"patch", "PATCH", "the patch, as JSON or YAML", Text(&flags.patch)});
  table.Add(
      {"patch-file", "FILE", "a file that holds it; -: standard input", Text(&flags.patch_file)});
  table.Add({"type", "TYPE", "strategic (default; built-in kinds only), merge or json",
             Choice({"strategic", "merge", "json"}, [&flags](size_t index) {
               constexpr std::array<const char*, 3> kTypes = {
                   "application/strategic-merge-patch+json", "application/merge-patch+json",
                   "application/json-patch+json"};
               flags.content_type = kTypes[index];
             })});
  table.Add({"subresource", "NAME", "status", Text(&flags.subresource)});
  table.Add({"dry-run", "WHERE", "none or server", DryRunFlag(&flags.dry_run)});
  table.Add('o', {"output", "FORM", "print the object: json, yaml, name or jsonpath=TEMPLATE",
                  Text(&flags.output)});
}

class PatchRun {
 public:
  PatchRun(Verb& verb, Cluster& cluster, const PatchFlags& flags, Output output)
      : verb_(verb), cluster_(cluster), flags_(flags), output_(std::move(output)) {}

  Status One(const Target& target, const std::string& body) {
    const std::string path = target.PathIn(cluster_.name_space) +
                             (flags_.subresource.empty() ? "" : "/" + flags_.subresource);
    THRONG_ASSIGN_OR_RETURN(const Json before, cluster_.client.Get(path));
    std::string patch_path = client::WithParameter(path, "fieldManager", "kubectl-patch");
    if (flags_.dry_run != DryRun::kNone) {
      patch_path = client::WithParameter(patch_path, "dryRun", "All");
    }
    const Result<Json> after = cluster_.client.Send(
        {.method = "PATCH", .path = patch_path, .content_type = flags_.content_type, .body = body});
    if (!after.ok()) return WithType(target, after.status());
    if (!output_.is_table()) {
      THRONG_ASSIGN_OR_RETURN(const std::string text, PrintObject(output_, *after, target.Label()));
      verb_.Print(text);
      return OkStatus();
    }
    verb_.Print(target.Label() + (before == *after ? " patched (no change)\n" : " patched\n"));
    return OkStatus();
  }

 private:
  // A type of patch that the kind does not take is the commonest mistake: the default is one.
  Status WithType(const Target& target, const Status& status) const {
    constexpr std::string_view kRefusal = "Error from server (UnsupportedMediaType): ";
    if (!status.message().starts_with(kRefusal)) return status;
    return InvalidArgumentError(flags_.content_type + " is not supported by " +
                                target.type.ApiVersion() + ", Kind=" + target.type.kind + ": " +
                                status.message().substr(kRefusal.size()) + "; try --type=merge");
  }

  Verb& verb_;
  Cluster& cluster_;
  const PatchFlags& flags_;
  const Output output_;
};

}  // namespace

int Patch(std::span<const std::string> arguments, Surroundings& surroundings) {
  PatchFlags flags;
  Verb verb("patch", "RESOURCE NAME (-p PATCH | --patch-file FILE)", "Changes fields of an object.",
            surroundings);
  AddFlags(verb.flags(), flags);
  if (const auto status = verb.Parse(arguments)) return *status;
  if (flags.patch.empty() == flags.patch_file.empty()) {
    return verb.Misused("must specify one of --patch or --patch-file");
  }
  Result<Output> output = ParseOutput(flags.output);
  if (!output.ok()) return verb.Fail(output.status());
  const auto body = ReadPatch(surroundings, flags);
  if (!body.ok()) return verb.Fail(body.status());
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = ParseTargets(**cluster, verb.words());
  if (!targets.ok()) return verb.Fail(targets.status());
  PatchRun run(verb, **cluster, flags, std::move(*output));
  for (const Target& target : *targets) {
    if (target.name.empty()) return verb.Fail(InvalidArgumentError("resource name is required"));
    const Status status = run.One(target, *body);
    if (!status.ok()) verb.Complain(status);
  }
  return verb.ExitStatus();
}

}  // namespace throng::cli::kube
