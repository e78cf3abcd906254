#include "kube/kinds/merge.h"

#include "kube/kinds/schema.h"
#include "kube/kinds/schemas.h"

namespace throng::kube {
namespace {

using SharedRules = std::shared_ptr<const MergeRules>;

// Makes the rules of each schema once, however many fields are of it. Null: it says nothing.
class Builder {
 public:
  SharedRules RulesOf(const Schema& schema) {
    if (&schema == &schemas::kObjectMeta) return MetadataMergeRules();
    const auto known = known_.find(&schema);
    if (known != known_.end()) return known->second;
    SharedRules rules = Build(schema);
    known_[&schema] = rules;
    return rules;
  }

 private:
  SharedRules Build(const Schema& schema) {
    MergeRules rules;
    rules.is_atomic = schema.is_atomic;
    SetList(schema, rules);
    for (const Schema* part = &schema; part != nullptr; part = part->base) {
      for (const Field& field : part->fields) {
        // A field that is written again replaces that of the base.
        if (rules.fields.contains(field.name)) continue;
        // One that says nothing is named all the same: it is not a key of a map.
        rules.fields.emplace(field.name, RulesOf(*field.schema));
      }
    }
    if (schema.items != nullptr) rules.items = RulesOf(*schema.items);
    const bool says_nothing = !rules.is_atomic && rules.lists == MergeRules::Lists::kAtomic &&
                              rules.patch_key.empty() && !rules.patch_merges &&
                              rules.fields.empty() && rules.items == nullptr;
    return says_nothing ? nullptr : std::make_shared<const MergeRules>(std::move(rules));
  }

  static void SetList(const Schema& schema, MergeRules& rules) {
    rules.patch_key = schema.patch_key;
    rules.patch_merges = schema.patch_merges;
    if (schema.list_type == ListType::kSet) rules.lists = MergeRules::Lists::kSet;
    if (schema.list_type != ListType::kMap) return;
    rules.lists = MergeRules::Lists::kMap;
    for (const std::string_view key : schema.list_keys) {
      rules.list_keys.emplace_back(key);
      // Ports are told apart by their protocol too, which is mostly left out.
      if (key == "protocol") rules.key_defaults.emplace("protocol", "TCP");
    }
  }

  std::map<const Schema*, SharedRules> known_;
};

std::map<const Schema*, SharedRules> BuildAll() {
  Builder builder;
  std::map<const Schema*, SharedRules> rules;
  for (const Kind& kind : AllKinds()) {
    if (kind.schema != nullptr) rules[kind.schema] = builder.RulesOf(*kind.schema);
  }
  return rules;
}

}  // namespace

const MergeRules& MergeRulesOf(const Kind& kind) {
  static const std::map<const Schema*, SharedRules> rules = BuildAll();
  const auto found = rules.find(kind.schema);
  return found == rules.end() || found->second == nullptr ? MergeRules::Default() : *found->second;
}

}  // namespace throng::kube
