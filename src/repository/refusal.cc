// Why a file is not served, and the line that converts it. The lines are for a shell: a name that
// needs quoting, or is too long for the line, is replaced by a word that the text explains.
#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/log.h"
#include "os/file.h"
#include "repository/recognise.h"

namespace throng::repository {
namespace {

// What stands around a reason when it is told to a client: the file's name, and whose request it
// was, besides the model's name.
constexpr size_t kTextAroundReasonBytes = 300;

constexpr std::string_view kWhere = "in the served folder run: ";
constexpr std::string_view kPlaceholders = " (FILE: the file's path; NAME: the model's name)";

bool IsSafeInShell(std::string_view name) {
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
  });
}

// Where the line reads and writes.
struct Paths {
  std::string file;
  std::string name;
  std::string folder;    // that a converted artefact goes to, with a '/'; empty: beside the file
  std::string original;  // what the file becomes where the result takes its place; empty: it stays
  bool has_placeholders = false;

  // The artefact that a model's folder holds as `in_folder`, and a folder of models as
  // NAME<suffix>.
  std::string Target(const std::string& in_folder, const std::string& suffix) const {
    return folder.empty() ? name + suffix : folder + in_folder;
  }
};

bool IsTorchName(std::string_view path) { return path.ends_with(".pt") || path.ends_with(".pth"); }

Paths PathsOf(const RefusedFile& refused) {
  Paths paths;
  paths.file = refused.path;
  paths.name = refused.model_name;
  // A file without a folder is an entry of a folder of models when the model is called after it.
  const std::string_view base = os::BaseName(refused.path);
  const bool is_inside = base.size() != refused.path.size();
  const bool is_entry = !is_inside && !refused.is_served_alone &&
                        base.substr(0, base.rfind('.')) == refused.model_name;
  const std::string folder =
      is_inside ? std::string(refused.path.substr(0, refused.path.size() - base.size())) : "";
  if (is_inside) paths.folder = folder;
  if (!is_entry && IsTorchName(base)) paths.original = folder + "." + std::string(base);
  if (!IsSafeInShell(paths.file) || !IsSafeInShell(paths.name)) {
    return {"FILE", "NAME", "", "", true};
  }
  return paths;
}

std::string Python(const std::string& code) { return "python3 -c \"" + code + "\""; }

// Turns the module `m` into TorchScript and saves it.
std::string ScriptAndSave(const Paths& paths) {
  const std::string script = "; s=torch.jit.script(m.eval()); ";
  if (!paths.original.empty()) {
    return script + "os.rename('" + paths.file + "', '" + paths.original + "'); s.save('" +
           paths.file + "')";
  }
  if (!paths.folder.empty()) return script + "s.save('" + paths.folder + "model.pt')";
  return script + "os.makedirs('" + paths.name + "', exist_ok=True); s.save('" + paths.name +
         "/model.pt')";
}

std::string StateDictLine(const std::string& load, const Paths& paths) {
  return Python("import os, torch; from MODULE import CLASS; m=CLASS(); m.load_state_dict(" + load +
                ")" + ScriptAndSave(paths));
}

std::string TorchLoad(const Paths& paths, bool with_code) {
  return "torch.load('" + paths.file + "'" + (with_code ? ", weights_only=False)" : ")");
}

std::string KerasLine(const Paths& paths) {
  const std::string target = paths.Target("model.savedmodel", "/1/model.savedmodel");
  return Python("import keras; keras.saving.load_model('" + paths.file + "').export('" + target +
                "')");
}

std::string SklearnLine(const Paths& paths) {
  return Python(
      "import joblib; from skl2onnx import to_onnx; "
      "from skl2onnx.common.data_types import FloatTensorType as F; m=joblib.load('" +
      paths.file + "'); open('" + paths.Target("model.onnx", ".onnx") +
      "', 'wb').write(to_onnx(m, initial_types=[('X', F([None, m.n_features_in_]))])"
      ".SerializeToString())");
}

std::string RenameLine(const Paths& paths, const std::string& suffix) {
  return std::string(kWhere) + "mv " + paths.file + " " + paths.Target("model" + suffix, suffix);
}

std::string TorchReason(const Recognition& recognition, const Paths& paths) {
  const std::string where(kWhere);
  switch (recognition.content) {
    case Content::kTorchStateDict:
      return "PyTorch weights without their model (state_dict); the class is needed (CLASS of "
             "MODULE): " +
             where + StateDictLine(TorchLoad(paths, false), paths);
    case Content::kTorchModule:
      return "a pickled PyTorch module" +
             (recognition.detail.empty() ? "" : " (" + recognition.detail + ")") +
             ", not TorchScript; convert it where its class can be imported: " + where +
             Python("import os, torch; m=" + TorchLoad(paths, true) + ScriptAndSave(paths));
    case Content::kTorchLegacy:
      return "a pickle of torch.save before 1.6, not TorchScript; the class is needed (CLASS of "
             "MODULE): " +
             where +
             Python("import os, torch; from MODULE import CLASS; m=" + TorchLoad(paths, true) +
                    "; n=CLASS(); m=m if isinstance(m, torch.nn.Module) else "
                    "n.load_state_dict(m) and n" +
                    ScriptAndSave(paths));
    case Content::kTorchExport:
      return "a torch.export program; convert it to ONNX: " + where +
             Python("import torch; torch.onnx.export(torch.export.load('" + paths.file +
                    "'), dynamo=True).save('" + paths.Target("model.onnx", ".onnx") + "')");
    case Content::kTorchServeArchive:
      return "a TorchServe archive; take the TorchScript file out of it: " + where + "unzip -j " +
             paths.file + " '*.pt' -d " + (paths.folder.empty() ? paths.name : paths.folder);
    default:
      return "its content is TorchScript: " + RenameLine(paths, ".pt");
  }
}

