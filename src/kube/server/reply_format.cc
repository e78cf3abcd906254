#include "kube/server/reply_format.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "kube/object_meta.h"

namespace throng::kube::server {
namespace {

// What kube-apiserver deems worth it.
constexpr size_t kCompressedFromBytes = 128 * 1024;
constexpr std::string_view kAcceptable = "application/json";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The parts between separators, without blanks.
std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    if (const std::string_view part = Trim(text.substr(0, end)); !part.empty()) {
      parts.push_back(part);
    }
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

struct AcceptClause {
  std::string_view media_type;
  std::string_view as;
  std::string_view group;
  std::string_view version;
  std::string_view quality;  // "" is 1
};

AcceptClause ParseClause(std::string_view text) {
  AcceptClause clause;
  for (const std::string_view part : Split(text, ';')) {
    const size_t equals = part.find('=');
    if (equals == part.npos) {
      if (clause.media_type.empty()) clause.media_type = part;
      continue;
    }
    const std::string_view key = Trim(part.substr(0, equals));
    const std::string_view value = Trim(part.substr(equals + 1));
    if (key == "as") clause.as = value;
    if (key == "g") clause.group = value;
    if (key == "v") clause.version = value;
    if (key == "q") clause.quality = value;
  }
  return clause;
}

// "0.8" before "0.5": digits of one length more or less compare as texts.
bool IsPreferred(const AcceptClause& a, const AcceptClause& b) {
  const auto quality = [](const AcceptClause& clause) {
    return clause.quality.empty() ? std::string_view("1") : clause.quality;
  };
  return quality(a) > quality(b);
}

std::optional<ReplyForm> FormOf(const AcceptClause& clause) {
  const std::string_view type = clause.media_type;
  if (type != "application/json" && type != "application/*" && type != "*/*") return std::nullopt;
  ReplyForm form;
  if (clause.as.empty()) return form;
  if (clause.group != "meta.k8s.io") return std::nullopt;
  if (clause.version != "v1" && clause.version != "v1beta1") return std::nullopt;
  form.version = clause.version;
  if (clause.as == "Table") {
    form.shape = ReplyForm::Shape::kTable;
  } else if (clause.as == "PartialObjectMetadata" || clause.as == "PartialObjectMetadataList") {
    form.shape = ReplyForm::Shape::kMetadata;
  } else {
    return std::nullopt;
  }
  return form;
}

std::string MetaVersion(const ReplyForm& form) { return "meta.k8s.io/" + form.version; }

Json OnlyMetadata(const ReplyForm& form, const Json& object) {
  Json metadata = Json::object();
  if (const Json* found = FindPath(object, {"metadata"})) metadata = *found;
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", MetaVersion(form)},
          {"metadata", std::move(metadata)}};
}

Json ColumnDefinitions(const Kind& kind) {
  Json columns = Json::array();
  for (const Column& column : kind.columns) {
    columns.push_back({{"name", column.name},
                       {"type", column.type},
                       {"format", column.format},
                       {"description", column.description},
                       {"priority", column.priority}});
  }
  return columns;
}

Json MakeRow(const Kind& kind, Json object, const ReplyForm& form, WallTime now) {
  Json cells = Json::array();
  for (const Column& column : kind.columns) cells.push_back(PrintCell(column, object, now));
  Json row = {{"cells", std::move(cells)}};
  if (kind.row_conditions != nullptr) {
    if (Json conditions = kind.row_conditions(object); !conditions.empty()) {
      row["conditions"] = std::move(conditions);
    }
  }
  switch (form.include) {
    case ReplyForm::Include::kNone:
      row["object"] = nullptr;
      break;
    case ReplyForm::Include::kMetadata:
      row["object"] = OnlyMetadata(form, object);
      break;
    case ReplyForm::Include::kObject:
      row["object"] = std::move(object);
      break;
  }
  return row;
}

Json MakeTable(const Kind& kind, const ReplyForm& form, bool has_columns, Json metadata) {
  Json columns = has_columns ? ColumnDefinitions(kind) : Json();
  return {{"kind", "Table"},
          {"apiVersion", MetaVersion(form)},
          {"metadata", std::move(metadata)},
          {"columnDefinitions", std::move(columns)},
          {"rows", Json::array()}};
}

bool TakesGzip(const http::Request& request) {
  const std::string* header = request.FindHeader("Accept-Encoding");
  if (header == nullptr) return false;
  for (const std::string_view part : Split(*header, ',')) {
    const std::vector<std::string_view> words = Split(part, ';');
    if (words.empty() || words[0] != "gzip") continue;
    return words.size() == 1 || (words[1] != "q=0" && words[1] != "q=0.0");
  }
  return false;
}

std::optional<std::string> Gzip(std::string_view text) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return packed;
}

}  // namespace

