#include "kube/patch.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/control_limits.h"

namespace throng::kube {
namespace {

ApiError DecodeError(const Json& value, std::string_view into) {
  return BadRequestError("error decoding patch: json: cannot unmarshal " +
                         std::string(DecoderTypeName(value)) + " into Go " + std::string(into));
}

void PruneNulls(Json& value) {
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end();) {
      if (it->is_null()) {
        it = value.erase(it);
      } else {
        PruneNulls(*it++);
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) PruneNulls(item);
  }
}

void MergeObjects(Json& target, const Json& patch) {
  for (const auto& [key, value] : patch.items()) {
    if (value.is_null()) {
      target.erase(key);
      continue;
    }
    Json& place = target[key];
    if (place.is_object() && value.is_object()) {
      MergeObjects(place, value);
      continue;
    }
    const bool was_object = place.is_object();
    place = value;
    if (!was_object) PruneNulls(place);
  }
}

size_t Depth(const Json& value) {
  if (!value.is_structured()) return 0;
  size_t deepest = 0;
  for (const Json& item : value) deepest = std::max(deepest, Depth(item));
  return deepest + 1;
}

std::string DecodeSegment(std::string_view segment) {
  std::string key;
  for (size_t i = 0; i < segment.size(); ++i) {
    const bool escaped = segment[i] == '~' && i + 1 < segment.size() &&
                         (segment[i + 1] == '0' || segment[i + 1] == '1');
    if (escaped) {
      key += segment[++i] == '0' ? '~' : '/';
    } else {
      key += segment[i];
    }
  }
  return key;
}

// What stands before the first slash is not looked at.
std::vector<std::string> Segments(std::string_view pointer) {
  std::vector<std::string> segments;
  for (size_t slash = pointer.find('/'); slash != pointer.npos;) {
    const size_t next = pointer.find('/', slash + 1);
    segments.push_back(DecodeSegment(pointer.substr(slash + 1, next - slash - 1)));
    slash = next;
  }
  return segments;
}

// An index into a list of `size` places; those below zero count from the end.
std::optional<size_t> Index(std::string_view text, size_t size) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t index = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  const auto places = static_cast<int64_t>(size);
  if (index < 0) index += places;
  if (index < 0 || index >= places) return std::nullopt;
  return static_cast<size_t>(index);
}

// The operations on one document. False: one does not apply.
class JsonPatcher {
 public:
  explicit JsonPatcher(Json& root) : root_(root) {}

  bool Apply(const Json& operation) {
    const std::string op = TextAt(operation, {"op"});
    const Json* path = FindPath(operation, {"path"});
    if (path == nullptr || !path->is_string()) return false;
    const auto& pointer = path->get_ref<const std::string&>();
    const Json* found = FindPath(operation, {"value"});
    Json value = found == nullptr ? Json() : *found;
    if (op == "add") return Add(pointer, std::move(value));
    if (op == "remove") return Remove(pointer);
    if (op == "replace") return Replace(pointer, std::move(value), found != nullptr);
    if (op == "test") return found != nullptr && Test(pointer, value);
    const Json* from = FindPath(operation, {"from"});
    if (from == nullptr || !from->is_string()) return false;
    if (op == "move") return Move(from->get_ref<const std::string&>(), pointer);
    if (op == "copy") return Copy(from->get_ref<const std::string&>(), pointer);
    return false;
  }

 private:
  // The object or list that holds the last segment; null when there is none.
  struct Place {
    Json* container = nullptr;
    std::string key;
    size_t depth = 0;
  };

  Place Find(std::string_view pointer) {
    std::vector<std::string> segments = Segments(pointer);
    if (segments.empty()) return {};
    Json* at = &root_;
    for (size_t i = 0; i + 1 < segments.size(); ++i) {
      at = Get(*at, segments[i]);
      if (at == nullptr || !at->is_structured()) return {};
    }
    return {.container = at, .key = std::move(segments.back()), .depth = segments.size()};
  }

  static Json* Get(Json& container, const std::string& key) {
    if (container.is_array()) {
      const auto index = Index(key, container.size());
      return index ? &container[*index] : nullptr;
    }
    const auto found = container.find(key);
    return found == container.end() ? nullptr : &*found;
  }

  bool Insert(const Place& place, Json value) {
    if (place.container == nullptr) return false;
    if (place.depth + Depth(value) > limits::kObjectDepth) return false;
    if (place.container->is_object()) {
      (*place.container)[place.key] = std::move(value);
      return true;
    }
    auto& list = place.container->get_ref<Json::array_t&>();
    const auto index =
        place.key == "-" ? std::optional(list.size()) : Index(place.key, list.size() + 1);
    if (!index || !Shift(list.size() - *index)) return false;
    list.insert(list.begin() + static_cast<ptrdiff_t>(*index), std::move(value));
    return true;
  }

