#include "attack/job_document.h"

#include <nlohmann/json.hpp>

namespace throng::attack {
namespace {

using Json = nlohmann::json;

// Any bytes as text: each is the character of that number. JSON holds nothing but text.
std::string TextOfBytes(const std::string& bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

Result<std::string> BytesOfText(const std::string& text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
    } else if ((byte == 0xC2 || byte == 0xC3) && i + 1 < text.size()) {
      ++i;
      bytes += static_cast<char>(((byte & 0x03) << 6) | (text[i] & 0x3F));
    } else {
      return InvalidArgumentError("a file of the job holds a character that is no byte");
    }
  }
  return bytes;
}

Json PlanJson(const AttackPlan& plan) {
  return {{"name", TextOfBytes(plan.name)},      {"targets", TextOfBytes(plan.targets_path)},
          {"rateCount", plan.rate.count},        {"ratePeriodNs", plan.rate.period.count()},
          {"durationNs", plan.duration.count()}, {"timeoutNs", plan.timeout.count()},
          {"maxWorkers", plan.max_workers},      {"idleConnections", plan.idle_connections},
          {"keepAlive", plan.keep_alive}};
}

Duration ReadDuration(const Json& json, const char* key) {
  return Duration(json.at(key).get<int64_t>());
}

Result<AttackPlan> ReadPlan(const Json& json) {
  AttackPlan plan;
  THRONG_ASSIGN_OR_RETURN(plan.name, BytesOfText(json.at("name").get<std::string>()));
  THRONG_ASSIGN_OR_RETURN(plan.targets_path, BytesOfText(json.at("targets").get<std::string>()));
  json.at("rateCount").get_to(plan.rate.count);
  plan.rate.period = ReadDuration(json, "ratePeriodNs");
  plan.duration = ReadDuration(json, "durationNs");
  plan.timeout = ReadDuration(json, "timeoutNs");
  json.at("maxWorkers").get_to(plan.max_workers);
  json.at("idleConnections").get_to(plan.idle_connections);
  json.at("keepAlive").get_to(plan.keep_alive);
  if (plan.rate.count == 0 || plan.rate.period.count() <= 0 || plan.duration.count() <= 0 ||
      plan.timeout.count() <= 0) {
    return InvalidArgumentError("the plan of the job cannot be carried out");
  }
  return plan;
}

}  // namespace

std::string AttackJobText(const AttackJob& job) {
  Json files = Json::object();
  for (const auto& [path, content] : job.files) files[TextOfBytes(path)] = TextOfBytes(content);
  const Json all = {{"plan", PlanJson(job.plan)}, {"files", std::move(files)}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<AttackJob> ParseAttackJob(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    AttackJob job;
    THRONG_ASSIGN_OR_RETURN(job.plan, ReadPlan(json.at("plan")));
    for (const auto& [path, content] : json.at("files").items()) {
      THRONG_ASSIGN_OR_RETURN(std::string name, BytesOfText(path));
      THRONG_ASSIGN_OR_RETURN(job.files[name], BytesOfText(content.get<std::string>()));
    }
    return job;
  } catch (const Json::exception&) {
    return InvalidArgumentError("the file of the job cannot be read");
  }
}

std::string AttackResultText(int exit_status, const std::string& message, WallTime finished_at) {
  const Json result = {{"exit", exit_status},
                       {"message", message},
                       {"finishedAtNs", finished_at.time_since_epoch().count()}};
  return result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace throng::attack