ApiResult<ReplyForm> NegotiateForm(const http::Request& request, const Query& query) {
  std::vector<AcceptClause> clauses;
  const std::string* header = request.FindHeader("Accept");
  if (header == nullptr || header->empty()) clauses.push_back(ParseClause("*/*"));
  if (header != nullptr) {
    for (const std::string_view part : Split(*header, ',')) clauses.push_back(ParseClause(part));
  }
  std::stable_sort(clauses.begin(), clauses.end(), IsPreferred);
  std::optional<ReplyForm> form;
  for (const AcceptClause& clause : clauses) {
    if (!form) form = FormOf(clause);
  }
  if (!form) return NotAcceptableError(kAcceptable);
  const std::string include = query.Get("includeObject");
  if (include.empty() || include == "Metadata") return *form;
  if (include == "None") {
    form->include = ReplyForm::Include::kNone;
  } else if (include == "Object") {
    form->include = ReplyForm::Include::kObject;
  } else {
    return BadRequestError("includeObject: must be None, Metadata or Object");
  }
  return *form;
}

Json RenderObject(const Kind& kind, Json object, const ReplyForm& form, WallTime now) {
  return RenderEventObject(kind, std::move(object), form, true, now);
}

Json RenderEventObject(const Kind& kind, Json object, const ReplyForm& form, bool is_first,
                       WallTime now) {
  if (form.shape == ReplyForm::Shape::kObject) return object;
  if (form.shape == ReplyForm::Shape::kMetadata) return OnlyMetadata(form, object);
  Json table = MakeTable(kind, form, is_first, {{"resourceVersion", ResourceVersionOf(object)}});
  table["rows"].push_back(MakeRow(kind, std::move(object), form, now));
  return table;
}

Json RenderBookmark(const Kind& kind, uint64_t revision, bool ends_initial, const ReplyForm& form) {
  Json metadata = {{"resourceVersion", std::to_string(revision)}};
  if (form.shape == ReplyForm::Shape::kTable) {
    // A table has no annotations: the bookmark itself is in its only row.
    Json table = MakeTable(kind, form, false, metadata);
    if (!ends_initial) return table;
    metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
    table["rows"].push_back(MakeRow(kind, {{"metadata", std::move(metadata)}}, form, WallTime()));
    return table;
  }
  metadata["creationTimestamp"] = nullptr;
  if (ends_initial) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  Json object = {
      {"kind", kind.kind}, {"apiVersion", kind.api_version()}, {"metadata", std::move(metadata)}};
  return form.shape == ReplyForm::Shape::kMetadata ? OnlyMetadata(form, object) : object;
}

ListWriter::ListWriter(const Kind& kind, const ReplyForm& form, WallTime now)
    : kind_(kind), form_(form), now_(now) {}

void ListWriter::Add(Json object) {
  if (!items_.empty()) items_ += ',';
  switch (form_.shape) {
    case ReplyForm::Shape::kObject:
      items_ += PrintJson(object);
      break;
    case ReplyForm::Shape::kTable:
      items_ += PrintJson(MakeRow(kind_, std::move(object), form_, now_));
      break;
    case ReplyForm::Shape::kMetadata:
      items_ += PrintJson(OnlyMetadata(form_, object));
      break;
  }
}

std::string ListWriter::Finish(const ListMetadata& metadata) {
  Json about = {{"resourceVersion", metadata.resource_version}};
  if (!metadata.continue_token.empty()) about["continue"] = metadata.continue_token;
  if (metadata.remaining_count) about["remainingItemCount"] = *metadata.remaining_count;
  std::string head;
  const char* items = "items";
  if (form_.shape == ReplyForm::Shape::kTable) {
    Json table = MakeTable(kind_, form_, true, std::move(about));
    table.erase("rows");
    head = PrintJson(table);
    items = "rows";
  } else {
    const bool is_metadata = form_.shape == ReplyForm::Shape::kMetadata;
    head = PrintJson({{"kind", is_metadata ? "PartialObjectMetadataList" : kind_.kind + "List"},
                      {"apiVersion", is_metadata ? MetaVersion(form_) : kind_.api_version()},
                      {"metadata", std::move(about)}});
  }
  head.pop_back();
  return head + ",\"" + items + "\":[" + std::exchange(items_, {}) + "]}\n";
}

void CompressReply(const http::Request& request, http::Reply& reply) {
  if (reply.body.size() < kCompressedFromBytes || !TakesGzip(request)) return;
  std::optional<std::string> packed = Gzip(reply.body);
  if (!packed) return;
  reply.body = *std::move(packed);
  reply.headers.push_back({"Content-Encoding", "gzip"});
  reply.headers.push_back({"Vary", "Accept-Encoding"});
}

}  // namespace throng::kube::server
