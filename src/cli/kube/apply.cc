// throng apply -f FILE, throng create -f FILE
#include "cli/kube/object_writer.h"
#include "cli/kube/text/printing.h"
#include "cli/kube/verbs.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using Step = Result<Done> (Writer::*)(const Manifest&, const Placed&);

void Report(Verb& verb, const WriteFlags& flags, const Output& output, const Placed& placed,
            const Done& done) {
  const std::string label = placed.type.ObjectPrefix() + "/" + throng::kube::NameOf(done.object);
  if (!output.is_table()) {
    const auto text = PrintObject(output, done.object, label);
    if (!text.ok()) return verb.Complain(text.status());
    return verb.Print(*text);
  }
  const char* suffix = flags.dry_run == DryRun::kNone     ? ""
                       : flags.dry_run == DryRun::kClient ? " (dry run)"
                                                          : " (server dry run)";
  verb.Print(label + " " + done.what + suffix + "\n");
}

int WriteAll(Verb& verb, Cluster& cluster, const WriteFlags& flags, const Output& output,
             Step step) {
  auto manifests = ReadManifests(verb.io(), flags.files, flags.recursive);
  if (!manifests.ok()) return verb.Fail(manifests.status());
  Writer writer(verb, cluster, flags);
  for (Manifest& manifest : *manifests) {
    Result<Placed> placed = Place(cluster, manifest);
    const Result<Done> done = placed.ok() ? (writer.*step)(manifest, *placed) : placed.status();
    if (!done.ok()) {
      verb.Complain(done.status());
      if (IsHopeless(done.status())) break;
    } else {
      Report(verb, flags, output, *placed, *done);
    }
  }
  return verb.ExitStatus();
}

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

int Write(Verb& verb, WriteFlags& flags, std::span<const std::string> arguments, Step step) {
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
  return WriteAll(verb, **cluster, flags, *output, step);
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
