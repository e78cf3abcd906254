// ServerClient: the model server beside the agent. It finds out where the server listens (a ports
// file that the server writes at each start, or a fixed port), tells when it comes, goes and starts
// anew, and calls load and unload.
//
//   ServerClient server(loop, client, {.ports_file = directory + "/ports"}, listener);
//   server.Start();
//
// Everything on the loop's thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_function.h"
#include "http/async_client.h"
#include "os/event_loop.h"
#include "os/file.h"

namespace throng::agent {

class ServerListener {
 public:
  virtual ~ServerListener() = default;
  // A server that has not been seen before, or the one that was lost: `ready` are the models that
  // it answers for. What was loaded into an earlier one is gone.
  virtual void OnServerUp(const std::set<std::string>& ready) = 0;
  virtual void OnServerDown() = 0;
  // Of a server on a fixed port, from time to time.
  virtual void OnServerIndex(const std::set<std::string>&) {}
};

struct ServerClientOptions {
  std::string ports_file;   // {"http":N,...}
  uint16_t fixed_port = 0;  // used when there is no ports file
  const os::FileSystem* files = nullptr;
};

struct ServerAnswer {
  Status status;        // a failure's message is the server's own
  bool reached = true;  // false: nothing is known of what the server did
  bool timed_out = false;
};

class ServerClient {
 public:
  ServerClient(os::EventLoop& loop, http::AsyncClient& client, ServerClientOptions options,
               ServerListener& listener);
  ServerClient(const ServerClient&) = delete;
  ServerClient& operator=(const ServerClient&) = delete;
  ~ServerClient();

  void Start();

  // Something is known: it is up, or it is not.
  bool known() const { return state_ != State::kUnknown; }
  bool up() const { return state_ == State::kUp; }
  // "<port>.<time of the ports file>"; empty while it is not up.
  std::string life() const { return up() ? life_ : std::string(); }

  // REQUIRES: up(). Destroying the handle ends the call without an answer.
  std::unique_ptr<http::AsyncCall> Load(const std::string& model, MonotonicTime deadline,
                                        Done<ServerAnswer> done);
  std::unique_ptr<http::AsyncCall> Unload(const std::string& model, Done<ServerAnswer> done);

 private:
  enum class State : uint8_t { kUnknown, kDown, kUp };

  void Poll();
  void PollPortsFile();
  void LoseServer();
  void AskIndex();
  void OnIndex(const Result<http::ClientReply>& reply);
  void PollAfter(Duration delay);
  http::CallSpec Post(std::string target, std::string_view body) const;
  std::unique_ptr<http::AsyncCall> Command(const std::string& model, std::string_view verb,
                                           MonotonicTime deadline, Done<ServerAnswer> done);

  os::EventLoop& loop_;
  http::AsyncClient& client_;
  const ServerClientOptions options_;
  const os::FileSystem& files_;
  ServerListener& listener_;
  State state_ = State::kUnknown;
  std::string life_;  // of `port_`
  uint16_t port_ = 0;
  std::unique_ptr<http::AsyncCall> index_;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace throng::agent
