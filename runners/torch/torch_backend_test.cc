#include "runners/torch/torch_backend.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "runners/testing/backend_fixture.h"
#include "runners/torch/testing/torchscript_archive.h"

namespace throng::torch_runner {
namespace {

using runners_testing::ChildEnd;
using runners_testing::CollectingSink;
using runners_testing::FloatInput;
using runners_testing::Floats;
using runners_testing::MakeArtifact;
using runners_testing::OwnedInput;
using runners_testing::ReadSourceFile;
using runners_testing::RunInCell;
using runners_testing::RunModel;
using runners_testing::StringInput;
using runners_testing::Strings;
using tensor::DataType;

// The zygote: warmed once; every test runs its model in a confined child.
TorchBackend& Zygote() {
  static TorchBackend* const backend = [] {
    auto* made = new TorchBackend;
    const Status warm = made->Warm();
    if (!warm.ok()) ADD_FAILURE() << warm.ToString();
    return made;
  }();
  return *backend;
}

sdk::LoadSpec SpecOf(const std::string& archive) {
  sdk::LoadSpec spec;
  spec.name = "m";
  spec.artifact = MakeArtifact({{"model.pt", archive}});
  return spec;
}

sdk::LoadSpec Cifar10Spec(const std::string& path) {
  sdk::LoadSpec spec = SpecOf(ReadSourceFile(path));
  spec.inputs = {{"INPUT__0", DataType::kFp32, {-1, 3, 32, 32}, false}};
  spec.outputs = {{"OUTPUT__0", DataType::kFp32, {-1, 10}, false}};
  return spec;
}

std::string Text(const std::vector<float>& values) {
  std::string text;
  for (const float value : values) text += std::to_string(value) + " ";
  return text;
}

// Loads and runs in a cell; the report is each output, or the failure.
std::string LoadAndRun(const sdk::LoadSpec& spec, const std::vector<OwnedInput>& inputs) {
  Result<std::unique_ptr<sdk::LoadedModel>> model = Zygote().Load(spec);
  if (!model.ok()) return "load: " + model.status().ToString();
  CollectingSink sink;
  const Status status = RunModel(**model, inputs, sink);
  if (!status.ok()) return "run: " + status.ToString();
  std::string report;
  for (const auto& output : sink.outputs()) {
    report += std::to_string(output->index) + tensor::ShapeToString(output->shape) + ":";
    if (output->type == DataType::kFp32) report += " " + Text(Floats(*output));
    if (output->type == DataType::kBytes) {
      for (const std::string& text : Strings(*output)) report += " " + text;
    }
    report += ";";
  }
  return report;
}

std::string InCell(const sdk::LoadSpec& spec, const std::vector<OwnedInput>& inputs) {
  const ChildEnd end = RunInCell(Zygote(), [&] { return LoadAndRun(spec, inputs); });
  if (end.signal != 0) return "signal " + std::to_string(end.signal) + " " + end.report;
  return end.report;
}

// The numbers after the first "data" that follows `after`.
std::vector<float> NumbersOf(const std::string& json, const std::string& after, size_t count) {
  const size_t start = json.find(after);
  const size_t data = json.find("\"data\"", start == std::string::npos ? 0 : start);
  std::vector<float> numbers;
  const char* at = json.c_str() + data + 6;
  while (numbers.size() < count && *at != '\0') {
    char* end = nullptr;
    const float value = strtof(at, &end);
    if (end == at) {
      ++at;
      continue;
    }
    numbers.push_back(value);
    at = end;
  }
  return numbers;
}

std::vector<float> Cifar10Image() {
  return NumbersOf(ReadSourceFile("examples/requests/cifar10.json"), "inputs", 3072);
}

TEST(TorchBackendTest, WarmLeavesOneThreadAndAVersion) {
  EXPECT_EQ(Zygote().framework(), "torch");
  EXPECT_FALSE(Zygote().framework_version().empty());
}

TEST(TorchBackendTest, Cifar10AnswersAsRecorded) {
  const std::vector<float> expected =
      NumbersOf(ReadSourceFile("examples/requests/expected.json"), "\"cifar10\"", 10);
  const std::vector<float> image = Cifar10Image();
  ASSERT_EQ(image.size(), 3072u);
  ASSERT_EQ(expected.size(), 10u);
  for (const char* path :
       {"examples/models/cifar10/1/model.pt", "tests/fixtures/cifar10-unfrozen/1/model.pt"}) {
    const std::string report = InCell(Cifar10Spec(path), {FloatInput(0, {1, 3, 32, 32}, image)});
    ASSERT_EQ(report.rfind("0[1,10]: ", 0), 0u) << report;
    const char* at = report.c_str() + strlen("0[1,10]: ");
    for (const float value : expected) {
      char* end = nullptr;
      EXPECT_NEAR(strtof(at, &end), value, 1e-4) << path;
      at = end;
    }
  }
}

TEST(TorchBackendTest, OneDnnKernelsRunInACell) {
  sdk::LoadSpec spec = Cifar10Spec("examples/models/cifar10/1/model.pt");
  spec.parameters["USE_ONEDNN"] = "true";
  const std::string report =
      InCell(spec, {FloatInput(0, {17, 3, 32, 32}, std::vector<float>(17 * 3072, 0.5f))});
  EXPECT_EQ(report.rfind("0[17,10]: ", 0), 0u) << report;
}

TEST(TorchBackendTest, OptimizedExecutionRunsInACell) {
  sdk::LoadSpec spec = Cifar10Spec("tests/fixtures/cifar10-unfrozen/1/model.pt");
  spec.parameters["DISABLE_OPTIMIZED_EXECUTION"] = "false";
  const std::vector<OwnedInput> input = {
      FloatInput(0, {1, 3, 32, 32}, std::vector<float>(3072, 0.5f))};
  const ChildEnd end = RunInCell(Zygote(), [&]() -> std::string {
    auto model = Zygote().Load(spec);
    if (!model.ok()) return model.status().ToString();
    for (int i = 0; i < 4; ++i) {  // profiles, then specialises
      CollectingSink sink;
      const Status status = RunModel(**model, input, sink);
      if (!status.ok()) return status.ToString();
    }
    return "ran";
  });
  EXPECT_EQ(end.report, "ran") << "signal " << end.signal;
}

TEST(TorchBackendTest, MetadataComesFromTheConfiguration) {
  sdk::LoadSpec spec = Cifar10Spec("examples/models/cifar10/1/model.pt");
  spec.max_batch_size = 4;
  spec.inputs[0].dims = {3, 32, 32};
  auto model = Zygote().Load(spec);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const model::ModelMetadata& metadata = (*model)->metadata();
  EXPECT_FALSE(metadata.accepts_anything);
  EXPECT_EQ(metadata.max_batch_size, 4);
  ASSERT_EQ(metadata.inputs.size(), 1u);
  EXPECT_EQ(metadata.inputs[0].shape, (tensor::Shape{-1, 3, 32, 32}));
  EXPECT_EQ(metadata.inputs[0].type, DataType::kFp32);
}

TEST(TorchBackendTest, WithoutConfigurationAcceptsAnything) {
  const sdk::LoadSpec spec = SpecOf(MakeTorchScript(
      "  def forward(self, a: Tensor, b: Tensor, c: float=2.0) -> Tuple[Tensor, Tensor]:\n"
      "    return (torch.add(a, b), torch.sub(a, b))\n"));
  auto model = Zygote().Load(spec);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const model::ModelMetadata& metadata = (*model)->metadata();
  EXPECT_TRUE(metadata.accepts_anything);
  ASSERT_EQ(metadata.inputs.size(), 2u);
  EXPECT_EQ(metadata.inputs[1].name, "INPUT__1");
  ASSERT_EQ(metadata.outputs.size(), 2u);
  EXPECT_EQ(metadata.outputs[1].name, "OUTPUT__1");
  EXPECT_EQ(InCell(spec, {FloatInput(0, {2}, {5, 6}), FloatInput(1, {2}, {1, 2})}),
            "0[2]: 6.000000 8.000000 ;1[2]: 4.000000 4.000000 ;");
  const std::string missing = InCell(spec, {FloatInput(0, {2}, {5, 6})});
  EXPECT_NE(missing.find("INVALID_ARGUMENT: no input for argument 1, 'b'"), std::string::npos)
      << missing;
  // The wrong shape is the client's fault where nobody could check it.
  const std::string wrong =
      InCell(spec, {FloatInput(0, {2}, {5, 6}), FloatInput(1, {3}, {1, 2, 3})});
  EXPECT_EQ(
      wrong.rfind("run: INVALID_ARGUMENT: PyTorch execute failure: RuntimeError: The size", 0), 0u)
      << wrong;
  EXPECT_EQ(wrong.find("File"), std::string::npos) << wrong;
}

TEST(TorchBackendTest, ListResultOfUnknownLengthListsNoOutputs) {
  const sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> List[Tensor]:\n"
                             "    return [x, torch.neg(x), torch.add(x, x)]\n"));
  auto model = Zygote().Load(spec);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_TRUE((*model)->metadata().outputs.empty());
  EXPECT_EQ(InCell(spec, {FloatInput(0, {1}, {3})}),
            "0[1]: 3.000000 ;1[1]: -3.000000 ;2[1]: 6.000000 ;");
}

