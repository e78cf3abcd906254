#include "storage/testing/gcs_server.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "storage/checksum.h"

namespace throng::storage::testing {
namespace {

constexpr std::string_view kPrefix = "/storage/v1/b/";

ServedReply JsonReply(int status, std::string body) {
  ServedReply reply;
  reply.status = status;
  reply.headers.emplace_back("Content-Type", "application/json");
  reply.body = std::move(body);
  return reply;
}

std::string Digest(Checksum kind, const std::string& content) {
  Hasher hasher(kind);
  hasher.Update(content);
  return EncodeBase64(hasher.Finish());
}

}  // namespace

GcsServer::GcsServer() : http_([this](const ServedRequest& request) { return Answer(request); }) {}

void GcsServer::Put(const std::string& bucket, const std::string& name, std::string content,
                    bool checksums) {
  const std::lock_guard lock(mutex_);
  buckets_[bucket][name] = {std::move(content), ++generation_, checksums};
}

void GcsServer::Remove(const std::string& bucket, const std::string& name) {
  const std::lock_guard lock(mutex_);
  buckets_[bucket].erase(name);
}

void GcsServer::set_page_size(size_t objects) {
  const std::lock_guard lock(mutex_);
  page_size_ = objects;
}

void GcsServer::set_spoil(Spoil spoil) {
  const std::lock_guard lock(mutex_);
  spoil_ = std::move(spoil);
}

void GcsServer::set_bearer(std::string token) {
  const std::lock_guard lock(mutex_);
  bearer_ = std::move(token);
}

size_t GcsServer::media_requests() const {
  size_t count = 0;
  for (const ServedRequest& request : http_.requests()) count += request.query.count("alt");
  return count;
}

ServedReply GcsServer::Answer(const ServedRequest& request) {
  ServedReply reply = JsonReply(404, R"({"error":{"code":404}})");
  Spoil spoil;
  {
    const std::lock_guard lock(mutex_);
    spoil = spoil_;
    const std::string_view path = request.path;
    const size_t slash = path.find('/', std::min(kPrefix.size(), path.size()));
    const auto authorization = request.headers.find("authorization");
    if (!bearer_.empty() &&
        (authorization == request.headers.end() || authorization->second != "Bearer " + bearer_)) {
      reply = JsonReply(401, "{}");
    } else if (path.starts_with(kPrefix) && slash != std::string_view::npos) {
      const std::string bucket =
          PercentDecoded(path.substr(kPrefix.size(), slash - kPrefix.size()));
      const std::string_view rest = path.substr(slash);
      const auto found = buckets_.find(bucket);
      if (found != buckets_.end() && rest == "/o") reply = AnswerList(bucket, request);
      if (found != buckets_.end() && rest.starts_with("/o/")) {
        const std::string name = PercentDecoded(rest.substr(3));
        const auto object = found->second.find(name);
        if (object != found->second.end()) reply = AnswerObject(object->second, name, request);
      }
    }
  }
  if (spoil) spoil(request, reply);
  return reply;
}

std::string GcsServer::Describe(const std::string& name, const Object& object) {
  nlohmann::json item = {{"name", name},
                         {"size", std::to_string(object.content.size())},
                         {"generation", std::to_string(object.generation)}};
  if (object.checksums) {
    item["crc32c"] = Digest(Checksum::kCrc32c, object.content);
    item["md5Hash"] = Digest(Checksum::kMd5, object.content);
  }
  return item.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ServedReply GcsServer::AnswerList(const std::string& bucket, const ServedRequest& request) const {
  const auto get = [&request](const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
  };
  const std::string prefix = get("prefix");
  const std::string after = get("pageToken");
  std::string items;
  std::string last;
  size_t count = 0;
  bool more = false;
  for (const auto& [name, object] : buckets_.at(bucket)) {
    if (!name.starts_with(prefix) || (!after.empty() && name <= after)) continue;
    if (count == page_size_) {
      more = true;
      break;
    }
    items += (count++ == 0 ? "" : ",") + Describe(name, object);
    last = name;
  }
  std::string body = "{\"kind\":\"storage#objects\"";
  if (count > 0) body += ",\"items\":[" + items + "]";
  if (more) body += ",\"nextPageToken\":" + nlohmann::json(last).dump();
  return JsonReply(200, body + "}");
}

ServedReply GcsServer::AnswerObject(const Object& object, const std::string& name,
                                    const ServedRequest& request) const {
  const auto generation = request.query.find("generation");
  if (generation != request.query.end() &&
      generation->second != std::to_string(object.generation)) {
    return JsonReply(404, "{}");
  }
  if (request.query.count("alt") == 0) return JsonReply(200, Describe(name, object));
  ServedReply reply = ServeContent(request, object.content, "");
  reply.headers.emplace_back("X-Goog-Generation", std::to_string(object.generation));
  return reply;
}

}  // namespace throng::storage::testing
