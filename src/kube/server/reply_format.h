// The forms in which objects are answered: as they are, as a table (what kubectl prints), as
// metadata only; and compression. Pure functions; thread-safe.
//
//   ApiResult<ReplyForm> form = NegotiateForm(request, query);
//   std::string body = RenderList(kind, objects, page, *form, now);
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
#include "kube/server/api_request.h"

namespace throng::kube::server {

struct ReplyForm {
  enum class Shape : uint8_t { kObject, kTable, kMetadata };
  // includeObject of a table.
  enum class Include : uint8_t { kNone, kMetadata, kObject };
  Shape shape = Shape::kObject;
  std::string version = "v1";  // of meta.k8s.io, for tables and metadata
  Include include = Include::kMetadata;
};

// By the Accept header and includeObject. ERRORS: 406, 400.
ApiResult<ReplyForm> NegotiateForm(const http::Request& request, const Query& query);

// Objects come in as `kind` shows them.
Json RenderObject(const Kind& kind, Json object, const ReplyForm& form, WallTime now);

struct ListMetadata {
  std::string resource_version;
  std::string continue_token;
  std::optional<uint64_t> remaining_count;
};

// A list as text, made bit by bit, so that a long one is never there as a tree.
class ListWriter {
 public:
  ListWriter(const Kind& kind, const ReplyForm& form, WallTime now);
  void Add(Json object);
  std::string Finish(const ListMetadata& metadata);

 private:
  const Kind& kind_;
  const ReplyForm form_;
  const WallTime now_;
  std::string items_;
};

// The object of a watch event. Clients keep the columns of the first table.
Json RenderEventObject(const Kind& kind, Json object, const ReplyForm& form, bool is_first,
                       WallTime now);
// What a bookmark holds: a revision, and whether everything that was there has been told.
Json RenderBookmark(const Kind& kind, uint64_t revision, bool ends_initial, const ReplyForm& form);

// Compresses the body when the client takes it so and it is long enough to be worth it.
void CompressReply(const http::Request& request, http::Reply& reply);

}  // namespace throng::kube::server