TEST(TorchBackendTest, InputsAreMatchedByArgumentName) {
  sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, minuend: Tensor, subtrahend: Tensor) -> Tensor:\n"
                             "    return torch.sub(minuend, subtrahend)\n"));
  spec.inputs = {{"subtrahend", DataType::kFp32, {-1}, false},
                 {"minuend", DataType::kFp32, {-1}, false}};
  spec.outputs = {{"difference", DataType::kFp32, {-1}, false}};
  EXPECT_EQ(InCell(spec, {FloatInput(0, {1}, {1}), FloatInput(1, {1}, {10})}), "0[1]: 9.000000 ;");
}

TEST(TorchBackendTest, StringsGoInAndOutAsLists) {
  sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: List[str]) -> List[str]:\n"
                             "    return torch.slice(x, 1)\n"));
  spec.inputs = {{"x", DataType::kBytes, {-1}, false}};
  spec.outputs = {{"y", DataType::kBytes, {-1}, false}};
  EXPECT_EQ(InCell(spec, {StringInput(0, {3}, {"a", "", "ccc"})}), "0[2]:  ccc;");
  spec.inputs[0].dims = {-1, 2};
  auto model = Zygote().Load(spec);
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.status().message().find("one dimension"), std::string::npos);
}

TEST(TorchBackendTest, DictResultIsMatchedByName) {
  sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> Dict[str, Tensor]:\n"
                             "    return {\"same\": x, \"twice\": torch.add(x, x)}\n"));
  spec.inputs = {{"x", DataType::kFp32, {-1}, false}};
  spec.outputs = {{"twice", DataType::kFp32, {-1}, false}};
  EXPECT_EQ(InCell(spec, {FloatInput(0, {1}, {4})}), "0[1]: 8.000000 ;");
}

