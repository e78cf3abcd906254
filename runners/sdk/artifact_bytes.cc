#include "runners/sdk/backend.h"

namespace throng::sdk {

const ArtifactBytes::File* ArtifactBytes::Find(std::string_view name) const {
  for (const File& file : files_) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

}  // namespace throng::sdk
