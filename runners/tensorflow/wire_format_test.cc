#include "runners/tensorflow/wire_format.h"

#include <string>

#include <gtest/gtest.h>

#include "runners/tensorflow/testing/graph_def.h"

namespace throng::tensorflow_runner {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text));
}

TEST(WireReaderTest, WalksFields) {
  // 3: fixed64, 4: fixed32; both skipped over.
  const std::string message = NumberField(1, 300) + BytesField(2, "abc") +
                              std::string("\x19\1\2\3\4\5\6\7\x8", 9) +
                              std::string("\x25\1\2\3\4", 5) + NumberField(5, ~0ULL);
  WireReader reader(Bytes(message));
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 1u);
  EXPECT_EQ(reader.number(), 300u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.text(), "abc");
  EXPECT_EQ(reader.number(), 0u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 3u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 4u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.number(), ~0ULL);
  EXPECT_FALSE(reader.Next());
  EXPECT_FALSE(reader.malformed());
}

TEST(WireReaderTest, EndsAtMalformedField) {
  for (const std::string& message :
       {std::string("\x08"), std::string("\x08\x80"),
        std::string("\x12\x03"
                    "ab"),
        std::string("\x0b\x0c"), std::string("\x00\x01", 2), std::string("\x19\1\2"),
        std::string("\x08") + std::string(10, '\xff') + "\x01",
        std::string("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}) {
    WireReader reader(Bytes(message));
    EXPECT_FALSE(reader.Next()) << testing::PrintToString(message);
    EXPECT_TRUE(reader.malformed()) << testing::PrintToString(message);
    EXPECT_FALSE(reader.Next());
  }
}

TEST(WireReaderTest, EmptyMessageHasNoFields) {
  WireReader reader({});
  EXPECT_FALSE(reader.Next());
  EXPECT_FALSE(reader.malformed());
}

}  // namespace
}  // namespace throng::tensorflow_runner
