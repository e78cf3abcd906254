#include "kube/object_meta.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/control_limits.h"
#include "kube/field_error.h"

namespace throng::kube {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kLowerOrDigit = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kLowerDigitOrDash = "abcdefghijklmnopqrstuvwxyz0123456789-";
constexpr std::string_view kAlphanumeric =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kQualifiedInner =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

constexpr size_t kLabelBytes = 63;
constexpr size_t kGeneratedBaseBytes = 58;

constexpr std::string_view kLabelExpression = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kQualifiedExpression = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

// FIRST INNER* LAST, where one character is first and last.
bool IsShaped(std::string_view text, std::string_view first, std::string_view inner,
              std::string_view last) {
  return !text.empty() && first.find(text.front()) != text.npos &&
         last.find(text.back()) != text.npos && text.find_first_not_of(inner) == text.npos;
}

bool IsLabelShaped(std::string_view text) {
  return IsShaped(text, kLowerOrDigit, kLowerDigitOrDash, kLowerOrDigit);
}

bool IsSubdomainShaped(std::string_view text) {
  for (;;) {
    const size_t dot = text.find('.');
    if (!IsLabelShaped(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool IsQualifiedShaped(std::string_view text) {
  return IsShaped(text, kAlphanumeric, kQualifiedInner, kAlphanumeric);
}

std::string TooLongText(size_t most) {
  return "must be no more than " + std::to_string(most) + " characters";
}

// "RULE (e.g. 'a',  or 'b', regex used for validation is 'EXPRESSION')"
std::string ShapeText(std::string_view rule, std::string_view expression,
                      std::initializer_list<std::string_view> examples) {
  std::string text = std::string(rule) + " (e.g. ";
  bool first = true;
  for (const std::string_view example : examples) {
    text += (first ? "'" : " or '") + std::string(example) + "', ";
    first = false;
  }
  return text + "regex used for validation is '" + std::string(expression) + "')";
}

const Json& EmptyObject() {
  static const Json empty = Json::object();
  return empty;
}

const Json& ObjectAt(const Json& object, std::string_view key) {
  const Json* found = FindPath(object, {"metadata", key});
  return found != nullptr && found->is_object() ? *found : EmptyObject();
}

bool IsTrue(const Json& object, std::string_view key) {
  const Json* found = FindPath(object, {key});
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

// A field that is there and is not of its type.
bool IsOther(const Json* value, Json::value_t type) {
  return value != nullptr && !value->is_null() && value->type() != type;
}

void Append(std::vector<ApiCause>& causes, std::vector<ApiCause> more) {
  std::move(more.begin(), more.end(), std::back_inserter(causes));
}

void AppendInvalid(std::vector<ApiCause>& causes, const std::string& field, std::string_view value,
                   const std::vector<std::string>& messages) {
  for (const std::string& message : messages) {
    causes.push_back(InvalidValue(field, std::string(value), message));
  }
}

std::vector<std::string> CheckPathSegment(std::string_view name) {
  std::vector<std::string> wrong;
  if (name == "." || name == "..") wrong.push_back("may not be '" + std::string(name) + "'");
  for (const char c : {'/', '%'}) {
    if (name.find(c) != name.npos) wrong.push_back("may not contain '" + std::string(1, c) + "'");
  }
  return wrong;
}

// The metadata of `object` is an object and its texts are texts.
std::vector<ApiCause> ValidateTypes(const Json& object) {
  const Json* metadata = FindPath(object, {"metadata"});
  if (metadata == nullptr || metadata->is_null()) return {};
  if (!metadata->is_object()) {
    return {TypeInvalidValue("metadata", *metadata, "must be an object")};
  }
  std::vector<ApiCause> causes;
  for (const std::string_view key : {"name", "generateName", "namespace", "uid", "resourceVersion",
                                     "selfLink", "creationTimestamp", "deletionTimestamp"}) {
    const Json* value = FindPath(*metadata, {key});
    if (IsOther(value, Json::value_t::string)) {
      causes.push_back(
          TypeInvalidValue("metadata." + std::string(key), *value, "must be of type string"));
    }
  }
  for (const std::string_view key : {"generation", "deletionGracePeriodSeconds"}) {
    const Json* value = FindPath(*metadata, {key});
    if (value != nullptr && !value->is_null() && !value->is_number_integer()) {
      causes.push_back(
          TypeInvalidValue("metadata." + std::string(key), *value, "must be of type integer"));
    }
  }
  return causes;
}

void ValidateNames(std::vector<ApiCause>& causes, const Json& object, Scope scope, NameRule rule) {
  const std::string base = TextAt(object, {"metadata", "generateName"});
  if (!base.empty()) {
    AppendInvalid(causes, "metadata.generateName", base, CheckName(rule, base, true));
  }
  const std::string name = NameOf(object);
  if (name.empty()) {
    causes.push_back(RequiredValue("metadata.name", "name or generateName is required"));
  } else {
    AppendInvalid(causes, "metadata.name", name, CheckName(rule, name, false));
  }
  const std::string name_space = NamespaceOf(object);
  if (scope == Scope::kCluster) {
    if (!name_space.empty()) {
      causes.push_back(ForbiddenValue("metadata.namespace", "not allowed on this type"));
    }
  } else if (name_space.empty()) {
    causes.push_back(RequiredValue("metadata.namespace", ""));
  } else {
    AppendInvalid(causes, "metadata.namespace", name_space, CheckDns1123Label(name_space));
  }
}

Json MetadataField(const Json& object, std::string_view key) {
  const Json* found = FindPath(object, {"metadata", key});
  return found == nullptr ? Json() : *found;
}

// Go's %#v of a list of texts.
std::string ListText(const std::vector<std::string>& texts) {
  std::string out = "[]string{";
  for (size_t i = 0; i < texts.size(); ++i) out += (i == 0 ? "" : ", ") + QuoteText(texts[i]);
  return out + "}";
}

OwnerReference ReadOwnerReference(const Json& json) {
  return {.api_version = TextAt(json, {"apiVersion"}),
          .kind = TextAt(json, {"kind"}),
          .name = TextAt(json, {"name"}),
          .uid = TextAt(json, {"uid"}),
          .controller = IsTrue(json, "controller"),
          .block_owner_deletion = IsTrue(json, "blockOwnerDeletion")};
}

std::string TimeText(WallTime time, bool micro) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto of_day = std::chrono::floor<std::chrono::microseconds>(time - day).count();
  const auto seconds = static_cast<int>(of_day / 1'000'000);
  std::array<char, 64> text;
  int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                             static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                             static_cast<unsigned>(date.day()), seconds / 3600, seconds / 60 % 60,
                             seconds % 60);
  std::string out(text.data(), static_cast<size_t>(length));
  if (micro) {
    length = std::snprintf(text.data(), text.size(), ".%06d", static_cast<int>(of_day % 1'000'000));
    out.append(text.data(), static_cast<size_t>(length));
  }
  return out + "Z";
}

}  // namespace

std::string NameOf(const Json& object) { return TextAt(object, {"metadata", "name"}); }
std::string NamespaceOf(const Json& object) { return TextAt(object, {"metadata", "namespace"}); }
std::string UidOf(const Json& object) { return TextAt(object, {"metadata", "uid"}); }
std::string ResourceVersionOf(const Json& object) {
  return TextAt(object, {"metadata", "resourceVersion"});
}
std::string DeletionTimestampOf(const Json& object) {
  return TextAt(object, {"metadata", "deletionTimestamp"});
}

int64_t GenerationOf(const Json& object) {
  const Json* found = FindPath(object, {"metadata", "generation"});
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : 0;
}

const Json& LabelsOf(const Json& object) { return ObjectAt(object, "labels"); }
const Json& AnnotationsOf(const Json& object) { return ObjectAt(object, "annotations"); }

std::string LabelOf(const Json& object, std::string_view key) {
  return TextAt(object, {"metadata", "labels", key});
}
std::string AnnotationOf(const Json& object, std::string_view key) {
  return TextAt(object, {"metadata", "annotations", key});
}

std::vector<std::string> FinalizersOf(const Json& object) {
  std::vector<std::string> finalizers;
  const Json* found = FindPath(object, {"metadata", "finalizers"});
  if (found == nullptr || !found->is_array()) return finalizers;
  for (const Json& one : *found) {
    if (one.is_string()) finalizers.push_back(one.get<std::string>());
  }
  return finalizers;
}

std::vector<OwnerReference> OwnerReferencesOf(const Json& object) {
  std::vector<OwnerReference> references;
  const Json* found = FindPath(object, {"metadata", "ownerReferences"});
  if (found == nullptr || !found->is_array()) return references;
  for (const Json& one : *found) references.push_back(ReadOwnerReference(one));
  return references;
}

OwnerReference ControllerOf(const Json& object) {
  for (OwnerReference& reference : OwnerReferencesOf(object)) {
    if (reference.controller) return std::move(reference);
  }
  return {};
}

Json OwnerReferenceJson(const OwnerReference& reference) {
  Json json = {{"apiVersion", reference.api_version},
               {"kind", reference.kind},
               {"name", reference.name},
               {"uid", reference.uid}};
  if (reference.controller) json["controller"] = true;
  if (reference.block_owner_deletion) json["blockOwnerDeletion"] = true;
  return json;
}

std::string Timestamp(WallTime time) { return TimeText(time, false); }
std::string MicroTimestamp(WallTime time) { return TimeText(time, true); }

std::vector<std::string> CheckDns1123Subdomain(std::string_view text) {
  std::vector<std::string> wrong;
  if (text.size() > limits::kObjectNameBytes) {
    wrong.push_back(TooLongText(limits::kObjectNameBytes));
  }
  if (!IsSubdomainShaped(text)) {
    wrong.push_back(
        ShapeText("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                  "characters, '-' or '.', and must start and end with an alphanumeric character",
                  std::string(kLabelExpression) + "(\\." + std::string(kLabelExpression) + ")*",
                  {"example.com"}));
  }
  return wrong;
}

std::vector<std::string> CheckDns1123Label(std::string_view text) {
  std::vector<std::string> wrong;
  if (text.size() > kLabelBytes) wrong.push_back(TooLongText(kLabelBytes));
  if (IsLabelShaped(text)) return wrong;
  if (IsSubdomainShaped(text)) {
    wrong.emplace_back("must not contain dots");
  } else {
    wrong.push_back(
        ShapeText("a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
                  "or '-', and must start and end with an alphanumeric character",
                  kLabelExpression, {"my-name", "123-abc"}));
  }
  return wrong;
}

bool IsDns1035Shaped(std::string_view text) {
  return IsShaped(text, kLower, kLowerDigitOrDash, kLowerOrDigit);
}

std::vector<std::string> CheckDns1035Label(std::string_view text) {
  std::vector<std::string> wrong;
  if (text.size() > kLabelBytes) wrong.push_back(TooLongText(kLabelBytes));
  if (!IsDns1035Shaped(text)) {
    wrong.push_back(
        ShapeText("a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
                  "start with an alphabetic character, and end with an alphanumeric character",
                  "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  }
  return wrong;
}

std::vector<std::string> CheckQualifiedName(std::string_view text) {
  const std::string shape = ShapeText(
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
      "alphanumeric character",
      kQualifiedExpression, {"MyName", "my.name", "123-abc"});
  const size_t slash = text.find('/');
  if (slash != text.npos && text.find('/', slash + 1) != text.npos) {
    return {"a qualified name " + shape +
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
  }
  std::vector<std::string> wrong;
  std::string_view name = text;
  if (slash != text.npos) {
    const std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (prefix.empty()) {
      wrong.emplace_back("prefix part must be non-empty");
    } else {
      for (const std::string& one : CheckDns1123Subdomain(prefix)) {
        wrong.push_back("prefix part " + one);
      }
    }
  }
  if (name.empty()) {
    wrong.emplace_back("name part must be non-empty");
  } else if (name.size() > kLabelBytes) {
    wrong.push_back("name part " + TooLongText(kLabelBytes));
  }
  if (!IsQualifiedShaped(name)) wrong.push_back("name part " + shape);
  return wrong;
}

std::vector<std::string> CheckLabelValue(std::string_view text) {
  std::vector<std::string> wrong;
  if (text.size() > limits::kLabelValueBytes) {
    wrong.push_back(TooLongText(limits::kLabelValueBytes));
  }
  if (!text.empty() && !IsQualifiedShaped(text)) {
    wrong.push_back(ShapeText(
        "a valid label must be an empty string or consist of alphanumeric characters, "
        "'-', '_' or '.', and must start and end with an alphanumeric character",
        "(" + std::string(kQualifiedExpression) + ")?", {"MyValue", "my_value", "12345"}));
  }
  return wrong;
}

std::vector<std::string> CheckName(NameRule rule, std::string_view name, bool is_prefix) {
  std::string masked(name);
  if (is_prefix && rule != NameRule::kPathSegment && name.size() > 1 && name.ends_with('-')) {
    masked.resize(name.size() - 2);
    masked += 'a';
  }
  switch (rule) {
    case NameRule::kLabel:
      return CheckDns1123Label(masked);
    case NameRule::kDns1035:
      return CheckDns1035Label(masked);
    case NameRule::kPathSegment:
      return CheckPathSegment(masked);
    case NameRule::kSubdomain:
      break;
  }
  return CheckDns1123Subdomain(masked);
}

std::vector<ApiCause> ValidateLabels(const Json& labels, const std::string& field) {
  if (labels.is_null()) return {};
  if (!labels.is_object()) return {TypeInvalidValue(field, labels, "must be an object")};
  std::vector<ApiCause> causes;
  for (const auto& [key, value] : labels.items()) {
    AppendInvalid(causes, field, key, CheckQualifiedName(key));
    if (!value.is_string()) {
      causes.push_back(TypeInvalidValue(field + "." + key, value, "must be of type string"));
      continue;
    }
    const auto& text = value.get_ref<const std::string&>();
    AppendInvalid(causes, field, text, CheckLabelValue(text));
  }
  return causes;
}

std::vector<ApiCause> ValidateAnnotations(const Json& annotations, const std::string& field) {
  if (annotations.is_null()) return {};
  if (!annotations.is_object()) return {TypeInvalidValue(field, annotations, "must be an object")};
  std::vector<ApiCause> causes;
  size_t bytes = 0;
  for (const auto& [key, value] : annotations.items()) {
    std::string lower = key;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    AppendInvalid(causes, field, key, CheckQualifiedName(lower));
    bytes += key.size();
    if (value.is_string()) {
      bytes += value.get_ref<const std::string&>().size();
    } else {
      causes.push_back(TypeInvalidValue(field + "." + key, value, "must be of type string"));
    }
  }
  if (bytes > limits::kAnnotationBytes) {
    causes.push_back(TooLongValue(field, limits::kAnnotationBytes));
  }
  return causes;
}

std::vector<ApiCause> ValidateOwnerReferences(const Json& references, const std::string& field) {
  if (references.is_null()) return {};
  if (!references.is_array()) return {TypeInvalidValue(field, references, "must be an array")};
  std::vector<ApiCause> causes;
  std::string controller;
  for (const Json& one : references) {
    if (!one.is_object()) {
      causes.push_back(TypeInvalidValue(field, one, "must be an object"));
      continue;
    }
    const OwnerReference reference = ReadOwnerReference(one);
    const auto require = [&](const char* key, const std::string& value, const char* what) {
      if (value.empty()) causes.push_back(InvalidValue(field + "." + key, value, what));
    };
    require("apiVersion", reference.api_version, "version must not be empty");
    require("kind", reference.kind, "kind must not be empty");
    require("name", reference.name, "name must not be empty");
    require("uid", reference.uid, "uid must not be empty");
    if (reference.api_version == "v1" && reference.kind == "Event") {
      causes.push_back(
          InvalidValue(field, one, "/v1, Kind=Event is disallowed from being an owner"));
    }
    if (!reference.controller) continue;
    const std::string current = reference.kind + "/" + reference.name;
    if (!controller.empty()) {
      causes.push_back(InvalidValue(field, references,
                                    "Only one reference can have Controller set to true. Found "
                                    "\"true\" in references for " +
                                        controller + " and " + current));
    } else {
      controller = current;
    }
  }
  return causes;
}

std::vector<ApiCause> ValidateFinalizers(const Json& finalizers, const std::string& field) {
  if (finalizers.is_null()) return {};
  if (!finalizers.is_array()) return {TypeInvalidValue(field, finalizers, "must be an array")};
  std::vector<ApiCause> causes;
  bool orphan = false;
  bool foreground = false;
  for (const Json& one : finalizers) {
    if (!one.is_string()) {
      causes.push_back(TypeInvalidValue(field, one, "must be of type string"));
      continue;
    }
    const auto& text = one.get_ref<const std::string&>();
    AppendInvalid(causes, field, text, CheckQualifiedName(text));
    orphan = orphan || text == "orphan";
    foreground = foreground || text == "foregroundDeletion";
  }
  if (orphan && foreground) {
    causes.push_back(InvalidValue(field, finalizers,
                                  "finalizer orphan and foregroundDeletion cannot be both set"));
  }
  return causes;
}

std::vector<ApiCause> ValidateObjectMeta(const Json& object, Scope scope, NameRule rule) {
  std::vector<ApiCause> causes = ValidateTypes(object);
  if (!causes.empty()) return causes;
  ValidateNames(causes, object, scope, rule);
  if (const int64_t generation = GenerationOf(object); generation < 0) {
    causes.push_back(
        InvalidValue("metadata.generation", generation, "must be greater than or equal to 0"));
  }
  Append(causes, ValidateLabels(MetadataField(object, "labels"), "metadata.labels"));
  Append(causes, ValidateAnnotations(MetadataField(object, "annotations"), "metadata.annotations"));
  Append(causes, ValidateOwnerReferences(MetadataField(object, "ownerReferences"),
                                         "metadata.ownerReferences"));
  Append(causes, ValidateFinalizers(MetadataField(object, "finalizers"), "metadata.finalizers"));
  return causes;
}

std::vector<ApiCause> ValidateObjectMetaUpdate(const Json& object, const Json& old) {
  std::vector<ApiCause> causes;
  if (!DeletionTimestampOf(old).empty()) {
    std::vector<std::string> added = FinalizersOf(object);
    const std::vector<std::string> known = FinalizersOf(old);
    std::erase_if(added, [&](const std::string& one) {
      return std::find(known.begin(), known.end(), one) != known.end();
    });
    std::sort(added.begin(), added.end());
    added.erase(std::unique(added.begin(), added.end()), added.end());
    if (!added.empty()) {
      causes.push_back(ForbiddenValue("metadata.finalizers",
                                      "no new finalizers can be added if the object is being "
                                      "deleted, found new finalizers " +
                                          ListText(added)));
    }
  }
  if (ResourceVersionOf(object).empty()) {
    causes.push_back(
        InvalidValue("metadata.resourceVersion", "", "must be specified for an update"));
  }
  if (GenerationOf(object) < GenerationOf(old)) {
    causes.push_back(
        InvalidValue("metadata.generation", GenerationOf(object), "must not be decremented"));
  }
  for (const std::string_view key : {"name", "namespace", "uid", "creationTimestamp",
                                     "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    Json value = MetadataField(object, key);
    if (value == MetadataField(old, key)) continue;
    causes.push_back(InvalidValue("metadata." + std::string(key), value, "field is immutable"));
  }
  return causes;
}

std::string GeneratedName(std::string_view base, Random& random) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  constexpr int kSuffixCharacters = 5;
  std::string name(base.substr(0, kGeneratedBaseBytes));
  uint64_t bits = random.Next();
  for (int i = 0; i < kSuffixCharacters; ++i) {
    name += kAlphabet[bits % kAlphabet.size()];
    bits /= kAlphabet.size();
  }
  return name;
}

std::string MakeUid(Random& random) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const uint64_t high = (random.Next() & ~0xf000ULL) | 0x4000ULL;
  const uint64_t low = (random.Next() & ~(3ULL << 62)) | (2ULL << 62);
  std::string uid;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) uid += '-';
    uid += kHex[((i < 16 ? high : low) >> (60 - 4 * (i % 16))) & 0xfU];
  }
  return uid;
}

}  // namespace throng::kube
