// What a request to the API asks for: the resource of its path, its verb and its parameters.
//
//   const Query query = Query::Parse(request.target);
//   const std::optional<ResourcePath> path = ParseResourcePath(request.path);
//   if (path) { ... VerbOf(request.method, *path, query) ... }
//
// Values; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api_error.h"
#include "kube/kinds/kind_table.h"

namespace throng::kube::server {

// The parameters behind the question mark, decoded.
class Query {
 public:
  static Query Parse(std::string_view target);

  bool Has(std::string_view name) const { return values_.find(name) != values_.end(); }
  // Empty when there is none; the first of several.
  std::string Get(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;
  // As Kubernetes reads them: "false" and "0" are false, everything else that is there is true.
  bool IsTrue(std::string_view name) const;
  // ERRORS: 400 — no whole number, or a negative one. Nothing: there is none.
  ApiResult<std::optional<int64_t>> Number(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// /api/VERSION/... and /apis/GROUP/VERSION/...
struct ResourcePath {
  std::string group;
  std::string version;
  std::string name_space;  // empty: of the cluster, or of all namespaces
  std::string resource;
  std::string name;
  std::string subresource;
  std::vector<std::string> rest;  // segments beyond
};

// Nothing: the path is none of a resource ("/api/v1" is the document about its resources).
std::optional<ResourcePath> ParseResourcePath(std::string_view path);

// "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; empty: the
// method is none that resources have.
std::string VerbOf(std::string_view method, const ResourcePath& path, const Query& query);

// Segments between slashes; empty ones are left out.
std::vector<std::string> SplitPath(std::string_view path);

}  // namespace throng::kube::server
