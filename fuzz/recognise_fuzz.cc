// The content checks of the scan, on any bytes: a verdict and a reason, never more.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/limits.h"
#include "repository/recognise.h"

namespace {

using throng::Result;
using throng::Status;
using throng::os::DirectoryEntry;
using throng::os::FileInfo;
using throng::os::FileKind;

// One file that holds the input.
class OneFile final : public throng::os::FileSystem {
 public:
  explicit OneFile(std::string content) : content_(std::move(content)) {}

  Result<FileInfo> Stat(const std::string&) const override {
    return FileInfo{FileKind::kRegular, content_.size(), 0, 0};
  }
  Result<std::vector<DirectoryEntry>> List(const std::string&) const override { return Refusal(); }
  Result<std::string> Read(const std::string&, uint64_t) const override { return content_; }
  Result<std::string> ReadPrefix(const std::string&, uint64_t max_bytes) const override {
    return content_.substr(0, max_bytes);
  }
  Result<std::string> ReadRange(const std::string&, uint64_t offset,
                                uint64_t size_bytes) const override {
    return content_.substr(std::min<uint64_t>(offset, content_.size()), size_bytes);
  }
  Result<uint64_t> AppendTo(const std::string&, int, uint64_t) const override { return Refusal(); }
  Status WriteAtomically(const std::string&, std::string_view) override { return Refusal(); }

 private:
  static Status Refusal() { return throng::UnimplementedError("not part of this test"); }

  const std::string content_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const OneFile files(std::string(reinterpret_cast<const char*>(data), size));
  const auto result = throng::repository::RecogniseFile(files, "file", size);
  if (!result.ok()) return 0;
  // As a file inside a model's folder, as one beside others, and as the file that was given.
  const throng::repository::RefusedFile kFiles[] = {
      {"folder/file.pt", "folder", false, {}},
      {"file.onnx", "file", false, throng::repository::WhatProbeWants("onnx")},
      {"file.joblib", "file", true, {}}};
  for (const auto& file : kFiles) {
    const std::string reason = throng::repository::RefusalReason(*result, file);
    if (reason.empty() || reason.size() > throng::limits::kErrorTextBytes) abort();
  }
  return 0;
}
