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
  bool takes_away = false;
  for (auto it = specs_.begin(); it != specs_.end();) {
    const std::string model = (it++)->first;
    if (models.contains(model) || unreadable.contains(model)) continue;
    Forget(model);
    takes_away = true;
  }
  for (const ModelSpec& spec : specs) {
    takes_away = TakesAway(spec) || takes_away;
    Take(spec);
  }
  journal_.SetKnown();
  if (!takes_away) return TellAll();
  journal_.AfterWrite([this] { TellAll(); });
}

void DesiredSet::TellAll() {
  std::vector<ModelSpec> specs;
  specs.reserve(specs_.size());
  for (const auto& [model, spec] : specs_) specs.push_back(spec);
  sink_.OnAllWanted(specs, /*is_last_known=*/false);
}

void DesiredSet::Set(const ModelSpec& spec) {
  const bool takes_away = TakesAway(spec);
  if (!Take(spec)) return;
  if (!takes_away) return sink_.OnWanted(spec);
  journal_.AfterWrite([this, model = spec.model] {
    const auto found = specs_.find(model);
    if (found != specs_.end()) sink_.OnWanted(found->second);
  });
}

void DesiredSet::Remove(const std::string& model) {
  if (!specs_.contains(model)) return;
  Forget(model);
  journal_.AfterWrite([this, model] {
    if (!specs_.contains(model)) sink_.OnUnwanted(model);
  });
}

bool DesiredSet::TakesAway(const ModelSpec& spec) const {
  const auto known = specs_.find(spec.model);
  return known != specs_.end() && known->second.uid != spec.uid;
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
