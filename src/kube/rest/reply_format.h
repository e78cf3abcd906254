// The forms in which objects are answered: as they are, as a table (what kubectl prints), as
// metadata only; and compression. Pure functions; thread-safe.
//
//   ApiResult<ReplyForm> form = NegotiateForm(request, query);
//   Json shown = ObjectRenderer(kind, *form).Single(object, now);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/server.h"
#include "kube/api_error.h"
#include "kube/kind.h"
#include "kube/rest/api_request.h"
#include "kube/table.h"

namespace throng::kube::server {

struct ReplyForm {
  enum class Shape : uint8_t { kObject, kTable, kMetadata };
  Shape shape = Shape::kObject;
  TableOptions table;  // its api_version is that of kMetadata too
};

// By the Accept header and includeObject. ERRORS: 406, 400.
ApiResult<ReplyForm> NegotiateForm(const http::Request& request, const Query& query);

// Objects in a form. One per reply or watch: clients keep the columns of a watch's first table.
class ObjectRenderer {
 public:
  // `kind` outlives the renderer. Objects come in as it shows them.
  ObjectRenderer(const Kind& kind, ReplyForm form);

  Json Single(Json object, WallTime now) const;
  Json Event(Json object, WallTime now);
  // What a bookmark holds: a revision, and whether everything that was there has been told.
  Json Bookmark(uint64_t revision, bool ends_initial) const;

 private:
  const Kind& kind_;
  const ReplyForm form_;
  TablePrinter table_;
};

// A list as text, made bit by bit, so that a long one is never there as a tree.
class ListWriter {
 public:
  ListWriter(const Kind& kind, ReplyForm form, WallTime now);
  void Add(const Json& object);
  std::string Finish(const ListMeta& meta);

 private:
  const Kind& kind_;
  const ReplyForm form_;
  const TablePrinter table_;
  const WallTime now_;
  std::string items_;
};

// Compresses the body when the client takes it so and it is long enough to be worth it.
void CompressReply(const http::Request& request, http::Reply& reply);

}  // namespace throng::kube::server
