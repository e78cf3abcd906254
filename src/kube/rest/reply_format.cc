#include "kube/rest/reply_format.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

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
  form.table.api_version = "meta.k8s.io/" + std::string(clause.version);
  if (clause.as == "Table") {
    form.shape = ReplyForm::Shape::kTable;
  } else if (clause.as == "PartialObjectMetadata" || clause.as == "PartialObjectMetadataList") {
    form.shape = ReplyForm::Shape::kMetadata;
  } else {
    return std::nullopt;
  }
  return form;
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
  const auto include = ParseIncludeObject(query.Get("includeObject"));
  if (!include.ok()) return include.error();
  form->table.include = *include;
  return *form;
}

ObjectRenderer::ObjectRenderer(const Kind& kind, ReplyForm form)
    : kind_(kind), form_(std::move(form)), table_(kind, form_.table) {}

Json ObjectRenderer::Single(Json object, WallTime now) const {
  switch (form_.shape) {
    case ReplyForm::Shape::kTable:
      return table_.Single(object, now);
    case ReplyForm::Shape::kMetadata:
      return PartialObjectMetadata(object, form_.table.api_version);
    case ReplyForm::Shape::kObject:
      break;
  }
  return object;
}

Json ObjectRenderer::Event(Json object, WallTime now) {
  if (form_.shape == ReplyForm::Shape::kTable) return table_.Event(object, now);
  return Single(std::move(object), now);
}

Json ObjectRenderer::Bookmark(uint64_t revision, bool ends_initial) const {
  Json object = {{"kind", kind_.kind},
                 {"apiVersion", kind_.api_version()},
                 {"metadata",
                  {{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}}}};
  if (ends_initial) {
    object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  }
  if (form_.shape != ReplyForm::Shape::kTable) return Single(std::move(object), WallTime());
  // A table has no annotations: the bookmark itself is in its only row.
  Json rows = Json::array();
  if (ends_initial) rows.push_back(table_.Row(object, WallTime()));
  ListMeta meta;
  meta.resource_version = std::to_string(revision);
  Json table = table_.List(std::move(rows), meta);
  table["columnDefinitions"] = nullptr;
  return table;
}

ListWriter::ListWriter(const Kind& kind, ReplyForm form, WallTime now)
    : kind_(kind), form_(std::move(form)), table_(kind, form_.table), now_(now) {}

void ListWriter::Add(const Json& object) {
  if (!items_.empty()) items_ += ',';
  switch (form_.shape) {
    case ReplyForm::Shape::kObject:
      items_ += PrintJson(object);
      break;
    case ReplyForm::Shape::kTable:
      items_ += PrintJson(table_.Row(object, now_));
      break;
    case ReplyForm::Shape::kMetadata:
      items_ += PrintJson(PartialObjectMetadata(object, form_.table.api_version));
      break;
  }
}

std::string ListWriter::Finish(const ListMeta& meta) {
  Json head;
  const char* items = "items";
  switch (form_.shape) {
    case ReplyForm::Shape::kObject:
      head = {{"kind", kind_.kind + "List"},
              {"apiVersion", kind_.api_version()},
              {"metadata", ListMetaJson(meta)}};
      break;
    case ReplyForm::Shape::kTable:
      head = table_.List(Json::array(), meta);
      items = "rows";
      break;
    case ReplyForm::Shape::kMetadata:
      head = PartialObjectMetadataList(Json::array(), meta, form_.table.api_version);
      break;
  }
  head.erase(items);
  std::string text = PrintJson(head);
  text.pop_back();
  return text + ",\"" + items + "\":[" + std::exchange(items_, {}) + "]}\n";
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
