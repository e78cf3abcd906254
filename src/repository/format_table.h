// The accepted formats of every framework, from the manifests: which file name belongs to which
// framework. Immutable after construction; keeps pointers into the manifests.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/framework.h"
#include "model/model_config.h"

namespace throng::repository {

struct Format {
  const model::FrameworkManifest* manifest = nullptr;
  const model::FormatRule* rule = nullptr;

  // True when platform and backend of `config`, where given, are this format's.
  bool Fits(const model::ModelConfig& config) const {
    return (config.platform.empty() || config.platform == rule->platform) &&
           (config.backend.empty() || config.backend == manifest->backend);
  }
};

inline constexpr std::string_view kSavedModelProbe = "saved_model_dir";
inline constexpr std::string_view kTorchScriptProbe = "torchscript_zip";
inline constexpr std::string_view kAnyProbe = "any";
inline constexpr std::string_view kSavedModelFile = "saved_model.pb";

class FormatTable {
 public:
  // REQUIRES: `manifests` outlives it and does not change.
  explicit FormatTable(const std::vector<model::FrameworkManifest>& manifests);

  // The format whose default name this is ("model.onnx"). Nothing: none.
  std::optional<Format> ByDefaultName(std::string_view name, bool is_folder,
                                      const model::ModelConfig& config) const;
  // The format with the longest suffix that `name` ends with and that leaves something before it.
  std::optional<Format> BySuffix(std::string_view name, bool is_folder,
                                 const model::ModelConfig& config) const;
  std::optional<Format> ByProbe(std::string_view probe, const model::ModelConfig& config) const;
  // The only format that `config` allows. Nothing: none, or several.
  std::optional<Format> OnlyOneOf(const model::ModelConfig& config) const;

  // ERRORS: kInvalidArgument — platform or backend of `config` is unknown, or they do not belong
  // together.
  Status CheckConfig(const model::ModelConfig& config) const;

  const std::vector<Format>& formats() const { return formats_; }
  // "model.onnx, model.pt": for a person who wonders what would have been accepted. The runner of
  // the project's own tests is not offered, here or by CheckConfig.
  std::string DefaultNames(const model::ModelConfig& config) const;

 private:
  std::vector<Format> formats_;
};

}  // namespace throng::repository
