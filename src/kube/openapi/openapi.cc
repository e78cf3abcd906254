#include "kube/openapi/openapi.h"

#include <cstdio>
#include <set>

#include "kube/openapi/document_parts.h"

namespace throng::kube {
namespace {

using openapi::Components;
using openapi::Dialect;

Json Info() { return {{"title", "Throng"}, {"version", "unversioned"}}; }

std::string PathOf(const GroupVersion& entry) {
  return entry.group.empty() ? "api/" + entry.version : "apis/" + entry.group + "/" + entry.version;
}

// FNV-1a over everything that a document is made of, so that a hash costs no document.
class Hasher {
 public:
  void Add(std::string_view text) {
    for (const char c : text) Mix(static_cast<unsigned char>(c));
    Mix(0xff);
  }
  void Add(bool flag) { Mix(flag ? 1 : 0); }

  void Add(const Schema& schema) {
    if (!seen_.insert(&schema).second) return;
    Mix(static_cast<unsigned char>(schema.type));
    Mix(static_cast<unsigned char>(schema.list_type));
    Add(schema.name);
    Add(schema.description);
    Add(schema.format);
    Add(schema.patch_key);
    for (const bool flag :
         {schema.keeps_unknown, schema.is_atomic, schema.patch_merges, schema.patch_retains}) {
      Add(flag);
    }
    for (const std::string_view value : schema.values) Add(value);
    for (const std::string_view key : schema.list_keys) Add(key);
    for (const Field& field : schema.fields) {
      Add(field.name);
      Add(field.description);
      Add(field.is_required);
      Add(*field.schema);
    }
    if (schema.base != nullptr) Add(*schema.base);
    if (schema.items != nullptr) Add(*schema.items);
  }

  void Add(const Kind& kind) {
    Add(kind.api_version());
    Add(kind.kind);
    Add(kind.resource);
    Add(kind.has_status);
    Add(kind.is_derived);
    if (kind.schema != nullptr) Add(*kind.schema);
  }

  std::string Text() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llX", static_cast<unsigned long long>(hash_));
    return text;
  }

 private:
  void Mix(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }

  uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::set<const Schema*> seen_;
};

}  // namespace

std::string OpenApiV3Hash(std::string_view group, std::string_view version) {
  Hasher hasher;
  bool is_there = false;
  // What the operations are made of changes with the program only.
  hasher.Add("operations 1");
  for (const Kind& kind : AllKinds()) {
    if (kind.group != group || kind.version != version) continue;
    is_there = true;
    hasher.Add(kind);
  }
  return is_there ? hasher.Text() : "";
}

Document OpenApiV3Index() {
  Json paths = Json::object();
  for (const GroupVersion& entry : GroupVersions()) {
    const std::string path = PathOf(entry);
    const std::string url =
        "/openapi/v3/" + path + "?hash=" + OpenApiV3Hash(entry.group, entry.version);
    paths[path] = {{"serverRelativeURL", url}};
  }
  return std::make_shared<const std::string>(PrintJson({{"paths", std::move(paths)}}));
}

Document OpenApiV3(std::string_view group, std::string_view version) {
  Components components(Dialect::kV3);
  Json paths = Json::object();
  for (const Kind& kind : AllKinds()) {
    if (kind.group != group || kind.version != version) continue;
    components.AddKind(kind);
    openapi::AddPaths(kind, Dialect::kV3, paths);
  }
  if (paths.empty()) return nullptr;
  components.AddShared();
  return std::make_shared<const std::string>(
      PrintJson({{"openapi", "3.0.0"},
                 {"info", Info()},
                 {"paths", std::move(paths)},
                 {"components", {{"schemas", components.Take()}}}}));
}

Json openapi::MakeV2() {
  Components components(Dialect::kV2);
  Json paths = Json::object();
  for (const Kind& kind : AllKinds()) {
    components.AddKind(kind);
    AddPaths(kind, Dialect::kV2, paths);
  }
  components.AddShared();
  return {{"swagger", "2.0"},
          {"info", Info()},
          {"paths", std::move(paths)},
          {"definitions", components.Take()}};
}

Document OpenApiV2Json() {
  return std::make_shared<const std::string>(PrintJson(openapi::MakeV2()));
}

bool WantsOpenApiV2Protobuf(std::string_view accept) {
  // The first type that there is decides; both spellings are in use.
  while (!accept.empty()) {
    const size_t end = accept.find(',');
    const std::string_view range = accept.substr(0, end);
    if (range.find("com.github.proto-openapi.spec.v2") != std::string_view::npos) return true;
    if (range.find("application/json") != std::string_view::npos ||
        range.find("*/*") != std::string_view::npos) {
      return false;
    }
    accept = end == std::string_view::npos ? std::string_view() : accept.substr(end + 1);
  }
  return false;
}

}  // namespace throng::kube
