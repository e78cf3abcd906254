// Puller: all models of the replica, each with a worker of its own, so that none waits for another
// one's failure. It shares out the fetches and the loads that may run beside each other. On the
// loop's thread.
//
//   Puller puller(parts, {.on_change = ..., .on_gone = ...});
//   puller.Adopt(store.Recover());
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/desired_set.h"
#include "agent/model_worker.h"
#include "base/control_limits.h"

namespace throng::agent {

// What a puller is made of. All outlive it.
struct PullerParts {
  os::EventLoop& loop;
  Random& random;
  const AgentLog& log;
  const ModelStore& store;
  const Downloader& downloader;
  ServerClient& server;
};

struct PullerOptions {
  // Models that the server holds and nobody wants are unloaded.
  bool owns_server = true;
  size_t fetches = limits::kAgentFetches;
  size_t loads = limits::kAgentLoads;
  // As WorkerContext has it; empty: every model is fetched without.
  std::function<std::shared_ptr<const storage::Credentials>(const std::string& version)>
      credentials;
  std::function<void(const std::string& model)> on_change;
  std::function<void(const std::string& model, const std::string& uid)> on_gone;
};

class Puller final : public DesiredSink, public ServerListener {
 public:
  Puller(PullerParts parts, PullerOptions options);
  ~Puller() override;

  // Before all else: what lies on disk.
  void Adopt(ModelStore::Recovered recovered);

  void OnAllWanted(const std::vector<ModelSpec>& specs, bool is_last_known) override;
  void OnWanted(const ModelSpec& spec) override;
  void OnUnwanted(const std::string& model) override;

  void OnServerUp(const std::set<std::string>& ready) override;
  void OnServerDown() override;
  void OnServerIndex(const std::set<std::string>& ready) override;

  // There are others than before.
  void OnCredentials();

  // Something is known of what is wanted.
  bool known() const { return known_; }
  // Those that are to go come first.
  std::vector<std::string> Models() const;
  // Null: there is nothing to say.
  Json Report(const std::string& model) const;

 private:
  ModelWorker& WorkerOf(const std::string& model);
  void OnGone(const std::string& model, const std::string& uid);
  void NoteStrangers(const std::set<std::string>& ready);
  void RemoveStrangers();

  const PullerOptions options_;
  os::EventLoop& loop_;
  ServerClient& server_;
  bool known_ = false;           // a set, of now or of the disk
  bool current_ = false;         // a set of now
  std::set<std::string> ready_;  // in the server, and without a worker
  os::ThreadPool fetch_threads_;
  os::ThreadPool disk_threads_;
  WorkerContext context_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, std::shared_ptr<ModelWorker>> workers_;  // last: they end their fetches
};

}  // namespace throng::agent
