// throng explain RESOURCE[.FIELD...]
#include "cli/kube/text/explain_text.h"
#include "cli/kube/verb.h"
#include "cli/kube/verbs.h"

namespace throng::cli::kube {
namespace {

using throng::kube::TextAt;

// Where the server describes the type's group and version.
Result<Json> ReadDocument(Cluster& cluster, const client::ResourceType& type) {
  THRONG_ASSIGN_OR_RETURN(const Json index, cluster.client.Get("/openapi/v3"));
  const std::string key = (type.group.empty() ? "api/" : "apis/") + type.ApiVersion();
  const std::string path = TextAt(index, {"paths", key, "serverRelativeURL"});
  if (!path.starts_with('/')) {
    return NotFoundError("the server does not describe " + type.ApiVersion());
  }
  return cluster.client.Get(path);
}

std::vector<std::string> SplitFields(const std::string& word) {
  std::vector<std::string> parts;
  std::string_view rest = word;
  while (true) {
    const size_t dot = rest.find('.');
    parts.emplace_back(rest.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace

int Explain(std::span<const std::string> arguments, Surroundings& surroundings) {
  std::string api_version;
  bool recursive = false;
  Verb verb("explain", "RESOURCE[.FIELD...]", "Tells what the fields of a kind are.", surroundings);
  verb.flags().Add({"api-version", "VERSION", "of this group and version, as v1 or apps/v1",
                    Text(&api_version)});
  verb.flags().Add(
      {"recursive", "", "all fields, without their descriptions", Boolean(&recursive)});
  if (const auto status = verb.Parse(arguments)) return *status;
  if (verb.words().size() != 1) return verb.Misused("one RESOURCE[.FIELD...] is needed");
  const auto cluster = verb.Connect();
  if (!cluster.ok()) return verb.Fail(cluster.status());
  std::vector<std::string> fields = SplitFields(verb.words()[0]);
  Result<client::ResourceType> type = (*cluster)->discovery.Resolve(fields[0]);
  if (type.ok() && !api_version.empty()) {
    type = (*cluster)->discovery.ForKind(api_version, type->kind);
  }
  if (!type.ok()) return verb.Fail(type.status());
  fields.erase(fields.begin());
  const auto document = ReadDocument(**cluster, *type);
  if (!document.ok()) return verb.Fail(document.status());
  const auto text = ExplainField(*document, *type, fields, recursive);
  if (!text.ok()) return verb.Fail(text.status());
  verb.Print(*text);
  return 0;
}

}  // namespace throng::cli::kube
