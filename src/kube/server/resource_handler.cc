#include "kube/server/resource_handler.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/control_limits.h"
#include "kube/apply_patch.h"
#include "kube/field_error.h"
#include "kube/object_meta.h"
#include "kube/records/built_in_rules.h"
#include "kube/rest/protobuf_body.h"
#include "kube/selector.h"

namespace throng::kube::server {
namespace {

constexpr size_t kListedAtOnce = 500;

constexpr std::string_view kBodyTypes = "application/json, application/yaml";
constexpr std::string_view kPatchTypes =
    "application/json-patch+json, application/merge-patch+json, "
    "application/strategic-merge-patch+json, application/apply-patch+yaml";

// "application/json; charset=utf-8" without its parameters; empty when there is none.
std::string MediaType(const http::Request& request) {
  const std::string* header = request.FindHeader("Content-Type");
  if (header == nullptr) return "";
  std::string type = header->substr(0, header->find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

ApiResult<Json> ParseText(const std::string& body, bool is_yaml) {
  if (body.size() > limits::kObjectBodyBytes) {
    return TooLargeError("limit is " + std::to_string(limits::kObjectBodyBytes));
  }
  Result<Json> parsed = is_yaml ? ParseYaml(body) : ParseJson(body);
  if (!parsed.ok()) {
    return BadRequestError("the object provided is unrecognized: " + parsed.status().message());
  }
  return *std::move(parsed);
}

ApiError InvalidOptions(std::string_view kind, ApiCause cause) {
  return InvalidError("meta.k8s.io", kind, "", {std::move(cause)});
}

ApiResult<bool> ReadDryRun(const std::vector<std::string>& values, std::string_view options_kind) {
  constexpr std::array<std::string_view, 1> kSupported = {"All"};
  bool dry_run = false;
  for (const std::string& value : values) {
    if (value.empty()) continue;
    if (value != "All") {
      ApiCause cause = UnsupportedValue("dryRun", value, kSupported);
      cause.message.replace(0, cause.message.find(": s"),
                            "Unsupported value: []string{" + QuoteText(value) + "}");
      return InvalidOptions(options_kind, std::move(cause));
    }
    dry_run = true;
  }
  return dry_run;
}

ApiResult<WriteOptions> ReadWriteOptions(Call& call, std::string_view options_kind) {
  constexpr std::array<std::string_view, 3> kValidations = {"Ignore", "Warn", "Strict"};
  WriteOptions options;
  const ApiResult<bool> dry_run = ReadDryRun(call.query.All("dryRun"), options_kind);
  if (!dry_run.ok()) return dry_run.error();
  options.dry_run = *dry_run;
  options.force = call.query.IsTrue("force");
  const std::string manager = call.query.Get("fieldManager");
  std::vector<ApiCause> causes = ValidateFieldManager(manager, "fieldManager");
  if (!causes.empty()) return InvalidError("meta.k8s.io", options_kind, "", std::move(causes));
  const std::string* agent = call.request().FindHeader("User-Agent");
  options.field_manager = ManagerName(manager, agent == nullptr ? std::string_view() : *agent);
  const std::string validation = call.query.Get("fieldValidation");
  if (validation.empty() || validation == "Warn") {
    options.field_validation = FieldValidation::kWarn;
  } else if (validation == "Strict") {
    options.field_validation = FieldValidation::kStrict;
  } else if (validation != "Ignore") {
    return InvalidOptions(options_kind,
                          UnsupportedValue("fieldValidation", validation, kValidations));
  }
  return options;
}

ApiResult<ListOptions> ReadListOptions(const Call& call) {
  ListOptions options;
  ApiResult<ObjectFilter> filter = MakeFilter(call);
  if (!filter.ok()) return filter.error();
  options.filter = std::move(*filter);
  const auto limit = call.query.Number("limit");
  if (!limit.ok()) return limit.error();
  options.limit = static_cast<size_t>(limit->value_or(0));
  options.continue_token = call.query.Get("continue");
  options.resource_version = call.query.Get("resourceVersion");
  options.resource_version_match = call.query.Get("resourceVersionMatch");
  return options;
}

// A text, or nothing. ERRORS: 400 — something else: a condition must not be overlooked.
ApiResult<std::string> OptionalText(const Json& body,
                                    std::initializer_list<std::string_view> path) {
  const Json* found = FindPath(body, path);
  if (found == nullptr || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return BadRequestError(std::string(path.begin()[path.size() - 1]) + ": must be of type string");
}

std::optional<ApiError> ReadPreconditions(const Json& body, DeleteOptions& options) {
  const Json* preconditions = FindPath(body, {"preconditions"});
  if (preconditions == nullptr || preconditions->is_null()) return std::nullopt;
  if (!preconditions->is_object()) return BadRequestError("preconditions: must be of type object");
  ApiResult<std::string> uid = OptionalText(*preconditions, {"uid"});
  if (!uid.ok()) return std::move(uid.error());
  ApiResult<std::string> revision = OptionalText(*preconditions, {"resourceVersion"});
  if (!revision.ok()) return std::move(revision.error());
  options.uid = *std::move(uid);
  options.resource_version = *std::move(revision);
  return std::nullopt;
}

std::optional<ApiError> ReadPropagation(const Json& body, DeleteOptions& options) {
  constexpr std::array<std::string_view, 3> kPolicies = {"Background", "Foreground", "Orphan"};
  const Json* orphans = FindPath(body, {"orphanDependents"});
  if (orphans != nullptr && orphans->is_boolean()) {
    options.propagation = orphans->get<bool>() ? Propagation::kOrphan : Propagation::kBackground;
  }
  const ApiResult<std::string> read = OptionalText(body, {"propagationPolicy"});
  if (!read.ok()) return read.error();
  const std::string& policy = *read;
  if (policy.empty()) return std::nullopt;
  if (policy == "Background") {
    options.propagation = Propagation::kBackground;
  } else if (policy == "Foreground") {
    options.propagation = Propagation::kForeground;
  } else if (policy == "Orphan") {
    options.propagation = Propagation::kOrphan;
  } else {
    return InvalidOptions("DeleteOptions",
                          UnsupportedValue("propagationPolicy", policy, kPolicies));
  }
  return std::nullopt;
}

// The options of a deletion stand in the body, or in the query when there is no body.
ApiResult<Json> DeleteOptionsBody(Call& call) {
  if (!call.request().body.empty()) {
    ApiResult<Json> body = ParseBody(call.request());
    if (body.ok() && !body->is_object()) return BadRequestError("the body must be an object");
    return body;
  }
  Json body = Json::object();
  if (call.query.Has("propagationPolicy")) {
    body["propagationPolicy"] = call.query.Get("propagationPolicy");
  }
  if (call.query.Has("orphanDependents")) {
    body["orphanDependents"] = call.query.IsTrue("orphanDependents");
  }
  const auto grace = call.query.Number("gracePeriodSeconds");
  if (!grace.ok()) return grace.error();
  if (*grace) body["gracePeriodSeconds"] = **grace;
  return body;
}

ApiResult<DeleteOptions> ReadDeleteOptions(Call& call) {
  const ApiResult<Json> read = DeleteOptionsBody(call);
  if (!read.ok()) return read.error();
  const Json& body = *read;
  DeleteOptions options;
  if (auto error = ReadPropagation(body, options)) return *std::move(error);
  if (auto error = ReadPreconditions(body, options)) return *std::move(error);
  if (const Json* grace = FindPath(body, {"gracePeriodSeconds"});
      grace != nullptr && !grace->is_null()) {
    if (!grace->is_number_integer() || *grace < 0 || *grace > std::numeric_limits<int64_t>::max()) {
      return InvalidOptions("DeleteOptions", InvalidValue("gracePeriodSeconds", *grace,
                                                          "must be greater than or equal to 0"));
    }
    options.grace_period_seconds = grace->get<int64_t>();
  }
  std::vector<std::string> dry_run = call.query.All("dryRun");
  if (const Json* list = FindPath(body, {"dryRun"}); list != nullptr && list->is_array()) {
    for (const Json& value : *list) dry_run.push_back(value.is_string() ? value : Json("?"));
  }
  const ApiResult<bool> is_dry = ReadDryRun(dry_run, "DeleteOptions");
  if (!is_dry.ok()) return is_dry.error();
  options.dry_run = *is_dry;
  return options;
}

ListMeta MetaOf(const ObjectPage& page) {
  return {.resource_version = std::to_string(page.revision),
          .continue_token = page.continue_token,
          .remaining_count = page.remaining_count};
}

Json DeletedStatus(const Kind& kind, const Json& object) {
  Json details = {{"name", NameOf(object)}, {"kind", kind.resource}, {"uid", UidOf(object)}};
  if (!kind.group.empty()) details["group"] = kind.group;
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", Json::object()},
          {"status", "Success"},
          {"details", std::move(details)}};
}

Target TargetOf(const Call& call) { return {call.kind, call.asked.name_space, call.asked.name}; }

Part PartOf(const Call& call) {
  return call.asked.subresource == "status" ? Part::kStatus : Part::kAllButStatus;
}

void SendWritten(const SharedCall& call, const ApiResult<Written>& written) {
  if (!written.ok()) return call->SendError(written.error());
  call->SendObject(written->created ? 201 : 200, written->object, written->warnings);
}

std::optional<PatchType> PatchTypeOf(const std::string& media_type) {
  if (media_type == "application/json-patch+json") return PatchType::kJson;
  if (media_type == "application/merge-patch+json") return PatchType::kMerge;
  if (media_type == "application/strategic-merge-patch+json") return PatchType::kStrategic;
  if (media_type == "application/apply-patch+yaml") return PatchType::kApply;
  return std::nullopt;
}

std::optional<ApiError> CheckPatchOptions(const Call& call, PatchType type) {
  if (type != PatchType::kApply) {
    if (!call.query.Has("force")) return std::nullopt;
    return InvalidOptions("PatchOptions",
                          ForbiddenValue("force", "may not be specified for non-apply patch"));
  }
  if (!call.query.Get("fieldManager").empty()) return std::nullopt;
  return InvalidOptions("PatchOptions",
                        RequiredValue("fieldManager", "is required for apply patch"));
}

}  // namespace

ApiResult<Json> ParseBody(http::Request& request) {
  const std::string type = MediaType(request);
  if (type == kProtobufType) {
    if (request.body.size() <= limits::kObjectBodyBytes) return ParseProtobufBody(request.body);
    return TooLargeError("limit is " + std::to_string(limits::kObjectBodyBytes));
  }
  const bool is_yaml = type == "application/yaml" || type == "application/x-yaml";
  if (!is_yaml && !type.empty() && type != "application/json" && type != "*/*") {
    return UnsupportedMediaTypeError(kBodyTypes);
  }
  if (request.body.empty()) return BadRequestError("the body is empty: an object is needed");
  return ParseText(request.body, is_yaml);
}

ApiResult<ObjectFilter> MakeFilter(const Call& call) {
  const std::string label_text = call.query.Get("labelSelector");
  const std::string field_text = call.query.Get("fieldSelector");
  if (label_text.empty() && field_text.empty()) return ObjectFilter();
  ApiResult<LabelSelector> labels = LabelSelector::Parse(label_text);
  if (!labels.ok()) return labels.error();
  ApiResult<FieldSelector> fields = FieldSelector::Parse(field_text);
  if (!fields.ok()) return fields.error();
  if (auto error = fields->CheckFields(SelectableFields(*call.kind), call.kind->is_built_in))
    return *std::move(error);
  if (labels->empty() && fields->empty()) return ObjectFilter();
  return ObjectFilter(
      [labels = std::move(*labels), fields = std::move(*fields)](const Json& object) {
        return labels.Matches(LabelsOf(object)) && fields.Matches(object);
      });
}

void ResourceHandler::Handle(const SharedCall& call) {
  const std::string& verb = call->asked.verb;
  if (verb == "get") return Get(call);
  if (verb == "list") return List(call);
  if (verb == "create") return Create(call);
  if (verb == "update") return Update(call);
  if (verb == "patch") return Patch(call);
  if (verb == "delete") return Delete(call);
  DeleteCollection(call);
}

void ResourceHandler::Get(const SharedCall& call) {
  const ApiResult<Json> object = registry_.Get(TargetOf(*call));
  if (!object.ok()) return call->SendError(object.error());
  call->SendObject(200, *object);
}

void ResourceHandler::List(const SharedCall& call) {
  ApiResult<ListOptions> options = ReadListOptions(*call);
  if (!options.ok()) return call->SendError(options.error());
  const size_t wanted = options->limit;
  // A list without a limit is read in pages of one revision: it is never there as a tree.
  if (wanted == 0) options->limit = kListedAtOnce;
  const bool is_exact_page = wanted != 0 || options->resource_version_match == "Exact";
  if (!is_exact_page && !options->resource_version.empty()) {
    options->resource_version_match = "NotOlderThan";
  }
  ListWriter writer(*call->kind, call->form, call->now);
  while (true) {
    ApiResult<ObjectPage> page = registry_.List(*call->kind, call->asked.name_space, *options);
    if (!page.ok()) return call->SendError(page.error());
    for (SharedObject& object : page->objects) writer.Add(ViewAs(*call->kind, *object));
    if (wanted != 0 || page->continue_token.empty()) {
      return call->Send(200, writer.Finish(MetaOf(*page)));
    }
    options->continue_token = std::move(page->continue_token);
    options->resource_version.clear();
    options->resource_version_match.clear();
  }
}

void ResourceHandler::Create(const SharedCall& call) {
  const ApiResult<WriteOptions> options = ReadWriteOptions(*call, "CreateOptions");
  if (!options.ok()) return call->SendError(options.error());
  ApiResult<Json> body = ParseBody(call->request());
  if (!body.ok()) return call->SendError(body.error());
  const Target target = TargetOf(*call);
  // For the log of writes: the path of a create has no name.
  call->asked.name = NameOf(*body);
  registry_.Create(target, std::move(*body), *options, [call](ApiResult<Written> written) {
    if (written.ok()) call->asked.name = NameOf(written->object);
    SendWritten(call, written);
  });
}

void ResourceHandler::Update(const SharedCall& call) {
  const ApiResult<WriteOptions> options = ReadWriteOptions(*call, "UpdateOptions");
  if (!options.ok()) return call->SendError(options.error());
  ApiResult<Json> body = ParseBody(call->request());
  if (!body.ok()) return call->SendError(body.error());
  registry_.Update(TargetOf(*call), PartOf(*call), std::move(*body), *options,
                   [call](ApiResult<Written> written) { SendWritten(call, written); });
}

void ResourceHandler::Patch(const SharedCall& call) {
  const std::optional<PatchType> type = PatchTypeOf(MediaType(call->request()));
  if (!type) return call->SendError(UnsupportedMediaTypeError(kPatchTypes));
  if (auto error = CheckPatchOptions(*call, *type)) return call->SendError(*error);
  const ApiResult<WriteOptions> options = ReadWriteOptions(*call, "PatchOptions");
  if (!options.ok()) return call->SendError(options.error());
  ApiResult<Json> patch = ParseText(call->request().body, *type == PatchType::kApply);
  if (!patch.ok()) return call->SendError(patch.error());
  registry_.Patch(TargetOf(*call), PartOf(*call), *type, std::move(*patch), *options,
                  [call](ApiResult<Written> written) { SendWritten(call, written); });
}

void ResourceHandler::Delete(const SharedCall& call) {
  const ApiResult<DeleteOptions> options = ReadDeleteOptions(*call);
  if (!options.ok()) return call->SendError(options.error());
  registry_.Delete(TargetOf(*call), *options, [call](ApiResult<Written> written) {
    if (!written.ok()) return call->SendError(written.error());
    if (!written->deleted) return call->SendObject(200, written->object);
    call->SendJson(200, DeletedStatus(*call->kind, written->object));
  });
}

void ResourceHandler::DeleteCollection(const SharedCall& call) {
  const ApiResult<DeleteOptions> options = ReadDeleteOptions(*call);
  if (!options.ok()) return call->SendError(options.error());
  const ApiResult<ListOptions> list = ReadListOptions(*call);
  if (!list.ok()) return call->SendError(list.error());
  registry_.DeleteCollection(*call->kind, call->asked.name_space, *list, *options,
                             [call](ApiResult<ObjectPage> page) {
                               if (!page.ok()) return call->SendError(page.error());
                               ListWriter writer(*call->kind, call->form, call->now);
                               for (const SharedObject& object : page->objects) {
                                 writer.Add(ViewAs(*call->kind, *object));
                               }
                               call->Send(200, writer.Finish(MetaOf(*page)));
                             });
}

}  // namespace throng::kube::server
