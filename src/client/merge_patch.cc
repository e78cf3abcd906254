#include "client/merge_patch.h"

namespace throng::client {
namespace {

using kube::Json;

enum class Keep : uint8_t { kAll, kChanges, kDeletions };

// Of two objects. Depth is bounded by the parser (limits::kObjectDepth).
Json Difference(const Json& from, const Json& to, Keep keep) {
  Json patch = Json::object();
  if (keep != Keep::kChanges) {
    for (const auto& [key, value] : from.items()) {
      if (!to.contains(key)) patch[key] = nullptr;
    }
  }
  for (const auto& [key, value] : to.items()) {
    const auto before = from.find(key);
    if (before != from.end() && before->is_object() && value.is_object()) {
      Json inner = Difference(*before, value, keep);
      if (!inner.empty()) patch[key] = std::move(inner);
      continue;
    }
    const bool same = before != from.end() && *before == value;
    if (!same && keep != Keep::kDeletions) patch[key] = value;
  }
  return patch;
}

// Additions to `into`; objects are merged, anything else is replaced.
void Merge(const Json& patch, Json& into) {
  for (const auto& [key, value] : patch.items()) {
    if (value.is_object() && into.contains(key) && into[key].is_object()) {
      Merge(value, into[key]);
    } else {
      into[key] = value;
    }
  }
}

// Deletions of what `current` does not have are none.
void DropIdle(const Json& current, Json& deletions) {
  for (auto at = deletions.begin(); at != deletions.end();) {
    const auto there = current.is_object() ? current.find(at.key()) : current.end();
    const bool is_there = current.is_object() && there != current.end();
    if (is_there && at->is_object()) DropIdle(*there, *at);
    const bool is_idle = !is_there || (at->is_object() && at->empty());
    at = is_idle ? deletions.erase(at) : std::next(at);
  }
}

}  // namespace

Json MergePatchOf(const Json& from, const Json& to) { return Difference(from, to, Keep::kAll); }

Json ThreeWayMergePatch(const Json& original, const Json& modified, const Json& current) {
  Json patch =
      original.is_object() ? Difference(original, modified, Keep::kDeletions) : Json::object();
  DropIdle(current, patch);
  Merge(Difference(current, modified, Keep::kChanges), patch);
  return patch;
}

}  // namespace throng::client
