#include "cli/kube/object_writer.h"

#include <utility>

#include "client/merge_patch.h"
#include "client/yaml_text.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::TextAt;

// kubectl's names, so that people may change between the two: each finds what the other applied.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* kApplyManager = "kubectl-client-side-apply";
constexpr const char* kServerApplyManager = "kubectl";
constexpr const char* kCreateManager = "kubectl-create";
constexpr const char* kApplyPatchType = "application/apply-patch+yaml";

std::string Context(const std::string& doing, const Manifest& manifest) {
  return "error when " + doing + " \"" + manifest.source + "\": ";
}

}  // namespace

bool IsHopeless(const Status& status) {
  const bool is_servers_word = status.message().starts_with("Error from server");
  return status.code() == StatusCode::kUnauthenticated ||
         (status.code() == StatusCode::kUnavailable && !is_servers_word);
}

Result<Done> Writer::Create(const Manifest& manifest, const Placed& placed) {
  return Post(manifest, placed, manifest.object, kCreateManager);
}

Result<Done> Writer::Apply(const Manifest& manifest, const Placed& placed) {
  if (placed.name.empty()) {
    return InvalidArgumentError("from " + TextAt(manifest.object, {"metadata", "generateName"}) +
                                ": cannot use generate name with apply");
  }
  if (flags_.server_side) return ApplyOnServer(manifest, placed);
  const Json modified = Modified(manifest.object);
  const std::string path = placed.type.Path(placed.name_space, placed.name);
  Result<Json> current = cluster_.client.Send(
      {.path = path, .error_context = Context("retrieving current configuration of", manifest)});
  if (current.ok()) return Change(manifest, modified, *current, path);
  if (current.status().code() != StatusCode::kNotFound) return current.status();
  return Post(manifest, placed, flags_.remember ? modified : manifest.object, kApplyManager);
}

Result<Done> Writer::Post(const Manifest& manifest, const Placed& placed, const Json& object,
                          const char* manager) {
  if (flags_.dry_run == DryRun::kClient) return Done{"created", object};
  THRONG_ASSIGN_OR_RETURN(
      Json made, cluster_.client.Send(
                     {.method = "POST",
                      .path = WithParameters(placed.type.Path(placed.name_space, ""), manager),
                      .content_type = std::string(client::kJsonType),
                      .body = throng::kube::PrintJson(object),
                      .error_context = Context("creating", manifest)}));
  return Done{"created", std::move(made)};
}

std::string Writer::WithParameters(std::string path, const char* manager) const {
  if (flags_.dry_run == DryRun::kServer) path = client::WithParameter(path, "dryRun", "All");
  path = client::WithParameter(path, "fieldManager",
                               flags_.field_manager.empty() ? manager : flags_.field_manager);
  return client::WithParameter(path, "fieldValidation", flags_.validate);
}

// What is applied, with the annotation that says so.
Json Writer::Modified(const Json& object) const {
  Json plain = object;
  Json& annotations = plain["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations.erase(kLastApplied);
  if (!flags_.remember) return plain;
  Json modified = plain;
  modified["metadata"]["annotations"][kLastApplied] = client::PrintGoJson(plain);
  return modified;
}

Result<Done> Writer::Change(const Manifest& manifest, const Json& modified, const Json& current,
                            const std::string& path) {
  const std::string applied = throng::kube::AnnotationOf(current, kLastApplied);
  Json original;
  if (applied.empty()) {
    if (flags_.remember) {
      verb_.io().error("Warning: resource " + throng::kube::NameOf(current) +
                       " was not made by apply; the annotation that apply needs is added\n");
    }
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

Result<Done> Writer::ApplyOnServer(const Manifest& manifest, const Placed& placed) {
  std::string path =
      WithParameters(placed.type.Path(placed.name_space, placed.name), kServerApplyManager);
  path = client::WithParameter(path, "force", flags_.force_conflicts ? "true" : "false");
  Result<Json> applied = cluster_.client.Send({.method = "PATCH",
                                               .path = path,
                                               .content_type = kApplyPatchType,
                                               .body = throng::kube::PrintJson(manifest.object)});
  if (applied.ok()) return Done{"serverside-applied", std::move(*applied)};
  if (applied.status().code() != StatusCode::kAborted) return applied.status();
  return Status(StatusCode::kAborted,
                applied.status().message() +
                    "\nPlease review the fields above--they currently have other managers. To "
                    "take them, say --force-conflicts; to leave them, remove them from the file.");
}

}  // namespace throng::cli::kube
