#include "agent/credential_cache.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/back_off.h"
#include "base/control_limits.h"

namespace throng::agent {
namespace {

using Json = nlohmann::json;

constexpr int kOk = 200;

}  // namespace

CredentialCache::CredentialCache(os::EventLoop& loop, http::AsyncClient& client,
                                 CredentialCacheOptions options, Random& random,
                                 const AgentLog& log)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      random_(random),
      log_(log),
      next_(loop.clock().Now()) {}

CredentialCache::~CredentialCache() { loop_.CancelTimer(timer_); }

CredentialCache::Found CredentialCache::Find(const std::string& version) {
  if (version.empty()) return none_;
  const auto found = sets_.find(version);
  if (found != sets_.end()) return found->second;
  AskLater();
  return nullptr;
}

void CredentialCache::AskLater() {
  if (timer_ != 0 || call_ != nullptr) return;
  // Even at once is after this round: many models meet the same version together.
  timer_ = loop_.StartTimer(std::max(next_, loop_.clock().Now()), [this] {
    timer_ = 0;
    Ask();
  });
}

void CredentialCache::Ask() {
  if (options_.before_secrets) {
    if (const Status ready = options_.before_secrets(); !ready.ok()) return Fail(ready);
  }
  http::CallSpec spec{.address = {.unix_path = options_.api_socket}, .method = "GET"};
  spec.target = "/apis/throng.dev/v1alpha1/namespaces/" + options_.name_space + "/replicas/" +
                options_.replica + "/credentials";
  call_ = client_.Start(std::move(spec), loop_.clock().Now() + Duration(limits::kAgentReportTime),
                        [this](Result<http::ClientReply> reply) { OnReply(reply); });
}

void CredentialCache::OnReply(const Result<http::ClientReply>& reply) {
  call_.reset();
  Status status = reply.status();
  if (reply.ok() && reply->status != kOk) {
    status = UnavailableError("it answered " + std::to_string(reply->status));
  }
  if (status.ok()) status = Take(reply->body);
  if (!status.ok()) return Fail(status);
  failures_ = 0;
  // A version that is not among them is met again with the next assignment, or asked for again.
  next_ = loop_.clock().Now() + Duration(limits::kAgentReportEvery);
  log_.Info("Storage credentials are known");
  options_.on_change();
}

void CredentialCache::Fail(const Status& status) {
  if (failures_++ == 0) {
    log_.Warning("There are no storage credentials yet, the API is asked again: " +
                 status.message());
  }
  next_ = loop_.clock().Now() +
          BackOff(limits::kWatchBackOff, limits::kWatchBackOffMost, failures_ - 1, random_);
  AskLater();
}

Status CredentialCache::Take(std::string_view body) {
  const Json reply = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const auto sets = reply.is_object() ? reply.find("sets") : reply.end();
  if (!reply.is_object() || sets == reply.end() || !sets->is_object()) {
    return UnavailableError("the reply holds no credentials");
  }
  std::map<std::string, Found> known;
  for (const auto& [version, document] : sets->items()) {
    auto credentials =
        storage::CredentialsFromText(document.dump(-1, ' ', false, Json::error_handler_t::replace));
    // Those of the others are as good as they were.
    if (!credentials.ok()) {
      log_.Error(credentials.status().message());
      continue;
    }
    known[version] = std::make_shared<const storage::Credentials>(std::move(*credentials));
  }
  sets_ = std::move(known);
  return OkStatus();
}

}  // namespace throng::agent
