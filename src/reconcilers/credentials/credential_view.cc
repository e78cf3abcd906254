#include "reconcilers/credentials/credential_view.h"

#include "kube/object_meta.h"

namespace throng::reconcilers {
namespace {

using controller::ObjectKey;
using kube::Json;

bool IsOurConfig(const Json& config_map) {
  const std::string name_space = kube::NamespaceOf(config_map);
  return kube::NameOf(config_map) == "inferenceservice-config" &&
         (name_space == "kfserving-system" || name_space == "kserve");
}

}  // namespace

CredentialView::CredentialView(kube::Objects& objects, Changed changed, Events events,
                               BadConfig bad_config)
    : objects_(objects),
      changed_(std::move(changed)),
      events_(std::move(events)),
      bad_config_(std::move(bad_config)) {
  // Before anybody asks.
  for (const Json& object : objects_.List("configmaps", "")) {
    if (IsOurConfig(object)) ReadConfig(object);
  }
  for (const char* const resource : {"serviceaccounts", "secrets", "configmaps"}) {
    watches_.push_back(
        objects_.Watch(resource, [this, resource](kube::EventKind kind, const Json& object) {
          if (kind != kube::EventKind::kDeleted && std::string_view(resource) == "configmaps" &&
              IsOurConfig(object)) {
            ReadConfig(object);
          }
          OnObject(resource, object);
        }));
  }
}

Json CredentialView::ForModel(const ObjectKey& key, const Json& service,
                              const admission::TrainedModelView& model) {
  const std::string_view part = PartFor(model.storage_uri);
  if (part.empty()) return nullptr;
  const CredentialSet& set = Of(key, service, model.storage_key);
  auto problem = set.problems.find(std::string(part));
  if (problem == set.problems.end()) problem = set.problems.find("");
  if (problem != set.problems.end()) {
    return {{"version", set.version},
            {"reason", problem->second.reason},
            {"message", problem->second.message}};
  }
  if (!set.document.contains(part)) return nullptr;
  return {{"version", set.version}};
}

Json CredentialView::ForReplica(const ObjectKey& key, const Json& service,
                                const std::set<std::string>& storage_keys) {
  Json sets = Json::object();
  for (const std::string& storage_key : storage_keys) {
    const CredentialSet& set = Of(key, service, storage_key);
    if (!set.document.empty()) sets[set.version] = set.document;
  }
  return {{"sets", std::move(sets)}};
}

void CredentialView::Forget(const ObjectKey& key) { sets_.erase(key); }

const CredentialSet& CredentialView::Of(const ObjectKey& key, const Json& service,
                                        const std::string& storage_key) {
  Sets& sets = sets_[key];
  if (const auto known = sets.find(storage_key); known != sets.end()) return known->second;
  CredentialsAsked asked = AskedBy(service, config_);
  asked.storage_key = storage_key;
  const ObjectReader read = [&](std::string_view resource,
                                const std::string& name) -> std::optional<Json> {
    auto object = objects_.Get(resource, key.name_space, name);
    if (!object.ok()) return std::nullopt;
    return std::move(*object);
  };
  const CredentialSet& set = sets[storage_key] = GatherCredentials(asked, config_, read);
  TellIgnored(key, service, set);
  return set;
}

void CredentialView::TellIgnored(const ObjectKey& key, const Json& service,
                                 const CredentialSet& set) {
  std::set<std::string>& told = told_[key];
  for (const std::string& text : set.ignored) {
    if (told.insert(text).second) events_(service, true, "CredentialsIgnored", text);
  }
  if (told.empty()) told_.erase(key);
}

void CredentialView::OnObject(std::string_view resource, const Json& object) {
  const std::pair<std::string, std::string> changed{resource, kube::NameOf(object)};
  const std::string name_space = kube::NamespaceOf(object);
  std::vector<ObjectKey> services;
  for (const auto& [key, sets] : sets_) {
    if (key.name_space != name_space) continue;
    for (const auto& [storage_key, set] : sets) {
      if (!set.depends.contains(changed)) continue;
      services.push_back(key);
      break;
    }
  }
  for (const ObjectKey& key : services) {
    sets_.erase(key);
    changed_(key);
  }
}

void CredentialView::ReadConfig(const Json& config_map) {
  const std::string text = kube::TextAt(config_map, {"data", "credentials"});
  // Only where it was first is it ever taken away.
  if (text.empty() && kube::NamespaceOf(config_map) == "kserve") return;
  auto config =
      text.empty() ? Result<CredentialsConfig>(CredentialsConfig()) : ReadCredentialsConfig(text);
  if (!config.ok()) return bad_config_(config_map, "credentials: " + config.status().message());
  if (*config == config_) return;
  config_ = std::move(*config);
  const std::map<ObjectKey, Sets> before = std::exchange(sets_, {});
  for (const auto& [key, sets] : before) changed_(key);
}

}  // namespace throng::reconcilers
