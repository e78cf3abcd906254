// throng apply -f FILE, throng create -f FILE
#include <optional>

#include "cli/kube/manifests.h"
#include "cli/kube/text/printing.h"
#include "cli/kube/verbs.h"
#include "client/merge_patch.h"
#include "client/yaml_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

// kubectl's names, so that people may change between the two: each finds what the other applied.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* kApplyManager = "kubectl-client-side-apply";
constexpr const char* kServerApplyManager = "kubectl";
constexpr const char* kCreateManager = "kubectl-create";
constexpr const char* kApplyPatchType = "application/apply-patch+yaml";

struct WriteFlags {
  std::vector<std::string> files;
  std::string output;
  std::string validate = "Strict";
  std::string field_manager;
  DryRun dry_run = DryRun::kNone;
  bool recursive = false;
  bool server_side = false;
  bool force_conflicts = false;
};

struct Done {
  std::string what;  // "created", "configured", ...
  Json object;
};

class Writer {
 public:
  Writer(Verb& verb, Cluster& cluster, const WriteFlags& flags, Output output)
      : verb_(verb), cluster_(cluster), flags_(flags), output_(std::move(output)) {}

  using Step = Result<Done> (Writer::*)(const Manifest&, const Placed&);

  int Run(Step step) {
    auto manifests = ReadManifests(verb_.io(), flags_.files, flags_.recursive);
    if (!manifests.ok()) return verb_.Fail(manifests.status());
    for (Manifest& manifest : *manifests) {
      Result<Placed> placed = Place(cluster_, manifest);
      const Result<Done> done = placed.ok() ? (this->*step)(manifest, *placed) : placed.status();
      if (!done.ok()) {
        verb_.Complain(done.status());
        if (IsHopeless(done.status())) break;
      } else {
        Report(*placed, *done);
      }
    }
    return verb_.ExitStatus();
  }

  Result<Done> Create(const Manifest& manifest, const Placed& placed) {
    if (flags_.dry_run == DryRun::kClient) return Done{"created", manifest.object};
    const std::string path =
        WithParameters(placed.type.Path(placed.name_space, ""), kCreateManager);
    THRONG_ASSIGN_OR_RETURN(Json made,
                            cluster_.client.Send({.method = "POST",
                                                  .path = path,
                                                  .content_type = std::string(client::kJsonType),
                                                  .body = throng::kube::PrintJson(manifest.object),
                                                  .error_context = Context("creating", manifest)}));
    return Done{"created", std::move(made)};
  }

  Result<Done> Apply(const Manifest& manifest, const Placed& placed) {
    if (placed.name.empty()) {
      return InvalidArgumentError("from " + TextAt(manifest.object, {"metadata", "generateName"}) +
                                  ": cannot use generate name with apply");
    }
    if (flags_.server_side) return ApplyOnServer(manifest, placed);
    const Json modified = WithLastApplied(manifest.object);
    const std::string path = placed.type.Path(placed.name_space, placed.name);
    Result<Json> current = cluster_.client.Send(
        {.path = path, .error_context = Context("retrieving current configuration of", manifest)});
    if (current.ok()) return Change(manifest, modified, *current, path);
    if (current.status().code() != StatusCode::kNotFound) return current.status();
    if (flags_.dry_run == DryRun::kClient) return Done{"created", modified};
    const std::string all = WithParameters(placed.type.Path(placed.name_space, ""), kApplyManager);
    THRONG_ASSIGN_OR_RETURN(Json made,
                            cluster_.client.Send({.method = "POST",
                                                  .path = all,
                                                  .content_type = std::string(client::kJsonType),
                                                  .body = throng::kube::PrintJson(modified),
                                                  .error_context = Context("creating", manifest)}));
    return Done{"created", std::move(made)};
  }

 private:
  // No further object would fare better: there is no server, or it does not know us.
  static bool IsHopeless(const Status& status) {
    const bool is_servers_word = status.message().starts_with("Error from server");
    return status.code() == StatusCode::kUnauthenticated ||
           (status.code() == StatusCode::kUnavailable && !is_servers_word);
  }

  std::string Context(const std::string& doing, const Manifest& manifest) const {
    return "error when " + doing + " \"" + manifest.source + "\": ";
  }

  std::string WithParameters(std::string path, const char* manager) const {
    if (flags_.dry_run == DryRun::kServer) path = client::WithParameter(path, "dryRun", "All");
    path = client::WithParameter(path, "fieldManager",
                                 flags_.field_manager.empty() ? manager : flags_.field_manager);
    return client::WithParameter(path, "fieldValidation", flags_.validate);
  }

  // What is applied, with the annotation that says so.
  static Json WithLastApplied(const Json& object) {
    Json plain = object;
    Json& annotations = plain["metadata"]["annotations"];
    if (!annotations.is_object()) annotations = Json::object();
    annotations.erase(kLastApplied);
    Json modified = plain;
    modified["metadata"]["annotations"][kLastApplied] = client::PrintGoJson(plain);
    return modified;
  }

