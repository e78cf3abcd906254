// Runs verbs against a FakeApiServer, with files in memory, and keeps what they print.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cli/kube/surroundings.h"
#include "cli/kube/verbs.h"
#include "client/testing/fake_api_server.h"
#include "os/event_loop.h"
#include "os/testing/memory_file_system.h"

namespace throng::cli::kube::testing {

struct Ran {
  int status = -1;
  std::string out;
  std::string error;
};

class VerbHarness {
 public:
  VerbHarness() {
    files.PutFile("/home/.kube/config", server.Kubeconfig());
    environment["HOME"] = "/home";
  }

  Ran Run(VerbFunction verb, const std::vector<std::string>& arguments) {
    Ran ran;
    std::mutex mutex;
    Surroundings io;
    io.out = [&](std::string_view text) {
      const std::lock_guard lock(mutex);
      ran.out.append(text);
    };
    io.error = [&](std::string_view text) {
      const std::lock_guard lock(mutex);
      ran.error.append(text);
    };
    io.input = [&](uint64_t) -> Result<std::string> { return input; };
    io.environment = [&](const std::string& name) { return environment[name]; };
    io.edit = [&](const std::string& editor, const std::string& text, const std::string&) {
      edited_with = editor;
      return edit(text);
    };
    io.files = &files;
    io.clock = &os::RealClock();
    ran.status = verb(arguments, io);
    return ran;
  }

  client::testing::FakeApiServer server;
  os::testing::MemoryFileSystem files;
  std::map<std::string, std::string> environment;
  std::string input;
  std::function<Result<std::string>(const std::string& text)> edit;
  std::string edited_with;
};

}  // namespace throng::cli::kube::testing
