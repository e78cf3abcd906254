#include "runners/tensorflow/tensorflow_backend.h"

#include <signal.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "runners/tensorflow/testing/graph_def.h"
#include "runners/testing/backend_fixture.h"

namespace throng::tensorflow_runner {
namespace {

using runners_testing::ChildEnd;
using runners_testing::CollectingSink;
using runners_testing::FloatInput;
using runners_testing::Floats;
using runners_testing::MakeArtifact;
using runners_testing::NamedBytes;
using runners_testing::OwnedInput;
using runners_testing::ReadSourceFile;
using runners_testing::RunInCell;
using runners_testing::RunModel;
using runners_testing::StringInput;
using runners_testing::Strings;
using tensor::DataType;

// The zygote: warmed once. Every test loads in a confined child: no graph may be made here.
TensorflowBackend& Zygote() {
  static TensorflowBackend* const backend = [] {
    auto* made = new TensorflowBackend;
    const Status warm = made->Warm();
    if (!warm.ok()) ADD_FAILURE() << warm.ToString();
    return made;
  }();
  return *backend;
}

sdk::LoadSpec GraphSpec(const std::string& graph_def) {
  sdk::LoadSpec spec;
  spec.name = "m";
  spec.artifact = MakeArtifact({{"model.graphdef", graph_def}});
  return spec;
}

sdk::LoadSpec SimpleStringSpec() {
  sdk::LoadSpec spec = GraphSpec(ReadSourceFile("examples/models/simple-string/1/model.graphdef"));
  spec.max_batch_size = 8;
  spec.inputs = {{"INPUT0", DataType::kBytes, {16}, false},
                 {"INPUT1", DataType::kBytes, {16}, false}};
  spec.outputs = {{"OUTPUT0", DataType::kBytes, {16}, false},
                  {"OUTPUT1", DataType::kBytes, {16}, false}};
  return spec;
}

std::vector<NamedBytes> HalfPlusTwoFiles() {
  std::vector<NamedBytes> files;
  for (const char* name : {"saved_model.pb", "variables/variables.index",
                           "variables/variables.data-00000-of-00001", "fingerprint.pb"}) {
    files.push_back({name, ReadSourceFile("examples/models/half-plus-two/1/model.savedmodel/" +
                                          std::string(name))});
  }
  return files;
}

sdk::LoadSpec SavedModelSpec(const std::vector<NamedBytes>& files) {
  sdk::LoadSpec spec;
  spec.name = "m";
  spec.artifact = MakeArtifact(files);
  return spec;
}

std::string Describe(const CollectingSink& sink) {
  std::string report;
  for (const auto& output : sink.outputs()) {
    report += std::to_string(output->index) + tensor::ShapeToString(output->shape) + ":";
    if (output->type == DataType::kFp32) {
      for (const float value : Floats(*output)) report += " " + std::to_string(value);
    }
    if (output->type == DataType::kBytes) {
      for (const std::string& text : Strings(*output)) report += " " + text;
    }
    report += ";";
  }
  return report;
}

std::string Describe(const std::vector<model::TensorMetadata>& tensors) {
  std::string report;
  for (const model::TensorMetadata& tensor : tensors) {
    report += " " + tensor.name + std::string(tensor.optional ? "?" : "") + " " +
              std::string(tensor::DataTypeName(tensor.type)) + tensor::ShapeToString(tensor.shape);
  }
  return report;
}

std::string Execute(sdk::LoadedModel& model, const std::vector<OwnedInput>& inputs) {
  CollectingSink sink;
  const Status status = RunModel(model, inputs, sink);
  return status.ok() ? Describe(sink) : "run: " + status.ToString();
}

std::string LoadAndRun(const sdk::LoadSpec& spec, const std::vector<OwnedInput>& inputs) {
  Result<std::unique_ptr<sdk::LoadedModel>> model = Zygote().Load(spec);
  if (!model.ok()) return "load: " + model.status().ToString();
  return Execute(**model, inputs);
}

std::string InCell(const std::function<std::string()>& body) {
  const ChildEnd end = RunInCell(Zygote(), body);
  if (end.signal != 0) return "signal " + std::to_string(end.signal) + " " + end.report;
  return end.report;
}

std::string InCell(const sdk::LoadSpec& spec, const std::vector<OwnedInput>& inputs) {
  return InCell([&] { return LoadAndRun(spec, inputs); });
}

std::string MetadataInCell(const sdk::LoadSpec& spec) {
  return InCell([&]() -> std::string {
    auto model = Zygote().Load(spec);
    if (!model.ok()) return "load: " + model.status().ToString();
    std::string report = "in" + Describe((*model)->metadata().inputs) + " out" +
                         Describe((*model)->metadata().outputs);
    for (const std::string& warning : (*model)->warnings()) report += " | " + warning;
    return report;
  });
}

std::vector<std::string> Sixteen(const std::string& value) {
  return std::vector<std::string>(16, value);
}

std::string Repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(TensorflowBackendTest, SimpleStringAddsAndSubtracts) {
  EXPECT_EQ(InCell(SimpleStringSpec(), {StringInput(0, {1, 16}, Sixteen("20")),
                                        StringInput(1, {1, 16}, Sixteen("22"))}),
            "0[1,16]:" + Repeated(" 42", 16) + ";1[1,16]:" + Repeated(" -2", 16) + ";");
}

TEST(TensorflowBackendTest, BadNumberFailsItsOwnRequestOnly) {
  const sdk::LoadSpec spec = SimpleStringSpec();
  const std::string report = InCell([&] {
    auto model = Zygote().Load(spec);
    if (!model.ok()) return model.status().ToString();
    std::vector<std::string> bad = Sixteen("1");
    bad[7] = "seven";
    const OwnedInput ones = StringInput(1, {1, 16}, Sixteen("1"));
    return Execute(**model, {StringInput(0, {1, 16}, bad), ones}) + "|" +
           Execute(**model, {StringInput(0, {1, 16}, Sixteen("2")), ones});
  });
  EXPECT_EQ(report,
            "run: INVALID_ARGUMENT: TensorFlow: StringToNumberOp could not correctly convert "
            "string: seven|0[1,16]:" +
                Repeated(" 3", 16) + ";1[1,16]:" + Repeated(" 1", 16) + ";");
}

TEST(TensorflowBackendTest, OnlyRequestedOutputsAreComputed) {
  const sdk::LoadSpec spec = SimpleStringSpec();
  const std::string report = InCell([&] {
    auto model = Zygote().Load(spec);
    if (!model.ok()) return model.status().ToString();
    const OwnedInput first = StringInput(0, {1, 16}, Sixteen("5"));
    const OwnedInput second = StringInput(1, {1, 16}, Sixteen("3"));
    const sdk::Input inputs[] = {first.view(), second.view()};
    const uint16_t wanted[] = {1};
    CollectingSink sink;
    const Status status = (*model)->Execute(inputs, wanted, sink);
    return status.ok() ? Describe(sink) : status.ToString();
  });
  EXPECT_EQ(report, "1[1,16]:" + Repeated(" 2", 16) + ";");
}

TEST(TensorflowBackendTest, GraphDefWithoutConfigurationShowsPlaceholdersAndSinks) {
  sdk::LoadSpec spec = SimpleStringSpec();
  EXPECT_EQ(MetadataInCell(spec),
            "in INPUT0 BYTES[-1,16] INPUT1 BYTES[-1,16] out OUTPUT0 BYTES[-1,16] OUTPUT1 "
            "BYTES[-1,16]");
  spec.max_batch_size = 0;
  spec.inputs.clear();
  spec.outputs.clear();
  EXPECT_EQ(MetadataInCell(spec),
            "in INPUT0 BYTES[-1,16] INPUT1 BYTES[-1,16] out OUTPUT0 BYTES[-1,16] OUTPUT1 "
            "BYTES[-1,16]");
}

TEST(TensorflowBackendTest, ConfigurationMayNameAnyNode) {
  sdk::LoadSpec spec = SimpleStringSpec();
  spec.outputs = {{"TO_STR1", DataType::kBytes, {16}, false},
                  {"ADD:0", DataType::kInt32, {16}, false}};
  EXPECT_EQ(MetadataInCell(spec),
            "in INPUT0 BYTES[-1,16] INPUT1 BYTES[-1,16] out TO_STR1 BYTES[-1,16] ADD:0 "
            "INT32[-1,16]");
}

TEST(TensorflowBackendTest, RefusesConfigurationThatDisagrees) {
  sdk::LoadSpec spec = SimpleStringSpec();
  spec.inputs[0].type = DataType::kFp32;
  EXPECT_EQ(InCell(spec, {}),
            "load: INVALID_ARGUMENT: tensor 'INPUT0' is FP32 in the configuration, but the model's "
            "is BYTES");
  spec = SimpleStringSpec();
  spec.inputs[1].dims = {8};
  EXPECT_EQ(InCell(spec, {}),
            "load: INVALID_ARGUMENT: tensor 'INPUT1' has shape [-1,8] in the configuration (with "
            "the batch dimension), but the model's is [-1,16]");
  spec = SimpleStringSpec();
  spec.outputs[0].name = "OUTPUT7";
  EXPECT_EQ(InCell(spec, {}),
            "load: INVALID_ARGUMENT: the model has no output 'OUTPUT7' that the configuration "
            "names");
}

TEST(TensorflowBackendTest, LongAndEmptyStringsGoThrough) {
  const std::string graph = Placeholder("x", kString, {-1}) +
                            Node("y", "Identity", {"x"}, {{"T", TypeAttribute(kString)}});
  const std::string text(1000, 'a');
  EXPECT_EQ(InCell(GraphSpec(graph), {StringInput(0, {3}, {text, "", "b"})}),
            "0[3]: " + text + "  b;");
  EXPECT_EQ(InCell(GraphSpec(graph), {StringInput(0, {0}, {})}), "0[0]:;");
}

TEST(TensorflowBackendTest, HalfPlusTwoAnswersFromMemory) {
  const sdk::LoadSpec spec = SavedModelSpec(HalfPlusTwoFiles());
  EXPECT_EQ(MetadataInCell(spec), "in x FP32[-1,1] out y FP32[-1,1]");
  EXPECT_EQ(InCell(spec, {FloatInput(0, {3, 1}, {1, 2, 5})}),
            "0[3,1]: 2.500000 3.000000 4.500000;");
}

TEST(TensorflowBackendTest, SavedModelMayLieInAFolder) {
  std::vector<NamedBytes> files = HalfPlusTwoFiles();
  for (NamedBytes& file : files) file.first = "model.savedmodel/" + file.first;
  EXPECT_EQ(InCell(SavedModelSpec(files), {FloatInput(0, {1, 1}, {1})}), "0[1,1]: 2.500000;");
}

TEST(TensorflowBackendTest, LoadsAgainAfterFailureAndUnload) {
  std::vector<NamedBytes> files = HalfPlusTwoFiles();
  const sdk::LoadSpec good = SavedModelSpec(files);
  files.erase(files.begin() + 2);  // the values of the variables
  const sdk::LoadSpec bad = SavedModelSpec(files);
  const std::string report = InCell([&] {
    std::string all;
    for (int i = 0; i < 3; ++i) {
      all += LoadAndRun(bad, {}).substr(0, 22) + "|";
      all += LoadAndRun(good, {FloatInput(0, {1, 1}, {2})}) + "|";
    }
    return all;
  });
  EXPECT_EQ(report, Repeated("load: INVALID_ARGUMENT|0[1,1]: 3.000000;|", 3));
}

TEST(TensorflowBackendTest, RefusesDamagedSavedModel) {
  for (size_t file = 0; file < 3; ++file) {
    std::vector<NamedBytes> files = HalfPlusTwoFiles();
    files[file].second.resize(files[file].second.size() / 2);
    const std::string report = InCell(SavedModelSpec(files), {FloatInput(0, {1, 1}, {1})});
    EXPECT_EQ(report.rfind("load: ", 0), 0u) << report;
    EXPECT_EQ(report.find("ram:"), std::string::npos) << report;
  }
}

TEST(TensorflowBackendTest, RefusesWhatIsNoGraph) {
  EXPECT_EQ(InCell(GraphSpec("no protobuf"), {}).rfind("load: INVALID_ARGUMENT: ", 0), 0u);
  EXPECT_EQ(InCell(GraphSpec(""), {}), "load: INVALID_ARGUMENT: the model has no output to serve");
  const std::string dangling =
      Placeholder("x", kFloat, {1}) + Node("y", "Relu", {"z"}, {{"T", TypeAttribute(kFloat)}});
  EXPECT_EQ(InCell(GraphSpec(dangling), {}).rfind("load: INVALID_ARGUMENT: ", 0), 0u);
}

TEST(TensorflowBackendTest, RefusesOperatorThatIsNotThereWithoutNamingTheHost) {
  EXPECT_EQ(InCell(GraphSpec(Placeholder("x", kFloat, {1}) + Node("y", "NoSuchOp", {"x"}, {})), {}),
            "load: UNIMPLEMENTED: not a loadable GraphDef: Op type not registered 'NoSuchOp'");
}

TEST(TensorflowBackendTest, WarnsOfInputWithoutRank) {
  const std::string graph = Node("x", "Placeholder", {}, {{"dtype", TypeAttribute(kFloat)}}) +
                            Node("y", "Relu", {"x"}, {{"T", TypeAttribute(kFloat)}});
  EXPECT_EQ(MetadataInCell(GraphSpec(graph)),
            "in x FP32[-1] out y FP32[-1] | input 'x' takes any number of dimensions; one is "
            "assumed unless a configuration says otherwise");
}

TEST(TensorflowBackendTest, ConvolutionsAndProductsRunInACell) {
  const std::string graph =
      Placeholder("x", kFloat, {-1, 8, 8, 3}) + Placeholder("filter", kFloat, {3, 3, 3, 16}) +
      Placeholder("weight", kFloat, {576, 64}) +
      Node("conv", "Conv2D", {"x", "filter"},
           {{"T", TypeAttribute(kFloat)},
            {"strides", IntListAttribute({1, 1, 1, 1})},
            {"padding", StringAttribute("VALID")}}) +
      Node("pool", "MaxPool", {"conv"},
           {{"T", TypeAttribute(kFloat)},
            {"ksize", IntListAttribute({1, 1, 1, 1})},
            {"strides", IntListAttribute({1, 1, 1, 1})},
            {"padding", StringAttribute("VALID")}}) +
      Node("shape", "Const", {},
           {{"dtype", TypeAttribute(kInt32)},
            {"value", BytesField(8, NumberField(1, kInt32) +
                                        BytesField(2, BytesField(2, NumberField(1, 2))) +
                                        NumberField(7, ~0ULL) + NumberField(7, 576))}}) +
      Node("flat", "Reshape", {"pool", "shape"},
           {{"T", TypeAttribute(kFloat)}, {"Tshape", TypeAttribute(kInt32)}}) +
      Node("product", "MatMul", {"flat", "weight"}, {{"T", TypeAttribute(kFloat)}}) +
      Node("y", "Softmax", {"product"}, {{"T", TypeAttribute(kFloat)}});
  const std::string report =
      InCell(GraphSpec(graph), {FloatInput(0, {32, 8, 8, 3}, std::vector<float>(32 * 192, 0.5f)),
                                FloatInput(1, {3, 3, 3, 16}, std::vector<float>(432, 0.1f)),
                                FloatInput(2, {576, 64}, std::vector<float>(576 * 64, 0.1f))});
  EXPECT_EQ(report.rfind("0[32,64]: 0.015625", 0), 0u) << report.substr(0, 200);
}

TEST(TensorflowBackendTest, ThreadsThatStartAfterTheLockDownMayRun) {
  const std::string graph =
      Placeholder("x", kFloat, {-1, 64}) +
      Node("y", "Sum", {"x", "axis"},
           {{"T", TypeAttribute(kFloat)}, {"Tidx", TypeAttribute(kInt32)}}) +
      Node("axis", "Const", {},
           {{"dtype", TypeAttribute(kInt32)},
            {"value",
             BytesField(8, NumberField(1, kInt32) + BytesField(2, "") + NumberField(7, 1))}});
  const std::string report =
      InCell(GraphSpec(graph), {FloatInput(0, {4096, 64}, std::vector<float>(4096 * 64, 1))});
  EXPECT_EQ(report.rfind("0[4096]: 64.000000 64.000000", 0), 0u) << report.substr(0, 200);
}

// A file that a hostile model reads or writes.
class HostileGraphTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitised builds run cells without the filter";
#endif
    path_ = testing::TempDir() + "throng-hostile-" + std::to_string(getpid());
  }
  void TearDown() override { unlink(path_.c_str()); }

  // The cell dies at once, or the operator fails; it never succeeds.
  static void ExpectDeniedOrKilled(const std::string& report) {
    EXPECT_TRUE(report == "signal " + std::to_string(SIGSYS) + " " || report.rfind("run: ", 0) == 0)
        << report;
  }

  std::string path_;
};

TEST_F(HostileGraphTest, WritingAFileIsDenied) {
  const std::string graph =
      Placeholder("x", kString, {}) +
      Node("name", "Const", {},
           {{"dtype", TypeAttribute(kString)}, {"value", StringTensorAttribute(path_)}}) +
      Node("write", "WriteFile", {"name", "x"}, {}) +
      Node("y", "Identity", {"x", "^write"}, {{"T", TypeAttribute(kString)}});
  ExpectDeniedOrKilled(InCell(GraphSpec(graph), {StringInput(0, {}, {"stolen"})}));
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(HostileGraphTest, ReadingAFileIsDenied) {
  const std::string graph = Placeholder("x", kString, {}) + Node("y", "ReadFile", {"x"}, {});
  ExpectDeniedOrKilled(InCell(GraphSpec(graph), {StringInput(0, {}, {"/etc/passwd"})}));
}

}  // namespace
}  // namespace throng::tensorflow_runner
