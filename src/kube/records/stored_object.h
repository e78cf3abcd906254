// How an object lies in a record, and how it is shown: the record holds the object as the first row
// of its storage_resource has it, without its resourceVersion, which is the record's revision; a
// kind of another group is a view with another apiVersion.
//
//   ObjectCache cache;
//   std::shared_ptr<const Json> object = cache.Decode(record);
//   Json shown = ViewAs(kind, *object);
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "kube/json.h"
#include "kube/kind.h"
#include "store/record_store.h"

namespace throng::kube::server {

using SharedObject = std::shared_ptr<const Json>;

// The text of a record.
std::string EncodeObject(Json object);
// The object as `kind` shows it.
Json ViewAs(const Kind& kind, Json object);
// What a client sent as a `kind`, as it is stored.
Json StoredForm(const Kind& kind, Json object);

store::RecordKey KeyOf(const Kind& kind, std::string_view name_space, std::string_view name);

// Objects of records. What was decoded last is kept, so that a change that goes to many watches is
// parsed once.
class ObjectCache {
 public:
  // With the revision of the record as its resourceVersion. Null: the record holds no object.
  SharedObject Decode(const store::Record& record);
  // The same of a value that a change replaced.
  SharedObject Decode(const std::shared_ptr<const std::string>& value, uint64_t revision);

 private:
  using Key = std::pair<const std::string*, uint64_t>;
  struct Entry {
    std::shared_ptr<const std::string> value;  // keeps the address of the key taken
    SharedObject object;
  };
  std::map<Key, Entry> entries_;
  std::deque<Key> order_;
};

}  // namespace throng::kube::server
