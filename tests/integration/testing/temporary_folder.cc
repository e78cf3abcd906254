#include "tests/integration/testing/temporary_folder.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace throng::integration {

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path().string() + "/throng-test-XXXXXX";
  THRONG_CHECK(mkdtemp(name.data()) != nullptr);
  path_ = name;
  // An ordinary user's server reads models here, and writes its ports file.
  chmod(path_.c_str(), 0777);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryFolder::Write(std::string_view name, std::string_view content) const {
  const std::string path = File(name);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const std::string unfinished = path_ + "/.unfinished";
  {
    std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    THRONG_CHECK(file.good());
  }
  std::filesystem::rename(unfinished, path);
}

void TemporaryFolder::Copy(const std::string& from, std::string_view name) const {
  const std::string to = File(name);
  std::filesystem::create_directories(std::filesystem::path(to).parent_path());
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

void TemporaryFolder::Remove(std::string_view name) const {
  std::filesystem::remove_all(File(name));
}

std::string SourceFile(std::string_view name) {
  return std::string(THRONG_SOURCE_DIR) + "/" + std::string(name);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace throng::integration
