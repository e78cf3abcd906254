#include "client/kubeconfig.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/base64.h"
#include "base/control_limits.h"
#include "kube/json.h"

namespace throng::client {
namespace {

using kube::Json;
using kube::TextAt;

// Of clusters and users: what may be a path.
constexpr std::array<const char*, 4> kPathKeys = {"certificate-authority", "client-certificate",
                                                  "client-key", "tokenFile"};
struct Section {
  const char* list;   // "clusters"
  const char* entry;  // "cluster"
};
constexpr std::array<Section, 3> kSections = {
    {{"clusters", "cluster"}, {"users", "user"}, {"contexts", "context"}}};

std::vector<std::string> SplitList(std::string_view list) {
  std::vector<std::string> paths;
  while (!list.empty()) {
    const size_t colon = std::min(list.find(':'), list.size());
    std::string path(list.substr(0, colon));
    if (!path.empty() && std::find(paths.begin(), paths.end(), path) == paths.end()) {
      paths.push_back(std::move(path));
    }
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
  return paths;
}

void MakeAbsolute(const std::string& directory, Json& entry) {
  for (const char* key : kPathKeys) {
    const std::string path = TextAt(entry, {key});
    if (!path.empty() && path[0] != '/') entry[key] = os::JoinPath(directory, path);
  }
}

// {"clusters":{NAME:{...}},"users":...,"contexts":...,"current-context":...} of all files.
Status MergeFile(const os::FileSystem& files, const std::string& path, Json& merged) {
  THRONG_ASSIGN_OR_RETURN(const std::string text, files.Read(path, limits::kKubeconfigBytes));
  Result<Json> parsed = kube::ParseYaml(text);
  if (!parsed.ok()) return parsed.status().WithContext("kubeconfig");
  if (parsed->is_null()) return OkStatus();  // an empty file
  if (!parsed->is_object()) return InvalidArgumentError("kubeconfig: not an object");
  const std::string current = TextAt(*parsed, {"current-context"});
  if (TextAt(merged, {"current-context"}).empty()) merged["current-context"] = current;
  for (const Section& section : kSections) {
    const Json* list = kube::FindPath(*parsed, {section.list});
    if (list == nullptr || list->is_null()) continue;
    if (!list->is_array()) {
      return InvalidArgumentError(std::string("kubeconfig: ") + section.list + " must be a list");
    }
    for (const Json& named : *list) {
      const std::string name = TextAt(named, {"name"});
      const Json* value = kube::FindPath(named, {section.entry});
      Json entry = value == nullptr || !value->is_object() ? Json::object() : *value;
      MakeAbsolute(os::DirectoryName(path), entry);
      merged[section.list].emplace(name, std::move(entry));  // the first one counts
    }
  }
  return OkStatus();
}

bool Exists(const os::FileSystem& files, const std::string& path) {
  const Result<os::FileInfo> info = files.Stat(path);
  return info.ok() && info->kind != os::FileKind::kAbsent;
}

Result<std::vector<std::string>> FilesToRead(const os::FileSystem& files,
                                             const KubeconfigOptions& options) {
  if (!options.file.empty()) return std::vector<std::string>{options.file};
  const bool has_list = !options.list.empty();
  std::vector<std::string> found;
  for (const std::string& path : has_list ? SplitList(options.list) : options.fallbacks) {
    if (!Exists(files, path)) continue;
    found.push_back(path);
    if (!has_list) break;
  }
  if (!found.empty()) return found;
  if (has_list) return NotFoundError("none of the files that KUBECONFIG names is there");
  return NotFoundError(
      "no kubeconfig: start an API with `throng up`, or name a file with --kubeconfig or "
      "KUBECONFIG");
}

// The entry of that name. `what` is "cluster".
Result<Json> FindEntry(const Json& merged, const Section& section, const std::string& name) {
  const Json* entries = kube::FindPath(merged, {section.list});
  const bool found = entries != nullptr && entries->contains(name);
  if (found) return (*entries)[name];
  return NotFoundError(std::string(section.entry) + " \"" + name + "\" does not exist");
}

// `key`-data (base64), else the file that `key` names; empty without both.
Result<std::string> DataOrFile(const os::FileSystem& files, const Json& entry,
                               const std::string& key) {
  const std::string data = TextAt(entry, {key + "-data"});
  if (!data.empty()) {
    Result<std::string> decoded = DecodeBase64(data);
    if (!decoded.ok()) return decoded.status().WithContext("kubeconfig: " + key + "-data");
    return decoded;
  }
  const std::string path = TextAt(entry, {key});
  if (path.empty()) return std::string();
  Result<std::string> text = files.Read(path, limits::kKubeconfigBytes);
  if (!text.ok()) return text.status().WithContext("kubeconfig: " + key);
  return text;
}

bool IsTrue(const Json& entry, std::string_view key) {
  const Json* value = kube::FindPath(entry, {key});
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

Status ReadCluster(const os::FileSystem& files, const Json& cluster, ClusterAccess& access) {
  access.server = TextAt(cluster, {"server"});
  if (access.server.empty()) return InvalidArgumentError("kubeconfig: the cluster has no server");
  if (access.server.find("://") == std::string::npos) access.server = "http://" + access.server;
  if (!access.server.starts_with("http://") && !access.server.starts_with("https://")) {
    return InvalidArgumentError("kubeconfig: server must be http:// or https://");
  }
  while (access.server.ends_with('/')) access.server.pop_back();
  access.tls_server_name = TextAt(cluster, {"tls-server-name"});
  access.skip_tls_verify = IsTrue(cluster, "insecure-skip-tls-verify");
  access.proxy_url = TextAt(cluster, {"proxy-url"});
  THRONG_ASSIGN_OR_RETURN(access.authority_pem,
                          DataOrFile(files, cluster, "certificate-authority"));
  if (access.skip_tls_verify && !access.authority_pem.empty()) {
    return InvalidArgumentError(
        "kubeconfig: specifying a root certificates file with the insecure flag is not allowed");
  }
  return OkStatus();
}

Status RefuseCommands(const Json& user) {
  for (const char* key : {"exec", "auth-provider"}) {
    if (!user.contains(key) || user[key].is_null()) continue;
    return UnimplementedError(
        std::string("kubeconfig: the user's credential comes from '") + key +
        "', which throng does not run; give a token, a tokenFile or a client certificate");
  }
  return OkStatus();
}

Status ReadUser(const os::FileSystem& files, const Json& user, ClusterAccess& access) {
  THRONG_RETURN_IF_ERROR(RefuseCommands(user));
  THRONG_ASSIGN_OR_RETURN(access.certificate_pem, DataOrFile(files, user, "client-certificate"));
  THRONG_ASSIGN_OR_RETURN(access.private_key_pem, DataOrFile(files, user, "client-key"));
  if (access.certificate_pem.empty() != access.private_key_pem.empty()) {
    return InvalidArgumentError("kubeconfig: client-certificate and client-key go together");
  }
  access.token = TextAt(user, {"token"});
  const std::string token_file = TextAt(user, {"tokenFile"});
  if (!token_file.empty()) {
    Result<std::string> token = files.Read(token_file, limits::kKubeconfigBytes);
    if (!token.ok()) return token.status().WithContext("kubeconfig: tokenFile");
    token->erase(token->find_last_not_of(" \t\r\n") + 1);
    access.token = std::move(*token);
  }
  access.user = TextAt(user, {"username"});
  access.password = TextAt(user, {"password"});
  access.impersonated_user = TextAt(user, {"as"});
  const Json* groups = kube::FindPath(user, {"as-groups"});
  if (groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) access.impersonated_groups.push_back(group.get<std::string>());
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::string> DecodeBase64(std::string_view text) {
  std::string joined(text);
  std::erase_if(joined, [](char c) { return c == '\n' || c == '\r'; });
  auto bytes = throng::DecodeBase64(joined);
  if (!bytes) return InvalidArgumentError("not base64");
  return std::move(*bytes);
}

Result<ClusterAccess> LoadAccess(const os::FileSystem& files, const KubeconfigOptions& options) {
  Json merged = Json::object();
  for (const Section& section : kSections) merged[section.list] = Json::object();
  THRONG_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FilesToRead(files, options));
  for (const std::string& path : paths) {
    THRONG_RETURN_IF_ERROR(MergeFile(files, path, merged));
  }
  const std::string current = TextAt(merged, {"current-context"});
  const std::string& name = options.context.empty() ? current : options.context;
  if (name.empty()) return NotFoundError("kubeconfig: no current-context; give --context");
  const auto& [clusters, users, contexts] = kSections;
  THRONG_ASSIGN_OR_RETURN(const Json context, FindEntry(merged, contexts, name));
  THRONG_ASSIGN_OR_RETURN(const Json cluster,
                          FindEntry(merged, clusters, TextAt(context, {"cluster"})));
  ClusterAccess access;
  access.name_space = TextAt(context, {"namespace"});
  if (access.name_space.empty()) access.name_space = "default";
  THRONG_RETURN_IF_ERROR(ReadCluster(files, cluster, access));
  const std::string user_name = TextAt(context, {"user"});
  if (user_name.empty()) return access;  // nobody in particular
  THRONG_ASSIGN_OR_RETURN(const Json user, FindEntry(merged, users, user_name));
  THRONG_RETURN_IF_ERROR(ReadUser(files, user, access));
  return access;
}

}  // namespace throng::client
