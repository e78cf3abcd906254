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

std::string ModelOf(const Json& object) {
  const Json& spec = SpecOf(object);
  const auto model = spec.find("model");
  return model != spec.end() && model->is_string() ? model->get<std::string>() : "";
}

}  // namespace

Watcher::Watcher(os::EventLoop& loop, http::AsyncClient& client, WatcherOptions options,
                 Random& random, const AgentLog& log, DesiredSet& desired)
    : options_(std::move(options)),
      log_(log),
      desired_(desired),
      watcher_(loop, client, {.unix_path = options_.api_socket},
               {.target = TargetOf(options_),
                .on_problem = [this](std::string_view problem) { OnProblem(problem); }},
               random, *this) {}

void Watcher::OnProblem(std::string_view problem) {
  if (problem.empty()) {
    log_.Info("The API is there again");
    return options_.on_connected();
  }
  log_.Warning("The API is asked again, and models stay as they are: " + std::string(problem));
}

void Watcher::OnAll(const std::vector<watch::Json>& objects) {
  std::vector<ModelSpec> specs;
  std::set<std::string> unreadable;
  for (const watch::Json& object : objects) {
    Result<ModelSpec> spec = SpecFromJson(SpecOf(object));
    if (spec.ok()) {
      specs.push_back(std::move(*spec));
      continue;
    }
    log_.Error("An assignment cannot be read: " + spec.status().message());
    unreadable.insert(ModelOf(object));
  }
  desired_.ReplaceAll(std::move(specs), unreadable);
  options_.on_connected();
}

void Watcher::OnObject(const watch::Json& object) {
  const Result<ModelSpec> spec = SpecFromJson(SpecOf(object));
  if (spec.ok()) return desired_.Set(*spec);
  log_.Error("An assignment cannot be read: " + spec.status().message());
}

void Watcher::OnGone(const watch::Json& object) { desired_.Remove(ModelOf(object)); }

}  // namespace throng::agent
