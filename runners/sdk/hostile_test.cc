// What a confined cell can and cannot do, tried by the null runner's misbehaviours. Needs the
// sandbox, which sanitizers do not fit into.
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runners/sdk/testing/front_door.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace throng::sdk {
namespace {

using testing::CellPeer;
using testing::Fp32;
using testing::FrontDoor;
using testing::Reply;

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<FrontDoor>> door = FrontDoor::Start("null");
    ASSERT_TRUE(door.ok()) << door.status().ToString();
    door_ = std::move(*door);
  }

  std::unique_ptr<CellPeer> StartCell() {
    Result<std::unique_ptr<CellPeer>> cell = door_->Fork();
    EXPECT_TRUE(cell.ok()) << cell.status().ToString();
    Result<wire::Hello> hello = (*cell)->ReceiveHello();
    EXPECT_TRUE(hello.ok() && hello->syscall_filter) << hello.status().ToString();
    return std::move(*cell);
  }

  static Result<wire::LoadReply> Load(CellPeer& cell, const std::string& text) {
    return cell.Load(0, {{{"model.null", text}}, 0, {}, {}, {}});
  }

  static Result<Reply> Execute(CellPeer& cell) {
    const std::vector<float> values(16, 1.0F);
    return cell.Execute(0, std::vector{Fp32({1, 16}, values)});
  }

  // The signal that ends a cell that does this while it executes, and while it loads.
  void ExpectDeath(const std::string& behavior, int signal) {
    SCOPED_TRACE(behavior);
    for (const bool on_load : {false, true}) {
      std::unique_ptr<CellPeer> cell = StartCell();
      const std::string text = "behavior: " + behavior;
      if (on_load) {
        EXPECT_FALSE(Load(*cell, text + "\nwhen: load").ok());
      } else {
        ASSERT_TRUE(Load(*cell, text).ok());
        EXPECT_EQ(Execute(*cell).status().code(), StatusCode::kUnavailable);
      }
      const auto exit = cell->WaitForExit();
      ASSERT_TRUE(exit.has_value());
      EXPECT_EQ(exit->signal, signal);
    }
  }

  // The attempt fails and the cell goes on.
  void ExpectRefusal(const std::string& text) {
    SCOPED_TRACE(text);
    std::unique_ptr<CellPeer> cell = StartCell();
    ASSERT_TRUE(Load(*cell, text).ok());
    const Status status = Execute(*cell).status();
    EXPECT_EQ(status.code(), StatusCode::kInternal);
    EXPECT_NE(status.message().find("was refused"), std::string::npos) << status.message();
    EXPECT_TRUE(cell->Stats().ok());
  }

  std::unique_ptr<FrontDoor> door_;
};

TEST_F(HostileTest, ForbiddenSystemCallsEndTheCell) {
  for (const char* behavior : {"open_file", "connect", "fork", "exec", "ptrace", "signal",
                               "thread_signal", "map_exec", "truncate_arena"}) {
    ExpectDeath(behavior, SIGSYS);
  }
}

TEST_F(HostileTest, Clone3IsNotThere) { ExpectRefusal("behavior: clone3"); }

TEST_F(HostileTest, MemoryIsBounded) {
  ExpectRefusal("behavior: map_huge\nbytes: 1099511627776");
  std::unique_ptr<CellPeer> cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: leak\nbytes: 67108864").ok());
  int calls = 0;
  while (Execute(*cell).ok()) ASSERT_LT(++calls, 8) << "past the cell's 256 MiB";
  EXPECT_GE(calls, 3);
}

TEST_F(HostileTest, FaultsEndOnlyTheCell) {
  ExpectDeath("segfault", SIGSEGV);
  ExpectDeath("abort", SIGABRT);
  ExpectDeath("exit", 0);
  std::unique_ptr<CellPeer> cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: write_past\ninput: UINT8 [1]").ok());
  EXPECT_EQ(Execute(*cell).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(cell->WaitForExit()->signal, SIGSEGV);
}

TEST_F(HostileTest, LiesReachTheFrontDoor) {
  // That the misbehaviours do what they say: the front door's own tests rely on it.
  std::unique_ptr<CellPeer> cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: answer_twice").ok());
  EXPECT_TRUE(Execute(*cell).ok());
  Result<Reply> again = cell->ReceiveExecute();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outputs.size(), 1u);
  cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: wrong_call_id").ok());
  Result<Reply> lie = Execute(*cell);
  ASSERT_TRUE(lie.ok());
  EXPECT_EQ(lie->call_id, 0xdeadbeefdeadbeef);
  cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: huge_output").ok());
  EXPECT_EQ(Execute(*cell).status().code(), StatusCode::kInvalidArgument);
  cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: garbage_frames").ok());
  EXPECT_EQ(Execute(*cell).status().code(), StatusCode::kUnavailable);
  cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: deaf_garbage").ok());
  EXPECT_EQ(Execute(*cell).status().code(), StatusCode::kUnavailable);
  cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: claim_hours").ok());
  EXPECT_TRUE(Execute(*cell).ok());
  cell = StartCell();
  ASSERT_TRUE(Load(*cell, "behavior: bad_bytes").ok());
  Result<Reply> bad = Execute(*cell);
  ASSERT_TRUE(bad.ok()) << bad.status().ToString();
  EXPECT_FALSE(tensor::CheckTensorData(bad->outputs.at(0).type, bad->outputs.at(0).shape,
                                       bad->outputs.at(0).data)
                   .ok());
}

}  // namespace
}  // namespace throng::sdk

#endif
