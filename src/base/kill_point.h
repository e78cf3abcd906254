// KillPoint: a named place at which a crash is interesting: something is durable or sent, and what
// follows from it has not happened yet. In the program this does nothing. The executables of
// tests/control/kill_matrix_test.py and store_kill_test.cc are linked with another implementation
// (tests/control/killing_point.cc), which ends the process there with SIGKILL when a test has asked
// for that name; so the program itself has no such switch.
//
//   KillPoint("agent.record.written");
//
// A point has a row below and a scenario in the test that its process names; a row without a
// scenario, or one that is never passed, fails that test. Thread-safe.
#pragma once

#include <string_view>

namespace throng {

struct KillPointRow {
  std::string_view name;
  std::string_view
      process;  // up, agent, serve or gateway; store: tried without a process around it
};

inline constexpr KillPointRow kKillPoints[] = {
    // The store, in `throng up`: around a commit, and what only its own test reaches in time.
    {"store.commit.before", "up"},
    {"store.commit.after", "up"},
    {"store.compaction.written", "store"},
    {"store.backup.copied", "store"},
    {"store.backup.marked", "store"},
    {"store.restore.copied", "store"},
    {"store.restore.placed", "store"},
    // The API: the write is durable; nobody has heard of it, or its watches only.
    {"api.write.before_event", "up"},
    {"api.write.before_answer", "up"},
    // The controllers, after each kind of write.
    {"controllers.revision.written", "up"},
    {"controllers.pod.created", "up"},
    {"controllers.pod.deleted", "up"},
    {"controllers.pod.status_written", "up"},
    {"controllers.route.written", "up"},
    {"controllers.route.deleted", "up"},
    {"controllers.service.status_written", "up"},
    {"controllers.service.finalizer_removed", "up"},
    {"controllers.assignment.written", "up"},
    {"controllers.assignment.deleted", "up"},
    {"controllers.model.metadata_written", "up"},
    {"controllers.model.status_written", "up"},
    {"controllers.model.finalizer_removed", "up"},
    // The launcher, in the life of one process, and of a replica's directory.
    {"launcher.mark.written", "up"},
    {"launcher.process.forked", "up"},
    {"launcher.process.stamped", "up"},
    {"launcher.replica.server_started", "up"},
    {"launcher.replica.stopped", "up"},
    // The agent, in the order in which a model passes them.
    {"agent.desired.persisted", "agent"},
    {"agent.download.before", "agent"},
    {"agent.download.after", "agent"},
    {"agent.success.written", "agent"},
    {"agent.model.installed", "agent"},
    {"agent.load.started", "agent"},
    {"agent.load.answered", "agent"},
    {"agent.record.written", "agent"},
    {"agent.report.started", "agent"},
    {"agent.report.answered", "agent"},
    {"agent.model.rolled_back", "agent"},
    {"agent.unload.started", "agent"},
    {"agent.unload.answered", "agent"},
    {"agent.record.removed", "agent"},
    {"agent.bytes.moved", "agent"},
    {"agent.bytes.removed", "agent"},
    // A replica's model server.
    {"serve.ports.written", "serve"},
    {"serve.load.received", "serve"},
    {"serve.load.done", "serve"},
    {"serve.unload.received", "serve"},
    {"serve.request.received", "serve"},
    {"serve.request.computed", "serve"},
    // The gateway.
    {"gateway.routes.read", "gateway"},
    {"gateway.routes.saved", "gateway"},
    {"gateway.request.started", "gateway"},
    {"gateway.reply.received", "gateway"},
};

// The name of a row; another name does not compile.
class KillPointName {
 public:
  consteval KillPointName(const char* name) : name_(name) {  // NOLINT(google-explicit-constructor)
    bool is_known = false;
    for (const KillPointRow& row : kKillPoints) is_known = is_known || row.name == name_;
    if (!is_known) throw "the kill point has no row in kKillPoints";
  }
  constexpr std::string_view text() const { return name_; }

 private:
  std::string_view name_;
};

void KillPoint(KillPointName name);

}  // namespace throng
