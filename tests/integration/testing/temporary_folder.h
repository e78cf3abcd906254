// A folder in the system's temporary folder that goes away with its owner, and files for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace throng::integration {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Makes the folders on the way. The new file replaces an old one in one step.
  void Write(std::string_view name, std::string_view content) const;
  // A copy of a file or a whole folder of the source tree.
  void Copy(const std::string& from, std::string_view name) const;
  void Remove(std::string_view name) const;

 private:
  std::string path_;
};

// "<source folder>/<name>"
std::string SourceFile(std::string_view name);
// Empty when it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace throng::integration
