#include "control/unix_door.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include <gtest/gtest.h>

#include "os/network/unix_socket.h"
#include "os/testing/forked_child.h"
#include "os/testing/temporary_directory.h"

namespace throng::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// No descriptor is left for this process; false when that cannot be had.
bool UseUpDescriptors() {
  const int next = dup(0);
  if (next < 0 || close(next) != 0) return false;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = static_cast<rlim_t>(next);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST(UnixDoorTest, OutOfDescriptorsItRestsAndThenGoesOn) {
  const os::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/api.sock";
  const std::string end = os::testing::RunInChild([&] {
    auto loop = os::EventLoop::Create(os::RealClock());
    if (!loop.ok()) return 1;
    auto server = http::HttpServer::Start(**loop, -1, {}, [](const auto&) {});
    if (!server.ok()) return 2;
    auto door = UnixDoor::Open(**loop, path, **server);
    if (!door.ok()) return 3;
    const auto client = os::ConnectUnix(path);
    if (!client.ok()) return 4;
    rlimit before = {};
    if (getrlimit(RLIMIT_NOFILE, &before) != 0 || !UseUpDescriptors()) return 5;
    const auto start = steady_clock::now();
    (*loop)->RunOnce(milliseconds(50));  // tries
    for (int round = 0; round < 100; ++round) (*loop)->RunOnce(milliseconds(2));
    // Nobody is told again and again of what cannot be taken.
    if (steady_clock::now() - start < milliseconds(50)) return 6;
    if ((*server)->connection_count() != 0) return 7;
    if (setrlimit(RLIMIT_NOFILE, &before) != 0) return 8;
    for (int round = 0; round < 100 && (*server)->connection_count() == 0; ++round) {
      (*loop)->RunOnce(milliseconds(50));
    }
    return (*server)->connection_count() == 1 ? 0 : 9;
  });
  EXPECT_EQ(end, "exit 0");
}

}  // namespace
}  // namespace throng::control
