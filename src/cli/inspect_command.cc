#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/given_paths.h"
#include "cli/options/option_table.h"
#include "cli/options/text_table.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "server/model_inspector.h"
#include "server/startup_report.h"

namespace throng::cli {
namespace {

constexpr size_t kModelsShown = 20;
constexpr size_t kNameShown = 320;  // a model's name and an entry's

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
  const char* format_source = config.from_file               ? "config.pbtxt"
                              : model.entry.content_is_known ? "file name and content"
                                                             : "file name";
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
  for (const std::string& warning : model.entry.warnings) {
    std::printf("warning: %s\n", warning.c_str());
  }
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
  const model::ModelConfig complete = server::CompleteConfig(model);
  std::printf("\nconfig.pbtxt:\n%s", repository::FormatModelConfig(complete).c_str());
}

}  // namespace

void PrintSkipped(const std::vector<repository::SkippedEntry>& skipped, const std::string& path) {
  bool shows_line = false;
  for (const auto& entry : skipped) {
    std::printf("%s: not a model that can be served: %s\n",
                server::ReportText(entry.name, kNameShown).c_str(),
                server::ReportText(entry.reason, limits::kErrorTextBytes).c_str());
    shows_line |= entry.reason.find("in the served folder run: ") != std::string::npos;
  }
  if (!shows_line) return;
  const auto info = os::RealFileSystem().Stat(path);
  const bool is_file = info.ok() && info->kind == os::FileKind::kRegular;
  std::string folder = is_file ? os::DirectoryName(path) : path;
  if (folder.empty()) folder = ".";
  std::printf("The served folder is %s: its paths are relative to it.\n",
              EscapeForLog(folder, limits::kErrorTextBytes).c_str());
}

int InspectCommand(std::span<const std::string> arguments) {
  runner::RunnerOptions options;
  bool help = false;
  OptionTable table;
  table.Add({"runner-directory", "DIR", "where the runner programs are (default: ../libexec)",
             Text(&options.program_directory)});
  table.Add({"help", "", "this text", Boolean(&help)});
  const auto paths = table.Parse(arguments);
  const std::string usage =
      "usage: throng inspect PATH\n\nTells what a model's file or folder is.\n\n" + table.Help();
  if (help) {
    std::fputs(usage.c_str(), stdout);
    return 0;
  }
  Status wrong = paths.status();
  if (wrong.ok() && paths->empty()) wrong = InvalidArgumentError("no PATH given");
  if (wrong.ok()) wrong = CheckNoMore(*paths, 1);
  if (!wrong.ok()) {
    std::fprintf(stderr, "throng inspect: %s\n%s", wrong.message().c_str(), usage.c_str());
    return 2;
  }
  const std::string& path = (*paths)[0];
  Status usable = CheckExists(os::RealFileSystem(), path);
  if (usable.ok()) {
    usable = CheckOptionFolder(os::RealFileSystem(), "runner-directory", options.program_directory);
  }
  if (!usable.ok()) {
    std::fprintf(stderr, "throng inspect: %s\n", usable.message().c_str());
    return 1;
  }
  const Logger quiet({}, os::RealClock(), [](std::string_view) {});
  auto inspection = server::InspectPath(path, options, quiet, kModelsShown);
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
  PrintSkipped(inspection->skipped, path);
  if (inspection->models.empty() && inspection->skipped.empty()) {
    std::puts("no model here");
  }
  return all_load ? 0 : 1;
}

}  // namespace throng::cli
