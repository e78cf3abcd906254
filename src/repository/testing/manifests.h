// The manifests of the runners in this tree, for tests that scan folders.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/framework.h"

namespace throng::repository::testing {

// `source_directory`: the top of the tree. Frameworks whose manifest cannot be read are left out.
inline std::vector<model::FrameworkManifest> ReadManifests(const std::string& source_directory) {
  std::vector<model::FrameworkManifest> manifests;
  for (const std::string name : {"onnx", "torch", "tensorflow", "null"}) {
    std::ifstream file(source_directory + "/runners/" + name + "/" + name + ".manifest");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    Result<model::FrameworkManifest> manifest = model::ParseFrameworkManifest(text);
    if (manifest.ok()) manifests.push_back(std::move(*manifest));
  }
  return manifests;
}

}  // namespace throng::repository::testing
