#include "runners/sdk/error_text.h"

#include <new>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/utf8.h"

namespace throng::sdk {
namespace {

TEST(SanitizeErrorTextTest, KeepsOnlyTheLastComponentOfAbsolutePaths) {
  EXPECT_EQ(SanitizeErrorText("/a/b/c.py:12"), "c.py:12");
  EXPECT_EQ(SanitizeErrorText("in \"/a/b/c.py\", line 3"), "in \"c.py\", line 3");
  EXPECT_EQ(SanitizeErrorText("(/home/me/x.so+0x12) /y/z/"), "(x.so+0x12) z");
  EXPECT_EQ(SanitizeErrorText("file:///etc/passwd"), "file:passwd");
  EXPECT_EQ(SanitizeErrorText("path=/etc/passwd;"), "path=passwd;");
}

TEST(SanitizeErrorTextTest, KeepsTextThatOnlyLooksLikeAPath) {
  EXPECT_EQ(SanitizeErrorText("3 / 4, N/A, conv1/weight"), "3 / 4, N/A, conv1/weight");
  EXPECT_EQ(SanitizeErrorText("/"), "/");
}

TEST(SanitizeErrorTextTest, ReplacesAddressesButNotSmallNumbers) {
  EXPECT_EQ(SanitizeErrorText("at 0x7f12AB34cd56, code 0x10"), "at <address>, code 0x10");
  EXPECT_EQ(SanitizeErrorText("0x12345 0x123456 0x"), "0x12345 <address> 0x");
}

TEST(SanitizeErrorTextTest, ReplacesControlCharactersAndInvalidUtf8) {
  EXPECT_EQ(SanitizeErrorText("a\nb\tc\x7f"
                              "d\x1b[31m"),
            "a b c d [31m");
  EXPECT_EQ(SanitizeErrorText("caf\xc3\xa9 \xff\xc3"), "caf\xc3\xa9 ??");
  EXPECT_EQ(SanitizeErrorText("ends with a newline\n"), "ends with a newline");
}

TEST(SanitizeErrorTextTest, CutsAtTheLimitAndNotInsideACharacter) {
  const size_t limit = limits::kErrorTextBytes;
  for (const size_t size : {limit - 1, limit}) {
    EXPECT_EQ(SanitizeErrorText(std::string(size, 'x')).size(), size);
  }
  EXPECT_EQ(SanitizeErrorText(std::string(limit + 1, 'x')).size(), limit);
  const std::string text = SanitizeErrorText(std::string(limit - 1, 'x') + "\xc3\xa9");
  EXPECT_EQ(text, std::string(limit - 1, 'x'));
  EXPECT_LE(SanitizeErrorText(std::string(1 << 20, '\xff')).size(), limit);
}

TEST(StatusFromCurrentExceptionTest, MapsWhatWasThrown) {
  const auto status_of = [](auto thrown) {
    try {
      throw thrown;
    } catch (...) {
      return StatusFromCurrentException();
    }
  };
  const Status error = status_of(std::runtime_error("no /opt/x/y.cc"));
  EXPECT_EQ(error.code(), StatusCode::kInternal);
  EXPECT_EQ(error.message(), "no y.cc");
  EXPECT_EQ(status_of(std::bad_alloc()).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status_of(7).code(), StatusCode::kInternal);
  EXPECT_FALSE(status_of(7).message().empty());
}

}  // namespace
}  // namespace throng::sdk
