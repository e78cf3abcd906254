#include "kube/records/stored_object.h"

namespace throng::kube::server {
namespace {

constexpr size_t kCachedObjects = 64;

}  // namespace

std::string EncodeObject(Json object) {
  if (const auto metadata = object.find("metadata"); metadata != object.end()) {
    if (metadata->is_object()) metadata->erase("resourceVersion");
  }
  return PrintJson(object);
}

Json ViewAs(const Kind& kind, Json object) {
  object["apiVersion"] = kind.api_version();
  object["kind"] = kind.kind;
  return object;
}

Json StoredForm(const Kind& kind, Json object) {
  const Kind* first = FindStorageResource(kind.storage_resource);
  return ViewAs(first == nullptr ? kind : *first, std::move(object));
}

store::RecordKey KeyOf(const Kind& kind, std::string_view name_space, std::string_view name) {
  return {.resource = kind.storage_resource,
          .name_space = kind.scope == Scope::kCluster ? std::string() : std::string(name_space),
          .name = std::string(name)};
}

SharedObject ObjectCache::Decode(const store::Record& record) {
  return Decode(record.value, record.revision);
}

SharedObject ObjectCache::Decode(const std::shared_ptr<const std::string>& value,
                                 uint64_t revision) {
  if (value == nullptr) return nullptr;
  const Key key(value.get(), revision);
  if (const auto found = entries_.find(key); found != entries_.end()) return found->second.object;
  Result<Json> parsed = ParseJson(*value);
  if (!parsed.ok() || !parsed->is_object()) return nullptr;
  (*parsed)["metadata"]["resourceVersion"] = std::to_string(revision);
  auto object = std::make_shared<const Json>(*std::move(parsed));
  if (order_.size() == kCachedObjects) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
  entries_.emplace(key, Entry{value, object});
  order_.push_back(key);
  return object;
}

}  // namespace throng::kube::server
