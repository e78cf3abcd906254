// FieldSet: fields of an object, as server-side apply tells who owns which (FieldsV1 of
// metadata.managedFields), and what it computes with them: the fields that an object has, what two
// objects differ in, an object without some of its fields. Values and pure functions; thread-safe.
//
//   FieldSet fields = FieldsOf(object, rules);
//   Json text = fields.ToJson();  // {"f:spec":{"f:replicas":{}}}
//
// A field is in the set as a member, or has members below it, or both. Recursion is as deep as the
// objects, which are bounded where they are parsed.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kube/merge_rules.h"

namespace throng::kube {

// One step of a path.
class PathElement {
 public:
  static PathElement Field(std::string name) { return PathElement(Type::kField, std::move(name)); }
  // The item of a list whose keys have these values: {"name":"a"}.
  static PathElement Key(Json keys) { return PathElement(Type::kKey, std::move(keys)); }
  // The item of a list of scalars.
  static PathElement Value(Json value) { return PathElement(Type::kValue, std::move(value)); }
  // "f:name", "k:{...}", "v:...", "i:0". Nothing: it is none of these.
  static std::optional<PathElement> Parse(std::string_view text);

  bool is_field() const { return type_ == Type::kField; }
  bool is_key() const { return type_ == Type::kKey; }
  // REQUIRES: is_field().
  const std::string& name() const { return value_.get_ref<const std::string&>(); }
  std::string Serialized() const;
  // For people: ".name", "[name=\"a\"]", "[=\"a\"]".
  std::string ToString() const;

  bool operator==(const PathElement& other) const {
    return type_ == other.type_ && value_ == other.value_;
  }
  bool operator<(const PathElement& other) const {
    return type_ != other.type_ ? type_ < other.type_ : value_ < other.value_;
  }

 private:
  enum class Type : uint8_t { kField, kKey, kValue, kIndex };  // in Kubernetes' order
  PathElement(Type type, Json value) : type_(type), value_(std::move(value)) {}

  Type type_;
  Json value_;
};

using FieldPath = std::vector<PathElement>;
std::string PathText(const FieldPath& path);  // ".spec.containers[name=\"a\"].image"

struct FieldSet {
  std::set<PathElement> members;
  std::map<PathElement, FieldSet> children;  // none is empty

  // Nothing: it is no FieldsV1.
  static std::optional<FieldSet> FromJson(const Json& json);
  Json ToJson() const;

  bool empty() const;
  bool Has(const FieldPath& path) const;
  // The empty path is never a member.
  void Insert(const FieldPath& path);
  FieldSet Union(const FieldSet& other) const;
  FieldSet Intersection(const FieldSet& other) const;
  // Members of `other` are left out, what is below them stays.
  FieldSet Difference(const FieldSet& other) const;
  // Members of `other` are left out with all that is below them.
  FieldSet RecursiveDifference(const FieldSet& other) const;
  // Members first, then what is below, in order.
  void ForEach(const std::function<void(const FieldPath&)>& visit) const;
};

// What is wrong with the lists of `value`: items without their keys, or (where `duplicates` are
// refused) two of one key. Empty: nothing.
std::string CheckLists(const Json& value, const MergeRules& rules, bool allows_duplicates);

// The functions below ask for values in which CheckLists (with duplicates allowed) finds nothing.

// The leaves of `value`, the items of its lists and the keys of its maps.
FieldSet FieldsOf(const Json& value, const MergeRules& rules);

struct FieldComparison {
  FieldSet removed;
  FieldSet modified;
  FieldSet added;
};
FieldComparison CompareFields(const Json& old_value, const Json& new_value,
                              const MergeRules& rules);

// `live` with everything that `config` says.
Json MergeFields(const Json& live, const Json& config, const MergeRules& rules);
// `value` without `fields`.
Json RemoveFields(const Json& value, const FieldSet& fields, const MergeRules& rules);
// With every named field that has members below it.
FieldSet WithNamedFields(const FieldSet& fields, const MergeRules& rules);

}  // namespace throng::kube
