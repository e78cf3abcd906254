#include "cli/kube/manifests.h"

#include <algorithm>

#include "base/control_limits.h"
#include "base/log.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

constexpr int kFolderDepth = 32;

// What os::FileSystem says, with the path as the person typed it.
Status Typed(const Status& status, const std::string& path) {
  if (status.code() == StatusCode::kNotFound) {
    return NotFoundError("the path \"" + path + "\" does not exist");
  }
  return Status(status.code(), "the path \"" + path + "\" cannot be read: " + status.message());
}

bool IsManifestName(std::string_view name) {
  return name.ends_with(".json") || name.ends_with(".yaml") || name.ends_with(".yml");
}

Status AddFolder(const Surroundings& io, const std::string& path, bool recursive, int depth,
                 std::vector<std::string>& found) {
  const auto entries = io.files->List(path);
  if (!entries.ok()) return Typed(entries.status(), path);
  for (const os::DirectoryEntry& entry : *entries) {
    const std::string inner = os::JoinPath(path, entry.name);
    if (entry.kind == os::FileKind::kDirectory && recursive && depth < kFolderDepth) {
      THRONG_RETURN_IF_ERROR(AddFolder(io, inner, recursive, depth + 1, found));
    }
    if (entry.kind != os::FileKind::kRegular || !IsManifestName(entry.name)) continue;
    if (found.size() >= limits::kManifestFiles) {
      return ResourceExhaustedError("the path \"" + path + "\" holds more than " +
                                    std::to_string(limits::kManifestFiles) + " files");
    }
    found.push_back(inner);
  }
  return OkStatus();
}

// Lists in lists are no Kubernetes; one level.
void AddObjects(Json object, const std::string& source, std::vector<Manifest>& manifests) {
  const bool is_list = TextAt(object, {"kind"}).ends_with("List") && object.contains("items") &&
                       object["items"].is_array();
  if (!is_list) {
    manifests.push_back({std::move(object), source});
    return;
  }
  for (Json& item : object["items"]) manifests.push_back({std::move(item), source});
}

Status AddText(const std::string& text, const std::string& source,
               std::vector<Manifest>& manifests) {
  // JSON is YAML, but for blanks that YAML does not know.
  if (text.find_first_not_of(" \t\r\n") == text.find('{')) {
    Result<Json> json = throng::kube::ParseJson(text);
    if (json.ok()) {
      AddObjects(std::move(*json), source, manifests);
      return OkStatus();
    }
  }
  Result<std::vector<Json>> documents = throng::kube::ParseYamlDocuments(text);
  if (!documents.ok()) return documents.status().WithContext("error parsing " + source);
  for (Json& document : *documents) {
    if (document.is_null()) continue;
    if (!document.is_object()) {
      return InvalidArgumentError("error parsing " + source + ": a document is no object");
    }
    AddObjects(std::move(document), source, manifests);
  }
  return OkStatus();
}

Status AddPath(Surroundings& io, const std::string& path, bool recursive,
               std::vector<Manifest>& manifests) {
  if (path == "-") {
    THRONG_ASSIGN_OR_RETURN(const std::string text, io.input(limits::kManifestBytes));
    return AddText(text, "STDIN", manifests);
  }
  const auto info = io.files->Stat(path);
  if (!info.ok()) return Typed(info.status(), path);
  if (info->kind == os::FileKind::kAbsent) return Typed(NotFoundError(""), path);
  std::vector<std::string> files;
  if (info->kind == os::FileKind::kDirectory) {
    THRONG_RETURN_IF_ERROR(AddFolder(io, path, recursive, 0, files));
    if (files.empty()) {
      return InvalidArgumentError("error reading [" + path +
                                  "]: recognized file extensions are [.json .yaml .yml]");
    }
  } else {
    files.push_back(path);
  }
  for (const std::string& file : files) {
    const auto text = io.files->Read(file, limits::kManifestBytes);
    if (!text.ok()) return Typed(text.status(), file);
    THRONG_RETURN_IF_ERROR(AddText(*text, file, manifests));
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<Manifest>> ReadManifests(Surroundings& io, const std::vector<std::string>& paths,
                                            bool recursive) {
  std::vector<Manifest> manifests;
  for (const std::string& path : paths) {
    THRONG_RETURN_IF_ERROR(AddPath(io, path, recursive, manifests));
  }
  if (manifests.empty()) return InvalidArgumentError("no objects passed");
  return manifests;
}

Result<Placed> Place(Cluster& cluster, Manifest& manifest) {
  Json& object = manifest.object;
  const std::string kind = TextAt(object, {"kind"});
  const std::string version = TextAt(object, {"apiVersion"});
  const std::string where = "unable to decode " + JsonQuote(manifest.source) + ": ";
  if (kind.empty()) return InvalidArgumentError(where + "Object 'Kind' is missing");
  if (version.empty()) return InvalidArgumentError(where + "Object 'apiVersion' is missing");
  const Json* metadata = FindPath(object, {"metadata"});
  if (metadata == nullptr) object["metadata"] = Json::object();
  if (!object["metadata"].is_object()) {
    return InvalidArgumentError(where + "metadata must be an object");
  }
  Placed placed;
  placed.name = throng::kube::NameOf(object);
  placed.name_space = throng::kube::NamespaceOf(object);
  Result<client::ResourceType> type = cluster.discovery.ForKind(version, kind);
  if (!type.ok()) {
    if (type.status().code() != StatusCode::kNotFound) return type.status();
    return NotFoundError("resource mapping not found for name: " + JsonQuote(placed.name) +
                         " namespace: " + JsonQuote(placed.name_space) + " from " +
                         JsonQuote(manifest.source) + ": " + type.status().message());
  }
  placed.type = std::move(*type);
  if (!placed.type.namespaced) {
    placed.name_space.clear();
    return placed;
  }
  const bool differs = !placed.name_space.empty() && placed.name_space != cluster.name_space;
  if (differs && cluster.namespace_given) {
    return InvalidArgumentError("the namespace from the provided object \"" + placed.name_space +
                                "\" does not match the namespace \"" + cluster.name_space +
                                "\". You must pass '--namespace=" + placed.name_space +
                                "' to perform this operation.");
  }
  if (placed.name_space.empty()) {
    placed.name_space = cluster.name_space;
    object["metadata"]["namespace"] = placed.name_space;
  }
  return placed;
}

Result<std::vector<Target>> TargetsOfFiles(Cluster& cluster, Surroundings& io,
                                           const std::vector<std::string>& paths) {
  THRONG_ASSIGN_OR_RETURN(std::vector<Manifest> manifests, ReadManifests(io, paths));
  std::vector<Target> targets;
  for (Manifest& manifest : manifests) {
    THRONG_ASSIGN_OR_RETURN(const Placed placed, Place(cluster, manifest));
    if (placed.name.empty()) return InvalidArgumentError("resource name may not be empty");
    targets.push_back({placed.type, placed.name, placed.name_space});
  }
  return targets;
}

}  // namespace throng::cli::kube
