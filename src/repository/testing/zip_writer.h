// Writes small zip archives, well-formed or not, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace throng::repository::testing {

inline void AppendNumber(uint64_t value, size_t byte_count, std::string& bytes) {
  for (size_t i = 0; i < byte_count; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xff);
}

// Members are stored, not compressed.
class ZipWriter {
 public:
  void Add(const std::string& name, const std::string& content) {
    const size_t offset = bytes_.size();
    AppendNumber(0x04034b50, 4, bytes_);
    bytes_.append(22, '\0');
    AppendNumber(name.size(), 2, bytes_);
    AppendNumber(0, 2, bytes_);
    bytes_ += name + content;
    AddDirectoryEntry(name, offset, content.size());
  }

  // An entry of the directory alone: it may point anywhere.
  void AddDirectoryEntry(const std::string& name, uint64_t offset, uint64_t size_bytes) {
    AppendNumber(0x02014b50, 4, directory_);
    directory_.append(16, '\0');
    AppendNumber(size_bytes, 4, directory_);
    AppendNumber(size_bytes, 4, directory_);
    AppendNumber(name.size(), 2, directory_);
    directory_.append(12, '\0');
    AppendNumber(offset, 4, directory_);
    directory_ += name;
    ++count_;
  }

  std::string Finish(const std::string& comment = "") const {
    return FinishWith(count_, directory_.size(), bytes_.size(), comment);
  }

  // With the numbers of the end record as given.
  std::string FinishWith(uint64_t count, uint64_t directory_bytes, uint64_t directory_offset,
                         const std::string& comment = "") const {
    std::string all = bytes_ + directory_;
    AppendNumber(0x06054b50, 4, all);
    AppendNumber(0, 4, all);
    AppendNumber(count, 2, all);
    AppendNumber(count, 2, all);
    AppendNumber(directory_bytes, 4, all);
    AppendNumber(directory_offset, 4, all);
    AppendNumber(comment.size(), 2, all);
    return all + comment;
  }

  // With a 64-bit end record that holds the numbers.
  std::string Finish64(uint64_t count, uint64_t directory_bytes, uint64_t directory_offset) const {
    std::string all = bytes_ + directory_;
    const size_t end64_offset = all.size();
    AppendNumber(0x06064b50, 4, all);
    AppendNumber(44, 8, all);
    all.append(12, '\0');
    AppendNumber(count, 8, all);
    AppendNumber(count, 8, all);
    AppendNumber(directory_bytes, 8, all);
    AppendNumber(directory_offset, 8, all);
    AppendNumber(0x07064b50, 4, all);
    AppendNumber(0, 4, all);
    AppendNumber(end64_offset, 8, all);
    AppendNumber(1, 4, all);
    AppendNumber(0x06054b50, 4, all);
    AppendNumber(0, 4, all);
    AppendNumber(0xffff, 2, all);
    AppendNumber(0xffff, 2, all);
    AppendNumber(0xffffffff, 4, all);
    AppendNumber(0xffffffff, 4, all);
    AppendNumber(0, 2, all);
    return all;
  }

  uint64_t count() const { return count_; }
  uint64_t directory_bytes() const { return directory_.size(); }
  uint64_t directory_offset() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::string directory_;
  uint64_t count_ = 0;
};

// An archive as torch.jit.save makes it, as far as its names tell.
inline std::string TorchScriptArchive() {
  ZipWriter zip;
  zip.Add("net/data.pkl",
          "\x80\x02"
          "c__torch__\nNet\n");
  zip.Add("net/code/__torch__.py", "class Net(Module):");
  zip.Add("net/constants.pkl", "\x80\x02)");
  zip.Add("net/version", "3");
  return zip.Finish();
}

}  // namespace throng::repository::testing
