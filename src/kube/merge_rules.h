// MergeRules: what the type of a place in an object says about merging: how a strategic patch and
// server-side apply treat it. A tree that follows the fields; where nothing is said, objects and
// maps are merged and lists are replaced. Values, built once; thread-safe to read.
//
//   MergeRules rules = MakeMergeRules({{.path = "spec.containers",
//                                       .lists = MergeRules::Lists::kMap,
//                                       .list_keys = {"name"},
//                                       .patch_key = "name"}});
//   rules.Field("spec").Field("containers").patch_key;  // "name"
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/json.h"

namespace throng::kube {

struct MergeRules {
  enum class Lists : uint8_t {
    kAtomic,  // replaced and owned as one
    kSet,     // of scalars
    kMap,     // of objects, told apart by `list_keys`
  };

  // --- Server-side apply
  bool is_atomic = false;  // an object or a map that is replaced and owned as one
  Lists lists = Lists::kAtomic;
  std::vector<std::string> list_keys;
  // What a key that is left out stands for: {"protocol": "TCP"}.
  std::map<std::string, Json, std::less<>> key_defaults;
  // --- Strategic patches
  std::string patch_key;        // lists of objects that are merged
  bool patch_merges = false;    // lists of scalars that are merged
  bool patch_replaces = false;  // objects that are replaced

  // The fields that a type names; null: nothing is said of one. Server-side apply tells them from
  // the keys of a map, which are owned by themselves.
  std::map<std::string, std::shared_ptr<const MergeRules>, std::less<>> fields;
  std::shared_ptr<const MergeRules> items;  // of a list, or the values of a map

  bool HasField(std::string_view key) const { return fields.contains(key); }
  // Those of a field, or of the value of a map.
  const MergeRules& Field(std::string_view key) const {
    const auto found = fields.find(key);
    if (found == fields.end()) return Items();
    return found->second != nullptr ? *found->second : Default();
  }
  const MergeRules& Items() const { return items != nullptr ? *items : Default(); }
  static const MergeRules& Default() {
    static const MergeRules rules;
    return rules;
  }
};

// A place and its rules. "[]" in a path stands for the items of a list or the values of a map:
// "spec.containers[].ports".
struct MergeRow {
  std::string_view path;
  bool is_atomic = false;
  MergeRules::Lists lists = MergeRules::Lists::kAtomic;
  std::vector<std::string> list_keys = {};
  std::map<std::string, Json, std::less<>> key_defaults = {};
  std::string patch_key = {};
  bool patch_merges = false;
  bool patch_replaces = false;
};
MergeRules MakeMergeRules(std::span<const MergeRow> rows);

// Of `metadata`, the same for every kind; to be put into the rules of a kind as its field
// "metadata".
std::shared_ptr<const MergeRules> MetadataMergeRules();

}  // namespace throng::kube
