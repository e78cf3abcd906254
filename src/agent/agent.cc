#include "agent/agent.h"

#include <utility>

#include "agent/credential_cache.h"
#include "agent/downloader.h"
#include "agent/puller.h"
#include "agent/reporter.h"
#include "agent/server_client.h"
#include "agent/watcher.h"
#include "base/check.h"
#include "os/file.h"

namespace throng::agent {
namespace {

http::AsyncClientOptions ClientOptions() {
  http::AsyncClientOptions options;
  options.max_reply_bytes = limits::kAgentReplyBytes;
  return options;
}

StoreOptions StoreIn(const std::string& directory) {
  const std::string own = os::JoinPath(directory, "agent");
  return {.models = os::JoinPath(directory, "models"),
          .staging = os::JoinPath(own, "staging"),
          .records = os::JoinPath(own, "records")};
}

class ReplicaAgent final : public Agent, public ServerListener {
 public:
  ReplicaAgent(os::EventLoop& loop, const AgentOptions& options);
  Status Start();

  void OnServerUp(const std::set<std::string>& ready) override;
  void OnServerDown() override;

 private:
  PullerOptions PullerSettings(const AgentOptions& options);
  ReporterOptions ReporterSettings(const AgentOptions& options);
  WatcherOptions WatcherSettings(const AgentOptions& options);

  const AgentLog& log_;
  const std::unique_ptr<http::AsyncClient> client_;
  const ModelStore store_;
  const Downloader downloader_;
  ServerClient server_;
  CredentialCache credentials_;
  Reporter reporter_;
  Puller puller_;
  DesiredSet desired_;
  Watcher watcher_;
};

ReplicaAgent::ReplicaAgent(os::EventLoop& loop, const AgentOptions& options)
    : log_(*options.log),
      client_(http::AsyncClient::Create(loop, ClientOptions())),
      store_(StoreIn(options.directory)),
      downloader_(*options.fetcher, store_, log_, options.shown_models),
      server_(loop, *client_, {.ports_file = os::JoinPath(options.directory, "ports")}, *this),
      credentials_(loop, *client_,
                   {.api_socket = options.api_socket,
                    .name_space = options.name_space,
                    .replica = options.replica,
                    .on_change = [this] { puller_.OnCredentials(); },
                    .before_secrets = options.before_secrets},
                   *options.random, log_),
      reporter_(loop, *client_, ReporterSettings(options), *options.random, log_),
      puller_({loop, *options.random, log_, store_, downloader_, server_}, PullerSettings(options)),
      desired_(loop, os::JoinPath(os::JoinPath(options.directory, "agent"), "assignments"), log_,
               puller_),
      watcher_(loop, *client_, WatcherSettings(options), *options.random, log_, desired_) {}

PullerOptions ReplicaAgent::PullerSettings(const AgentOptions& options) {
  return {.fetches = options.fetches,
          .credentials = [this](const std::string& version) { return credentials_.Find(version); },
          .on_change = [this](const std::string& model) { reporter_.OnChange(model); },
          .on_gone = [this](const std::string& model,
                            const std::string& uid) { reporter_.OnGone(model, uid); }};
}

ReporterOptions ReplicaAgent::ReporterSettings(const AgentOptions& options) {
  return {.api_socket = options.api_socket,
          .name_space = options.name_space,
          .replica = options.replica,
          .models = [this] { return puller_.Models(); },
          .report = [this](const std::string& model) { return puller_.Report(model); },
          .server = [this] { return server_.life(); },
          .is_known = [this] { return puller_.known() && server_.known(); }};
}

WatcherOptions ReplicaAgent::WatcherSettings(const AgentOptions& options) {
  return {.api_socket = options.api_socket,
          .name_space = options.name_space,
          .replica = options.replica,
          .on_connected = [this] { reporter_.SendAll(); }};
}

Status ReplicaAgent::Start() {
  THRONG_RETURN_IF_ERROR(store_.Prepare());
  ModelStore::Recovered recovered = store_.Recover();
  for (const std::string& problem : recovered.problems) log_.Warning(problem);
  puller_.Adopt(std::move(recovered));
  server_.Start();
  desired_.Start();
  watcher_.Start();
  return OkStatus();
}

void ReplicaAgent::OnServerUp(const std::set<std::string>& ready) {
  log_.Info("The model server is there");
  puller_.OnServerUp(ready);
  reporter_.SendAll();
}

void ReplicaAgent::OnServerDown() {
  log_.Info("The model server is not there");
  puller_.OnServerDown();
  reporter_.SendAll();
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::Create(os::EventLoop& loop, AgentOptions options) {
  THRONG_CHECK(options.fetcher != nullptr && options.random != nullptr && options.log != nullptr);
  auto agent = std::make_unique<ReplicaAgent>(loop, options);
  THRONG_RETURN_IF_ERROR(agent->Start());
  return std::unique_ptr<Agent>(std::move(agent));
}

}  // namespace throng::agent
