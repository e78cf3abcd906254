#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/option_table.h"
#include "cli/text_table.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "server/model_inspector.h"

namespace throng::cli {
namespace {

constexpr size_t kModelsShown = 20;

std::string Source(const std::vector<model::TensorConfig>& configured,
                   const model::ModelMetadata& metadata, const std::string& name) {
  for (const model::TensorConfig& config : configured) {
    if (config.name == name) return "config.pbtxt";
  }
  return metadata.accepts_anything ? "inferred" : "model file";
}

void AddTensors(TextTable& table, const std::string& kind,
                const std::vector<model::TensorMetadata>& tensors,
                const std::vector<model::TensorConfig>& configured,
                const model::ModelMetadata& metadata) {
  for (const model::TensorMetadata& tensor : tensors) {
    const bool known = tensor.type != tensor::DataType::kInvalid;
    table.AddRow({kind, tensor.name + (tensor.optional ? " (optional)" : ""),
                  known ? std::string(tensor::DataTypeName(tensor.type)) : "any",
                  known ? tensor::ShapeToString(tensor.shape) : "any",
                  Source(configured, metadata, tensor.name)});
  }
}

void PrintModel(const server::InspectedModel& model) {
  const model::ModelConfig& config = *model.entry.config;
  std::printf("%s\n", model.entry.name.str().c_str());
  TextTable facts({"fact", "value", "from"});
  const char* format_source = config.from_file ? "config.pbtxt" : "file name and content";
  facts.AddRow(
      {"format", config.platform.empty() ? config.backend : config.platform, format_source});
  facts.AddRow({"framework", model.entry.framework, format_source});
  std::string versions;
  for (const auto& version : model.entry.versions) {
    versions += (versions.empty() ? "" : ", ") + std::to_string(version.version);
  }
  facts.AddRow({"versions", versions, "folders"});
  if (!model.entry.versions.empty()) {
    const auto& last = model.entry.versions.back();
    facts.AddRow(
        {"file", last.file_name + ", " + std::to_string(last.size_bytes) + " bytes", "disk"});
  }
  if (model.load_status.ok()) {
    facts.AddRow({"max batch size", std::to_string(model.metadata.max_batch_size),
                  config.from_file ? "config.pbtxt" : "inferred"});
  }
  std::fputs(facts.Text().c_str(), stdout);
  if (!model.load_status.ok()) {
    std::printf("\nIt does not load: %s\n", model.load_status.message().c_str());
    return;
  }
  TextTable tensors({"tensor", "name", "datatype", "shape", "from"});
  AddTensors(tensors, "input", model.metadata.inputs, config.inputs, model.metadata);
  AddTensors(tensors, "output", model.metadata.outputs, config.outputs, model.metadata);
  std::printf("\n%s", tensors.Text().c_str());
  if (model.metadata.accepts_anything) {
    std::puts(
        "\nThis format does not tell datatypes and shapes: any are accepted, as INPUT__0,\n"
        "INPUT__1, ...; a config.pbtxt beside it makes the server check them.");
  }
  for (const std::string& warning : model.warnings) std::printf("warning: %s\n", warning.c_str());
  const model::ModelConfig complete = server::CompleteConfig(config, model.metadata);
  std::printf("\nconfig.pbtxt:\n%s", repository::FormatModelConfig(complete).c_str());
}

}  // namespace

int InspectCommand(std::span<const std::string> arguments) {
  runner::RunnerOptions options;
  bool help = false;
  OptionTable table;
  table.Add({"runner-directory", "DIR", "where the runner programs are (default: ../libexec)",
             Text(&options.program_directory)});
  table.Add({"help", "", "this text", Boolean(&help)});
  const auto paths = table.Parse(arguments);
  if (!paths.ok() || help || paths->size() != 1) {
    if (!paths.ok()) std::fprintf(stderr, "throng inspect: %s\n", paths.status().message().c_str());
    std::fprintf(help ? stdout : stderr,
                 "usage: throng inspect PATH\n\nTells what a model's file or folder is.\n\n%s",
                 table.Help().c_str());
    return help ? 0 : 2;
  }
  const Logger quiet({}, os::RealClock(), [](std::string_view) {});
  auto inspection = server::InspectPath((*paths)[0], options, quiet, kModelsShown);
  if (!inspection.ok()) {
    std::fprintf(stderr, "throng inspect: %s\n", inspection.status().message().c_str());
    return 1;
  }
  bool all_load = !inspection->models.empty();
  for (size_t i = 0; i < inspection->models.size(); ++i) {
    if (i > 0) std::puts("");
    PrintModel(inspection->models[i]);
    all_load = all_load && inspection->models[i].load_status.ok();
  }
  for (const auto& skipped : inspection->skipped) {
    std::printf("%s: not a model that can be served: %s\n", EscapeForLog(skipped.name, 64).c_str(),
                EscapeForLog(skipped.reason, 1024).c_str());
  }
  if (inspection->models.empty() && inspection->skipped.empty()) {
    std::puts("no model here");
  }
  return all_load ? 0 : 1;
}

}  // namespace throng::cli
