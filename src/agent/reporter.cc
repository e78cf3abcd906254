#include "agent/reporter.h"

#include <algorithm>
#include <utility>

#include "base/back_off.h"
#include "base/control_limits.h"
#include "base/kill_point.h"
#include "kube/object_meta.h"

namespace throng::agent {
namespace {

constexpr int kOk = 200;
constexpr Duration kLongestBackOff = Duration(limits::kAgentReportEvery) * 32;
// Well below what the API takes as one body.
constexpr size_t kReportBytes = limits::kObjectBodyBytes / 2;

}  // namespace

Reporter::Reporter(os::EventLoop& loop, http::AsyncClient& client, ReporterOptions options,
                   Random& random, const AgentLog& log)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      random_(random),
      log_(log),
      next_(loop.clock().Now()) {}

Reporter::~Reporter() { loop_.CancelTimer(timer_); }

void Reporter::OnChange(const std::string& model) {
  changed_.insert(model);
  Plan();
}

void Reporter::OnGone(const std::string& model, const std::string& uid) {
  gone_[model] = uid;
  changed_.erase(model);
  Plan();
}

void Reporter::SendAll() {
  all_ = true;
  Plan();
}

void Reporter::Plan() {
  if (timer_ != 0 || call_ != nullptr || !options_.is_known()) return;
  if (!all_ && changed_.empty() && gone_.empty() && rest_.empty()) return;
  // Even at once is after this round: changes that come together are told together.
  timer_ = loop_.StartTimer(std::max(next_, loop_.clock().Now()), [this] {
    timer_ = 0;
    Send();
  });
}

void Reporter::Send() {
  if (!options_.is_known()) return;
  const Json body = Body();
  if (body.is_null()) return Plan();
  http::CallSpec spec{.address = {.unix_path = options_.api_socket}, .method = "POST"};
  spec.target = "/apis/throng.dev/v1alpha1/namespaces/" + options_.name_space + "/replicas/" +
                options_.replica + "/report";
  spec.headers = {{"Content-Type", "application/json"}};
  spec.body = std::make_shared<const std::string>(
      body.dump(-1, ' ', false, Json::error_handler_t::replace));
  next_ = loop_.clock().Now() + Duration(limits::kAgentReportEvery);
  call_ = client_.Start(std::move(spec), loop_.clock().Now() + Duration(limits::kAgentReportTime),
                        [this](Result<http::ClientReply> reply) { OnReply(reply); });
  KillPoint("agent.report.started");
}

Json Reporter::Body() {
  if (std::exchange(all_, false)) {
    in_whole_ = true;
    part_ = 0;
    // What is gone is not among them.
    gone_.clear();
    changed_.clear();
    told_.clear();
    rest_ = options_.models();
    std::reverse(rest_.begin(), rest_.end());
  }
  Json models = Json::array();
  gone_sent_ = std::exchange(gone_, {});
  for (const auto& [model, uid] : gone_sent_) {
    told_.erase(model);
    models.push_back({{"model", model},
                      {"uid", uid},
                      {"state", "Gone"},
                      {"time", kube::Timestamp(loop_.clock().WallNow())}});
  }
  size_t bytes = 0;
  const auto has_room = [&] {
    return models.size() < limits::kAgentReportModels && bytes < kReportBytes;
  };
  while (!rest_.empty() && has_room()) {
    changed_.erase(rest_.back());
    bytes += AddReport(rest_.back(), models);
    rest_.pop_back();
  }
  while (rest_.empty() && !changed_.empty() && has_room()) {
    bytes += AddReport(*changed_.begin(), models);
    changed_.erase(changed_.begin());
  }
  if (models.empty() && !in_whole_) return nullptr;
  Json body = {{"server", options_.server()}, {"full", in_whole_}, {"models", std::move(models)}};
  if (in_whole_) {
    body["part"] = part_++;
    in_whole_ = !rest_.empty();
    body["more"] = in_whole_;
  }
  return body;
}

size_t Reporter::AddReport(const std::string& model, Json& models) {
  Json report = options_.report(model);
  if (report.is_null()) return 0;
  const size_t hash = std::hash<Json>()(report);
  const auto [told, is_new] = told_.try_emplace(model, hash);
  if (!is_new && told->second == hash) return 0;
  told->second = hash;
  const size_t bytes = report.dump(-1, ' ', false, Json::error_handler_t::replace).size();
  models.push_back(std::move(report));
  return bytes;
}

void Reporter::OnReply(const Result<http::ClientReply>& reply) {
  call_.reset();
  KillPoint("agent.report.answered");
  if (reply.ok() && reply->status == kOk) {
    if (std::exchange(failures_, 0) > 0) log_.Info("The API takes reports again");
    gone_sent_.clear();
    // The parts of a whole follow each other.
    if (!rest_.empty()) next_ = loop_.clock().Now();
    return Plan();
  }
  // What the API has seen is not known.
  gone_.merge(gone_sent_);
  gone_sent_.clear();
  all_ = true;
  if (failures_++ == 0) {
    log_.Warning(
        "The API does not take the report, it is sent again: " +
        (reply.ok() ? "it answered " + std::to_string(reply->status) : reply.status().message()));
  }
  next_ = loop_.clock().Now() +
          BackOff(limits::kAgentReportEvery, kLongestBackOff, failures_ - 1, random_);
  Plan();
}

}  // namespace throng::agent
