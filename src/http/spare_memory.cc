#include "http/spare_memory.h"

#include <utility>

#include "base/limits.h"

namespace throng::http {

std::string BufferPool::Take() {
  if (spare_.empty()) return std::string();
  std::string buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void BufferPool::Give(std::string buffer) {
  // Below 64 bytes it is not worth the keeping.
  if (buffer.capacity() < 64 || buffer.capacity() > limits::kHttpSpareBytes) return;
  if (spare_.size() >= limits::kHttpSpareBuffers) return;
  buffer.clear();
  spare_.push_back(std::move(buffer));
}

Request RequestPool::Take() {
  if (spare_.empty()) return Request();
  Request request = std::move(spare_.back());
  spare_.pop_back();
  return request;
}

void RequestPool::Give(Request request) {
  if (spare_.size() >= limits::kHttpSpareBuffers) return;
  size_t kept_bytes = request.target.capacity() + request.path.capacity();
  for (const Header& header : request.headers) {
    kept_bytes += sizeof(header) + header.name.capacity() + header.value.capacity();
  }
  if (kept_bytes > limits::kHttpSpareBytes) return;
  // Assigning an empty string would keep the memory.
  if (request.body.capacity() > limits::kHttpSpareBytes) std::string().swap(request.body);
  spare_.push_back(std::move(request));
}

}  // namespace throng::http
