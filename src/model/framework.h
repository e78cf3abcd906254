// FrameworkManifest: what Throng needs to know of a framework without having it. Each runner brings
// one (runners/<framework>/<framework>.manifest, installed beside the runner program), so that a
// framework is added by adding a folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace throng::model {

// One accepted artefact of a framework.
struct FormatRule {
  std::string suffix;        // ".onnx", ".pt", ".graphdef"; a folder when it ends with '/'
  std::string default_name;  // "model.onnx"; "model.savedmodel/" for a folder
  std::string platform;      // "onnxruntime_onnx": as Triton prints it
  std::string probe;         // content check that the recogniser knows: "onnx", "torchscript_zip",
                             // "protobuf", "saved_model_dir", "any"
};

struct FrameworkManifest {
  std::string framework;   // "onnx": also the runner's name, throng-runner-onnx
  std::string backend;     // "onnxruntime": Triton's backend name
  std::string get_it;      // the command that brings it: "./dev setup onnx"
  std::string log_source;  // "onnxruntime.cc": file named in "Creating instance" lines
  int log_line = 0;
  bool log_instance_suffix = true;  // "NAME_0_0_cpu" (true) or "NAME" (TensorFlow)
  std::vector<FormatRule> formats;
};

// `text` is lines of "key: value"; "format: suffix=.onnx name=model.onnx platform=... probe=...".
// '#' starts a comment. ERRORS: kInvalidArgument — names the line.
Result<FrameworkManifest> ParseFrameworkManifest(std::string_view text);

}  // namespace throng::model
