#include "http/output_queue.h"

#include <array>
#include <span>
#include <utility>

#include "os/socket.h"

namespace throng::http {
namespace {

// A body up to this is copied behind its head; a larger one is a segment of its own.
constexpr size_t kCopiedBytes = 16 * 1024;
constexpr size_t kGatheredSegments = 16;

std::span<const std::byte> BytesOf(const std::string& text, size_t offset) {
  return std::as_bytes(std::span<const char>(text.data() + offset, text.size() - offset));
}

}  // namespace

std::string& OutputQueue::Tail() {
  if (!tail_open_ || tail_bytes_ > kCopiedBytes) {
    segments_.push_back(pool_.Take());
    tail_open_ = true;
    tail_bytes_ = 0;
  }
  return segments_.back();
}

void OutputQueue::Appended() {
  unsent_bytes_ += segments_.back().size() - tail_bytes_;
  tail_bytes_ = segments_.back().size();
}

void OutputQueue::Append(std::string body) {
  if (body.empty()) return;
  if (body.size() <= kCopiedBytes) {
    Tail().append(body);
    Appended();
    return;
  }
  unsent_bytes_ += body.size();
  segments_.push_back(std::move(body));
  tail_open_ = false;
}

void OutputQueue::AppendCopy(std::string_view bytes) {
  if (bytes.size() > kCopiedBytes) return Append(std::string(bytes));
  Tail().append(bytes);
  Appended();
}

OutputQueue::Progress OutputQueue::Write(int fd) {
  while (unsent_bytes_ > 0) {
    os::IoResult result;
    if (segments_.size() - first_segment_ == 1) {
      result = os::WriteSome(fd, BytesOf(segments_[first_segment_], first_offset_));
    } else {
      std::array<std::span<const std::byte>, kGatheredSegments> spans;
      size_t count = 0;
      for (size_t i = first_segment_; i < segments_.size() && count < spans.size(); ++i) {
        spans[count++] = BytesOf(segments_[i], i == first_segment_ ? first_offset_ : 0);
      }
      result = os::WriteSome(fd, std::span<const std::span<const std::byte>>(spans.data(), count));
    }
    if (result.kind == os::IoResult::Kind::kWouldBlock) return Progress::kBlocked;
    if (result.kind != os::IoResult::Kind::kDone) return Progress::kFailed;
    Drop(result.bytes);
  }
  return Progress::kAllSent;
}

void OutputQueue::Drop(size_t bytes) {
  unsent_bytes_ -= bytes;
  sent_bytes_ += bytes;
  if (unsent_bytes_ == 0) return Clear();
  while (bytes >= segments_[first_segment_].size() - first_offset_) {
    bytes -= segments_[first_segment_].size() - first_offset_;
    // A large body gives its memory back as soon as it is sent.
    pool_.Give(std::exchange(segments_[first_segment_], std::string()));
    ++first_segment_;
    first_offset_ = 0;
  }
  first_offset_ += bytes;
}

void OutputQueue::Clear() {
  for (std::string& segment : segments_) pool_.Give(std::move(segment));
  segments_.clear();
  if (segments_.capacity() > 4) segments_.shrink_to_fit();
  first_segment_ = 0;
  first_offset_ = 0;
  tail_bytes_ = 0;
  tail_open_ = false;
  unsent_bytes_ = 0;
}

}  // namespace throng::http
