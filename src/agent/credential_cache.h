// CredentialCache: the storage credentials of this replica's models, in memory only. Assignments
// name them by a version; what a version stands for is asked of the API over the Unix socket, once
// when a version is met that is not known. Without an API nothing new is known, and whoever needs
// it waits. Everything on the loop's thread.
//
//   auto credentials = cache.Find(spec.credentials.version);
//   if (credentials == nullptr) return;  // on_change is called when there is news
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/agent_log.h"
#include "base/random.h"
#include "http/async_client.h"
#include "os/event_loop.h"
#include "storage/credentials.h"

namespace throng::agent {

struct CredentialCacheOptions {
  std::string api_socket;
  std::string name_space;
  std::string replica;
  std::function<void()> on_change;
  std::function<Status()> before_secrets;  // see AgentOptions
};

class CredentialCache {
 public:
  using Found = std::shared_ptr<const storage::Credentials>;

  // All outlive it.
  CredentialCache(os::EventLoop& loop, http::AsyncClient& client, CredentialCacheOptions options,
                  Random& random, const AgentLog& log);
  CredentialCache(const CredentialCache&) = delete;
  CredentialCache& operator=(const CredentialCache&) = delete;
  ~CredentialCache();

  // Of no version: none, for anonymous reads. Null: not known, and asked for.
  Found Find(const std::string& version);

 private:
  void AskLater();
  void Ask();
  void OnReply(const Result<http::ClientReply>& reply);
  void Fail(const Status& status);
  Status Take(std::string_view body);

  os::EventLoop& loop_;
  http::AsyncClient& client_;
  const CredentialCacheOptions options_;
  Random& random_;
  const AgentLog& log_;
  const Found none_ = std::make_shared<const storage::Credentials>();
  std::map<std::string, Found> sets_;
  MonotonicTime next_{};
  int failures_ = 0;  // in a row
  std::unique_ptr<http::AsyncCall> call_;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace throng::agent
