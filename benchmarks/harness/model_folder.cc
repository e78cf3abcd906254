#include "benchmarks/harness/model_folder.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

namespace throng::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwnCell =
    "\nparameters { key: \"isolation\" value { string_value: \"model\" } }\n";

Status ToStatus(const std::error_code& error, const std::string& what) {
  return error ? UnavailableError(what + ": " + error.message()) : OkStatus();
}

// Without the line that names the model: it would have to be the folder's name.
std::string ConfigFor(const fs::path& config_path, bool own_cell) {
  std::string config;
  std::ifstream file(config_path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("name:")) config += line + "\n";
  }
  if (own_cell) config += kOwnCell;
  return config;
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::Create() {
  std::string pattern = (fs::temp_directory_path() / "throng-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return UnavailableError("no temporary folder");
  TemporaryFolder folder;
  folder.path_ = pattern;
  return folder;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

std::string TemporaryFolder::Sub(const std::string& name) const {
  const fs::path path = fs::path(path_) / name;
  std::error_code ignored;
  fs::create_directories(path, ignored);
  return path.string();
}

Result<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFoundError("cannot read " + path);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Status WriteTextFile(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file ? OkStatus() : UnavailableError("cannot write " + path);
}

Result<std::vector<ExampleModel>> ExampleModels(const Options& options) {
  const std::string cifar = MakeFloatBody("INPUT__0", "1,3,32,32", 3072);
  const std::string requests = options.source_path + "/examples/requests/";
  THRONG_ASSIGN_OR_RETURN(const std::string mlp, ReadTextFile(requests + "tiny-mlp.json"));
  THRONG_ASSIGN_OR_RETURN(const std::string strings, ReadTextFile(requests + "simple-string.json"));
  return std::vector<ExampleModel>{
      {"torch cifar10", "torch", "examples/models/cifar10", cifar},
      {"torch cifar10-unfrozen", "torch", "tests/fixtures/cifar10-unfrozen", cifar},
      {"onnx tiny-mlp", "onnx", "examples/models/tiny-mlp.onnx", mlp},
      {"onnx cifar10-onnx", "onnx", "examples/models/cifar10-onnx", cifar},
      {"tensorflow simple-string", "tensorflow", "examples/models/simple-string", strings},
  };
}

Status CopyModel(const Options& options, const ExampleModel& model, const std::string& folder,
                 const std::string& name, bool own_cell) {
  const fs::path from = fs::path(options.source_path) / model.path;
  const fs::path to = fs::path(folder) / name;
  std::error_code error;
  if (fs::is_directory(from)) {
    fs::copy(from, to, fs::copy_options::recursive, error);
  } else {
    fs::create_directories(to / "1", error);
    fs::copy_file(from, to / "1" / ("model" + from.extension().string()), error);
  }
  THRONG_RETURN_IF_ERROR(ToStatus(error, "cannot copy " + model.path));
  const std::string config = ConfigFor(from / "config.pbtxt", own_cell);
  if (config.empty()) return OkStatus();
  return WriteTextFile((to / "config.pbtxt").string(), config);
}

Result<std::vector<std::string>> NaiveCommand(const Options& options, const ExampleModel& model,
                                              int count) {
  const fs::path program =
      fs::path(options.program_directory) / ("throng-naive-" + model.framework);
  if (!fs::exists(program)) return NotFoundError(program.string() + " was not built");
  fs::path file = fs::path(options.source_path) / model.path;
  if (fs::is_directory(file)) {
    for (const auto& entry : fs::directory_iterator(file / "1")) file = entry.path();
  }
  return std::vector<std::string>{program.string(), file.string(), std::to_string(count)};
}

std::string MakeFloatBody(std::string_view name, std::string_view shape, int count) {
  std::string body = "{\"inputs\":[{\"name\":\"" + std::string(name) + "\",\"shape\":[" +
                     std::string(shape) + "],\"datatype\":\"FP32\",\"data\":[";
  std::mt19937 random(7);
  std::uniform_real_distribution<float> values(-1.0F, 1.0F);
  for (int i = 0; i < count; ++i) {
    char text[32];
    const auto printed = std::to_chars(text, text + sizeof(text), values(random));
    if (i > 0) body += ',';
    body.append(text, printed.ptr);
  }
  return body + "]}]}";
}

}  // namespace throng::bench
