// A graph with a session and its named inputs and outputs, from a GraphDef or a SavedModel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "runners/sdk/backend.h"
#include "runners/tensorflow/tensorflow_api.h"

namespace throng::tensorflow_runner {

// A tensor of a graph: where it comes from, and the name and type that the model shows.
struct Endpoint {
  TF_Output output = {nullptr, 0};
  model::TensorMetadata metadata;
};

struct LoadedGraph {
  GraphPtr graph;
  SessionPtr session;  // after graph: goes first
  std::vector<Endpoint> inputs;
  std::vector<Endpoint> outputs;
  std::vector<std::string> warnings;
};

// Opens loaded.session on loaded.graph. ERRORS: kInternal.
Status OpenSession(LoadedGraph& loaded);

// ERRORS: kInvalidArgument — not a GraphDef, or the configuration does not agree with it;
// kUnimplemented — an operator or a datatype that is not there.
Result<LoadedGraph> LoadGraphDef(const sdk::LoadSpec& spec, std::span<const std::byte> graph_def);

// `saved_model` is the saved_model.pb among the artefact's files; `number` names its folder in
// TensorFlow's memory file system: not one in use. ERRORS: as LoadGraphDef.
Result<LoadedGraph> LoadSavedModel(const sdk::LoadSpec& spec,
                                   const sdk::ArtifactBytes::File& saved_model, uint64_t number);

}  // namespace throng::tensorflow_runner
