// The real `throng serve` as a process of its own, for tests that look at it from outside.
//
//   ServerProcess server({"--load", "eager", models.path()});
//   ASSERT_TRUE(server.WaitUntilListening());
//   Caller caller(server.http_port());
//   EXPECT_EQ(caller.Get("/v2/health/live").status, 200);
//   EXPECT_EQ(server.Stop(), 0);
//
// All ports are free ones of 127.0.0.1. Nothing stays behind: the process is killed with its
// fixture (and with the test program), its files lie in a temporary folder. Not thread-safe, except
// for pid(), the ports, Log() and Output().
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/testing/temporary_folder.h"

namespace throng::integration {

// An account that owns nothing: "nobody".
inline constexpr uid_t kOrdinaryUser = 65534;

struct ServerOptions {
  std::optional<uid_t> user;  // become this one first; REQUIRES: the test runs as root
  std::vector<std::string> port_options = {"--http-port=0", "--grpc-port=0", "--metrics-port=0"};
};

class ServerProcess {
 public:
  explicit ServerProcess(std::vector<std::string> arguments, ServerOptions options = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // False when it ended before, or took more than 20 s; the log says why.
  bool WaitUntilListening();
  // The folder has been read: what it printed about it is in Output().
  bool WaitUntilScanned();
  bool WaitForLog(std::string_view text, std::chrono::milliseconds limit) const;
  // Like WaitUntilListening, and says on failure what the server said. For ASSERT_EQ(..., "").
  std::string WhyNotListening();

  pid_t pid() const { return pid_; }
  uint16_t http_port() const { return http_port_; }
  uint16_t grpc_port() const { return grpc_port_; }
  uint16_t metrics_port() const { return metrics_port_; }
  std::string ports_file() const { return ports_file_; }
  std::string output_file() const { return folder_.File("stdout"); }
  std::string Log() const;     // its standard error so far
  std::string Output() const;  // its standard output so far
  bool Running();

  void Signal(int signal_number) const;
  // Exit status, or minus the signal that ended it. Nothing when it still runs after `limit`.
  std::optional<int> WaitForExit(std::chrono::milliseconds limit);
  // SIGTERM, then WaitForExit for 20 s; -1000 when it did not end.
  int Stop();

  // From the log: the framework process that was started last, by framework name.
  std::map<std::string, pid_t> Zygotes() const;
  // Children of the server that are not zygotes, started and not (see them) reaped.
  std::vector<pid_t> Cells() const;
  // Children of the server that have ended and were not reaped.
  std::vector<pid_t> Zombies() const;
  // A number of the metrics page, -1 when it is not there.
  int64_t Metric(std::string_view name) const;

 private:
  bool ReadPorts();

  TemporaryFolder folder_;
  std::string ports_file_;
  pid_t pid_ = -1;
  std::optional<int> exit_;
  uint16_t http_port_ = 0;
  uint16_t grpc_port_ = 0;
  uint16_t metrics_port_ = 0;
};

struct CommandOutput {
  int exit = 0;  // status, or minus the signal
  std::string output;
  std::string errors;
};
// Runs a program to its end, at most 60 s (then -1000), in `folder`.
CommandOutput RunCommand(const std::vector<std::string>& command, const std::string& folder);

// Also of processes that are not our children; a zombie has ended.
bool HasEnded(pid_t pid);

std::string ThrongProgram();
bool HasRunner(std::string_view framework);
bool RunsAsRoot();
// Whether `nobody` may read and run what was built here.
bool OrdinaryUserCanRun(const std::string& program);

}  // namespace throng::integration
