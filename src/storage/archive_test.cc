#include "storage/archive.h"

#include <archive_entry.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "storage/testing/make_archive.h"

namespace throng::storage {
namespace {

using testing::MakeArchive;
using testing::Member;

class MemorySink final : public ArchiveSink {
 public:
  Status AddFolder(const std::string& path) override {
    folders.push_back(path);
    return OkStatus();
  }
  Status StartFile(const std::string& path) override {
    name_ = path;
    return OkStatus();
  }
  Status Write(std::string_view bytes) override {
    files[name_] += bytes;
    return write_status;
  }
  Status EndFile() override {
    files[name_] += "";
    return OkStatus();
  }

  std::map<std::string, std::string> files;
  std::vector<std::string> folders;
  Status write_status;

 private:
  std::string name_;
};

// Does not compress.
std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

ArchiveSource SourceOf(const std::string& bytes) {
  return {.size_bytes = bytes.size(),
          .read_at = [&bytes](uint64_t offset, std::span<char> buffer) -> Result<size_t> {
            if (offset >= bytes.size()) return size_t{0};
            const size_t count = std::min<size_t>(buffer.size(), bytes.size() - offset);
            std::copy_n(bytes.data() + offset, count, buffer.data());
            return count;
          }};
}

Status Unpack(std::string_view kind, const std::string& bytes, MemorySink& sink) {
  return UnpackArchive(kind, SourceOf(bytes), sink, [] { return OkStatus(); });
}

class EveryKindTest : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryKindTest, FilesAndFoldersComeOut) {
  const std::string large(3 * 1024 * 1024, 'x');
  const std::string bytes = MakeArchive(GetParam(), {{"./", "", AE_IFDIR},
                                                     {"./1/", "", AE_IFDIR},
                                                     {"./1/model.pt", large},
                                                     {"config.pbtxt", "name: \"a\""},
                                                     {"empty", ""},
                                                     {"a/b/c.txt", "deep"}});
  MemorySink sink;
  const Status status = Unpack(GetParam(), bytes, sink);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(sink.files.size(), 4u);
  EXPECT_EQ(sink.files["1/model.pt"], large);
  EXPECT_EQ(sink.files["config.pbtxt"], "name: \"a\"");
  EXPECT_EQ(sink.files["a/b/c.txt"], "deep");
  EXPECT_EQ(sink.folders, std::vector<std::string>{"1"});
}

TEST_P(EveryKindTest, HostileMembersAreRefused) {
  struct Case {
    std::vector<Member> members;
    const char* part;
  };
  const Case cases[] = {
      {{{"../x", "x"}}, "'.' or '..'"},
      {{{"a/../../x", "x"}}, "'.' or '..'"},
      {{{"/etc/x", "x"}}, "absolute"},
      {{{"a\\..\\x", "x"}}, ""},  // a zip's backslashes are taken for slashes
      {{{"link", "", AE_IFLNK}}, "symbolic link"},
      {{{"a", "x"}, {"a", "y"}}, "twice"},
      {{{"a", "x"}, {"A", "y"}}, "case only"},
      {{{"a", "x"}, {"a/b", "y"}}, "both a file and a folder"},
      {{{"a\nb", "x"}}, "control character"},
  };
  for (const Case& c : cases) {
    MemorySink sink;
    const Status status = Unpack(GetParam(), MakeArchive(GetParam(), c.members), sink);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << c.members[0].name;
    EXPECT_NE(status.message().find(c.part), std::string::npos) << status.message();
  }
}

TEST_P(EveryKindTest, DamageIsNoticed) {
  const std::string random = Noise(20000);
  const std::string bytes = MakeArchive(GetParam(), {{"model.pt", random}, {"b", random}});
  size_t refused = 0;
  for (size_t cut = 0; cut < bytes.size(); cut += bytes.size() / 16) {
    MemorySink sink;
    refused += static_cast<size_t>(!Unpack(GetParam(), bytes.substr(0, cut), sink).ok());
  }
  // A tar may end without its two empty blocks.
  EXPECT_GE(refused, GetParam() == std::string(".tar") ? 12u : 16u);
  MemorySink sink;
  EXPECT_FALSE(Unpack(GetParam(), "this is no archive at all", sink).ok());
  EXPECT_FALSE(Unpack(GetParam(), "", sink).ok());
  EXPECT_TRUE(sink.files.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryKindTest, ::testing::Values(".tar", ".tgz", ".zip"));

TEST(ArchiveTest, LinksDevicesAndHolesOfATarAreRefused) {
  MemorySink sink;
  for (const unsigned type : {unsigned{AE_IFCHR}, unsigned{AE_IFBLK}, unsigned{AE_IFIFO}}) {
    EXPECT_NE(Unpack(".tar", MakeArchive(".tar", {{"device", "", type}}), sink)
                  .message()
                  .find("neither a file nor a folder"),
              std::string::npos);
  }
  EXPECT_NE(Unpack(".tar", MakeArchive(".tar", {{"a", "x"}, {"b", "", AE_IFREG, "a"}}), sink)
                .message()
                .find("hard link"),
            std::string::npos);
  EXPECT_NE(Unpack(".tar", MakeArchive(".tar", {{"a", "x", AE_IFREG, "", true}}), sink)
                .message()
                .find("has holes"),
            std::string::npos);
}

TEST(ArchiveTest, AWrongCrcOfAZipIsNoticed) {
  std::string bytes = MakeArchive(".zip", {{"model.pt", Noise(20000)}});
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  MemorySink sink;
  EXPECT_EQ(Unpack(".zip", bytes, sink).code(), StatusCode::kInvalidArgument);
}

TEST(ArchiveTest, CountsAreBounded) {
  std::vector<Member> files(limits::kArtifactFiles);
  for (size_t i = 0; i < files.size(); ++i) files[i].name = "f" + std::to_string(i);
  MemorySink sink;
  EXPECT_TRUE(Unpack(".tar", MakeArchive(".tar", files), sink).ok());
  files.push_back({"one more", ""});
  EXPECT_EQ(Unpack(".tar", MakeArchive(".tar", files), sink).code(),
            StatusCode::kResourceExhausted);
  std::vector<Member> folders(limits::kArchiveMembers + 1, {"d/", "", AE_IFDIR});
  EXPECT_EQ(Unpack(".tar", MakeArchive(".tar", folders), sink).code(),
            StatusCode::kResourceExhausted);
  folders.pop_back();
  EXPECT_TRUE(Unpack(".tar", MakeArchive(".tar", folders), sink).ok());
}

TEST(ArchiveTest, AFileThatIsShorterThanItsHeaderSaysIsDamage) {
  // A tar header of one file of 8 GiB - 1, which is allowed, and nothing behind it.
  std::string bytes = MakeArchive(".tar", {{"a", ""}});
  const size_t size_field = 124;
  ASSERT_EQ(bytes.substr(size_field, 11), "00000000000");
  bytes.replace(size_field, 11, "77777777777");
  unsigned sum = 0;
  bytes.replace(148, 8, "        ");
  for (size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(bytes[i]);
  char text[8];
  snprintf(text, sizeof(text), "%06o", sum);
  bytes.replace(148, 7, std::string(text, 7));
  MemorySink sink;
  const Status status = Unpack(".tar", bytes, sink);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
}

TEST(ArchiveTest, FailuresOfTheSidesComeThrough) {
  const std::string bytes = MakeArchive(".tgz", {{"a", std::string(100000, 'x')}});
  MemorySink sink;
  sink.write_status = ResourceExhaustedError("disk full");
  EXPECT_EQ(Unpack(".tgz", bytes, sink).message(), "disk full");
  const ArchiveSource broken{.size_bytes = 100,
                             .read_at = [](uint64_t, std::span<char>) -> Result<size_t> {
                               return UnavailableError("I/O error");
                             }};
  EXPECT_EQ(UnpackArchive(".zip", broken, sink, [] { return OkStatus(); }).message(), "I/O error");
  EXPECT_EQ(UnpackArchive(".tgz", SourceOf(bytes), sink, [] { return CancelledError("cancelled"); })
                .code(),
            StatusCode::kCancelled);
  EXPECT_EQ(Unpack(".rar", bytes, sink).code(), StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace throng::storage
