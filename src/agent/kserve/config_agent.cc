#include "agent/kserve/config_agent.h"

#include <utility>

#include "agent/kserve/models_file.h"
#include "agent/puller.h"
#include "base/check.h"

namespace throng::agent {
namespace {

http::AsyncClientOptions ClientOptions() {
  http::AsyncClientOptions options;
  options.max_reply_bytes = limits::kAgentReplyBytes;
  return options;
}

StoreOptions StoreIn(const std::string& models) {
  const std::string own = os::JoinPath(models, ".agent");
  return {.models = models,
          .staging = os::JoinPath(own, "staging"),
          .records = os::JoinPath(own, "records"),
          .shares_models = true};
}

std::function<std::shared_ptr<const storage::Credentials>(const std::string&)> SameForAll(
    const storage::Credentials& credentials) {
  return [shared = std::make_shared<const storage::Credentials>(credentials)](const std::string&) {
    return shared;
  };
}

class FileAgent final : public ConfigAgent, public ServerListener {
 public:
  FileAgent(os::EventLoop& loop, const ConfigAgentOptions& options)
      : log_(*options.log),
        client_(http::AsyncClient::Create(loop, ClientOptions())),
        store_(StoreIn(options.model_directory)),
        downloader_(*options.fetcher, store_, log_, options.model_directory),
        server_(loop, *client_, {.fixed_port = options.component_port}, *this),
        puller_({loop, *options.random, log_, store_, downloader_, server_},
                {.owns_server = false,
                 .credentials = SameForAll(options.credentials),
                 .on_change = [](const std::string&) {}}),
        desired_(loop, os::JoinPath(os::JoinPath(options.model_directory, ".agent"), "models"),
                 log_, puller_),
        file_(loop, os::RealFileSystem(), os::JoinPath(options.config_directory, "models.json"),
              options.model_timeout, log_, desired_) {}

  Status Start() {
    THRONG_RETURN_IF_ERROR(store_.Prepare());
    ModelStore::Recovered recovered = store_.Recover();
    for (const std::string& problem : recovered.problems) log_.Warning(problem);
    puller_.Adopt(std::move(recovered));
    server_.Start();
    desired_.Start();
    file_.Start();
    return OkStatus();
  }

  void OnServerUp(const std::set<std::string>& ready) override {
    log_.Info("The model server is there");
    puller_.OnServerUp(ready);
  }
  void OnServerDown() override {
    log_.Info("The model server is not there");
    puller_.OnServerDown();
  }
  void OnServerIndex(const std::set<std::string>& ready) override { puller_.OnServerIndex(ready); }

 private:
  const AgentLog& log_;
  const std::unique_ptr<http::AsyncClient> client_;
  const ModelStore store_;
  const Downloader downloader_;
  ServerClient server_;
  Puller puller_;
  DesiredSet desired_;
  ModelsFile file_;
};

}  // namespace

Result<std::unique_ptr<ConfigAgent>> ConfigAgent::Create(os::EventLoop& loop,
                                                         ConfigAgentOptions options) {
  THRONG_CHECK(options.fetcher != nullptr && options.random != nullptr && options.log != nullptr);
  auto agent = std::make_unique<FileAgent>(loop, options);
  THRONG_RETURN_IF_ERROR(agent->Start());
  return std::unique_ptr<ConfigAgent>(std::move(agent));
}

}  // namespace throng::agent
