// throng edit RESOURCE NAME
#include <algorithm>

#include "cli/kube/targets.h"
#include "cli/kube/verbs.h"
#include "client/merge_patch.h"
#include "client/server_error.h"
#include "client/yaml_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

constexpr int kAttempts = 10;
constexpr const char* kIntroduction =
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n";

std::string WithoutComments(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (!line.starts_with('#')) out.append(line) += '\n';
    at = end + 1;
  }
  return out;
}

std::string AsComments(const std::string& text) {
  std::string out = "# ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "# ";
  }
  return out + "\n#\n";
}

class EditRun {
 public:
  EditRun(Verb& verb, Cluster& cluster) : verb_(verb), cluster_(cluster) {}

  Status One(const Target& target) {
    THRONG_ASSIGN_OR_RETURN(Json object, cluster_.client.Get(target.PathIn(cluster_.name_space)));
    object["metadata"].erase("managedFields");
    const std::string original = client::PrintYaml(object);
    std::string text = original;
    std::string complaint;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      THRONG_ASSIGN_OR_RETURN(const std::string edited,
                              verb_.io().edit(Editor(), kIntroduction + complaint + text, ".yaml"));
      const std::string plain = WithoutComments(edited);
      const bool is_blank = plain.find_first_not_of(" \t\r\n") == std::string::npos;
      if (is_blank || plain == original || (attempt > 0 && plain == text)) {
        if (attempt > 0)
          return Status(StatusCode::kAborted, "Edit cancelled, no valid changes were saved.");
        verb_.io().error("Edit cancelled, no changes made.\n");
        return OkStatus();
      }
      const Status saved = Save(target, object, plain);
      if (saved.ok()) return saved;
      verb_.io().error(client::ErrorLine(saved));
      complaint = AsComments(saved.message());
      text = plain;
    }
    return Status(StatusCode::kAborted, "Edit cancelled, no valid changes were saved.");
  }

 private:
  std::string Editor() const {
    for (const char* name : {"KUBE_EDITOR", "VISUAL", "EDITOR"}) {
      const std::string editor = verb_.io().environment(name);
      if (!editor.empty()) return editor;
    }
    return "vi";
  }

  Status Save(const Target& target, const Json& before, const std::string& text) {
    THRONG_ASSIGN_OR_RETURN(const Json after, throng::kube::ParseYaml(text));
    if (!after.is_object()) return InvalidArgumentError("the file holds no object");
    for (const char* key : {"apiVersion", "kind"}) {
      if (after.value(key, Json()) != before.value(key, Json())) {
        return InvalidArgumentError(std::string(key) + " must not be changed");
      }
    }
    if (throng::kube::NameOf(after) != throng::kube::NameOf(before)) {
      return InvalidArgumentError("metadata.name must not be changed");
    }
    const Json patch = client::MergePatchOf(before, after);
    if (!patch.empty()) {
      const std::string path =
          client::WithParameter(target.PathIn(cluster_.name_space), "fieldManager", "kubectl-edit");
      THRONG_RETURN_IF_ERROR(cluster_.client
                                 .Send({.method = "PATCH",
                                        .path = path,
                                        .content_type = std::string(client::kMergePatchType),
                                        .body = throng::kube::PrintJson(patch)})
                                 .status());
    }
    verb_.Print(target.Label() + (patch.empty() ? " skipped\n" : " edited\n"));
    return OkStatus();
  }

  Verb& verb_;
  Cluster& cluster_;
};

}  // namespace

int Edit(std::span<const std::string> arguments, Surroundings& surroundings) {
  Verb verb("edit", "RESOURCE NAME",
            "Opens an object in an editor (KUBE_EDITOR, VISUAL, EDITOR, else vi) and saves what "
            "changed.",
            surroundings);
  if (const auto status = verb.Parse(arguments)) return *status;
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  const auto targets = ParseTargets(**cluster, verb.words());
  if (!targets.ok()) return verb.Fail(targets.status());
  EditRun run(verb, **cluster);
  for (const Target& target : *targets) {
    if (target.name.empty()) return verb.Fail(InvalidArgumentError("resource name is required"));
    const Status status = run.One(target);
    if (!status.ok()) verb.Complain(status);
  }
  return verb.ExitStatus();
}

}  // namespace throng::cli::kube
