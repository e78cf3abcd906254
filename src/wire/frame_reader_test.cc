#include "wire/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::wire {
namespace {

using Bytes = std::vector<std::byte>;

void Feed(FrameReader& reader, std::span<const std::byte> bytes) {
  const std::span<std::byte> space = reader.Prepare(bytes.size());
  ASSERT_GE(space.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), space.begin());
  reader.Commit(bytes.size());
}

Bytes Message(uint64_t call_id, size_t body_bytes) {
  Bytes bytes;
  EncodeEmpty(MessageKind::kExecute, call_id, bytes);
  const auto size = static_cast<uint32_t>(body_bytes);
  std::memcpy(bytes.data() + offsetof(MessageHeader, body_bytes), &size, sizeof(size));
  for (size_t i = 0; i < body_bytes; ++i) bytes.push_back(static_cast<std::byte>(call_id + i));
  return bytes;
}

void ExpectMessage(FrameReader& reader, uint64_t call_id, size_t body_bytes) {
  const auto frame = reader.Next();
  ASSERT_TRUE(frame.ok()) << frame.status().ToString();
  ASSERT_TRUE(frame->has_value());
  EXPECT_EQ((*frame)->header.call_id, call_id);
  ASSERT_EQ((*frame)->body.size(), body_bytes);
  const Bytes expected = Message(call_id, body_bytes);
  EXPECT_TRUE(std::equal((*frame)->body.begin(), (*frame)->body.end(),
                         expected.begin() + sizeof(MessageHeader)));
}

void ExpectNothing(FrameReader& reader) {
  const auto frame = reader.Next();
  ASSERT_TRUE(frame.ok()) << frame.status().ToString();
  EXPECT_FALSE(frame->has_value());
}

// A message whose header was changed by `change`.
template <typename Change>
Status StatusOfChanged(Change change) {
  Bytes bytes = Message(1, 8);
  MessageHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  change(header);
  std::memcpy(bytes.data(), &header, sizeof(header));
  FrameReader reader;
  Feed(reader, bytes);
  const Status first = reader.Next().status();
  EXPECT_EQ(reader.Next().status().ToString(), first.ToString());  // stays unusable
  return first;
}

TEST(FrameReaderTest, CutsSeveralMessagesOutOfOneRead) {
  Bytes bytes = Message(1, 10);
  for (const Bytes& more : {Message(2, 0), Message(3, 5)}) {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  FrameReader reader;
  Feed(reader, bytes);
  ExpectMessage(reader, 1, 10);
  ExpectMessage(reader, 2, 0);
  ExpectMessage(reader, 3, 5);
  ExpectNothing(reader);
}

TEST(FrameReaderTest, WaitsForMessagesThatArriveByteByByte) {
  FrameReader reader;
  for (uint64_t call_id = 1; call_id <= 3; ++call_id) {
    const Bytes bytes = Message(call_id, 40);
    for (size_t i = 0; i + 1 < bytes.size(); ++i) {
      Feed(reader, std::span(bytes).subspan(i, 1));
      ExpectNothing(reader);
    }
    Feed(reader, std::span(bytes).last(1));
    ExpectMessage(reader, call_id, 40);
  }
}

TEST(FrameReaderTest, AcceptsTheLongestBodyAndRefusesOneByteMore) {
  FrameReader reader;
  Feed(reader, Message(7, limits::kWireFrameBytes - 1));
  ExpectMessage(reader, 7, limits::kWireFrameBytes - 1);
  Feed(reader, Message(8, limits::kWireFrameBytes));
  ExpectMessage(reader, 8, limits::kWireFrameBytes);
  const Status refused = StatusOfChanged(
      [](MessageHeader& header) { header.body_bytes = limits::kWireFrameBytes + 1; });
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "message: body of 1048577 bytes is over 1048576");
}

TEST(FrameReaderTest, RefusesForeignHeaders) {
  EXPECT_EQ(StatusOfChanged([](MessageHeader& header) { header.magic ^= 1; }).message(),
            "message: wrong magic number");
  EXPECT_EQ(StatusOfChanged([](MessageHeader& header) { header.protocol = 2; }).message(),
            "message: protocol 2 where 1 was expected");
  for (const uint16_t kind : {uint16_t{0}, uint16_t{10}, uint16_t{65535}}) {
    const Status status = StatusOfChanged(
        [kind](MessageHeader& header) { header.kind = static_cast<MessageKind>(kind); });
    EXPECT_EQ(status.message(), "message: unknown kind " + std::to_string(kind));
  }
  EXPECT_TRUE(StatusOfChanged([](MessageHeader& header) { header.code = 99; }).ok());
}

TEST(FrameReaderTest, GivesALongBufferBackWhenItIsEmpty) {
  FrameReader reader;
  Feed(reader, Message(1, limits::kWireFrameBytes));
  ExpectMessage(reader, 1, limits::kWireFrameBytes);
  EXPECT_LE(reader.Prepare(16 * 1024).size(), 64u * 1024);
}

}  // namespace
}  // namespace throng::wire
