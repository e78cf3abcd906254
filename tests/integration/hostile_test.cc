// Models that try what they must not: every misbehaviour of the null runner while it loads and
// while it answers, and hostile files for the real frameworks. Each attempt is denied or contained,
// the server stays, another model answers, and nothing outside has changed. Done as the user who
// runs the test and, when that is root, by a server of an ordinary user too.
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/testing/caller.h"
#include "tests/integration/testing/null_model.h"
#include "tests/integration/testing/server_process.h"

namespace throng::integration {
namespace {

using std::chrono::seconds;

struct Misbehaviour {
  const char* name;
  // Comes back with an answer when it is contained; otherwise its only answer is a failure.
  bool may_succeed = false;
};

// runners/null/hostile.h
constexpr Misbehaviour kMisbehaviours[] = {
    {"open_file"},     {"connect"},
    {"fork"},          {"clone3"},
    {"exec"},          {"ptrace"},
    {"signal"},        {"thread_signal"},
    {"map_exec"},      {"map_huge"},
    {"leak", true},    {"truncate_arena"},
    {"write_past"},    {"garbage_frames"},
    {"wrong_call_id"}, {"answer_twice", true},
    {"huge_output"},   {"bad_bytes"},
    {"never_answer"},  {"spin"},
    {"exit"},          {"segfault"},
    {"abort"},         {"raise"},
    {"deaf_garbage"},  {"claim_hours", true},
    {"print", true},
};

// What a hostile model might have changed outside.
std::string OutsideState() {
  std::ostringstream state;
  for (const char* path : {"/etc/passwd", "/tmp", "/var/tmp", "/dev/shm"}) {
    struct stat info {};
    if (stat(path, &info) != 0) continue;
    state << path << ' ' << info.st_mode << ' ' << info.st_uid;
    if (S_ISREG(info.st_mode)) state << ' ' << info.st_size << ' ' << info.st_mtim.tv_sec;
    state << '\n';
  }
  return state.str();
}

std::set<std::string> HostileMarkers() {
  std::set<std::string> markers;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp")) {
    const std::string name = entry.path().filename();
    if (name.starts_with("throng-hostile-")) markers.insert(name);
  }
  return markers;
}

enum class RunAs { kSelf, kOrdinaryUser };

std::string RunAsName(const testing::TestParamInfo<RunAs>& info) {
  return info.param == RunAs::kSelf ? "AsTheTestsUser" : "AsAnOrdinaryUser";
}

class HostileTest : public testing::TestWithParam<RunAs> {
 protected:
  void SetUp() override {
    for (const std::string& marker : HostileMarkers()) std::filesystem::remove("/tmp/" + marker);
    if (GetParam() == RunAs::kSelf) return;
    if (!RunsAsRoot()) GTEST_SKIP() << "only root can become another user";
    if (!OrdinaryUserCanRun(ThrongProgram()) ||
        !OrdinaryUserCanRun(std::string(THRONG_BINARY_DIR) + "/libexec/throng-runner-null")) {
      GTEST_SKIP() << "an ordinary user cannot read " << THRONG_BINARY_DIR;
    }
  }

  void Start(std::vector<std::string> arguments) {
    AddNullModel(models_, "healthy", "");
    ServerOptions options;
    if (GetParam() == RunAs::kOrdinaryUser) options.user = kOrdinaryUser;
    arguments.push_back(models_.path());
    server_ = std::make_unique<ServerProcess>(std::move(arguments), options);
    ASSERT_EQ(server_->WhyNotListening(), "");
    ASSERT_TRUE(server_->WaitUntilScanned()) << server_->Log();
    caller_ = std::make_unique<Caller>(server_->http_port());
  }

  // What a model printed has not become the server's own word.
  void ExpectNothingPrinted() {
    EXPECT_EQ(server_->Log().find("printed by a model"), std::string::npos);
    EXPECT_EQ(server_->Output().find("printed by a model"), std::string::npos);
  }

  void ExpectUnharmed() {
    ASSERT_TRUE(server_->Running()) << server_->Log();
    const Answer answer = caller_->Infer("healthy", NullRequest(1));
    EXPECT_EQ(answer.status, 200) << answer.body;
  }

