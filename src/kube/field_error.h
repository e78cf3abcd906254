// Causes of a refusal (422 Invalid), worded as Kubernetes words them. Values; thread-safe.
//
//   causes.push_back(RequiredValue("spec.inferenceService", ""));
//   return InvalidError(kind.group, kind.kind, name, std::move(causes));
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kube/api_error.h"

namespace throng::kube {

// 'Invalid value: "x": DETAIL'. An empty detail is left out here and below.
ApiCause InvalidValue(std::string field, const Json& value, std::string_view detail);
// The same words, for a value of another type than the schema's.
ApiCause TypeInvalidValue(std::string field, const Json& value, std::string_view detail);
// 'Unsupported value: "x": supported values: "a", "b"'
ApiCause UnsupportedValue(std::string field, const Json& value,
                          std::span<const std::string_view> supported);
// 'Duplicate value: "x"'
ApiCause DuplicateValue(std::string field, const Json& value);
// 'Required value: DETAIL'
ApiCause RequiredValue(std::string field, std::string_view detail);
// 'Forbidden: DETAIL'
ApiCause ForbiddenValue(std::string field, std::string_view detail);
// 'Too long: may not be more than 63 bytes'
ApiCause TooLongValue(std::string field, size_t most_bytes);
// 'Too many: 12: must have at most 10 items'
ApiCause TooManyValues(std::string field, size_t count, size_t most);

// In double quotes, with escapes for what cannot be printed (%q of Go).
std::string QuoteText(std::string_view text);
// Whether QuoteText would leave the characters as they are, quotes and backslashes aside.
bool IsPrintableText(std::string_view text);
// "U+0009": the character that `text` starts with. REQUIRES: !text.empty().
std::string CodePointText(std::string_view text);
// A number as Go prints it (%v): 1, 0.5, 1e+21.
std::string NumberText(double value);

}  // namespace throng::kube
