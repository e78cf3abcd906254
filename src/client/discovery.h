// Discovery: which resource a person means by a word, and where it lies on the server. Asks the
// server (/api, /apis, /api/v1, /apis/G/V) only as far as it must, each once. Blocking, not
// thread-safe.
//
//   Discovery discovery(client);
//   THRONG_ASSIGN_OR_RETURN(ResourceType type, discovery.Resolve("tm"));
//   client.Get(type.Path("default", "cifar10"));
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/kube_client.h"

namespace throng::client {

struct ResourceType {
  std::string group;  // empty: the core group
  std::string version;
  std::string resource;  // "trainedmodels"
  std::string kind;      // "TrainedModel"
  std::string singular;
  bool namespaced = false;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  // "trainedmodel.serving.kubeflow.org", as kubectl names objects of it.
  std::string ObjectPrefix() const;
  // "trainedmodels.serving.kubeflow.org".
  std::string QualifiedResource() const;
  // Of all objects (`name` empty), or one. `name_space` counts for namespaced ones only; empty:
  // all.
  std::string Path(std::string_view name_space, std::string_view name) const;
};

class Discovery {
 public:
  explicit Discovery(KubeClient& client) : client_(client) {}

  // "pods", "po", "Pod", "trainedmodels.serving.kubeflow.org", "deployments.v1.apps". ERRORS:
  // kNotFound — "the server doesn't have a resource type ...", and those of calls.
  Result<ResourceType> Resolve(std::string_view word);
  // All of a category ("all"); none: empty.
  Result<std::vector<ResourceType>> InCategory(std::string_view category);
  // ERRORS: kNotFound — no matches for kind "X" in version "g/v".
  Result<ResourceType> ForKind(const std::string& api_version, const std::string& kind);

 private:
  struct Group {
    std::string name;
    std::vector<std::string> versions;  // the preferred one first
  };

  Result<const std::vector<Group>*> Groups();
  // Empty for a version that the server does not have.
  Result<const std::vector<ResourceType>*> Resources(const std::string& group,
                                                     const std::string& version);
  // The same, and empty for one that the server lists but cannot serve now: that must not hide the
  // others.
  Result<const std::vector<ResourceType>*> ResourcesIfServed(const std::string& group,
                                                             const std::string& version);
  Result<const ResourceType*> Find(std::string_view word, std::string_view group,
                                   std::string_view version);

  KubeClient& client_;
  bool has_groups_ = false;
  std::vector<Group> groups_;
  std::map<std::string, std::vector<ResourceType>> resources_;  // by group/version
};

}  // namespace throng::client
