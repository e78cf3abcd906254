// CredentialView: the storage credentials of InferenceServices, kept right by watches on
// ServiceAccounts, Secrets and ConfigMaps. It keeps the gathered sets in memory; agents are given
// them over the Unix socket, and nobody else is. One executor.
//
//   CredentialView credentials(objects, [&](const ObjectKey& service) { LookAtModels(service); },
//                              events, bad_config);
//   Json told = credentials.ForModel(service_key, service_object, model);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "admission/trained_model_rules.h"
#include "controller/work_queue.h"
#include "kube/objects.h"
#include "reconcilers/credentials/credential_reader.h"

namespace throng::reconcilers {

class CredentialView {
 public:
  using Changed = std::function<void(const controller::ObjectKey& service)>;
  using Events = std::function<void(const kube::Json& object, bool is_warning,
                                    std::string_view reason, std::string_view message)>;
  using BadConfig = std::function<void(const kube::Json& config_map, const std::string& message)>;

  CredentialView(kube::Objects& objects, Changed changed, Events events, BadConfig bad_config);

  // What an assignment says: {"version","reason","message"}, what is empty left out; null: nothing
  // is to be known for the model's address.
  kube::Json ForModel(const controller::ObjectKey& key, const kube::Json& service,
                      const admission::TrainedModelView& model);
  // What the agent of a replica is told: {"sets":{VERSION: document}}.
  kube::Json ForReplica(const controller::ObjectKey& key, const kube::Json& service,
                        const std::set<std::string>& storage_keys);
  // The InferenceService changed, or is gone.
  void Forget(const controller::ObjectKey& key);

 private:
  using Sets = std::map<std::string, CredentialSet>;  // by storage key

  const CredentialSet& Of(const controller::ObjectKey& key, const kube::Json& service,
                          const std::string& storage_key);
  void OnObject(std::string_view resource, const kube::Json& object);
  void ReadConfig(const kube::Json& config_map);
  void TellIgnored(const controller::ObjectKey& key, const kube::Json& service,
                   const CredentialSet& set);

  kube::Objects& objects_;
  const Changed changed_;
  const Events events_;
  const BadConfig bad_config_;
  CredentialsConfig config_;
  std::map<controller::ObjectKey, Sets> sets_;
  std::map<controller::ObjectKey, std::set<std::string>> told_;  // of what is ignored
  std::vector<std::unique_ptr<kube::ObjectWatch>> watches_;
};

}  // namespace throng::reconcilers
