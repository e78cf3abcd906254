#include "storage/checksum.h"

#include <string>

#include <gtest/gtest.h>

namespace throng::storage {
namespace {

std::string HexOf(Checksum kind, std::string_view bytes) {
  Hasher hasher(kind);
  hasher.Update(bytes);
  return Hex(hasher.Finish());
}

TEST(ChecksumTest, KnownValues) {
  // RFC 3720 B.4, RFC 1321 A.5, FIPS 180-2.
  EXPECT_EQ(HexOf(Checksum::kCrc32c, "123456789"), "e3069283");
  EXPECT_EQ(HexOf(Checksum::kCrc32c, std::string(32, '\0')), "8a9136aa");
  EXPECT_EQ(HexOf(Checksum::kCrc32c, std::string(32, '\xff')), "62a8ab43");
  EXPECT_EQ(HexOf(Checksum::kCrc32c, ""), "00000000");
  EXPECT_EQ(HexOf(Checksum::kMd5, "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(HexOf(Checksum::kSha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexOf(Checksum::kNone, "abc"), "");
}

TEST(ChecksumTest, PiecesMakeTheSameAsTheWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 7);
  for (const Checksum kind : {Checksum::kCrc32c, Checksum::kMd5, Checksum::kSha256}) {
    for (const size_t piece : {1u, 3u, 8u, 9u, 64u, 999u}) {
      Hasher hasher(kind);
      for (size_t at = 0; at < text.size(); at += piece) {
        hasher.Update(std::string_view(text).substr(at, piece));
      }
      EXPECT_EQ(Hex(hasher.Finish()), HexOf(kind, text)) << piece;
    }
  }
}

TEST(ChecksumTest, Spellings) {
  EXPECT_EQ(EncodeBase64(""), "");
  EXPECT_EQ(EncodeBase64("f"), "Zg==");
  EXPECT_EQ(EncodeBase64("fo"), "Zm8=");
  EXPECT_EQ(EncodeBase64("foo"), "Zm9v");
  EXPECT_EQ(Base64Url("\xfb\xff"), "-_8");
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(text)), text);
    EXPECT_EQ(FromHex(Hex(text)), text);
  }
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg==Zg==", "====", "Z===", "Zm9-"}) {
    EXPECT_FALSE(DecodeBase64(bad).has_value()) << bad;
  }
  EXPECT_FALSE(FromHex("abc").has_value());
  EXPECT_FALSE(FromHex("zz").has_value());
  EXPECT_EQ(FromHex("aB"), "\xab");
}

}  // namespace
}  // namespace throng::storage
