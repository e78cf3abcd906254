// After the behaviour of structured-merge-diff, the library behind server-side apply.
#include "kube/field_set.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "kube/field_error.h"

namespace throng::kube {
namespace {

std::string ScalarText(const Json& value) {
  if (value.is_string()) return QuoteText(value.get_ref<const std::string&>());
  if (value.is_number_float()) return NumberText(value.get<double>());
  return PrintJson(value);
}

enum class Shape : uint8_t { kNone, kScalar, kMap, kList };

Shape ShapeOf(const Json* value) {
  if (value == nullptr || value->is_null()) return Shape::kNone;
  if (value->is_object()) return Shape::kMap;
  return value->is_array() ? Shape::kList : Shape::kScalar;
}

// Null where it is none of that type, or empty.
const Json* IfFilled(const Json* value, Shape shape) {
  return value != nullptr && ShapeOf(value) == shape && !value->empty() ? value : nullptr;
}

const Json* Child(const Json* object, const std::string& key) {
  if (object == nullptr) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

std::set<std::string> Keys(const Json* one, const Json* other) {
  std::set<std::string> keys;
  for (const Json* object : {one, other}) {
    if (object == nullptr) continue;
    for (const auto& item : object->items()) keys.insert(item.key());
  }
  return keys;
}

bool IsMerged(const MergeRules& rules, Shape shape) {
  return shape == Shape::kMap ? !rules.is_atomic : rules.lists != MergeRules::Lists::kAtomic;
}

// What is wrong with an item as one of its list; nothing: `keys` are those that it is told apart
// by.
std::string ReadKeys(const Json& item, const MergeRules& rules, Json& keys) {
  if (item.is_null()) return "associative list with keys may not have a null element";
  if (!item.is_object()) return "associative list with keys may not have non-map elements";
  keys = Json::object();
  for (const std::string& key : rules.list_keys) {
    const Json* value = Child(&item, key);
    const auto given = rules.key_defaults.find(key);
    if (value == nullptr && given == rules.key_defaults.end()) {
      return "associative list with keys has an element that omits key field " + QuoteText(key) +
             " (and doesn't have default value)";
    }
    keys[key] = value != nullptr ? *value : given->second;
  }
  return "";
}

std::string CheckScalarItem(const Json& item) {
  if (item.is_object()) return "associative list without keys has an element that's a map type";
  if (item.is_array()) return "not supported: associative list with lists as elements";
  if (item.is_null()) {
    return "associative list without keys has an element that's an explicit null";
  }
  return "";
}

// REQUIRES: CheckLists found nothing.
PathElement ElementOf(const Json& item, const MergeRules& rules) {
  if (rules.lists == MergeRules::Lists::kSet) return PathElement::Value(item);
  Json keys;
  ReadKeys(item, rules, keys);
  return PathElement::Key(std::move(keys));
}

std::vector<PathElement> ElementsOf(const Json* list, const MergeRules& rules) {
  std::vector<PathElement> elements;
  if (list == nullptr) return elements;
  for (const Json& item : *list) elements.push_back(ElementOf(item, rules));
  return elements;
}

// --- Checking ------------------------------------------------------------------------------
std::string CheckList(const Json& list, const MergeRules& rules, bool allows_duplicates,
                      const std::string& path) {
  std::set<PathElement> seen;
  for (size_t i = 0; i < list.size(); ++i) {
    Json keys;
    const bool is_set = rules.lists == MergeRules::Lists::kSet;
    const std::string wrong = is_set ? CheckScalarItem(list[i]) : ReadKeys(list[i], rules, keys);
    if (!wrong.empty()) return path + ": element " + std::to_string(i) + ": " + wrong;
    const PathElement element = ElementOf(list[i], rules);
    if (!seen.insert(element).second && !allows_duplicates) {
      return path + ": duplicate entries for key " + element.ToString();
    }
  }
  return "";
}

std::string CheckBelow(const Json& value, const MergeRules& rules, bool allows_duplicates,
                       const std::string& path) {
  if (value.is_object() && !rules.is_atomic) {
    for (const auto& [key, item] : value.items()) {
      std::string wrong = CheckBelow(item, rules.Field(key), allows_duplicates, path + "." + key);
      if (!wrong.empty()) return wrong;
    }
  }
  if (!value.is_array() || rules.lists == MergeRules::Lists::kAtomic) return "";
  if (std::string wrong = CheckList(value, rules, allows_duplicates, path); !wrong.empty()) {
    return wrong;
  }
  for (const Json& item : value) {
    std::string wrong = CheckBelow(item, rules.Items(), allows_duplicates,
                                   path + ElementOf(item, rules).ToString());
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// --- The fields of a value -----------------------------------------------------------------
void CollectFields(const Json& value, const MergeRules& rules, FieldPath& path, FieldSet& set);

void CollectItem(const Json& item, PathElement element, const MergeRules& rules, bool is_member,
                 FieldPath& path, FieldSet& set) {
  path.push_back(std::move(element));
  CollectFields(item, rules, path, set);
  if (is_member) set.Insert(path);
  path.pop_back();
}

void CollectList(const Json& list, const MergeRules& rules, FieldPath& path, FieldSet& set) {
  const std::vector<PathElement> elements = ElementsOf(&list, rules);
  std::map<PathElement, size_t> counts;
  for (const PathElement& element : elements) ++counts[element];
  for (size_t i = 0; i < elements.size(); ++i) {
    if (counts[elements[i]] == 1) {
      CollectItem(list[i], elements[i], rules.Items(), true, path, set);
    } else {
      path.push_back(elements[i]);
      set.Insert(path);
      path.pop_back();
    }
  }
}

void CollectFields(const Json& value, const MergeRules& rules, FieldPath& path, FieldSet& set) {
  if (value.is_object() && !rules.is_atomic) {
    for (const auto& [key, item] : value.items()) {
      const bool is_empty = item.is_null() || (item.is_object() && item.empty());
      CollectItem(item, PathElement::Field(key), rules.Field(key), is_empty || !rules.HasField(key),
                  path, set);
    }
  } else if (value.is_array() && rules.lists != MergeRules::Lists::kAtomic) {
    CollectList(value, rules, path, set);
  } else if (!value.is_null()) {
    set.Insert(path);
  }
}

// --- Comparing -----------------------------------------------------------------------------
class Comparer {
 public:
  // Null: there is none; not both.
  void Compare(const Json* left, const Json* right, const MergeRules& rules) {
    const Shape left_shape = ShapeOf(left);
    const Shape right_shape = ShapeOf(right);
    bool is_leaf = false;
    if (right_shape == Shape::kNone) {
      is_leaf = CompareAs(left_shape, left, right, rules);
    } else if (left_shape == Shape::kNone || left_shape == right_shape) {
      is_leaf = CompareAs(right_shape, left, right, rules);
    } else {
      CompareAs(left_shape, left, right, rules);
      is_leaf = CompareAs(right_shape, left, right, rules);
    }
    if (is_leaf) return;
    if (left == nullptr) result_.added.Insert(path_);
    if (right == nullptr) result_.removed.Insert(path_);
  }

  FieldComparison Take() { return std::move(result_); }

 private:
  // True: they were compared as one.
  bool CompareAs(Shape shape, const Json* left, const Json* right, const MergeRules& rules) {
    const Json* left_filled = IfFilled(left, shape);
    const Json* right_filled = IfFilled(right, shape);
    const bool is_structured = shape == Shape::kMap || shape == Shape::kList;
    if (!is_structured || !IsMerged(rules, shape) || (!left_filled && !right_filled)) {
      CompareLeaves(left, right);
      return true;
    }
    if (shape == Shape::kMap) {
      for (const std::string& key : Keys(left_filled, right_filled)) {
        CompareChild(PathElement::Field(key), Child(left_filled, key), Child(right_filled, key),
                     rules.Field(key));
      }
    } else {
      CompareLists(left_filled, right_filled, rules);
    }
    return false;
  }

  void CompareLeaves(const Json* left, const Json* right) {
    if (left == nullptr) {
      result_.added.Insert(path_);
    } else if (right == nullptr) {
      result_.removed.Insert(path_);
    } else if (*left != *right) {
      result_.modified.Insert(path_);
    }
  }

  void CompareChild(const PathElement& element, const Json* left, const Json* right,
                    const MergeRules& rules) {
    path_.push_back(element);
    Compare(left, right, rules);
    path_.pop_back();
  }

  void InsertChild(FieldSet& set, const PathElement& element) {
    path_.push_back(element);
    set.Insert(path_);
    path_.pop_back();
  }

  // Items of one key that are there several times are compared as one.
  void CompareLists(const Json* left, const Json* right, const MergeRules& rules) {
    std::map<PathElement, std::pair<std::vector<const Json*>, std::vector<const Json*>>> items;
    const auto lefts = ElementsOf(left, rules);
    for (size_t i = 0; i < lefts.size(); ++i) items[lefts[i]].first.push_back(&(*left)[i]);
    const auto rights = ElementsOf(right, rules);
    for (size_t i = 0; i < rights.size(); ++i) items[rights[i]].second.push_back(&(*right)[i]);
    const auto first = [](const std::vector<const Json*>& list) {
      return list.empty() ? nullptr : list.front();
    };
    for (const auto& [element, both] : items) {
      const auto& [old_items, new_items] = both;
      if (old_items.size() <= 1 && new_items.size() <= 1) {
        CompareChild(element, first(old_items), first(new_items), rules.Items());
      } else if (old_items.size() >= 2 && new_items.size() >= 2) {
        const bool same =
            std::equal(old_items.begin(), old_items.end(), new_items.begin(), new_items.end(),
                       [](const Json* a, const Json* b) { return *a == *b; });
        if (!same) InsertChild(result_.modified, element);
      } else if (old_items.size() >= 2) {
        if (!new_items.empty()) CompareChild(element, nullptr, first(new_items), rules.Items());
        InsertChild(result_.removed, element);
      } else {
        if (!old_items.empty()) CompareChild(element, first(old_items), nullptr, rules.Items());
        InsertChild(result_.added, element);
      }
    }
  }

  FieldPath path_;
  FieldComparison result_;
};

// --- Merging -------------------------------------------------------------------------------
Json Merge(const Json* live, const Json* config, const MergeRules& rules);

// Two lists in one: as `live` where `config` changes nothing, and in the order of `config` where it
// says one.
class ListMerger {
 public:
  ListMerger(const Json* live, const Json* config, const MergeRules& rules)
      : live_(live),
        rules_(rules),
        lefts_(ElementsOf(live, rules)),
        rights_(ElementsOf(config, rules)) {
    static const Json none;
    for (size_t i = 0; i < lefts_.size(); ++i) {
      // An item that is there several times is not merged with.
      const auto [place, is_new] = left_items_.emplace(lefts_[i], &(*live)[i]);
      if (!is_new) place->second = &none;
    }
    for (size_t i = 0; i < rights_.size(); ++i) right_items_.emplace(rights_[i], &(*config)[i]);
    for (const PathElement& element : rights_) {
      if (left_items_.contains(element)) shared_.push_back(&element);
    }
  }

  Json Merge() {
    while (left_ < lefts_.size() || right_ < rights_.size()) {
      if (left_ < lefts_.size() && right_ < rights_.size()) {
        const PathElement& element = lefts_[left_];
        if (element == rights_[right_]) {
          TakeRight(element);
          ++left_;
          ++next_shared_;
          continue;
        }
        const bool waits = right_items_.contains(element) && next_shared_ < shared_.size() &&
                           !(*shared_[next_shared_] == element);
        if (waits) {
          ++left_;
          continue;
        }
      }
      if (left_ < lefts_.size()) {
        const PathElement& element = lefts_[left_];
        if (!right_items_.contains(element)) {
          out_.push_back((*live_)[left_++]);
          continue;
        }
        if (merged_.contains(element)) ++left_;
      }
      if (right_ < rights_.size()) {
        const PathElement& element = rights_[right_];
        TakeRight(element);
        if (next_shared_ < shared_.size() && *shared_[next_shared_] == element) ++next_shared_;
      }
    }
    return std::move(out_);
  }

 private:
  // Takes the next item of the configuration, merged with the live one of its key.
  void TakeRight(const PathElement& element) {
    merged_.insert(element);
    const auto live = left_items_.find(element);
    out_.push_back(kube::Merge(live == left_items_.end() ? nullptr : live->second,
                               right_items_.at(element), rules_.Items()));
    ++right_;
  }

  const Json* live_;
  const MergeRules& rules_;
  const std::vector<PathElement> lefts_;
  const std::vector<PathElement> rights_;
  std::map<PathElement, const Json*> left_items_;
  std::map<PathElement, const Json*> right_items_;
  std::vector<const PathElement*> shared_;  // of both, in the order of the configuration
  std::set<PathElement> merged_;
  size_t left_ = 0;
  size_t right_ = 0;
  size_t next_shared_ = 0;
  Json out_ = Json::array();
};

// REQUIRES: not both null.
Json Merge(const Json* live, const Json* config, const MergeRules& rules) {
  const Shape shape = ShapeOf(config) != Shape::kNone ? ShapeOf(config) : ShapeOf(live);
  const Json* live_filled = IfFilled(live, shape);
  const Json* config_filled = IfFilled(config, shape);
  const bool is_structured = shape == Shape::kMap || shape == Shape::kList;
  if (!is_structured || !IsMerged(rules, shape) || (!live_filled && !config_filled)) {
    return config != nullptr ? *config : *live;
  }
  if (shape == Shape::kList) return ListMerger(live_filled, config_filled, rules).Merge();
  Json out = Json::object();
  for (const std::string& key : Keys(live_filled, config_filled)) {
    out[key] = Merge(Child(live_filled, key), Child(config_filled, key), rules.Field(key));
  }
  return out;
}

// --- Removing ------------------------------------------------------------------------------
// What is emptied stays as an empty object or list, unless it is in the set itself.
Json Remove(const Json& value, const FieldSet& fields, const MergeRules& rules) {
  const Shape shape = ShapeOf(&value);
  if ((shape != Shape::kMap && shape != Shape::kList) || !IsMerged(rules, shape)) return value;
  Json out = shape == Shape::kMap ? Json::object() : Json::array();
  const auto keep = [&](const PathElement& element, const Json& item, const MergeRules& below) {
    if (fields.members.contains(element)) return;
    const auto child = fields.children.find(element);
    Json left = child == fields.children.end() ? item : Remove(item, child->second, below);
    if (shape == Shape::kMap) {
      out[element.name()] = std::move(left);
    } else {
      out.push_back(std::move(left));
    }
  };
  if (shape == Shape::kMap) {
    for (const auto& [key, item] : value.items()) {
      keep(PathElement::Field(key), item, rules.Field(key));
    }
  } else {
    for (const Json& item : value) keep(ElementOf(item, rules), item, rules.Items());
  }
  return out;
}

void ForEachBelow(const FieldSet& set, FieldPath& path,
                  const std::function<void(const FieldPath&)>& visit) {
  for (const PathElement& element : set.members) {
    path.push_back(element);
    visit(path);
    path.pop_back();
  }
  for (const auto& [element, child] : set.children) {
    path.push_back(element);
    ForEachBelow(child, path, visit);
    path.pop_back();
  }
}

// False: it is no FieldsV1.
bool ReadFields(const Json& json, FieldSet& set) {
  if (!json.is_object()) return false;
  for (const auto& [key, below] : json.items()) {
    if (key == ".") continue;
    // Those of other types are of a later version: dropped.
    if (key.size() < 2 || key[1] != ':') return false;
    if (std::string_view("fkvi").find(key[0]) == std::string_view::npos) continue;
    const std::optional<PathElement> element = PathElement::Parse(key);
    FieldSet child;
    if (!element || !ReadFields(below, child)) return false;
    if (child.empty() || below.contains(".")) set.members.insert(*element);
    if (!child.empty()) set.children[*element] = std::move(child);
  }
  return true;
}

}  // namespace

std::optional<PathElement> PathElement::Parse(std::string_view text) {
  if (text.size() < 2 || text[1] != ':') return std::nullopt;
  const std::string_view content = text.substr(2);
  if (text[0] == 'f') return Field(std::string(content));
  if (text[0] != 'k' && text[0] != 'v' && text[0] != 'i') return std::nullopt;
  Result<Json> value = ParseJson(content);
  if (!value.ok()) return std::nullopt;
  if (text[0] == 'i') {
    if (!value->is_number_integer()) return std::nullopt;
    return PathElement(Type::kIndex, *std::move(value));
  }
  if (text[0] == 'v') return Value(*std::move(value));
  if (!value->is_object()) return std::nullopt;
  return Key(*std::move(value));
}

std::string PathElement::Serialized() const {
  constexpr std::string_view kLetters = "fkvi";
  std::string text(1, kLetters[static_cast<size_t>(type_)]);
  return text + ":" + (is_field() ? name() : PrintJson(value_));
}

std::string PathElement::ToString() const {
  if (is_field()) return "." + name();
  std::string text;
  if (is_key()) {
    for (const auto& [key, value] : value_.items()) {
      text += (text.empty() ? "" : ",") + key + "=" + ScalarText(value);
    }
  } else {
    text = (type_ == Type::kValue ? "=" : "") + ScalarText(value_);
  }
  return "[" + text + "]";
}

std::string PathText(const FieldPath& path) {
  std::string text;
  for (const PathElement& element : path) text += element.ToString();
  return text;
}

std::optional<FieldSet> FieldSet::FromJson(const Json& json) {
  FieldSet set;
  if (!ReadFields(json, set)) return std::nullopt;
  return set;
}

Json FieldSet::ToJson() const {
  Json json = Json::object();
  for (const auto& [element, child] : children) json[element.Serialized()] = child.ToJson();
  for (const PathElement& element : members) {
    Json& place = json[element.Serialized()];
    if (place.is_object()) {
      place["."] = Json::object();
    } else {
      place = Json::object();
    }
  }
  return json;
}

bool FieldSet::empty() const {
  return members.empty() && std::all_of(children.begin(), children.end(),
                                        [](const auto& child) { return child.second.empty(); });
}

bool FieldSet::Has(const FieldPath& path) const {
  const FieldSet* at = this;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    const auto found = at->children.find(path[i]);
    if (found == at->children.end()) return false;
    at = &found->second;
  }
  return !path.empty() && at->members.contains(path.back());
}

void FieldSet::Insert(const FieldPath& path) {
  if (path.empty()) return;
  FieldSet* at = this;
  for (size_t i = 0; i + 1 < path.size(); ++i) at = &at->children[path[i]];
  at->members.insert(path.back());
}

FieldSet FieldSet::Union(const FieldSet& other) const {
  FieldSet out = *this;
  out.members.insert(other.members.begin(), other.members.end());
  for (const auto& [element, child] : other.children) {
    const auto found = out.children.find(element);
    if (found == out.children.end()) {
      out.children.emplace(element, child);
    } else {
      found->second = found->second.Union(child);
    }
  }
  return out;
}

FieldSet FieldSet::Intersection(const FieldSet& other) const {
  FieldSet out;
  std::set_intersection(members.begin(), members.end(), other.members.begin(), other.members.end(),
                        std::inserter(out.members, out.members.end()));
  for (const auto& [element, child] : children) {
    const auto found = other.children.find(element);
    if (found == other.children.end()) continue;
    FieldSet both = child.Intersection(found->second);
    if (!both.empty()) out.children.emplace(element, std::move(both));
  }
  return out;
}

FieldSet FieldSet::Difference(const FieldSet& other) const {
  FieldSet out;
  std::set_difference(members.begin(), members.end(), other.members.begin(), other.members.end(),
                      std::inserter(out.members, out.members.end()));
  for (const auto& [element, child] : children) {
    const auto found = other.children.find(element);
    FieldSet left = found == other.children.end() ? child : child.Difference(found->second);
    if (!left.empty()) out.children.emplace(element, std::move(left));
  }
  return out;
}

FieldSet FieldSet::RecursiveDifference(const FieldSet& other) const {
  FieldSet out;
  std::set_difference(members.begin(), members.end(), other.members.begin(), other.members.end(),
                      std::inserter(out.members, out.members.end()));
  for (const auto& [element, child] : children) {
    if (other.members.contains(element)) continue;
    const auto found = other.children.find(element);
    FieldSet left =
        found == other.children.end() ? child : child.RecursiveDifference(found->second);
    if (!left.empty()) out.children.emplace(element, std::move(left));
  }
  return out;
}

void FieldSet::ForEach(const std::function<void(const FieldPath&)>& visit) const {
  FieldPath path;
  ForEachBelow(*this, path, visit);
}

std::string CheckLists(const Json& value, const MergeRules& rules, bool allows_duplicates) {
  return CheckBelow(value, rules, allows_duplicates, "");
}

FieldSet FieldsOf(const Json& value, const MergeRules& rules) {
  FieldSet set;
  FieldPath path;
  CollectFields(value, rules, path, set);
  return set;
}

FieldComparison CompareFields(const Json& old_value, const Json& new_value,
                              const MergeRules& rules) {
  Comparer comparer;
  comparer.Compare(&old_value, &new_value, rules);
  return comparer.Take();
}

Json MergeFields(const Json& live, const Json& config, const MergeRules& rules) {
  return Merge(&live, &config, rules);
}

Json RemoveFields(const Json& value, const FieldSet& fields, const MergeRules& rules) {
  return Remove(value, fields, rules);
}

FieldSet WithNamedFields(const FieldSet& fields, const MergeRules& rules) {
  FieldSet out;
  out.members = fields.members;
  for (const auto& [element, child] : fields.children) {
    const bool is_named = element.is_field() && rules.HasField(element.name());
    if (is_named) out.members.insert(element);
    const MergeRules& below = element.is_field() ? rules.Field(element.name())
                              : element.is_key() ? rules.Items()
                                                 : MergeRules::Default();
    out.children.emplace(element, WithNamedFields(child, below));
  }
  return out;
}

}  // namespace throng::kube
