#include "http/syntax.h"

#include <string>

#include <gtest/gtest.h>

namespace throng::http {
namespace {

TEST(SyntaxTest, TokenIsNotEmptyAndHasNoSeparators) {
  EXPECT_TRUE(IsToken("Content-Length"));
  EXPECT_TRUE(IsToken("x!#$%&'*+-.^_`|~9"));
  for (const char* bad : {"", "a b", "a:", "a\t", "(a)", "a/b", "\x80", "a\x7f", "a\"b"}) {
    EXPECT_FALSE(IsToken(bad)) << bad;
  }
  EXPECT_FALSE(IsToken(std::string_view("a\0b", 3)));
}

TEST(SyntaxTest, FieldValueHasNoControlCharacters) {
  EXPECT_TRUE(IsFieldValue(""));
  EXPECT_TRUE(IsFieldValue("a\tb \xc3\xa9"));
  EXPECT_FALSE(IsFieldValue("a\rb"));
  EXPECT_FALSE(IsFieldValue("a\nb"));
  EXPECT_FALSE(IsFieldValue("a\x7f"));
  EXPECT_FALSE(IsFieldValue(std::string_view("\0", 1)));
}

TEST(SyntaxTest, AuthorityHasNoUserNoPathAndNoList) {
  EXPECT_TRUE(IsAuthority("Example.com:8000"));
  EXPECT_TRUE(IsAuthority("[::1]:8000"));
  EXPECT_TRUE(IsAuthority(""));
  for (const char* bad : {"user@host", "a/b", "a b", "a,b", "a?b", "a\\b"}) {
    EXPECT_FALSE(IsAuthority(bad)) << bad;
  }
}

TEST(SyntaxTest, DecimalTakesDigitsAloneUpToNineteen) {
  EXPECT_EQ(ParseDecimal("0"), 0u);
  EXPECT_EQ(ParseDecimal("9999999999999999999"), 9999999999999999999u);
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "0x1", "1,1", "10000000000000000000"}) {
    EXPECT_EQ(ParseDecimal(bad), std::nullopt) << bad;
  }
}

TEST(SyntaxTest, HexadecimalTakesDigitsAloneUpToSixteen) {
  EXPECT_EQ(ParseHexadecimal("aF"), 0xafu);
  EXPECT_EQ(ParseHexadecimal("ffffffffffffffff"), ~uint64_t{0});
  for (const char* bad : {"", "-1", "+1", "0x1", "g", " 1", "1 ", "10000000000000000"}) {
    EXPECT_EQ(ParseHexadecimal(bad), std::nullopt) << bad;
  }
}

TEST(SyntaxTest, PercentIsDecodedOnceAndNeverToNul) {
  std::string decoded;
  ASSERT_TRUE(DecodePercent("/a%2Fb%20c%25%32e", decoded));
  EXPECT_EQ(decoded, "/a/b c%2e");
  for (const char* bad : {"%", "%4", "a%zz", "%00", "x%0", "%-1", "/a%00b"}) {
    EXPECT_FALSE(DecodePercent(bad, decoded)) << bad;
  }
}

TEST(SyntaxTest, ListIsSearchedByElements) {
  EXPECT_TRUE(ListHasToken("keep-alive, Close", "close"));
  EXPECT_TRUE(ListHasToken("close", "close"));
  EXPECT_FALSE(ListHasToken("not-close, closed", "close"));
  EXPECT_FALSE(ListHasToken("", "close"));
}

}  // namespace
}  // namespace throng::http