  // Asks a model that misbehaves; it may be asked while it is kept out, too.
  void ExpectContained(const std::string& model, bool may_succeed) {
    SCOPED_TRACE(model);
    const Answer answer = caller_->Infer(model, NullRequest(1));
    if (answer.status == 200) {
      EXPECT_TRUE(may_succeed) << answer.body;
    } else {
      EXPECT_EQ(WrongWithError(answer), "");
      EXPECT_EQ(ErrorText(answer).find("succeeded"), std::string::npos) << answer.body;
    }
    ExpectUnharmed();
  }

  TemporaryFolder models_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Caller> caller_;
};

INSTANTIATE_TEST_SUITE_P(Users, HostileTest, testing::Values(RunAs::kSelf, RunAs::kOrdinaryUser),
                         RunAsName);

TEST_P(HostileTest, NothingThatARunnerTriesWhileItAnswersGoesThrough) {
  const std::string before = OutsideState();
  for (const Misbehaviour& misbehaviour : kMisbehaviours) {
    AddNullModel(models_, misbehaviour.name,
                 "behavior: " + std::string(misbehaviour.name) + "\nbytes: 4294967296");
  }
  Start({"--execution-deadline=3", "--cell-memory=256Mi"});
  for (const Misbehaviour& misbehaviour : kMisbehaviours) {
    for (int twice = 0; twice < 2; ++twice) {
      ExpectContained(misbehaviour.name, misbehaviour.may_succeed);
    }
  }
  ExpectNothingPrinted();
  EXPECT_EQ(OutsideState(), before);
  EXPECT_EQ(server_->Stop(), 0);
}

TEST_P(HostileTest, NothingThatARunnerTriesWhileItLoadsGoesThrough) {
  const std::string before = OutsideState();
  for (const Misbehaviour& misbehaviour : kMisbehaviours) {
    AddNullModel(models_, misbehaviour.name,
                 "when: load\nbehavior: " + std::string(misbehaviour.name) + "\nbytes: 4294967296");
  }
  Start({"--request-deadline=5", "--cell-memory=256Mi"});
  // Those that have nothing to attack before the first call load, and then echo.
  for (const Misbehaviour& misbehaviour : kMisbehaviours) {
    ExpectContained(misbehaviour.name, /*may_succeed=*/true);
  }
  ExpectNothingPrinted();
  EXPECT_EQ(OutsideState(), before);
  EXPECT_EQ(server_->Stop(), 0);
}

TEST_P(HostileTest, LeakIsBoundedByTheProcesssMemory) {
  AddNullModel(models_, "leak", "behavior: leak\nbytes: 67108864");
  Start({"--cell-memory=256Mi"});
  int answered = 0;
  Answer answer;
  while (answered < 20 && (answer = caller_->Infer("leak", NullRequest(1))).status == 200) {
    ++answered;
  }
  EXPECT_LT(answered, 20);
  EXPECT_EQ(WrongWithError(answer), "");
  ExpectUnharmed();
  EXPECT_EQ(server_->Stop(), 0);
}

// "Uid:\t1\t2\t3\t4" -> "1"
std::string StatusField(pid_t pid, const std::string& field) {
  std::istringstream status(ReadFile("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(field + ":\t")) continue;
    const size_t begin = field.size() + 2;
    return line.substr(begin, line.find('\t', begin) - begin);
  }
  return "";
}

TEST_P(HostileTest, CellsAreConfined) {
  for (int i = 0; i < 3; ++i) {
    const std::string name = "own-" + std::to_string(i);
    AddNullModel(models_, name, "");
    models_.Write(name + "/config.pbtxt",
                  "parameters { key: \"isolation\" value { string_value: \"model\" } }\n");
  }
  Start({"--sandbox=required"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(caller_->Infer("own-" + std::to_string(i), NullRequest(1)).status, 200);
  }
  const std::vector<pid_t> cells = server_->Cells();
  ASSERT_GE(cells.size(), 3U);
  std::set<std::string> users;
  for (const pid_t cell : cells) {
    if (HasEnded(cell)) continue;
    EXPECT_EQ(StatusField(cell, "Seccomp"), "2");
    EXPECT_EQ(StatusField(cell, "NoNewPrivs"), "1");
    const std::string user = StatusField(cell, "Uid");
    if (RunsAsRoot() && GetParam() == RunAs::kSelf) {
      EXPECT_NE(user, "0");
      EXPECT_TRUE(users.insert(user).second) << "two cells of user " << user;
    }
  }
  EXPECT_EQ(server_->Metric("throng_sandbox_parts_refused_total"), 0);
  EXPECT_EQ(server_->Stop(), 0);
}

// --- hostile files for the real frameworks ------------------------------------------------------

std::string Input(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& data) {
  return R"({"name":")" + name + R"(","datatype":")" + type + R"(","shape":)" + shape +
         R"(,"data":)" + data + "}";
}

std::string Inputs(const std::string& first, const std::string& second = "") {
  return "{\"inputs\":[" + first + (second.empty() ? "" : "," + second) + "]}";
}

struct HostileFile {
  const char* framework;
  const char* name;
  std::string request;
  bool may_succeed;  // it is allowed to answer: what it wanted besides must not have happened
};

std::vector<HostileFile> HostileFiles() {
  const std::string two = Input("INPUT__0", "FP32", "[2]", "[1,1]");
  const std::string forever = "[4611686018427387904]";
  const std::string text = Input("INPUT0", "BYTES", "[1]", "[\"/etc/debian_version\"]");
  return {
      {"torch", "torch-writes-on-load", Inputs(two), false},
      {"torch", "torch-writes-on-run", Inputs(two), false},
      {"torch", "torch-reads-passwd", Inputs(two), false},
      {"torch", "torch-pickle-global", Inputs(two), false},
      {"torch", "torch-crash", Inputs(Input("INPUT__0", "FP32", "[1]", "[1]")), false},
      {"torch", "torch-long-loop",
       Inputs(Input("INPUT__0", "FP32", "[2]", "[0,0]"),
              Input("INPUT__1", "INT64", "[1]", forever)),
       false},
      {"torch", "torch-huge-memory", Inputs(Input("INPUT__0", "INT64", "[1]", "[1048576]")), false},
      {"tensorflow", "tf-write-file", Inputs(text), false},
      {"tensorflow", "tf-read-file", Inputs(text), false},
      {"tensorflow", "tf-long-loop", Inputs(Input("INPUT0", "INT64", "[1]", forever)), false},
      {"tensorflow", "tf-savedmodel-writes-on-load",
       Inputs(Input("x", "FP32", "[1,4]", "[1,1,1,1]")), true},
      {"onnx", "onnx-external-data", Inputs(Input("x", "FP32", "[1]", "[1]")), false},
      {"onnx", "onnx-external-data-near", Inputs(Input("x", "FP32", "[1]", "[1]")), false},
      {"onnx", "onnx-external-data-absolute", Inputs(Input("x", "FP32", "[1]", "[1]")), false},
      {"onnx", "onnx-long-loop",
       Inputs(Input("x", "FP32", "[2]", "[0,0]"), Input("count", "INT64", "[1]", forever)), false},
      {"onnx", "onnx-huge-memory", Inputs(Input("mib", "INT64", "[1]", "[1048576]")), false},
  };
}

TEST_P(HostileTest, HostileFilesOfTheRealFrameworksAreContained) {
  if (GetParam() == RunAs::kOrdinaryUser) GTEST_SKIP() << "frameworks may lie in root's home";
  for (const HostileFile& file : HostileFiles()) {
    if (!HasRunner(file.framework)) continue;
    models_.Copy(SourceFile(std::string("tests/fixtures/hostile/") + file.name), file.name);
  }
  Start({"--execution-deadline=5", "--cell-memory=1Gi"});
  for (const HostileFile& file : HostileFiles()) {
    if (!HasRunner(file.framework)) continue;
    SCOPED_TRACE(file.name);
    const Answer answer = caller_->Infer(file.name, file.request);
    std::printf("%-28s %d %.160s\n", file.name, answer.status, answer.body.c_str());
    if (answer.status == 200) {
      EXPECT_TRUE(file.may_succeed) << answer.body;
    } else {
      EXPECT_EQ(WrongWithError(answer), "");
    }
    ExpectUnharmed();
    EXPECT_EQ(HostileMarkers(), std::set<std::string>());
  }
  EXPECT_EQ(server_->Stop(), 0);
}

}  // namespace
}  // namespace throng::integration
