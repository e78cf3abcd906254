// Objects in files: YAML (several documents) or JSON, from files, folders and standard input, with
// the names of where they came from, and where each lies on the server.
#pragma once

#include <string>
#include <vector>

#include "cli/kube/targets.h"

namespace throng::cli::kube {

struct Manifest {
  Json object;
  std::string source;  // the file as given, below its folder; "STDIN"
};

// Lists are taken apart. Folders: their .json, .yaml and .yml files in order of their names, and
// with `recursive` those of folders in them. Paths in errors are as typed. ERRORS: kNotFound;
// kInvalidArgument — a file that cannot be read as objects, or holds none; kResourceExhausted.
Result<std::vector<Manifest>> ReadManifests(Surroundings& io, const std::vector<std::string>& paths,
                                            bool recursive = false);

// The object's type and place. Sets metadata.namespace where it belongs and is missing. ERRORS:
// kInvalidArgument — no kind, no apiVersion, a namespace other than the one that was asked for;
// kNotFound — the server has no such kind.
struct Placed {
  client::ResourceType type;
  std::string name_space;
  std::string name;  // empty with generateName
  // "trainedmodel.serving.kubeflow.org/cifar10".
  std::string Label() const { return type.ObjectPrefix() + "/" + name; }
};
Result<Placed> Place(Cluster& cluster, Manifest& manifest);

// What files name, as targets. ERRORS: as above.
Result<std::vector<Target>> TargetsOfFiles(Cluster& cluster, Surroundings& io,
                                           const std::vector<std::string>& paths);

}  // namespace throng::cli::kube
