// Kubernetes' strategic merge patch, after the behaviour of its library strategicpatch.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/field_error.h"
#include "kube/patch.h"

namespace throng::kube {
namespace {

using List = Json::array_t;

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kElementOrder = "$setElementOrder";
constexpr std::string_view kDeleteFromList = "$deleteFromPrimitiveList";

// %v of Go.
std::string GoText(const Json& value) {
  std::string text;
  switch (value.type()) {
    case Json::value_t::object:
      for (const auto& [key, item] : value.items()) {
        text += (text.empty() ? "" : " ") + key + ":" + GoText(item);
      }
      return "map[" + text + "]";
    case Json::value_t::array:
      for (const Json& item : value) text += (text.empty() ? "" : " ") + GoText(item);
      return "[" + text + "]";
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::null:
      return "<nil>";
    case Json::value_t::number_float:
      return NumberText(value.get<double>());
    default:
      return PrintJson(value);
  }
}

std::string_view GoTypeName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return "map[string]interface {}";
    case Json::value_t::array:
      return "[]interface {}";
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::number_float:
      return "float64";
    case Json::value_t::null:
      return "%!s(<nil>)";
    default:
      return "int64";
  }
}

std::string WrongType(std::string_view expected, const Json& actual) {
  return "expected a " + std::string(expected) + ", but received a " +
         std::string(GoTypeName(actual));
}

std::string NoMergeKey(const Json& item, std::string_view key) {
  return "map: " + GoText(item) + " does not contain declared merge key: " + std::string(key);
}

// Drops what a directive marks. False: the value itself is one.
bool RemoveDirectives(Json& value) {
  if (value.is_object()) {
    if (value.contains(kDirective)) return false;
    for (auto it = value.begin(); it != value.end();) {
      if (RemoveDirectives(*it)) {
        ++it;
      } else {
        it = value.erase(it);
      }
    }
  } else if (value.is_array()) {
    auto& list = value.get_ref<List&>();
    list.erase(std::remove_if(list.begin(), list.end(),
                              [](Json& item) { return !RemoveDirectives(item); }),
               list.end());
  }
  return true;
}

void DiscardNulls(Json& value) {
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end();) {
      if (it->is_null()) {
        it = value.erase(it);
      } else {
        DiscardNulls(*it++);
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) DiscardNulls(item);
  }
}

// What tells an item from the others: itself, or its merge key.
const Json& Identity(const Json& item, std::string_view merge_key) {
  static const Json none;
  if (merge_key.empty()) return item;
  const Json* key = FindPath(item, {merge_key});
  return key != nullptr ? *key : none;
}

// The first place of each item.
class Places {
 public:
  Places(const List& list, std::string_view merge_key) : merge_key_(merge_key) {
    for (size_t i = 0; i < list.size(); ++i) places_.emplace(Identity(list[i], merge_key), i);
  }
  std::optional<size_t> Find(const Json& item) const {
    const auto found = places_.find(Identity(item, merge_key_));
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }
  bool Has(const Json& item) const { return Find(item).has_value(); }

 private:
  std::string_view merge_key_;
  std::map<Json, size_t> places_;
};

void SortBy(List& list, const Places& places) {
  std::stable_sort(list.begin(), list.end(), [&](const Json& a, const Json& b) {
    return places.Find(a).value_or(0) < places.Find(b).value_or(0);
  });
}

// The items of the patch in the order of the patch, those of the server in theirs, and where one of
// the server stood before one of the patch, it still does.
Json Ordered(List list, const List& patch_order, const List& server_order,
             std::string_view merge_key) {
  const Places of_patch(patch_order, merge_key);
  const Places of_server(server_order, merge_key);
  List from_patch;
  List from_server;
  for (Json& item : list)
    (of_patch.Has(item) ? from_patch : from_server).push_back(std::move(item));
  SortBy(from_patch, of_patch);
  SortBy(from_server, of_server);
  List all;
  size_t next = 0;
  for (Json& item : from_patch) {
    const auto right = of_server.Find(item);
    while (next < from_server.size()) {
      const auto left = of_server.Find(from_server[next]);
      if (!left || !right || *left >= *right) break;
      all.push_back(std::move(from_server[next++]));
    }
    all.push_back(std::move(item));
  }
  std::move(from_server.begin() + static_cast<ptrdiff_t>(next), from_server.end(),
            std::back_inserter(all));
  return all;
}

