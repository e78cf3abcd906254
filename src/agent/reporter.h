// Reporter: tells the API how the models are: what changed, at most once a second and the first
// change at once; everything after the API or the model server was not there, in numbered parts
// when it is much. Nothing is lost: what could not be told is told again. Everything on the loop's
// thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/agent_log.h"
#include "agent/model_spec.h"
#include "base/random.h"
#include "http/async_client.h"
#include "os/event_loop.h"

namespace throng::agent {

struct ReporterOptions {
  std::string api_socket;
  std::string name_space;
  std::string replica;
  // What there is to say.
  std::function<std::vector<std::string>()> models;
  std::function<Json(const std::string& model)> report;  // null: nothing
  std::function<std::string()> server;                   // names the server's life
  std::function<bool()> is_known;  // false: nothing can be said yet; call SendAll when it can
};

class Reporter {
 public:
  // All outlive it.
  Reporter(os::EventLoop& loop, http::AsyncClient& client, ReporterOptions options, Random& random,
           const AgentLog& log);
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  ~Reporter();

  void OnChange(const std::string& model);
  // Nothing is left of it. Said once.
  void OnGone(const std::string& model, const std::string& uid);
  void SendAll();

 private:
  void Plan();
  void Send();
  // Null: nothing is new.
  Json Body();
  // How many bytes that took.
  size_t AddReport(const std::string& model, Json& models);
  void OnReply(const Result<http::ClientReply>& reply);

  os::EventLoop& loop_;
  http::AsyncClient& client_;
  const ReporterOptions options_;
  Random& random_;
  const AgentLog& log_;
  bool all_ = true;                          // the next report begins anew
  std::set<std::string> changed_;            // to be told
  std::vector<std::string> rest_;            // of all, in reverse order
  bool in_whole_ = false;                    // parts of a whole follow
  int64_t part_ = 0;                         // the next one
  std::map<std::string, size_t> told_;       // hashes of what was told last, by model
  std::map<std::string, std::string> gone_;  // uid by model
  std::map<std::string, std::string> gone_sent_;
  MonotonicTime next_{};
  int failures_ = 0;  // in a row
  std::unique_ptr<http::AsyncCall> call_;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace throng::agent
