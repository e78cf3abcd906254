// Damaged model files through the real frameworks: each answers or is refused with a reason, the
// server stays, and another model answers all the while. Prints what became of the files.
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/testing/caller.h"
#include "tests/integration/testing/null_model.h"
#include "tests/integration/testing/server_process.h"
#include "tests/integration/testing/traffic.h"

namespace throng::integration {
namespace {

constexpr int kClients = 4;

int MutationCount() {
  const char* full = std::getenv("THRONG_TEST_FULL");
  return full != nullptr && std::string(full) == "1" ? 2000 : 300;
}

// A good model, the file of it that is damaged, and a request that it would answer.
struct Original {
  std::string model;    // file or folder in the source tree
  std::string damaged;  // beneath `model`; empty when that is a file
  std::string request;
};

// Mostly few, and rarely the highest: what is hit must stay text to get past the first parser.
void FlipBits(std::string& bytes, std::minstd_rand& random) {
  const uint32_t count = random() % 4 == 0 ? 1 + random() % 32 : 1 + random() % 2;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t bit = random() % 16 == 0 ? 7 : random() % 7;
    bytes[random() % bytes.size()] ^= static_cast<char>(1U << bit);
  }
}

void Truncate(std::string& bytes, std::minstd_rand& random) {
  bytes.resize(random() % bytes.size());
}

// A piece of the file over another place of it, or of noise.
void Splice(std::string& bytes, std::minstd_rand& random) {
  const size_t length = 1 + random() % std::min<size_t>(bytes.size(), 64);
  const size_t from = random() % (bytes.size() - length + 1);
  const size_t to = random() % (bytes.size() - length + 1);
  std::string piece = bytes.substr(from, length);
  if (random() % 2 == 0) {
    for (char& byte : piece) byte = static_cast<char>(random() >> 8);
  }
  bytes.replace(to, random() % 4 == 0 ? 0 : length, piece);
}

std::string Mutate(std::string bytes, uint32_t seed) {
  std::minstd_rand random(seed * 2654435761U + 1);
  random.discard(3);
  if (bytes.size() < 2) return bytes;
  switch (random() % 10) {
    case 0:
      Truncate(bytes, random);
      break;
    case 1:
    case 2:
    case 3:
      Splice(bytes, random);
      break;
    default:
      FlipBits(bytes, random);
      break;
  }
  return bytes;
}

struct Outcome {
  std::atomic<int> answered = 0;
  std::atomic<int> refused = 0;  // could not be loaded, or not run
  std::atomic<int> ended = 0;    // its process
};

class MutationTest : public testing::Test {
 protected:
  void Run(const std::string& format, const std::string& suffix,
           const std::vector<Original>& originals) {
    const int count = MutationCount();
    for (int i = 0; i < count; ++i) WriteDamaged(i, suffix, originals[i % originals.size()]);
    for (size_t i = 0; i < originals.size(); ++i) WriteGood(i, suffix, originals[i]);
    AddNullModel(models_, "healthy", "");
    ServerProcess server({"--execution-deadline=5", "--cell-memory=1Gi", models_.path()});
    ASSERT_EQ(server.WhyNotListening(), "");
    ASSERT_TRUE(server.WaitUntilScanned()) << server.Log();
    Traffic healthy(server.http_port());
    healthy.Add("healthy", NullRequest(1));

    for (size_t i = 0; i < originals.size(); ++i) {
      const Answer answer =
          Caller(server.http_port()).Infer("good" + std::to_string(i), originals[i].request);
      EXPECT_EQ(answer.status, 200) << originals[i].model << ": " << answer.body;
    }
    Outcome outcome;
    std::atomic<int> next = 0;
    std::vector<std::thread> clients;
    clients.reserve(kClients);
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&] {
        Caller caller(server.http_port());
        for (int file = next++; file < count; file = next++) {
          Ask(caller, file, originals[file % originals.size()].request, outcome);
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_TRUE(healthy.WaitForAnswers(10));
    healthy.Stop();
    EXPECT_EQ(healthy.FailureText(), "");
    EXPECT_TRUE(server.Running()) << server.Log();
    std::printf("%s: %d damaged files: %d answered, %d refused, %d ended their process\n",
                format.c_str(), count, outcome.answered.load(), outcome.refused.load(),
                outcome.ended.load());
    RecordProperty(format + "_answered", outcome.answered);
    RecordProperty(format + "_refused", outcome.refused);
    RecordProperty(format + "_ended", outcome.ended);
    EXPECT_EQ(outcome.answered + outcome.refused + outcome.ended, count);
    EXPECT_GT(outcome.refused, 0);
    EXPECT_EQ(server.Stop(), 0);
  }

 private:
  static std::string Name(int file) { return "m" + std::to_string(file); }

  void WriteDamaged(int file, const std::string& suffix, const Original& original) {
    const std::string source = SourceFile(original.model);
    if (original.damaged.empty()) {
      models_.Write(Name(file) + "/1/" + suffix,
                    Mutate(ReadFile(source), static_cast<uint32_t>(file)));
      return;
    }
    models_.Copy(source, Name(file));
    RenameInConfig(Name(file));
    const std::string damaged = Name(file) + "/" + original.damaged;
    models_.Write(damaged, Mutate(ReadFile(models_.File(damaged)), static_cast<uint32_t>(file)));
  }

  void WriteGood(size_t number, const std::string& suffix, const Original& original) {
    const std::string name = "good" + std::to_string(number);
    models_.Copy(SourceFile(original.model),
                 original.damaged.empty() ? name + "/1/" + suffix : name);
    RenameInConfig(name);
  }

  // The configuration of a copied folder may name the model, which must be the folder's name.
  void RenameInConfig(const std::string& name) {
    std::string config = ReadFile(models_.File(name + "/config.pbtxt"));
    const size_t begin = config.find("name:");
    if (begin != 0) return;
    models_.Write(name + "/config.pbtxt", config.substr(config.find('\n') + 1));
  }

  static void Ask(Caller& caller, int file, const std::string& request, Outcome& outcome) {
    const Answer answer = caller.Infer(Name(file), request);
    if (answer.status == 200) {
      ++outcome.answered;
      return;
    }
    EXPECT_EQ(WrongWithError(answer), "") << Name(file);
    if (std::getenv("THRONG_TEST_VERBOSE") != nullptr) {
      std::printf("%s: %d %s\n", Name(file).c_str(), answer.status, ErrorText(answer).c_str());
    }
    const bool ended = answer.status == 503 || answer.status == 504;
    ++(ended ? outcome.ended : outcome.refused);
  }

  TemporaryFolder models_;
};

std::string Request(const std::string& example) {
  return ReadFile(SourceFile("examples/requests/" + example + ".json"));
}

std::string OneInput(const std::string& name, const std::string& type, const std::string& shape,
                     const std::string& data) {
  return R"({"inputs":[{"name":")" + name + R"(","datatype":")" + type + R"(","shape":)" + shape +
         R"(,"data":)" + data + "}]}";
}

std::string TwoRows(const std::string& first, const std::string& second, const std::string& type) {
  const std::string row = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]";
  const auto input = [&](const std::string& name) {
    return R"({"name":")" + name + R"(","datatype":")" + type + R"(","shape":[1,16],"data":)" +
           row + "}";
  };
  return "{\"inputs\":[" + input(first) + "," + input(second) + "]}";
}

TEST_F(MutationTest, Onnx) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const std::string iris = OneInput("X", "FP32", "[1,4]", "[5.1,3.5,1.4,0.2]");
  Run("onnx", "model.onnx",
      {{"examples/models/tiny-mlp.onnx", "", Request("tiny-mlp")},
       {"tests/fixtures/models/iris_classifier.onnx", "", iris},
       {"tests/fixtures/models/add_sub.onnx", "", TwoRows("INPUT0", "INPUT1", "FP32")},
       {"examples/models/string-upper/model.onnx", "", Request("string-upper")},
       {"examples/models/cifar10-onnx/1/model.onnx", "", Request("cifar10-onnx")}});
}

