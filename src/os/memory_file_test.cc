#include "os/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace throng::os {
namespace {

constexpr size_t kArenaBytes = 1024 * 1024;

UniqueFd FilledFile(std::string_view content) {
  Result<UniqueFd> fd = CreateMemoryFile("test");
  EXPECT_TRUE(fd.ok());
  EXPECT_EQ(write(fd->get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return std::move(*fd);
}

TEST(MemoryFileTest, ArenaIsSparseAndZero) {
  const auto arena = CreateArenaFile("arena", 64 * kArenaBytes);
  ASSERT_TRUE(arena.ok()) << arena.status().ToString();
  EXPECT_EQ(*FileSize(arena->get()), 64 * kArenaBytes);
  EXPECT_EQ(*AllocatedBytes(arena->get()), 0u);
  const auto mapping = Mapping::Map(arena->get(), 64 * kArenaBytes, true);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping->data()[63 * kArenaBytes], std::byte{0});
  EXPECT_TRUE(fcntl(arena->get(), F_GETFD) & FD_CLOEXEC);
}

TEST(MemoryFileTest, ArenaCannotChangeItsSizeOrBecomeReadOnly) {
  const auto arena = CreateArenaFile("arena", kArenaBytes);
  ASSERT_TRUE(arena.ok());
  EXPECT_NE(ftruncate(arena->get(), kArenaBytes - 1), 0);
  EXPECT_NE(ftruncate(arena->get(), kArenaBytes + 1), 0);
  EXPECT_NE(fcntl(arena->get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_EQ(*FileSize(arena->get()), kArenaBytes);
}

TEST(MemoryFileTest, ReadOnlyReopenCannotWrite) {
  const auto arena = CreateArenaFile("arena", kArenaBytes);
  ASSERT_TRUE(arena.ok());
  const auto reader = ReopenReadOnly(arena->get());
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ(write(reader->get(), "x", 1), -1);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader->get(), 0), MAP_FAILED);
  EXPECT_FALSE(Mapping::Map(reader->get(), kArenaBytes, true).ok());
  EXPECT_FALSE(PunchHole(reader->get(), 0, 4096).ok());

  const auto writable = Mapping::Map(arena->get(), kArenaBytes, true);
  const auto read_only = Mapping::Map(reader->get(), kArenaBytes, false);
  ASSERT_TRUE(writable.ok() && read_only.ok());
  writable->data()[100] = std::byte{42};
  EXPECT_EQ(read_only->data()[100], std::byte{42});
  EXPECT_NE(mprotect(read_only->data(), 4096, PROT_READ | PROT_WRITE), 0);
}

TEST(MemoryFileTest, PunchedHolesReturnMemoryAndReadAsZero) {
  const auto arena = CreateArenaFile("arena", kArenaBytes);
  ASSERT_TRUE(arena.ok());
  const auto mapping = Mapping::Map(arena->get(), kArenaBytes, true);
  ASSERT_TRUE(mapping.ok());
  std::memset(mapping->data(), 1, kArenaBytes);
  EXPECT_EQ(*AllocatedBytes(arena->get()), kArenaBytes);
  ASSERT_TRUE(PunchHole(arena->get(), kArenaBytes / 2, kArenaBytes / 2).ok());
  EXPECT_EQ(*AllocatedBytes(arena->get()), kArenaBytes / 2);
  EXPECT_EQ(mapping->data()[kArenaBytes / 2 - 1], std::byte{1});
  EXPECT_EQ(mapping->data()[kArenaBytes / 2], std::byte{0});
  EXPECT_EQ(*FileSize(arena->get()), kArenaBytes);
  EXPECT_TRUE(PunchHole(arena->get(), 0, 0).ok());
}

TEST(MemoryFileTest, SealedFileNeverChangesAgain) {
  const UniqueFd fd = FilledFile("artefact");
  EXPECT_EQ(*FileSize(fd.get()), 8u);
  ASSERT_TRUE(SealReadOnly(fd.get()).ok());
  EXPECT_EQ(pwrite(fd.get(), "X", 1, 0), -1);
  EXPECT_NE(ftruncate(fd.get(), 0), 0);
  EXPECT_FALSE(PunchHole(fd.get(), 0, 4096).ok());
  EXPECT_FALSE(Mapping::Map(fd.get(), 8, true).ok());
  const auto mapping = Mapping::Map(fd.get(), 8, false);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(std::memcmp(mapping->data(), "artefact", 8), 0);
}

TEST(MemoryFileTest, SealingFailsWhileAWritableMappingExists) {
  const UniqueFd fd = FilledFile(std::string(4096, 'x'));
  {
    const auto mapping = Mapping::Map(fd.get(), 4096, true);
    ASSERT_TRUE(mapping.ok());
    EXPECT_FALSE(SealReadOnly(fd.get()).ok());
  }
  EXPECT_TRUE(SealReadOnly(fd.get()).ok());
}

TEST(MemoryFileTest, MappingMovesAndUnmapsOnce) {
  const auto arena = CreateArenaFile("arena", kArenaBytes);
  ASSERT_TRUE(arena.ok());
  Mapping first = *Mapping::Map(arena->get(), kArenaBytes, true);
  std::byte* const address = first.data();
  Mapping second = std::move(first);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT: a moved-from mapping is empty
  EXPECT_EQ(second.data(), address);
  EXPECT_EQ(second.bytes().size(), kArenaBytes);
  second = Mapping();
  EXPECT_EQ(second.data(), nullptr);
  EXPECT_NE(msync(address, 4096, MS_ASYNC), 0);  // ENOMEM: nothing is mapped there
}

TEST(MemoryFileTest, EmptyMappingIsNoMapping) {
  const auto empty = CreateArenaFile("arena", 0);
  ASSERT_TRUE(empty.ok());
  const auto mapping = Mapping::Map(empty->get(), 0, false);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping->size(), 0u);
}

TEST(MemoryFileTest, BadDescriptorsAreErrors) {
  EXPECT_FALSE(Mapping::Map(-1, 4096, false).ok());
  EXPECT_FALSE(SealReadOnly(-1).ok());
  EXPECT_FALSE(ReopenReadOnly(-1).ok());
  EXPECT_FALSE(PunchHole(-1, 0, 1).ok());
  EXPECT_FALSE(AllocatedBytes(-1).ok());
  EXPECT_FALSE(FileSize(-1).ok());
  EXPECT_EQ(Mapping::Map(-1, size_t{1} << 62, false).status().message().find('/'),
            std::string::npos);
}

}  // namespace
}  // namespace throng::os
