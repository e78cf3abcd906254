#include "os/machine/processors.h"

#include <gtest/gtest.h>

#include "os/process.h"
#include "os/testing/forked_child.h"

namespace throng::os {
namespace {

TEST(ProcessorsTest, KeepsToSoManyAndItsChildrenToo) {
  const std::string end = testing::RunInChild([] {
    if (!LimitProcessors(1).ok()) return 1;
    if (ProcessorCount() != 1) return 2;
    auto child = Spawn({.program = "/bin/sh", .arguments = {"-c", "exit $(nproc)"}});
    if (!child.ok()) return 3;
    for (;;) {
      if (const auto ended = child->TryReap()) return ended->status_code == 1 ? 0 : 4;
    }
  });
  EXPECT_EQ(end, "exit 0");
}

TEST(ProcessorsTest, MoreThanThereAreIsNoLimit) {
  const std::string end = testing::RunInChild([] {
    const int before = ProcessorCount();
    return LimitProcessors(before + 1).ok() && ProcessorCount() == before ? 0 : 1;
  });
  EXPECT_EQ(end, "exit 0");
  EXPECT_EQ(LimitProcessors(0).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throng::os
