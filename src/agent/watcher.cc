#include "agent/watcher.h"

#include <set>
#include <utility>

namespace throng::agent {
namespace {

// The field selector of one replica, as a query has it.
std::string TargetOf(const WatcherOptions& options) {
  return "/apis/throng.dev/v1alpha1/namespaces/" + options.name_space +
         "/modelassignments?fieldSelector=spec.replica%3D" + options.replica;
}

const Json& SpecOf(const Json& object) {
  static const Json kNone;
  const auto spec = object.find("spec");
  return spec == object.end() ? kNone : *spec;
}

}  // namespace

Watcher::Watcher(os::EventLoop& loop, http::AsyncClient& client, WatcherOptions options,
                 Random& random, const AgentLog& log, DesiredSink& sink)
    : options_(std::move(options)),
      log_(log),
      sink_(sink),
      journal_(loop, options_.journal_path, log),
      watcher_(loop, client, {.unix_path = options_.api_socket},
               {.target = TargetOf(options_),
                .on_problem = [this](std::string_view problem) { OnProblem(problem); }},
               random, *this) {}

void Watcher::Start() {
  if (const auto known = journal_.Read()) {
    for (const ModelSpec& spec : *known) {
      specs_[spec.model] = spec;
      log_.Info("adding model " + spec.model);
    }
    sink_.OnAllWanted(*known, /*is_last_known=*/true);
  }
  watcher_.Start();
}

void Watcher::OnProblem(std::string_view problem) {
  if (problem.empty()) {
    log_.Info("The API is there again");
    return options_.on_connected();
  }
  log_.Warning("The API is asked again, and models stay as they are: " + std::string(problem));
}

void Watcher::OnAll(const std::vector<watch::Json>& objects) {
  std::map<std::string, ModelSpec> specs;
  std::set<std::string> unreadable;
  for (const watch::Json& object : objects) {
    Result<ModelSpec> spec = SpecFromJson(SpecOf(object));
    if (spec.ok()) {
      specs[spec->model] = std::move(*spec);
      continue;
    }
    log_.Error("An assignment cannot be read: " + spec.status().message());
    const auto name = SpecOf(object).find("model");
    if (name != SpecOf(object).end() && name->is_string()) unreadable.insert(*name);
  }
  // What cannot be read any more stays as it was.
  for (const auto& [model, spec] : specs_) {
    if (unreadable.contains(model)) specs.emplace(model, spec);
  }
  for (auto it = specs_.begin(); it != specs_.end();) {
    const std::string model = (it++)->first;
    if (!specs.contains(model)) Forget(model);
  }
  std::vector<ModelSpec> all;
  all.reserve(specs.size());
  for (const auto& [model, spec] : specs) {
    Take(spec);
    all.push_back(spec);
  }
  journal_.SetKnown();
  sink_.OnAllWanted(all, /*is_last_known=*/false);
  options_.on_connected();
}

void Watcher::OnObject(const watch::Json& object) {
  const Result<ModelSpec> spec = SpecFromJson(SpecOf(object));
  if (!spec.ok()) {
    return log_.Error("An assignment cannot be read: " + spec.status().message());
  }
  if (Take(*spec)) sink_.OnWanted(*spec);
}

void Watcher::OnGone(const watch::Json& object) {
  const auto name = SpecOf(object).find("model");
  if (name == SpecOf(object).end() || !name->is_string()) return;
  const auto model = name->get<std::string>();
  if (!specs_.contains(model)) return;
  Forget(model);
  sink_.OnUnwanted(model);
}

bool Watcher::Take(const ModelSpec& spec) {
  const auto [known, is_new] = specs_.try_emplace(spec.model, spec);
  if (!is_new && known->second == spec) return false;
  if (is_new) {
    log_.Info("adding model " + spec.model);
  } else if (!WantsSameBytes(known->second, spec)) {
    log_.Info("updating model " + spec.model);
  }
  known->second = spec;
  journal_.Set(spec);
  return true;
}

void Watcher::Forget(const std::string& model) {
  log_.Info("removing model " + model);
  specs_.erase(model);
  journal_.Remove(model);
}

}  // namespace throng::agent
