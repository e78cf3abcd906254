// An object as text for people, as `kubectl describe` shows objects of any kind: metadata, then
// every field with a title made of its name. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/json.h"

namespace throng::cli::kube {

// `events` are those about the object; null: they could not be read, nothing is said of them.
std::string DescribeObject(const throng::kube::Json& object,
                           const std::vector<throng::kube::Json>* events, WallTime now);

// "storageUri" -> "Storage Uri", "url" -> "URL"; names with other characters stay.
std::string TitleOf(const std::string& field);

}  // namespace throng::cli::kube
