// JSON of the control plane: nlohmann's tree, with sorted keys, behind one parser that has caps.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/status.h"

namespace throng::kube {

using Json = nlohmann::json;

// ERRORS: kInvalidArgument — no JSON (with the byte), deeper than limits::kObjectDepth, a key twice
// in one object, or invalid UTF-8.
Result<Json> ParseJson(std::string_view text);
// The same of YAML (one document; null when there is none): YAML 1.2's core schema, with the words
// of 1.1 that kubectl reads as booleans left as text, but 0644 octal, as kubectl reads file modes;
// anchors, aliases and tags of one's own are refused. Numbers and booleans as JSON has them.
Result<Json> ParseYaml(std::string_view text);
// Several documents ("---"), empty ones left out.
Result<std::vector<Json>> ParseYamlDocuments(std::string_view text);

// Without blanks, invalid UTF-8 replaced.
std::string PrintJson(const Json& json);

// The value at a path of keys; null when one of them is missing or no object.
const Json* FindPath(const Json& json, std::initializer_list<std::string_view> keys);
// The text there; empty when it is missing or no text.
std::string TextAt(const Json& json, std::initializer_list<std::string_view> keys);

}  // namespace throng::kube
