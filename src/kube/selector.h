// Selectors: which objects a list or a watch is about, by their labels ("tier in (a,b),!old") and
// by fields ("status.phase!=Running,metadata.name=x"). Values; thread-safe.
//
//   ApiResult<LabelSelector> selector = LabelSelector::Parse(query);
//   if (selector->Matches(LabelsOf(object))) ...
//
// Errors are 400 with the words of kube-apiserver. The parsed form is sorted, as Kubernetes has it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api_error.h"

namespace throng::kube {

enum class SelectorOperator : uint8_t {
  kEquals,
  kDoubleEquals,
  kNotEquals,
  kIn,
  kNotIn,
  kExists,
  kDoesNotExist,
  kGreaterThan,
  kLessThan,
};

struct LabelRequirement {
  std::string key;
  SelectorOperator op = SelectorOperator::kExists;
  std::vector<std::string> values;  // sorted, each once

  // `labels` is an object.
  bool Matches(const Json& labels) const;
  std::string ToString() const;
};

class LabelSelector {
 public:
  // Matches everything.
  LabelSelector() = default;

  static ApiResult<LabelSelector> Parse(std::string_view text);
  // metav1.LabelSelector: {"matchLabels":{...},"matchExpressions":[{"key","operator","values"}]}.
  // Null matches nothing, an empty object everything.
  static ApiResult<LabelSelector> FromJson(const Json& json);

  bool Matches(const Json& labels) const;
  bool empty() const { return !nothing_ && requirements_.empty(); }
  const std::vector<LabelRequirement>& requirements() const { return requirements_; }
  std::string ToString() const;

 private:
  std::vector<LabelRequirement> requirements_;
  bool nothing_ = false;
};

struct FieldRequirement {
  std::string field;  // "metadata.name"
  bool equal = true;
  std::string value;
};

class FieldSelector {
 public:
  // Matches everything.
  FieldSelector() = default;

  static ApiResult<FieldSelector> Parse(std::string_view text);

  // Refuses fields other than metadata.name, metadata.namespace and `more`.
  std::optional<ApiError> CheckFields(std::span<const std::string_view> more,
                                      bool is_built_in) const;
  // A field is a path into `object`; what is not there is the empty text.
  bool Matches(const Json& object) const;
  bool empty() const { return requirements_.empty(); }
  // The one value that `field` must have.
  std::optional<std::string> ExactValue(std::string_view field) const;
  const std::vector<FieldRequirement>& requirements() const { return requirements_; }
  std::string ToString() const;

 private:
  std::vector<FieldRequirement> requirements_;
};

}  // namespace throng::kube
