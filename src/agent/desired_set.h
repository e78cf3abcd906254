// DesiredSet: the models that are wanted, as whoever follows them knows it: says what is new and
// what is gone, and keeps the last set on disk, so that the next life of the agent starts with it.
// On the loop's thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/agent_log.h"
#include "agent/disk/spec_journal.h"
#include "agent/model_spec.h"

namespace throng::agent {

class DesiredSink {
 public:
  virtual ~DesiredSink() = default;
  // These are all. `is_last_known`: of the disk; what is not among them may still be wanted.
  virtual void OnAllWanted(const std::vector<ModelSpec>& specs, bool is_last_known) = 0;
  virtual void OnWanted(const ModelSpec& spec) = 0;
  virtual void OnUnwanted(const std::string& model) = 0;
};

// What takes a model away is told only once it is on disk: else an agent that is killed in between
// would take up again what was given up already.
class DesiredSet {
 public:
  // All outlive it.
  DesiredSet(os::EventLoop& loop, std::string journal_path, const AgentLog& log, DesiredSink& sink)
      : log_(log), sink_(sink), journal_(loop, std::move(journal_path), log) {}

  // Tells what was known last, if anything was.
  void Start();
  // `unreadable` are wanted too, as they were last: how, cannot be read any more.
  void ReplaceAll(std::vector<ModelSpec> specs, const std::set<std::string>& unreadable);
  void Set(const ModelSpec& spec);
  void Remove(const std::string& model);

 private:
  // Another object has its name now: the one before is taken away.
  bool TakesAway(const ModelSpec& spec) const;
  void TellAll();
  // False: nothing is new.
  bool Take(const ModelSpec& spec);
  void Forget(const std::string& model);

  const AgentLog& log_;
  DesiredSink& sink_;
  SpecJournal journal_;
  std::map<std::string, ModelSpec> specs_;
};

}  // namespace throng::agent