class StrategicMerger {
 public:
  // Each returns false when error() says why.
  bool MergeObject(Json& original, Json patch, const MergeRules& rules) {
    if (const auto directive = patch.find(kDirective); directive != patch.end()) {
      return FollowDirective(original, std::move(patch), Json(*directive));
    }
    if (!original.is_object()) original = Json::object();
    if (!RetainKeys(original, patch)) return false;
    if (!FollowElementOrders(original, patch, rules)) return false;
    for (auto& [key, value] : patch.items()) {
      if (!MergeField(original, key, value, rules)) return false;
    }
    return true;
  }

  ApiError error() const { return *error_; }

 private:
  bool Fail(std::string message) {
    error_ = BadRequestError(std::move(message));
    return false;
  }
  bool FailFormat(std::string_view what) {
    return Fail("invalid patch format of " + std::string(what));
  }

  bool FollowDirective(Json& original, Json patch, const Json& directive) {
    if (directive == "replace") {
      patch.erase(std::string(kDirective));
      original = std::move(patch);
      return true;
    }
    if (directive == "delete") {
      original = Json::object();
      return true;
    }
    return Fail("unknown patch type: " + GoText(directive) + " in map: " + GoText(patch));
  }

  bool RetainKeys(Json& original, Json& patch) {
    const auto found = patch.find(kRetainKeys);
    if (found == patch.end()) return true;
    const Json keys = *found;
    patch.erase(found);
    if (!keys.is_array()) return FailFormat("retainKeys");
    const Places kept(keys.get_ref<const List&>(), "");
    for (const auto& [key, value] : patch.items()) {
      const bool is_directive = key.starts_with(kDeleteFromList) || key.starts_with(kElementOrder);
      if (value.is_null() || is_directive) continue;
      if (!kept.Has(key)) return FailFormat("retainKeys");
    }
    for (auto it = original.begin(); it != original.end();) {
      it = kept.Has(it.key()) ? std::next(it) : original.erase(it);
    }
    return true;
  }

  // "$setElementOrder/FIELD": the list and its order are merged together, and leave the patch.
  bool FollowElementOrders(Json& original, Json& patch, const MergeRules& rules) {
    std::vector<std::string> directives;
    for (const auto& item : patch.items()) {
      if (item.key().starts_with(kElementOrder)) directives.push_back(item.key());
    }
    for (const std::string& directive : directives) {
      const Json order = std::move(patch[directive]);
      patch.erase(directive);
      if (!order.is_array()) return Fail(WrongType("[]interface {}", order));
      std::string_view field = directive;
      field.remove_prefix(kElementOrder.size());
      if (!field.starts_with('/')) return FailFormat("setElementOrder list");
      const std::string name(field.substr(1));
      if (!FollowElementOrder(original, patch, name, order.get_ref<const List&>(),
                              rules.Field(name))) {
        return false;
      }
    }
    return true;
  }

