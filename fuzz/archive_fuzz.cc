// Archives of any bytes: what comes out of one has checked names, each once, within the bounds.
// The first byte chooses the kind.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "storage/archive.h"
#include "storage/path_rules.h"

namespace throng::storage {
namespace {

// Small inputs may hold large files; enough is enough for a fuzzer.
constexpr uint64_t kMostBytes = 4 * 1024 * 1024;

class CheckingSink final : public ArchiveSink {
 public:
  Status AddFolder(const std::string& path) override {
    THRONG_CHECK(!in_file_ && CheckRelativePath(path).ok());
    return OkStatus();
  }
  Status StartFile(const std::string& path) override {
    THRONG_CHECK(!in_file_ && CheckRelativePath(path).ok());
    THRONG_CHECK(files_.insert(path).second && files_.size() <= limits::kArtifactFiles);
    in_file_ = true;
    return OkStatus();
  }
  Status Write(std::string_view bytes) override {
    THRONG_CHECK(in_file_);
    bytes_ += bytes.size();
    return bytes_ > kMostBytes ? ResourceExhaustedError("enough") : OkStatus();
  }
  Status EndFile() override {
    THRONG_CHECK(in_file_);
    in_file_ = false;
    return OkStatus();
  }

 private:
  std::set<std::string> files_;
  uint64_t bytes_ = 0;
  bool in_file_ = false;
};

}  // namespace
}  // namespace throng::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace throng::storage;  // NOLINT: one function
  if (size == 0) return 0;
  const char* const kinds[] = {".tar", ".tgz", ".zip"};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ArchiveSource source{
      .size_bytes = bytes.size(),
      .read_at = [bytes](uint64_t offset, std::span<char> buffer) -> throng::Result<size_t> {
        if (offset >= bytes.size()) return size_t{0};
        const std::string_view part = bytes.substr(offset, buffer.size());
        std::copy(part.begin(), part.end(), buffer.begin());
        return part.size();
      }};
  CheckingSink sink;
  (void)UnpackArchive(kinds[data[0] % 3], source, sink, [] { return throng::OkStatus(); });
  return 0;
}