TEST(TorchBackendTest, DictArgumentIsFilledByName) {
  sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Dict[str, Tensor]) -> Tensor:\n"
                             "    return torch.sub(x[\"a\"], x[\"b\"])\n"));
  spec.inputs = {{"b", DataType::kFp32, {-1}, false}, {"a", DataType::kFp32, {-1}, false}};
  EXPECT_EQ(InCell(spec, {FloatInput(0, {1}, {1}), FloatInput(1, {1}, {5})}), "0[1]: 4.000000 ;");
}

TEST(TorchBackendTest, ModelMayWriteItsInputInPlace) {
  const sdk::LoadSpec spec = SpecOf(
      MakeTorchScript("  def forward(self, x: Tensor) -> Tensor:\n    return torch.add_(x, 1)\n"));
  const std::vector<OwnedInput> input = {FloatInput(0, {1}, {1})};
  auto model = Zygote().Load(spec);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  CollectingSink sink;
  ASSERT_TRUE(RunModel(**model, input, sink).ok());
  EXPECT_EQ(Floats(*sink.Find(0)), std::vector<float>{2});
  float unchanged = 0;
  std::memcpy(&unchanged, input[0].tensor.data.data(), sizeof(unchanged));
  EXPECT_EQ(unchanged, 1);
}

TEST(TorchBackendTest, NonContiguousResultIsWrittenInRowMajorOrder) {
  const sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> Tensor:\n    return torch.t(x)\n"));
  EXPECT_EQ(InCell(spec, {FloatInput(0, {2, 2}, {1, 2, 3, 4})}),
            "0[2,2]: 1.000000 3.000000 2.000000 4.000000 ;");
}

TEST(TorchBackendTest, EmptyTensorsGoThrough) {
  const sdk::LoadSpec spec = SpecOf(
      MakeTorchScript("  def forward(self, x: Tensor) -> Tensor:\n    return torch.relu(x)\n"));
  EXPECT_EQ(InCell(spec, {FloatInput(0, {0, 3}, {})}), "0[0,3]: ;");
}

