// Objects of files, made or changed on the server one after the other: what apply, create and diff
// share. Blocks; one thread.
//
//   Writer writer(verb, cluster, flags);
//   const Result<Done> done = writer.Apply(manifest, placed);
#pragma once

#include <string>
#include <vector>

#include "cli/kube/manifests.h"
#include "cli/kube/verb.h"

namespace throng::cli::kube {

struct WriteFlags {
  std::vector<std::string> files;
  std::string output;
  std::string validate = "Strict";
  std::string field_manager;
  DryRun dry_run = DryRun::kNone;
  bool recursive = false;
  bool server_side = false;
  bool force_conflicts = false;
  // The annotation that tells the next apply what this one said; a diff leaves it out, as
  // kubectl's.
  bool remember = true;
};

struct Done {
  std::string what;  // "created", "configured", "unchanged", "serverside-applied"
  Json object;
};

class Writer {
 public:
  Writer(Verb& verb, Cluster& cluster, const WriteFlags& flags)
      : verb_(verb), cluster_(cluster), flags_(flags) {}

  // ERRORS: kInvalidArgument — it has no name; the server's.
  Result<Done> Apply(const Manifest& manifest, const Placed& placed);
  Result<Done> Create(const Manifest& manifest, const Placed& placed);

 private:
  Result<Done> Post(const Manifest& manifest, const Placed& placed, const Json& object,
                    const char* manager);
  Result<Done> Change(const Manifest& manifest, const Json& modified, const Json& current,
                      const std::string& path);
  Result<Done> ApplyOnServer(const Manifest& manifest, const Placed& placed);
  std::string WithParameters(std::string path, const char* manager) const;
  Json Modified(const Json& object) const;

  Verb& verb_;
  Cluster& cluster_;
  const WriteFlags& flags_;
};

// No further object would fare better: there is no server, or it does not know us.
bool IsHopeless(const Status& status);

}  // namespace throng::cli::kube
