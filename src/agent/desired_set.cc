#include "agent/desired_set.h"

#include <utility>

namespace throng::agent {

void DesiredSet::Start() {
  const auto known = journal_.Read();
  if (!known) return;
  for (const ModelSpec& spec : *known) {
    specs_[spec.model] = spec;
    log_.Info("adding model " + spec.model);
  }
  sink_.OnAllWanted(*known, /*is_last_known=*/true);
}

void DesiredSet::ReplaceAll(std::vector<ModelSpec> specs, const std::set<std::string>& unreadable) {
  std::set<std::string> models;
  for (const ModelSpec& spec : specs) models.insert(spec.model);
  for (auto it = specs_.begin(); it != specs_.end();) {
    const auto& [model, spec] = *it++;
    if (models.contains(model)) continue;
    if (unreadable.contains(model)) {
      specs.push_back(spec);
    } else {
      Forget(std::string(model));
    }
  }
  for (const ModelSpec& spec : specs) Take(spec);
  journal_.SetKnown();
  sink_.OnAllWanted(specs, /*is_last_known=*/false);
}

void DesiredSet::Set(const ModelSpec& spec) {
  if (Take(spec)) sink_.OnWanted(spec);
}

void DesiredSet::Remove(const std::string& model) {
  if (!specs_.contains(model)) return;
  Forget(model);
  sink_.OnUnwanted(model);
}

bool DesiredSet::Take(const ModelSpec& spec) {
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

void DesiredSet::Forget(const std::string& model) {
  log_.Info("removing model " + model);
  specs_.erase(model);
  journal_.Remove(model);
}

}  // namespace throng::agent