TEST(TorchBackendTest, RefusesResultThatIsNoTensor) {
  const sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> int:\n    return 1\n"));
  const std::string report = InCell(spec, {FloatInput(0, {1}, {1})});
  EXPECT_EQ(report.rfind("run: INTERNAL: forward() returned int; ", 0), 0u) << report;
}

TEST(TorchBackendTest, RefusesResultOfAnotherDatatypeThanConfigured) {
  sdk::LoadSpec spec = Cifar10Spec("examples/models/cifar10/1/model.pt");
  spec.outputs[0].type = DataType::kInt64;
  const std::string report =
      InCell(spec, {FloatInput(0, {1, 3, 32, 32}, std::vector<float>(3072, 0))});
  EXPECT_EQ(report,
            "run: INTERNAL: output 'OUTPUT__0' of the model is FP32, but its configuration says "
            "INT64");
}

TEST(TorchBackendTest, RefusesResultThatClaimsTooManyElements) {
  const sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> Tensor:\n"
                             "    return torch.expand(x, [1099511627776])\n"));
  const std::string report = InCell(spec, {FloatInput(0, {1}, {1})});
  EXPECT_EQ(report.rfind("run: ", 0), 0u) << report;
}

TEST(TorchBackendTest, RefusesConfigurationThatDoesNotFitForward) {
  sdk::LoadSpec spec = Cifar10Spec("examples/models/cifar10/1/model.pt");
  spec.inputs.push_back({"INPUT__1", DataType::kFp32, {-1}, false});
  auto model = Zygote().Load(spec);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
  spec.inputs.pop_back();
  spec.inputs[0].type = DataType::kBytes;
  spec.inputs[0].dims = {-1};
  model = Zygote().Load(spec);
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.status().message().find("is a Tensor"), std::string::npos)
      << model.status().message();
}

TEST(TorchBackendTest, RefusesWhatIsNoTorchScript) {
  const std::string whole = ReadSourceFile("examples/models/cifar10/1/model.pt");
  for (const std::string& bytes : {std::string(), std::string("no zip"), whole.substr(0, 1000),
                                   whole.substr(0, whole.size() - 1), whole.substr(5000)}) {
    const std::string report = InCell(SpecOf(bytes), {});
    EXPECT_EQ(report.rfind("load: INVALID_ARGUMENT: not a loadable TorchScript model: ", 0), 0u)
        << report;
    EXPECT_EQ(report.find('/'), std::string::npos) << report;
  }
}

TEST(TorchBackendTest, RefusesOperatorThatIsNotThere) {
  const std::string report =
      InCell(SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> Tensor:\n    return "
                                    "ops.torchvision.nms(x, x, 0.5)\n")),
             {});
  EXPECT_EQ(report.rfind("load: UNIMPLEMENTED: ", 0), 0u) << report;
  EXPECT_NE(report.find("torchvision"), std::string::npos) << report;
}

// A file name that a hostile model writes to.
class HostileModelTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitised builds run cells without the filter";
#endif
    path_ = testing::TempDir() + "throng-hostile-" + std::to_string(getpid());
  }
  void TearDown() override { unlink(path_.c_str()); }
  std::string path_;
};

TEST_F(HostileModelTest, WritingAFileWhileLoadingKillsTheCell) {
  const sdk::LoadSpec spec =
      SpecOf(MakeTorchScriptWithState("  def forward(self, x: Tensor) -> Tensor:\n    return x\n"
                                      "  def __getstate__(self) -> int:\n    return 1\n"
                                      "  def __setstate__(self, state: int) -> NoneType:\n"
                                      "    torch.save(torch.zeros([1]), \"" +
                                      path_ + "\")\n    return None\n"));
  EXPECT_EQ(InCell(spec, {FloatInput(0, {1}, {1})}), "signal " + std::to_string(SIGSYS) + " ");
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(HostileModelTest, ReadingAFileWhileRunningKillsTheCell) {
  const sdk::LoadSpec spec =
      SpecOf(MakeTorchScript("  def forward(self, x: Tensor) -> Tensor:\n"
                             "    return torch.from_file(\"/etc/passwd\", False, 8, dtype=0)\n"));
  EXPECT_EQ(InCell(spec, {FloatInput(0, {1}, {1})}), "signal " + std::to_string(SIGSYS) + " ");
}

}  // namespace
}  // namespace throng::torch_runner