  bool FollowElementOrder(Json& original, Json& patch, const std::string& name, const List& order,
                          const MergeRules& rules) {
    const Json* current = FindPath(original, {name});
    const Json* wanted = FindPath(patch, {name});
    for (const Json* one : {current, wanted}) {
      if (one != nullptr && !one->is_array()) return Fail(WrongType("[]interface {}", *one));
    }
    if (current == nullptr && wanted == nullptr) return true;
    if (wanted != nullptr && !CheckOrder(wanted->get_ref<const List&>(), order, rules)) {
      return false;
    }
    Json merged = current == nullptr ? Json::array() : *current;
    const List server_order = merged.get_ref<const List&>();
    if (wanted != nullptr) {
      Json items = *wanted;
      patch.erase(name);
      if (current == nullptr) {
        RemoveDirectives(items);
        merged = std::move(items);
      } else if (!MergeLists(merged, std::move(items), rules, false)) {
        return false;
      }
    }
    if (!CheckKeys(merged.get_ref<const List&>(), rules.patch_key) ||
        !CheckKeys(order, rules.patch_key) || !CheckKeys(server_order, rules.patch_key)) {
      return false;
    }
    original[name] =
        Ordered(std::move(merged.get_ref<List&>()), order, server_order, rules.patch_key);
    return true;
  }

  // The items of the patch stand in the order in the same sequence, deletions aside.
  bool CheckOrder(const List& patch, const List& order, const MergeRules& rules) {
    if (order.empty() || patch.empty()) return true;
    size_t at = 0;
    for (const Json& item : patch) {
      if (!rules.patch_key.empty() && !item.is_object()) {
        return Fail(WrongType("map[string]interface {}", item));
      }
      if (item.is_object() && item.contains(kDirective)) continue;
      while (at < order.size()) {
        if (!CheckKey(item, rules.patch_key) || !CheckKey(order[at], rules.patch_key)) return false;
        if (Identity(item, rules.patch_key) == Identity(order[at], rules.patch_key)) break;
        ++at;
      }
      if (at == order.size()) {
        return Fail("The order in patch list:\n" + GoText(patch) + "\n doesn't match " +
                    std::string(kElementOrder) + " list:\n" + GoText(order) + "\n");
      }
      ++at;
    }
    return true;
  }

  bool CheckKey(const Json& item, const std::string& key) {
    if (key.empty()) return true;
    if (!item.is_object()) return Fail(WrongType("map[string]interface {}", item));
    return item.contains(key) || Fail(NoMergeKey(item, key));
  }
  bool CheckKeys(const List& list, const std::string& key) {
    return std::all_of(list.begin(), list.end(),
                       [&](const Json& item) { return CheckKey(item, key); });
  }

  bool MergeField(Json& original, std::string key, Json& value, const MergeRules& rules) {
    const bool deletes = key.starts_with(kDeleteFromList);
    if (deletes) {
      key.erase(0, kDeleteFromList.size());
      if (!key.starts_with('/')) return FailFormat("primitive list");
      key.erase(0, 1);
    }
    if (value.is_null()) {
      original.erase(key);
      return true;
    }
    const auto found = original.find(key);
    const bool both_objects = found != original.end() && found->is_object() && value.is_object();
    const bool both_lists = found != original.end() && found->is_array() && value.is_array();
    const MergeRules& field = rules.Field(key);
    if (both_objects && !field.patch_replaces) {
      return MergeObject(*found, std::move(value), field);
    }
    if (both_lists) return MergeLists(*found, std::move(value), field, deletes);
    if (deletes) return true;
    if (!both_objects) {
      DiscardNulls(value);
      if (!RemoveDirectives(value)) {
        original.erase(key);
        return true;
      }
    }
    original[key] = std::move(value);
    return true;
  }

  bool MergeLists(Json& original, Json patch, const MergeRules& rules, bool deletes) {
    const bool merges = !rules.patch_key.empty() || rules.patch_merges || deletes;
    if (!merges) {
      original = std::move(patch);
      return true;
    }
    auto& current = original.get_ref<List&>();
    auto& wanted = patch.get_ref<List&>();
    if (current.empty() && wanted.empty()) return true;
    if (!CheckTypes(current, wanted)) return false;
    const bool of_objects = (current.empty() ? wanted : current).front().is_object();
    if (!of_objects) {
      MergeScalars(original, wanted, deletes);
      return true;
    }
    if (rules.patch_key.empty()) return Fail("cannot merge lists without merge key for struct");
    return MergeKeyed(original, std::move(wanted), rules);
  }

