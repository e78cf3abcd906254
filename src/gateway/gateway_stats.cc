#include "gateway/gateway_stats.h"

#include <string_view>

namespace throng::gateway {
namespace {

void Describe(std::string& page, std::string_view name, std::string_view type,
              std::string_view help) {
  page.append("# HELP ").append(name).append(" ").append(help);
  page.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void AddSample(std::string& page, std::string_view name, uint64_t value) {
  page.append(name).append(" ").append(std::to_string(value)).append("\n");
}

void Add(std::string& page, std::string_view name, std::string_view type, std::string_view help,
         uint64_t value) {
  Describe(page, name, type, help);
  AddSample(page, name, value);
}

void AddReplies(std::string& page, const GatewayStats& stats) {
  constexpr std::string_view kName = "throng_gateway_replies_total";
  Describe(page, kName, "counter", "Requests that are over, by class of status.");
  for (size_t i = 1; i < stats.replies.size(); ++i) {
    const std::string labels = "{class=\"" + std::to_string(i) + "xx\"}";
    AddSample(page, std::string(kName) + labels, stats.replies[i]);
  }
}

void AddDurations(std::string& page, const GatewayStats& stats) {
  constexpr std::string_view kName = "throng_gateway_request_duration_seconds";
  Describe(page, kName, "histogram", "From a whole request to the end of its reply.");
  uint64_t count = 0;
  for (size_t i = 0; i < stats.durations.size(); ++i) {
    count += stats.durations[i];
    std::string bound = "+Inf";
    if (i < GatewayStats::kBucketMs.size()) {
      const int64_t ms = GatewayStats::kBucketMs[i];
      bound = std::to_string(ms / 1000) + "." + std::to_string(1000 + ms % 1000).substr(1);
    }
    AddSample(page, std::string(kName) + "_bucket{le=\"" + bound + "\"}", count);
  }
  const double seconds = std::chrono::duration<double>(stats.total_duration).count();
  page.append(kName).append("_sum ").append(std::to_string(seconds)).append("\n");
  AddSample(page, std::string(kName) + "_count", count);
}

void AddFailures(std::string& page, const GatewayStats& stats) {
  Add(page, "throng_gateway_unknown_hosts_total", "counter", "Requests for a host of no route.",
      stats.unknown_hosts);
  Add(page, "throng_gateway_waits_total", "counter", "Requests held until there is a replica.",
      stats.waits);
  Add(page, "throng_gateway_waits_in_vain_total", "counter", "Of those, answered 503 in the end.",
      stats.waits_in_vain);
  Add(page, "throng_gateway_waits_refused_total", "counter", "Not held: too many wait already.",
      stats.waits_refused);
  Add(page, "throng_gateway_unreached_total", "counter",
      "Attempts at replicas that cannot have acted on them.", stats.unreached);
  Add(page, "throng_gateway_not_there_total", "counter",
      "Attempts at replicas that did not hold the model, while others were left.", stats.not_there);
  Add(page, "throng_gateway_replicas_lost_total", "counter",
      "Requests whose replica was lost before its reply.", stats.replicas_lost);
  Add(page, "throng_gateway_deadlines_total", "counter", "Requests whose replica took too long.",
      stats.deadlines);
  Add(page, "throng_gateway_clients_gone_total", "counter", "Clients that left before the end.",
      stats.clients_gone);
  Add(page, "throng_gateway_cut_replies_total", "counter", "Replies that a replica did not end.",
      stats.cut_replies);
}

}  // namespace

void GatewayStats::AddDuration(Duration duration) {
  total_duration += duration;
  size_t i = 0;
  while (i < kBucketMs.size() && duration > std::chrono::milliseconds(kBucketMs[i])) ++i;
  ++durations[i];
}

std::string GatewayMetricsPage(const GatewayStats& stats, const GatewayInventory& inventory) {
  std::string page;
  AddReplies(page, stats);
  AddDurations(page, stats);
  AddFailures(page, stats);
  Add(page, "throng_gateway_request_bytes_total", "counter", "Of bodies of requests.",
      stats.request_bytes);
  Add(page, "throng_gateway_reply_bytes_total", "counter", "Of bodies of replies.",
      stats.reply_bytes);
  Add(page, "throng_gateway_requests_in_flight", "gauge", "Requests that are not over.",
      stats.in_flight);
  Add(page, "throng_gateway_requests_waiting", "gauge", "Requests without a replica.",
      stats.waiting);
  Add(page, "throng_gateway_waiting_bytes", "gauge", "Of their bodies.", stats.waiting_bytes);
  Add(page, "throng_gateway_connections", "gauge", "Connections of clients.",
      inventory.connections);
  Add(page, "throng_gateway_routes", "gauge", "Routes that are known.", inventory.routes);
  Add(page, "throng_gateway_routes_synced", "gauge", "The API listed its routes since the start.",
      inventory.routes_synced ? 1 : 0);
  Add(page, "throng_gateway_watch_failures_total", "counter", "Of lists and watches of routes.",
      inventory.watch_failures);
  Add(page, "throng_gateway_access_lines_lost_total", "counter",
      "Lines of the access log that were not written: the disk was too slow, or refused.",
      inventory.access_lines_lost);
  return page;
}

}  // namespace throng::gateway
