#include "kube/merge_rules.h"

namespace throng::kube {
namespace {

// A tree that can be changed, before it is one that cannot.
struct Draft {
  MergeRules rules;
  std::map<std::string, Draft, std::less<>> fields;
  std::unique_ptr<Draft> items;
};

Draft& At(Draft& root, std::string_view path) {
  Draft* at = &root;
  while (!path.empty()) {
    if (path.starts_with("[]")) {
      if (at->items == nullptr) at->items = std::make_unique<Draft>();
      at = at->items.get();
      path.remove_prefix(2);
      continue;
    }
    if (path.starts_with('.')) path.remove_prefix(1);
    const size_t end = std::min(path.find_first_of(".["), path.size());
    at = &at->fields[std::string(path.substr(0, end))];
    path.remove_prefix(end);
  }
  return *at;
}

MergeRules Finish(Draft draft) {
  MergeRules rules = std::move(draft.rules);
  for (auto& [name, field] : draft.fields) {
    rules.fields.emplace(name, std::make_shared<const MergeRules>(Finish(std::move(field))));
  }
  if (draft.items != nullptr) {
    rules.items = std::make_shared<const MergeRules>(Finish(std::move(*draft.items)));
  }
  return rules;
}

}  // namespace

MergeRules MakeMergeRules(std::span<const MergeRow> rows) {
  Draft root;
  for (const MergeRow& row : rows) {
    MergeRules& rules = At(root, row.path).rules;
    rules.is_atomic = row.is_atomic;
    rules.lists = row.lists;
    rules.list_keys = row.list_keys;
    rules.key_defaults = row.key_defaults;
    rules.patch_key = row.patch_key;
    rules.patch_merges = row.patch_merges;
    rules.patch_replaces = row.patch_replaces;
  }
  return Finish(std::move(root));
}

std::shared_ptr<const MergeRules> MetadataMergeRules() {
  const std::vector<MergeRow> rows = {
      {.path = "finalizers", .lists = MergeRules::Lists::kSet, .patch_merges = true},
      {.path = "ownerReferences",
       .lists = MergeRules::Lists::kMap,
       .list_keys = {"uid"},
       .patch_key = "uid"},
      {.path = "ownerReferences[]", .is_atomic = true}};
  MergeRules rules = MakeMergeRules(rows);
  for (const char* name :
       {"annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
        "generateName", "generation", "labels", "managedFields", "name", "namespace",
        "resourceVersion", "selfLink", "uid"}) {
    rules.fields.emplace(name, nullptr);
  }
  return std::make_shared<const MergeRules>(std::move(rules));
}

}  // namespace throng::kube
