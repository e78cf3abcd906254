// Memory of earlier requests and replies, kept for the next ones, so that a small request costs few
// allocations and an idle connection holds none. Shared by the connections of one loop; not
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "http/server.h"

namespace throng::http {

class BufferPool {
 public:
  // Empty, with or without capacity.
  std::string Take();
  void Give(std::string buffer);

 private:
  std::vector<std::string> spare_;
};

class RequestPool {
 public:
  // Its fields hold old values: for RequestParser::Reuse.
  Request Take();
  void Give(Request request);

 private:
  std::vector<Request> spare_;
};

}  // namespace throng::http
