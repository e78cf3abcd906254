// Objects as YAML the way kubectl prints it: keys sorted, two blanks of indentation, lists at the
// level of their key, texts quoted only when they would be read as something else. Pure.
//
//   std::fputs(PrintYaml(object).c_str(), stdout);
#pragma once

#include <string>

#include "kube/json.h"

namespace throng::client {

// With a line break at the end.
std::string PrintYaml(const kube::Json& json);

// Go's JSON: without blanks, keys sorted, "<", ">" and "&" escaped, a line break at the end. What
// kubectl compares and keeps in its annotation.
std::string PrintGoJson(const kube::Json& json);

}  // namespace throng::client