  bool Erase(const Place& place) {
    if (place.container == nullptr) return false;
    if (place.container->is_object()) return place.container->erase(place.key) == 1;
    const auto index = Index(place.key, place.container->size());
    if (!index || !Shift(place.container->size() - *index)) return false;
    place.container->erase(*index);
    return true;
  }

  // A small patch of a long list can be much work.
  bool Shift(size_t items) {
    shifted_ += items;
    return shifted_ <= limits::kPatchShiftedItems;
  }

  bool Add(std::string_view pointer, Json value) { return Insert(Find(pointer), std::move(value)); }
  bool Remove(std::string_view pointer) { return Erase(Find(pointer)); }

  bool Replace(std::string_view pointer, Json value, bool has_value) {
    if (pointer.empty()) {
      if (!has_value) return false;
      if (value.is_structured()) root_ = std::move(value);
      return root_.is_object();
    }
    const Place place = Find(pointer);
    if (place.container == nullptr) return false;
    if (place.depth + Depth(value) > limits::kObjectDepth) return false;
    if (place.container->is_object()) {
      (*place.container)[place.key] = std::move(value);
      return true;
    }
    Json* old = Get(*place.container, place.key);
    if (old == nullptr) return false;
    *old = std::move(value);
    return true;
  }

  bool Test(std::string_view pointer, const Json& value) {
    if (pointer.empty()) return root_ == value;
    const Place place = Find(pointer);
    if (place.container == nullptr) return false;
    const Json* found = Get(*place.container, place.key);
    if (found == nullptr) return place.container->is_object() && value.is_null();
    return *found == value && found->is_number_float() == value.is_number_float();
  }

  bool Move(std::string_view from, std::string_view pointer) {
    const Place source = Find(from);
    if (source.container == nullptr) return false;
    Json* found = Get(*source.container, source.key);
    if (found == nullptr) return false;
    Json value = std::move(*found);
    return Erase(source) && Insert(Find(pointer), std::move(value));
  }

  // A member that is missing is copied as null.
  bool Copy(std::string_view from, std::string_view pointer) {
    const Place source = Find(from);
    if (source.container == nullptr) return false;
    const Json* found = Get(*source.container, source.key);
    if (found == nullptr && source.container->is_array()) return false;
    Json value = found == nullptr ? Json() : *found;
    if (found != nullptr) copied_bytes_ += PrintJson(value).size();
    if (copied_bytes_ > limits::kPatchCopyBytes) return false;
    return Insert(Find(pointer), std::move(value));
  }

  Json& root_;
  size_t copied_bytes_ = 0;
  size_t shifted_ = 0;
};

// The types of an operation's members; nothing: they are right.
std::optional<ApiError> CheckOperation(const Json& operation) {
  if (operation.is_null()) return std::nullopt;
  if (!operation.is_object()) return DecodeError(operation, "value of type handlers.jsonPatchOp");
  for (const std::string_view key : {"op", "path", "from"}) {
    const Json* value = FindPath(operation, {key});
    if (value == nullptr || value->is_null() || value->is_string()) continue;
    return DecodeError(*value, "struct field jsonPatchOp." + std::string(key) + " of type string");
  }
  return std::nullopt;
}

}  // namespace

std::string_view DecoderTypeName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::null:
      return "null";
    default:
      return "number";
  }
}

ApiResult<Json> ApplyMergePatch(Json object, const Json& patch) {
  if (patch.is_null()) return BadRequestError("Invalid JSON Patch");
  if (!patch.is_object()) return DecodeError(patch, "value of type map[string]interface {}");
  if (!object.is_object()) object = Json::object();
  MergeObjects(object, patch);
  return object;
}

ApiResult<Json> ApplyJsonPatch(Json object, const Json& patch) {
  if (patch.is_null()) return object;
  if (!patch.is_array()) return DecodeError(patch, "value of type []handlers.jsonPatchOp");
  for (const Json& operation : patch) {
    if (auto error = CheckOperation(operation)) return *std::move(error);
  }
  if (patch.size() > limits::kPatchOperations) {
    return TooLargeError("The allowed maximum operations in a JSON patch is " +
                         std::to_string(limits::kPatchOperations) + ", got " +
                         std::to_string(patch.size()));
  }
  JsonPatcher patcher(object);
  for (const Json& operation : patch) {
    if (!patcher.Apply(operation)) return RejectedRequestError();
  }
  return object;
}

}  // namespace throng::kube
