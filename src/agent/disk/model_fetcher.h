// ModelFetcher: the seam in front of storage::Fetcher, which a test replaces. Calls block;
// thread-safe.
#pragma once

#include "storage/fetcher.h"

namespace throng::agent {

class ModelFetcher {
 public:
  virtual ~ModelFetcher() = default;
  virtual storage::FetchOutcome Fetch(const storage::FetchRequest& request) const = 0;
  virtual storage::VersionOutcome CheckVersion(const storage::FetchRequest& request) const = 0;
};

class StorageFetcher final : public ModelFetcher {
 public:
  StorageFetcher(storage::StorageOptions options, storage::FetcherSeams seams)
      : fetcher_(std::move(options), std::move(seams)) {}
  storage::FetchOutcome Fetch(const storage::FetchRequest& request) const override {
    return fetcher_.Fetch(request);
  }
  storage::VersionOutcome CheckVersion(const storage::FetchRequest& request) const override {
    return fetcher_.CheckVersion(request);
  }

 private:
  const storage::Fetcher fetcher_;
};

}  // namespace throng::agent