  // All of one type, which is no list.
  bool CheckTypes(const List& current, const List& wanted) {
    const Json* first = nullptr;
    for (const List* list : {&current, &wanted}) {
      for (const Json& item : *list) {
        if (first == nullptr) first = &item;
        if (first == &item && item.is_array()) {
          error_ = RejectedRequestError();
          return false;
        }
        if (item.is_null() || GoTypeName(item) != GoTypeName(*first)) {
          return Fail("list element types are not identical: [" + GoText(current) + " " +
                      GoText(wanted) + "]");
        }
      }
    }
    return true;
  }

  static void MergeScalars(Json& original, const List& wanted, bool deletes) {
    auto& current = original.get_ref<List&>();
    if (deletes) {
      const Places deleted(wanted, "");
      std::erase_if(current, [&](const Json& item) { return deleted.Has(item); });
      return;
    }
    const List server_order = current;
    List all;
    std::map<Json, bool> seen;
    for (const List* list : {&server_order, &wanted}) {
      for (const Json& item : *list) {
        if (seen.emplace(item, true).second) all.push_back(item);
      }
    }
    original = Ordered(std::move(all), wanted, server_order, "");
  }

  // $patch in an item deletes the item of its key, or replaces the whole list.
  bool FollowItemDirectives(List& current, List& wanted, const std::string& key) {
    List plain;
    bool replaces = false;
    std::map<Json, bool> deleted;
    for (Json& item : wanted) {
      const auto directive = item.find(kDirective);
      if (directive == item.end()) {
        plain.push_back(std::move(item));
      } else if (*directive == "delete") {
        if (!item.contains(key)) return Fail(NoMergeKey(item, key));
        deleted.emplace(item[key], true);
      } else if (*directive == "replace") {
        replaces = true;
      } else if (*directive == "merge") {
        return Fail("merging lists cannot yet be specified in the patch");
      } else {
        return Fail("unknown patch type: " + GoText(*directive) + " in map: " + GoText(item));
      }
    }
    if (replaces) {
      current = std::move(plain);
      wanted.clear();
      return true;
    }
    std::erase_if(current, [&](const Json& item) {
      return item.contains(key) && deleted.contains(item[key]);
    });
    wanted = std::move(plain);
    return true;
  }

  bool MergeKeyed(Json& original, List wanted, const MergeRules& rules) {
    List current = std::move(original.get_ref<List&>());
    const std::string& key = rules.patch_key;
    if (!FollowItemDirectives(current, wanted, key)) return false;
    const List server_order = current;
    std::map<Json, size_t> places;
    for (size_t i = 0; i < current.size(); ++i) {
      if (current[i].contains(key)) places.emplace(current[i][key], i);
    }
    List patch_order;  // the keys are what counts
    for (Json& item : wanted) {
      if (!CheckKey(item, key)) return false;
      patch_order.push_back({{key, item[key]}});
      const auto [place, is_new] = places.emplace(item[key], current.size());
      if (is_new) {
        current.push_back(std::move(item));
      } else if (!MergeObject(current[place->second], std::move(item), rules.Items())) {
        return false;
      }
    }
    if (!CheckKeys(current, key)) return false;
    original = Ordered(std::move(current), patch_order, server_order, key);
    return true;
  }

  std::optional<ApiError> error_;
};

}  // namespace

ApiResult<Json> ApplyStrategicPatch(Json object, Json patch, const MergeRules& rules) {
  if (!patch.is_object()) {
    return BadRequestError("json: cannot unmarshal " + std::string(DecoderTypeName(patch)) +
                           " into Go value of type map[string]interface {}");
  }
  StrategicMerger merger;
  if (!merger.MergeObject(object, std::move(patch), rules)) return merger.error();
  return object;
}

}  // namespace throng::kube
