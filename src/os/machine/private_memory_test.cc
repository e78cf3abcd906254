#include "os/machine/private_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace throng::os {
namespace {

TEST(PrivateMemoryTest, NobodyReadsItAndNoCoreIsWritten) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!KeepMemoryPrivate().ok()) _exit(1);
    rlimit core{1, 1};
    if (prctl(PR_GET_DUMPABLE) != 0 || getrlimit(RLIMIT_CORE, &core) != 0) _exit(2);
    _exit(core.rlim_cur == 0 && core.rlim_max == 0 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace throng::os