TEST_F(MutationTest, TorchScript) {
  if (!HasRunner("torch")) GTEST_SKIP() << "no LibTorch runner";
  const std::string pair = TwoRows("INPUT__0", "INPUT__1", "FP32");
  const std::string raises = OneInput("INPUT__0", "FP32", "[1]", "[4]");
  Run("torchscript", "model.pt",
      {{"tests/fixtures/models/two-in-two-out/1/model.pt", "", pair},
       {"tests/fixtures/models/add-sub-named/1/model.pt", "", pair},
       {"tests/fixtures/models/raises/1/model.pt", "", raises},
       {"examples/models/cifar10", "1/model.pt", Request("cifar10")}});
}

TEST_F(MutationTest, GraphDef) {
  if (!HasRunner("tensorflow")) GTEST_SKIP() << "no TensorFlow runner";
  Run("graphdef", "model.graphdef",
      {{"tests/fixtures/models/graphdef-add-sub/1/model.graphdef", "",
        TwoRows("INPUT0", "INPUT1", "INT32")},
       {"examples/models/simple-string", "1/model.graphdef", Request("simple-string")}});
}

TEST_F(MutationTest, SavedModel) {
  if (!HasRunner("tensorflow")) GTEST_SKIP() << "no TensorFlow runner";
  const std::string good = Request("half-plus-two");
  const std::string keras = OneInput("features", "FP32", "[1,4]", "[1,2,3,4]");
  const std::string folder = "1/model.savedmodel/";
  Run("savedmodel", "",
      {{"examples/models/half-plus-two", folder + "saved_model.pb", good},
       {"examples/models/half-plus-two", folder + "variables/variables.index", good},
       {"examples/models/half-plus-two", folder + "variables/variables.data-00000-of-00001", good},
       {"tests/fixtures/models/keras-export", folder + "saved_model.pb", keras},
       {"tests/fixtures/models/savedmodel-v1", folder + "saved_model.pb",
        OneInput("x", "FP32", "[1,4]", "[1,2,3,4]")}});
}

}  // namespace
}  // namespace throng::integration