  Result<Done> Change(const Manifest& manifest, const Json& modified, const Json& current,
                      const std::string& path) {
    const std::string applied = throng::kube::AnnotationOf(current, kLastApplied);
    Json original;
    if (applied.empty()) {
      verb_.io().error("Warning: resource " + throng::kube::NameOf(current) +
                       " was not made by apply; the annotation that apply needs is added\n");
    } else if (Result<Json> parsed = throng::kube::ParseJson(applied); parsed.ok()) {
      original = std::move(*parsed);
    }
    const Json patch = client::ThreeWayMergePatch(original, modified, current);
    if (patch.empty()) return Done{"unchanged", current};
    if (flags_.dry_run == DryRun::kClient) {
      Json merged = current;
      merged.merge_patch(patch);
      return Done{"configured", std::move(merged)};
    }
    THRONG_ASSIGN_OR_RETURN(
        Json changed,
        cluster_.client.Send({.method = "PATCH",
                              .path = WithParameters(path, kApplyManager),
                              .content_type = std::string(client::kMergePatchType),
                              .body = throng::kube::PrintJson(patch),
                              .error_context = Context("applying patch to", manifest)}));
    return Done{"configured", std::move(changed)};
  }

  Result<Done> ApplyOnServer(const Manifest& manifest, const Placed& placed) {
    std::string path =
        WithParameters(placed.type.Path(placed.name_space, placed.name), kServerApplyManager);
    path = client::WithParameter(path, "force", flags_.force_conflicts ? "true" : "false");
    Result<Json> applied = cluster_.client.Send({.method = "PATCH",
                                                 .path = path,
                                                 .content_type = kApplyPatchType,
                                                 .body = throng::kube::PrintJson(manifest.object)});
    if (applied.ok()) return Done{"serverside-applied", std::move(*applied)};
    if (applied.status().code() != StatusCode::kAborted) return applied.status();
    return Status(
        StatusCode::kAborted,
        applied.status().message() +
            "\nPlease review the fields above--they currently have other managers. To "
            "take them, say --force-conflicts; to leave them, remove them from the file.");
  }

  void Report(const Placed& placed, const Done& done) {
    const std::string label = placed.type.ObjectPrefix() + "/" + throng::kube::NameOf(done.object);
    if (!output_.is_table()) {
      const auto text = PrintObject(output_, done.object, label);
      if (!text.ok()) return verb_.Complain(text.status());
      return verb_.Print(*text);
    }
    const char* suffix = flags_.dry_run == DryRun::kNone     ? ""
                         : flags_.dry_run == DryRun::kClient ? " (dry run)"
                                                             : " (server dry run)";
    verb_.Print(label + " " + done.what + suffix + "\n");
  }

  Verb& verb_;
  Cluster& cluster_;
  const WriteFlags& flags_;
  const Output output_;
};

// As kubectl's --validate, to what the API calls it.
OptionSetter ValidateFlag(std::string* target) {
  return [target](std::string_view value) -> Status {
    if (value == "true" || value == "strict") {
      *target = "Strict";
    } else if (value == "warn") {
      *target = "Warn";
    } else if (value == "false" || value == "ignore") {
      *target = "Ignore";
    } else {
      return InvalidArgumentError("must be strict, warn or ignore");
    }
    return OkStatus();
  };
}

void AddFlags(OptionTable& table, WriteFlags& flags) {
  OptionRow files{"filename", "FILE", "a file, a folder or - for standard input; may be repeated",
                  TextList(&flags.files)};
  files.letter = 'f';
  table.AddList(files);
  table.Add('R', {"recursive", "", "folders in folders too", Boolean(&flags.recursive)});
  table.Add('o', {"output", "FORM", "print the objects: json, yaml, name or jsonpath=TEMPLATE",
                  Text(&flags.output)});
  table.Add({"dry-run", "WHERE", "none, client or server: say what would be done",
             DryRunFlag(&flags.dry_run)});
  table.Add({"validate", "HOW", "unknown fields: strict (refuse, default), warn or ignore",
             ValidateFlag(&flags.validate)});
  table.Add({"field-manager", "NAME", "as whom the fields are owned", Text(&flags.field_manager)});
}

int Write(Verb& verb, WriteFlags& flags, std::span<const std::string> arguments,
          Writer::Step step) {
  AddFlags(verb.flags(), flags);
  if (const auto status = verb.Parse(arguments)) return *status;
  if (flags.files.empty()) return verb.Misused("must specify -f FILE");
  if (!verb.words().empty()) {
    return verb.Misused("Unexpected args: " + verb.words()[0] + "; objects come from -f FILE");
  }
  Result<Output> output = ParseOutput(flags.output);
  if (!output.ok()) return verb.Fail(output.status());
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  return Writer(verb, **cluster, flags, std::move(*output)).Run(step);
}

}  // namespace

int Apply(std::span<const std::string> arguments, Surroundings& surroundings) {
  WriteFlags flags;
  Verb verb("apply", "-f FILE",
            "Makes the objects of files be on the server as the files say: creates those that are "
            "not there,\nchanges those that differ, and leaves what others set.",
            surroundings);
  verb.flags().Add({"server-side", "", "let the server merge, with owners of fields",
                    Boolean(&flags.server_side)});
  verb.flags().Add({"force-conflicts", "", "with --server-side: take fields from other owners",
                    Boolean(&flags.force_conflicts)});
  return Write(verb, flags, arguments, &Writer::Apply);
}

int Create(std::span<const std::string> arguments, Surroundings& surroundings) {
  WriteFlags flags;
  Verb verb("create", "-f FILE", "Creates the objects of files; one that is there is an error.",
            surroundings);
  return Write(verb, flags, arguments, &Writer::Create);
}

}  // namespace throng::cli::kube
