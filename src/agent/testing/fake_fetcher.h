// A store without a network: what lies at an address is what a test put there. Thread-safe, as the
// fetches are on threads of the agent's.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/disk/model_fetcher.h"
#include "storage/checksum.h"

namespace throng::agent::testing {

using Files = std::map<std::string, std::string>;  // content by relative path

class FakeFetcher final : public ModelFetcher {
 public:
  void Put(const std::string& uri, Files files) {
    const std::lock_guard lock(mutex_);
    stored_[uri] = std::move(files);
    ++versions_[uri];
  }
  // A model of one file, whose content the fake server repeats.
  void PutModel(const std::string& uri, const std::string& content) {
    Put(uri, {{"1/model.pt", content}});
  }
  void Fail(const std::string& uri, storage::FetchReason reason, std::string message) {
    const std::lock_guard lock(mutex_);
    failures_[uri] = {reason, std::move(message)};
  }
  // Denied to whoever has another secret key.
  void Require(const std::string& uri, std::string secret_key) {
    const std::lock_guard lock(mutex_);
    required_[uri] = std::move(secret_key);
  }
  void Mend(const std::string& uri) {
    const std::lock_guard lock(mutex_);
    failures_.erase(uri);
  }
  // Fetches of `uri` wait until Release, or until they are cancelled.
  void Hold(const std::string& uri) {
    const std::lock_guard lock(mutex_);
    held_.insert(uri);
  }
  void Release(const std::string& uri) {
    const std::lock_guard lock(mutex_);
    held_.erase(uri);
    changed_.notify_all();
  }
  int fetches(const std::string& uri) const {
    const std::lock_guard lock(mutex_);
    const auto found = fetches_.find(uri);
    return found == fetches_.end() ? 0 : found->second;
  }
  int all_fetches() const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& [uri, fetches] : fetches_) count += fetches;
    return count;
  }
  int checks(const std::string& uri) const {
    const std::lock_guard lock(mutex_);
    const auto found = checks_.find(uri);
    return found == checks_.end() ? 0 : found->second;
  }
  int running() const {
    const std::lock_guard lock(mutex_);
    return running_;
  }
  int most_running() const {
    const std::lock_guard lock(mutex_);
    return most_running_;
  }
  // The store tells no versions.
  bool has_versions = true;

  storage::FetchOutcome Fetch(const storage::FetchRequest& request) const override {
    std::unique_lock lock(mutex_);
    ++fetches_[request.uri];
    most_running_ = std::max(most_running_, ++running_);
    storage::FetchOutcome outcome = FetchLocked(request, lock);
    --running_;
    return outcome;
  }

  storage::VersionOutcome CheckVersion(const storage::FetchRequest& request) const override {
    const std::lock_guard lock(mutex_);
    ++checks_[request.uri];
    const auto failure = failures_.find(request.uri);
    if (failure != failures_.end()) {
      return {UnavailableError(failure->second.second), failure->second.first, ""};
    }
    return {OkStatus(), storage::FetchReason::kNone, VersionOf(request.uri)};
  }

 private:
  storage::FetchOutcome FetchLocked(const storage::FetchRequest& request,
                                    std::unique_lock<std::mutex>& lock) const {
    while (held_.contains(request.uri) && !request.cancel->cancelled()) {
      changed_.wait_for(lock, std::chrono::milliseconds(2));
    }
    if (request.cancel->cancelled()) {
      return Failed(CancelledError("cancelled"), storage::FetchReason::kCancelled);
    }
    const auto failure = failures_.find(request.uri);
    if (failure != failures_.end()) {
      return Failed(UnavailableError(failure->second.second), failure->second.first);
    }
    const auto required = required_.find(request.uri);
    if (required != required_.end() &&
        required->second != request.credentials.s3.secret_access_key) {
      return Failed(PermissionDeniedError("the store answered 403"),
                    storage::FetchReason::kStorageDenied);
    }
    const auto stored = stored_.find(request.uri);
    if (stored == stored_.end()) {
      return Failed(NotFoundError("nothing is there"), storage::FetchReason::kStorageNotFound);
    }
    storage::FetchOutcome outcome;
    if (std::filesystem::exists(request.destination)) {
      return Failed(AlreadyExistsError("the destination is there already"),
                    storage::FetchReason::kDiskFailed);
    }
    std::string all;
    for (const auto& [path, content] : stored->second) {
      const std::filesystem::path file = std::filesystem::path(request.destination) / path;
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file, std::ios::binary) << content;
      all.append(path).append(1, '\0').append(content);
      outcome.report.bytes += content.size();
    }
    outcome.report.files = stored->second.size();
    outcome.report.digest = storage::Hex(storage::Sha256(all));
    outcome.report.version_text = VersionOf(request.uri);
    return outcome;
  }
  static storage::FetchOutcome Failed(Status status, storage::FetchReason reason) {
    storage::FetchOutcome outcome;
    outcome.status = std::move(status);
    outcome.reason = reason;
    return outcome;
  }
  std::string VersionOf(const std::string& uri) const {
    const auto found = versions_.find(uri);
    return !has_versions || found == versions_.end() ? "" : "v" + std::to_string(found->second);
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, Files> stored_;
  std::map<std::string, int> versions_;
  std::map<std::string, std::pair<storage::FetchReason, std::string>> failures_;
  std::map<std::string, std::string> required_;
  std::set<std::string> held_;
  mutable std::map<std::string, int> fetches_;
  mutable std::map<std::string, int> checks_;
  mutable int running_ = 0;
  mutable int most_running_ = 0;
};

}  // namespace throng::agent::testing