bool IsPickleName(std::string_view path) {
  constexpr std::array<std::string_view, 4> kSuffixes = {".joblib", ".pkl", ".pickle", ".sav"};
  return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [path](std::string_view suffix) { return path.ends_with(suffix); });
}

std::string PickleReason(const std::string& what, const Paths& paths) {
  return what +
         ", which would run code when loaded; if it is a scikit-learn model that you trust, " +
         std::string(kWhere) + SklearnLine(paths);
}

std::string UnknownReason(const RefusedFile& file) {
  if (const std::string_view format = UnservedFormatOf(os::BaseName(file.path)); !format.empty()) {
    return "looks like " + std::string(format) + ", which is not supported";
  }
  if (file.wanted.empty()) return "its content is not of a known format";
  return "its content is not " + std::string(file.wanted);
}

std::string Reason(const Recognition& recognition, const RefusedFile& file, const Paths& paths) {
  switch (recognition.content) {
    case Content::kEmpty:
      return "the file is empty";
    case Content::kGitLfsPointer:
      return "a Git LFS pointer, not the file itself: git lfs pull";
    case Content::kKeras:
      return "a Keras archive; export it: " + std::string(kWhere) + KerasLine(paths);
    case Content::kHdf5:
      return "an HDF5 file; if it is a whole Keras model, export it: " + std::string(kWhere) +
             KerasLine(paths);
    case Content::kPickle:
      return PickleReason("a Python pickle", paths);
    case Content::kCompressed:
      if (!IsPickleName(file.path)) return "compressed (" + recognition.detail + "): unpack it";
      return PickleReason("a compressed Python pickle (" + recognition.detail + ")", paths);
    case Content::kSafetensors:
      return "weights without their model (safetensors); the class is needed (CLASS of MODULE): " +
             std::string(kWhere) +
             StateDictLine("__import__('safetensors.torch').torch.load_file('" + paths.file + "')",
                           paths);
    case Content::kBrokenArchive:
      return recognition.detail;
    case Content::kOtherArchive:
      if (!UnservedFormatOf(os::BaseName(file.path)).empty()) return UnknownReason(file);
      return "a zip archive that holds no model that is known";
    case Content::kOnnx:
      return "its content is ONNX: " + RenameLine(paths, ".onnx");
    case Content::kGraphDef:
      return "a TensorFlow graph; if it is frozen (a GraphDef), " + RenameLine(paths, ".graphdef");
    case Content::kSavedModel:
      return "the graph of a TensorFlow SavedModel; serve its folder: " + paths.name +
             "/saved_model.pb beside variables/";
    case Content::kTensorFlowLite:
      return "a TensorFlow Lite model, which is not served: export a SavedModel instead";
    case Content::kUnknown:
      return UnknownReason(file);
    default:
      return TorchReason(recognition, paths);
  }
}

struct UnservedFormat {
  std::string_view suffix;  // of a file's or folder's name; all of it when it has no leading dot
  std::string_view what;
};

constexpr UnservedFormat kUnservedFormats[] = {
    {".plan", "a TensorRT engine"},
    {".engine", "a TensorRT engine"},
    {".trt", "a TensorRT engine"},
    {"model.py", "a model of Triton's Python backend"},
    {".savedmodel.zip", "a zipped SavedModel (unpack it to model.savedmodel/)"},
    {"model.zip", "a zip archive"},
    {".xgb", "an XGBoost model"},
    {".ubj", "an XGBoost model"},
    {"xgboost.json", "an XGBoost model"},
    {"model.json", "a model saved as JSON (XGBoost, TensorFlow.js)"},
    {"model.txt", "a LightGBM model"},
    {".lgb", "a LightGBM model"},
    {".cbm", "a CatBoost model"},
    {"checkpoint.tl", "a Treelite model"},
    {".pmml", "a PMML model"},
    {".mlmodel", "a Core ML model"},
    {".mlpackage", "a Core ML model"},
    {".gguf", "a GGUF language model"},
    {".ggml", "a GGML language model"},
    {".pdmodel", "a PaddlePaddle model"},
    {".caffemodel", "a Caffe model"},
    {"model.xml", "an OpenVINO model"},
    {"model.dali", "a DALI pipeline"},
    {".msgpack", "a Flax checkpoint"},
    {".ckpt.index", "a TensorFlow checkpoint (export a SavedModel)"},
    {".meta", "a TensorFlow checkpoint (export a SavedModel)"},
};

}  // namespace

std::string RefusalReason(const Recognition& recognition, const RefusedFile& file) {
  Paths paths = PathsOf(file);
  std::string reason = Reason(recognition, file, paths);
  const size_t bound = limits::kErrorTextBytes - kTextAroundReasonBytes -
                       std::min(file.model_name.size(), limits::kModelNameBytes);
  if (!paths.has_placeholders && reason.size() > bound) {
    paths = {"FILE", "NAME", "", "", true};
    reason = Reason(recognition, file, paths);
  }
  const bool shows_them = paths.has_placeholders && (reason.find("FILE") != std::string::npos ||
                                                     reason.find("NAME") != std::string::npos);
  return shows_them ? reason + std::string(kPlaceholders) : reason;
}

std::string_view UnservedFormatOf(std::string_view name) {
  for (const UnservedFormat& format : kUnservedFormats) {
    const bool fits =
        format.suffix.starts_with('.') ? name.ends_with(format.suffix) : name == format.suffix;
    if (fits) return format.what;
  }
  return {};
}

}  // namespace throng::repository
