// A small API server for tests of clients: objects in memory, discovery, tables, merge patches,
// watches and logs, on a thread and a port of its own. It is not Kubernetes: it knows no schemas
// and no ownership. Its methods may be called from the test's thread.
//
//   FakeApiServer server;
//   server.Put(Object("v1", "ConfigMap", "a"));
//   auto access = server.Access();
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/kubeconfig.h"
#include "http/server.h"
#include "kube/json.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::client::testing {

using kube::Json;

// metadata.namespace is "default"; no spec.
Json Object(const std::string& api_version, const std::string& kind, const std::string& name);

struct Call {
  std::string method;
  std::string target;
  std::string accept;
  std::string content_type;
  std::string authorization;
  std::string body;
};

class FakeApiServer {
 public:
  FakeApiServer();
  ~FakeApiServer();
  FakeApiServer(const FakeApiServer&) = delete;
  FakeApiServer& operator=(const FakeApiServer&) = delete;

  uint16_t port() const { return port_; }
  ClusterAccess Access() const;
  // Text of a file that leads here.
  std::string Kubeconfig() const;

  // Creates or changes; watches see it.
  void Put(Json object);
  void Remove(const std::string& api_version, const std::string& kind, const std::string& name);
  // Null when it is not there.
  Json Read(const std::string& api_version, const std::string& kind, const std::string& name);
  // Calls of this method and path (without the query) are answered so from now on.
  void Answer(const std::string& method, const std::string& path, int status, std::string body);
  // The next writes carry this warning.
  void Warn(std::string text);
  // The log of a container. Those who follow get it as it grows, until the log ends.
  void AddLog(const std::string& pod, const std::string& container, const std::string& text);
  void EndLog(const std::string& pod, const std::string& container);
  // As a server ends watches that last long.
  void EndWatches();
  // Runs on the server's thread after the next watch or followed log has begun.
  void OnStream(std::function<void(FakeApiServer&)> then);

  std::vector<Call> Calls();
  // "GET /api/v1/...": method and target of those that are no discovery.
  std::vector<std::string> Lines();

 private:
  struct Type;
  struct Place;
  struct Watch;
  struct Log;
  struct Change;

  void RunOnLoop(std::function<void()> task);
  void Handle(std::shared_ptr<http::Exchange> exchange);
  bool AnswerDiscovery(const std::string& path, http::Exchange& exchange);
  void HandleObjects(std::shared_ptr<http::Exchange> exchange, const Place& place);
  void List(http::Exchange& exchange, const Place& place);
  void StartWatch(http::Exchange& exchange, const Place& place);
  void StartLog(http::Exchange& exchange, const Place& place);
  void Write(http::Exchange& exchange, const Place& place);
  void Delete(http::Exchange& exchange, const Place& place);
  Json Store(const std::string& key, Json object);
  void Forget(const std::string& key);
  void Tell(const Change& change);
  void Send(Watch& watch, const Change& change);
  void Streaming();

  std::unique_ptr<os::EventLoop> loop_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::unique_ptr<http::HttpServer> server_;
  std::vector<Call> calls_;
  std::map<std::string, Json> objects_;  // by "/apis/G/V/namespaces/NS/resource/NAME"
  std::vector<Change> changes_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::map<std::string, std::unique_ptr<Log>> logs_;
  std::map<std::string, std::pair<int, std::string>> answers_;
  std::deque<std::function<void(FakeApiServer&)>> on_stream_;
  std::string warning_;
  int64_t version_ = 100;
  std::thread thread_;
};

}  // namespace throng::client::testing
