// What all verbs have in common: the flags that say which cluster and namespace, help, errors, and
// the connection. One per run of a verb; everything blocks, on one thread.
//
//   Verb verb("get", "RESOURCE [NAME...]", "show objects", surroundings);
//   verb.flags().Add('o', {"output", "FORM", ...});
//   if (const auto status = verb.Parse(arguments)) return *status;
//   const Result<std::unique_ptr<Cluster>> cluster = verb.Connect();
//   if (!cluster.ok()) return verb.Fail(cluster.status());
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/kube/surroundings.h"
#include "cli/options/option_table.h"
#include "client/discovery.h"
#include "client/kube_client.h"

namespace throng::cli::kube {

using throng::kube::Json;

struct Cluster {
  explicit Cluster(client::KubeClient connected)
      : client(std::move(connected)), discovery(client) {}
  client::KubeClient client;
  client::Discovery discovery;
  client::ClusterAccess access;
  std::string name_space;        // --namespace, else the context's
  bool namespace_given = false;  // with --namespace
};

class Verb {
 public:
  Verb(std::string name, std::string usage, std::string help, Surroundings& surroundings);
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;

  OptionTable& flags() { return flags_; }
  // -A.
  void AddAllNamespaces();
  // Exit status when there is nothing more to do: help was printed, or a flag is wrong.
  std::optional<int> Parse(std::span<const std::string> arguments);
  const std::vector<std::string>& words() const { return words_; }
  bool all_namespaces() const { return all_namespaces_; }
  Surroundings& io() { return io_; }
  void Print(std::string_view text) { io_.out(text); }

  Result<std::unique_ptr<Cluster>> Connect();
  // A further client of the same cluster, for another thread.
  Result<client::KubeClient> ConnectAnother(const Cluster& cluster);

  // Prints the error; 1.
  int Fail(const Status& status);
  // How it is called; 2.
  int Misused(std::string_view what);
  // Prints the error, and the verb goes on; its exit status will be 1.
  void Complain(const Status& status);
  int ExitStatus() const { return failed_ ? 1 : 0; }

 private:
  const std::string name_;
  const std::string usage_;
  const std::string help_;
  Surroundings& io_;
  OptionTable flags_;
  std::vector<std::string> words_;
  std::string kubeconfig_;
  std::string context_;
  std::string name_space_;
  bool all_namespaces_ = false;
  bool wants_help_ = false;
  bool failed_ = false;
};

// "30s", "5m", "1h30m", "0", "-1s". ERRORS: kInvalidArgument — the rule.
Result<Duration> ParseDuration(std::string_view text);
OptionSetter DurationFlag(Duration* target);
// A boolean for which "--name" alone is true, and a text otherwise: --dry-run=server.
enum class DryRun : uint8_t { kNone, kClient, kServer };
OptionSetter DryRunFlag(DryRun* target);

}  // namespace throng::cli::kube
