// GcsServer: what a client needs of Cloud Storage's JSON API (listing pages, ranges, generations,
// CRC32C, MD5), with objects in memory, and a hook that spoils replies. Thread-safe.
//
//   GcsServer server;
//   server.Put("bucket", "models/a/model.pt", bytes);
//   options.gcs_endpoint = server.url();
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "storage/testing/scripted_server.h"

namespace throng::storage::testing {

class GcsServer {
 public:
  // Called with each reply before it is sent; also of requests that failed.
  using Spoil = std::function<void(const ServedRequest&, ServedReply&)>;

  GcsServer();

  // Replaces it, with a new generation. `checksums`: it declares them.
  void Put(const std::string& bucket, const std::string& name, std::string content,
           bool checksums = true);
  void Remove(const std::string& bucket, const std::string& name);
  void set_page_size(size_t objects);
  void set_spoil(Spoil spoil);
  // From now on anything else than this token is answered 401.
  void set_bearer(std::string token);

  ScriptedServer& http() { return http_; }
  std::string url() const { return http_.url(); }
  std::string host_port() const { return http_.host_port(); }
  // Requests for bytes of objects.
  size_t media_requests() const;

 private:
  struct Object {
    std::string content;
    int64_t generation = 0;
    bool checksums = true;
  };
  ServedReply Answer(const ServedRequest& request);
  ServedReply AnswerList(const std::string& bucket, const ServedRequest& request) const;
  ServedReply AnswerObject(const Object& object, const std::string& name,
                           const ServedRequest& request) const;
  static std::string Describe(const std::string& name, const Object& object);

  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, Object>> buckets_;
  int64_t generation_ = 1000;
  size_t page_size_ = 1000;
  Spoil spoil_;
  std::string bearer_;
  ScriptedServer http_;  // last: its threads use the rest
};

}  // namespace throng::storage::testing
