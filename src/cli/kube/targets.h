// Which objects a command line means: "pods", "tm cifar10 simple-string", "po/NAME job/NAME",
// "pods,tm", "all", as kubectl reads them; and reading them from the server.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/kube/verb.h"

namespace throng::cli::kube {

struct Target {
  client::ResourceType type;
  std::string name;             // empty: all of the type
  std::string name_space = {};  // its own, as a file says; empty: that of the command line

  // "trainedmodel.serving.kubeflow.org/cifar10".
  std::string Label() const { return type.ObjectPrefix() + "/" + name; }
  // In the namespace that the command line says, unless it has its own.
  std::string PathIn(std::string_view given) const {
    return type.Path(name_space.empty() ? given : std::string_view(name_space), name);
  }
};

// ERRORS: kInvalidArgument — the words fit no form; those of discovery.
Result<std::vector<Target>> ParseTargets(Cluster& cluster, const std::vector<std::string>& words);

struct Selection {
  std::string labels;  // -l
  std::string fields;  // --field-selector
};

// All objects (or the table) of a type, page by page: the first page with the items, or rows, of
// all. `name_space` empty: all namespaces.
Result<Json> ListAll(client::KubeClient& client, const client::ResourceType& type,
                     std::string_view name_space, const Selection& selection,
                     std::string_view accept);

// Named targets as they are, a type without a name as all its objects that fit the selection. Their
// targets have names and namespaces.
struct FoundObject {
  Target target;
  Json object;
};
Result<std::vector<FoundObject>> FindObjects(Cluster& cluster, const std::vector<Target>& targets,
                                             std::string_view name_space,
                                             const Selection& selection);

// Of the core group; every API has them.
client::ResourceType PodType();
client::ResourceType EventType();

// Kind and apiVersion, which items of a list may leave out.
void FillKind(const client::ResourceType& type, Json& object);

}  // namespace throng::cli::kube
