// JSONPath templates, as `kubectl get -o jsonpath=` reads them:
//
//   {.status.url}   {.items[*].metadata.name}   {.status.conditions[?(@.type=="Ready")].status}
//   {range .items[*]}{.metadata.name}{"\t"}{.status.url}{"\n"}{end}   {..name}   {.a['b.c']}
//
// What is missing is left out. Values; pure, thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/json.h"

namespace throng::client {

class JsonPath {
 public:
  // ERRORS: kInvalidArgument — what cannot be read, and where; longer than limits::kTemplateBytes
  // or nested deeper than limits::kTemplateDepth.
  static Result<JsonPath> Parse(std::string_view text);
  // The same of one expression, for which braces and the first dot may be left out.
  static Result<JsonPath> ParseExpression(std::string_view text);

  // Texts as they are, numbers, booleans and null as JSON, objects and lists as JSON; several
  // values of one expression with a blank between them. ERRORS: kResourceExhausted — more than
  // limits::kTemplateValues values.
  Result<std::string> Print(const kube::Json& root) const;
  // The values of the first expression.
  Result<std::vector<const kube::Json*>> Find(const kube::Json& root) const;

  struct Node;  // in json_path.cc

 private:
  std::shared_ptr<const std::vector<Node>> nodes_;
};

}  // namespace throng::client
