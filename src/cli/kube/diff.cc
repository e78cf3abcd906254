// throng diff -f FILE
#include "cli/kube/object_writer.h"
#include "cli/kube/text/unified_diff.h"
#include "cli/kube/verbs.h"
#include "client/yaml_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

// Of the whole command, as kubectl's: something differs; it failed.
constexpr int kDiffers = 1;
constexpr int kFailed = 2;

// Secrets' values are not for terminals: who compares sees which differ.
void MaskSecret(Json& object, const Json& other, const char* where) {
  for (const char* key : {"data", "stringData"}) {
    if (!object.contains(key) || !object[key].is_object()) continue;
    for (auto& [name, value] : object[key].items()) {
      const bool same = other.is_object() && other.contains(key) && other[key].is_object() &&
                        other[key].value(name, Json()) == value;
      value = same ? "***" : std::string("*** (") + where + ")";
    }
  }
}

std::string Printed(Json object, const Json& other, const char* where) {
  if (object.is_null()) return "";
  if (throng::kube::TextAt(object, {"kind"}) == "Secret") MaskSecret(object, other, where);
  object["metadata"].erase("managedFields");
  return client::PrintYaml(object);
}

// "serving.kubeflow.org.v1alpha1.TrainedModel.default.cifar10".
std::string FileName(const Placed& placed, const Json& object) {
  std::string name = throng::kube::TextAt(object, {"apiVersion"});
  if (const size_t slash = name.find('/'); slash != std::string::npos) name[slash] = '.';
  name += "." + throng::kube::TextAt(object, {"kind"});
  return name + "." + placed.name_space + "." + placed.name;
}

class DiffRun {
 public:
  DiffRun(Verb& verb, Cluster& cluster, const WriteFlags& flags)
      : verb_(verb), cluster_(cluster), writer_(verb, cluster, flags) {}

  // ERRORS: the server's.
  Status One(Manifest& manifest) {
    THRONG_ASSIGN_OR_RETURN(const Placed placed, Place(cluster_, manifest));
    Json live;
    auto found = cluster_.client.Get(placed.type.Path(placed.name_space, placed.name));
    if (found.ok()) {
      live = std::move(*found);
    } else if (found.status().code() != StatusCode::kNotFound) {
      return found.status();
    }
    THRONG_ASSIGN_OR_RETURN(const Done merged, writer_.Apply(manifest, placed));
    const std::string name = FileName(placed, merged.object);
    const std::string diff = UnifiedDiff({"LIVE/" + name, Printed(live, merged.object, "before")},
                                         {"MERGED/" + name, Printed(merged.object, live, "after")});
    differs_ = differs_ || !diff.empty();
    verb_.Print(diff);
    return OkStatus();
  }

  bool differs() const { return differs_; }

 private:
  Verb& verb_;
  Cluster& cluster_;
  Writer writer_;
  bool differs_ = false;
};

int DiffAll(Verb& verb, Cluster& cluster, const WriteFlags& flags) {
  auto manifests = ReadManifests(verb.io(), flags.files, flags.recursive);
  if (!manifests.ok()) {
    (void)verb.Fail(manifests.status());
    return kFailed;
  }
  DiffRun run(verb, cluster, flags);
  for (Manifest& manifest : *manifests) {
    const Status status = run.One(manifest);
    if (status.ok()) continue;
    verb.Complain(status);
    if (IsHopeless(status)) break;
  }
  if (verb.ExitStatus() != 0) return kFailed;
  return run.differs() ? kDiffers : 0;
}

}  // namespace

int Diff(std::span<const std::string> arguments, Surroundings& surroundings) {
  WriteFlags flags;
  flags.dry_run = DryRun::kServer;
  flags.remember = false;
  Verb verb("diff", "-f FILE",
            "Tells what `throng apply` of these files would change, line by line. Exit status: 0 "
            "nothing, 1 something, 2 it failed.",
            surroundings);
  OptionRow files{"filename", "FILE", "a file, a folder or - for standard input; may be repeated",
                  TextList(&flags.files)};
  files.letter = 'f';
  verb.flags().AddList(files);
  verb.flags().Add('R', {"recursive", "", "folders in folders too", Boolean(&flags.recursive)});
  verb.flags().Add(
      {"server-side", "", "as apply --server-side would", Boolean(&flags.server_side)});
  verb.flags().Add({"force-conflicts", "", "with --server-side: take fields from other owners",
                    Boolean(&flags.force_conflicts)});
  if (const auto status = verb.Parse(arguments)) return *status;
  if (flags.files.empty()) return verb.Misused("must specify -f FILE");
  if (!verb.words().empty()) {
    return verb.Misused("Unexpected args: " + verb.words()[0] + "; objects come from -f FILE");
  }
  const auto cluster = verb.Connect();
  if (!cluster.ok()) {
    (void)verb.Fail(cluster.status());
    return kFailed;
  }
  return DiffAll(verb, **cluster, flags);
}

}  // namespace throng::cli::kube
