#include "agent/server_client.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/control_limits.h"
#include "base/kill_point.h"

namespace throng::agent {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kPortsFileBytes = 4096;
constexpr int kOk = 200;
constexpr uint64_t kMostPort = 65535;

Json ParseObject(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

// A V2 server's {"error":"..."}, else what its status says.
std::string ErrorText(const http::ClientReply& reply) {
  const Json json = ParseObject(reply.body);
  const auto error = json.find("error");
  if (error != json.end() && error->is_string() && !error->get_ref<const std::string&>().empty()) {
    return error->get<std::string>();
  }
  return "the model server answered " + std::to_string(reply.status);
}

std::set<std::string> ReadyModels(const std::string& body) {
  std::set<std::string> ready;
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return ready;
  for (const Json& entry : json) {
    if (!entry.is_object()) continue;
    const auto name = entry.find("name");
    const auto state = entry.find("state");
    if (name == entry.end() || !name->is_string()) continue;
    if (state == entry.end() || *state == "READY") ready.insert(name->get<std::string>());
  }
  return ready;
}

}  // namespace

ServerClient::ServerClient(os::EventLoop& loop, http::AsyncClient& client,
                           ServerClientOptions options, ServerListener& listener)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      files_(options_.files == nullptr ? os::RealFileSystem() : *options_.files),
      listener_(listener) {}

ServerClient::~ServerClient() { loop_.CancelTimer(timer_); }

void ServerClient::Start() {
  if (options_.ports_file.empty()) port_ = options_.fixed_port;
  Poll();
}

void ServerClient::Poll() {
  if (!options_.ports_file.empty()) return PollPortsFile();
  AskIndex();
}

void ServerClient::PollAfter(Duration delay) {
  loop_.CancelTimer(timer_);
  timer_ = loop_.StartTimer(loop_.clock().Now() + delay, [this] {
    timer_ = 0;
    Poll();
  });
}

void ServerClient::PollPortsFile() {
  const auto info = files_.Stat(options_.ports_file);
  const auto text = files_.Read(options_.ports_file, kPortsFileBytes);
  const Json ports = text.ok() ? ParseObject(*text) : Json::object();
  const auto found = ports.find("http");
  const bool has_port = found != ports.end() && found->is_number_unsigned() &&
                        found->get<uint64_t>() > 0 && found->get<uint64_t>() <= kMostPort;
  if (!has_port || !info.ok()) {
    index_.reset();
    life_.clear();
    LoseServer();
    return PollAfter(limits::kAgentServerPoll);
  }
  const auto port = found->get<uint16_t>();
  std::string life = std::to_string(port) + "." + std::to_string(info->modified_ns);
  if (life != life_) {
    index_.reset();
    if (state_ == State::kUp) LoseServer();
    life_ = std::move(life);
    port_ = port;
    return AskIndex();
  }
  if (state_ != State::kUp && index_ == nullptr) return AskIndex();
  PollAfter(limits::kAgentServerWatch);
}

void ServerClient::LoseServer() {
  const State before = std::exchange(state_, State::kDown);
  if (before != State::kDown) listener_.OnServerDown();
}

void ServerClient::AskIndex() {
  index_ = client_.Start(Post("/v2/repository/index", R"({"ready":true})"),
                         loop_.clock().Now() + Duration(limits::kAgentServerTime),
                         [this](Result<http::ClientReply> reply) { OnIndex(reply); });
}

void ServerClient::OnIndex(const Result<http::ClientReply>& reply) {
  index_.reset();
  if (!reply.ok() || reply->status != kOk) {
    LoseServer();
    return PollAfter(limits::kAgentServerPoll);
  }
  const std::set<std::string> ready = ReadyModels(reply->body);
  const bool is_fixed = options_.ports_file.empty();
  PollAfter(is_fixed ? Duration(limits::kAgentIndexEvery) : Duration(limits::kAgentServerWatch));
  if (state_ == State::kUp) return listener_.OnServerIndex(ready);
  state_ = State::kUp;
  if (is_fixed) life_ = std::to_string(port_);
  listener_.OnServerUp(ready);
}

http::CallSpec ServerClient::Post(std::string target, std::string_view body) const {
  http::CallSpec spec{.address = {.host = "127.0.0.1", .port = port_},
                      .method = "POST",
                      .target = std::move(target)};
  spec.headers = {{"Content-Type", "application/json"}};
  spec.body = std::make_shared<const std::string>(body);
  return spec;
}

std::unique_ptr<http::AsyncCall> ServerClient::Command(const std::string& model,
                                                       std::string_view verb,
                                                       MonotonicTime deadline,
                                                       Done<ServerAnswer> done) {
  std::string target = "/v2/repository/models/" + model + "/" + std::string(verb);
  return client_.Start(Post(std::move(target), "{}"), deadline,
                       [done = std::move(done)](Result<http::ClientReply> reply) mutable {
                         ServerAnswer answer;
                         if (!reply.ok()) {
                           answer.status = UnavailableError("the model server does not answer");
                           answer.timed_out =
                               reply.status().code() == StatusCode::kDeadlineExceeded;
                           answer.reached = false;
                         } else if (reply->status != kOk) {
                           answer.status = FailedPreconditionError(ErrorText(*reply));
                         }
                         done(std::move(answer));
                       });
}

std::unique_ptr<http::AsyncCall> ServerClient::Load(const std::string& model,
                                                    MonotonicTime deadline,
                                                    Done<ServerAnswer> done) {
  auto call = Command(model, "load", deadline, std::move(done));
  KillPoint("agent.load.started");
  return call;
}

std::unique_ptr<http::AsyncCall> ServerClient::Unload(const std::string& model,
                                                      Done<ServerAnswer> done) {
  auto call = Command(model, "unload", loop_.clock().Now() + Duration(limits::kAgentServerTime),
                      std::move(done));
  KillPoint("agent.unload.started");
  return call;
}

}  // namespace throng::agent
