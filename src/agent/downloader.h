// Downloader: fetches one model into staging, looks whether it is what its name says, and leaves
// the SUCCESS file that says that it is whole. Calls block; thread-safe for different models.
#pragma once

#include <optional>
#include <string>

#include "agent/agent_log.h"
#include "agent/disk/model_fetcher.h"
#include "agent/disk/model_store.h"
#include "agent/model_spec.h"
#include "base/clock.h"

namespace throng::agent {

struct DownloadOutcome {
  Status status;
  std::string reason;  // of a failure: one word
  ModelRecord record;  // when ok
  // Not empty: the model is there, and must not be loaded, because its configuration has another
  // name.
  std::string name_problem;
};

class Downloader {
 public:
  // `shown_models` is the folder of the models as a replica's owner knows it. All outlive it.
  Downloader(const ModelFetcher& fetcher, const ModelStore& store, const AgentLog& log,
             std::string shown_models)
      : fetcher_(fetcher), store_(store), log_(log), shown_models_(std::move(shown_models)) {}

  // `fetch_id`: another text at each call.
  DownloadOutcome Download(const ModelSpec& spec, const storage::Credentials& credentials,
                           const std::string& fetch_id, MonotonicTime deadline,
                           storage::CancelFlag& cancel) const;
  storage::VersionOutcome CheckVersion(const ModelSpec& spec,
                                       const storage::Credentials& credentials,
                                       MonotonicTime deadline, storage::CancelFlag& cancel) const;

  // Of what is staged: what its configuration calls itself, when that is another model. Else empty.
  std::string NameProblem(const std::string& model) const;

 private:
  Status Finish(const ModelSpec& spec, DownloadOutcome& outcome) const;

  const ModelFetcher& fetcher_;
  const ModelStore& store_;
  const AgentLog& log_;
  const std::string shown_models_;
};

}  // namespace throng::agent
