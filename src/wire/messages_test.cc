#include "wire/messages.h"

#include <cstring>
#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"

namespace throng::wire {
namespace {

using Bytes = std::vector<std::byte>;
using tensor::DataType;

constexpr uint64_t kArenaBytes = 1 << 20;

Bytes BodyOf(const Bytes& message) {
  return Bytes(message.begin() + sizeof(MessageHeader), message.end());
}

MessageHeader HeaderOf(const Bytes& message) {
  MessageHeader header;
  std::memcpy(&header, message.data(), sizeof(header));
  return header;
}

Hello SampleHello() {
  Hello message;
  message.is_cell = true;
  message.framework = "onnx";
  message.framework_version = "1.28.0";
  message.syscall_filter = true;
  message.resource_limits = true;
  message.sandbox_refused = "landlock (kernel without it)";
  return message;
}

ForkRequest SampleForkRequest() {
  ForkRequest message;
  message.front_door_pid = 42;
  message.user_id = 60001;
  message.data_limit_bytes = 1ULL << 32;
  message.input_arena_bytes = kArenaBytes;
  message.output_arena_bytes = 2 * kArenaBytes;
  message.sandbox = SandboxMode::kOff;
  message.is_spare = true;
  return message;
}

LoadRequest SampleLoadRequest() {
  LoadRequest message;
  message.slot = 3;
  message.name = "cifar10";
  message.version = 2;
  message.platform = "pytorch_libtorch";
  message.artifact_bytes = 8192;
  message.files = {{"model.pt", {0, 4097}}, {"variables/index", {8192, 0}}};
  message.max_batch_size = 8;
  message.inputs = {{"INPUT__0", DataType::kFp32, {3, 32, 32}, false},
                    {"mask", DataType::kBool, {-1}, true}};
  message.outputs = {{"OUTPUT__0", DataType::kFp32, {10}, false}};
  message.parameters = {{"isolation", "model"}, {"empty", ""}};
  return message;
}

LoadReply SampleLoadReply() {
  LoadReply message;
  message.metadata.inputs = {{"INPUT__0", DataType::kFp32, {-1, 3, 32, 32}, false}};
  message.metadata.outputs = {{"OUTPUT__0", DataType::kInvalid, {}, true}};
  message.metadata.max_batch_size = 1;
  message.metadata.accepts_anything = true;
  message.warnings = {"output 'probabilities' is a sequence; left out", ""};
  message.load_ns = 1'234'567;
  return message;
}

ExecuteRequest SampleExecuteRequest() {
  ExecuteRequest message;
  message.slot = 3;
  message.outputs_consumed = 4096;
  message.inputs = {{0, DataType::kFp32, {1, 3, 32, 32}, {kArenaDataOffset, 12288}},
                    {1, DataType::kBytes, {}, {kArenaBytes, 0}}};
  message.requested_outputs = {1, 0};
  return message;
}

ExecuteReply SampleExecuteReply() {
  ExecuteReply message;
  message.outputs_produced = 8192;
  message.compute_ns = 77;
  message.outputs = {{1, DataType::kFp32, {1, 10}, {kArenaBytes - 40, 40}}};
  return message;
}

// One kind of message: what it encodes to, and decoding followed by encoding again.
struct Sample {
  const char* name;
  Bytes message;
  std::function<Result<Bytes>(std::span<const std::byte>)> reencode;
};

template <typename Message, typename Decode>
Sample MakeCallSample(const char* name, const Message& message, Decode decode) {
  Bytes bytes;
  Encode(9, message, bytes);
  return {name, bytes, [decode](std::span<const std::byte> body) -> Result<Bytes> {
            THRONG_ASSIGN_OR_RETURN(const Message decoded, decode(body));
            Bytes again;
            Encode(9, decoded, again);
            return again;
          }};
}

template <typename Message, typename Decode>
Sample MakeSample(const char* name, const Message& message, Decode decode) {
  Bytes bytes;
  Encode(message, bytes);
  return {name, bytes, [decode](std::span<const std::byte> body) -> Result<Bytes> {
            THRONG_ASSIGN_OR_RETURN(const Message decoded, decode(body));
            Bytes again;
            Encode(decoded, again);
            return again;
          }};
}

std::vector<Sample> Samples() {
  const auto execute = [](auto body) { return DecodeExecuteRequest(body, kArenaBytes); };
  const auto executed = [](auto body) { return DecodeExecuteReply(body, kArenaBytes); };
  return {
      MakeSample("Hello", SampleHello(), DecodeHello),
      MakeCallSample("ForkRequest", SampleForkRequest(), DecodeForkRequest),
      MakeCallSample("ForkReply", ForkReply{123}, DecodeForkReply),
      MakeCallSample("LoadRequest", SampleLoadRequest(), DecodeLoadRequest),
      MakeCallSample("LoadReply", SampleLoadReply(), DecodeLoadReply),
      MakeCallSample("UnloadRequest", UnloadRequest{5}, DecodeUnloadRequest),
      MakeCallSample("ExecuteRequest", SampleExecuteRequest(), execute),
      MakeCallSample("ExecuteReply", SampleExecuteReply(), executed),
      MakeSample("Consumed", Consumed{1ULL << 40}, DecodeConsumed),
      MakeCallSample("StatsReply", StatsReply{3, 1ULL << 33, 1ULL << 34}, DecodeStatsReply),
  };
}

template <typename Message>
Status DecodeStatus(const Message& message, Result<Message> (*decode)(std::span<const std::byte>)) {
  Bytes bytes;
  Encode(1, message, bytes);
  return decode(BodyOf(bytes)).status();
}

Status ExecuteStatus(const ExecuteRequest& message, uint64_t arena_bytes = kArenaBytes) {
  Bytes bytes;
  Encode(1, message, bytes);
  return DecodeExecuteRequest(BodyOf(bytes), arena_bytes).status();
}

ExecuteRequest WithInput(tensor::Shape shape, Slice slice) {
  ExecuteRequest message;
  message.inputs = {{0, DataType::kUint8, std::move(shape), slice}};
  return message;
}

TEST(MessagesTest, EveryMessageSurvivesARoundTrip) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    const Result<Bytes> again = sample.reencode(BodyOf(sample.message));
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(*again, sample.message);
    EXPECT_EQ(HeaderOf(sample.message).magic, kMagic);
    EXPECT_EQ(HeaderOf(sample.message).body_bytes, sample.message.size() - sizeof(MessageHeader));
  }
}

TEST(MessagesTest, EveryTruncationAndEveryByteTooManyIsRefused) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    const Bytes body = BodyOf(sample.message);
    for (size_t size = 0; size <= body.size() + 1; ++size) {
      if (size == body.size()) continue;
      // Exactly as long as it is, so that a sanitizer sees a byte read behind the end.
      const auto cut = std::make_unique<std::byte[]>(size);
      std::memcpy(cut.get(), body.data(), std::min(size, body.size()));
      const Status status = sample.reencode({cut.get(), size}).status();
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << size;
      EXPECT_FALSE(status.message().empty());
    }
  }
}

TEST(MessagesTest, MutatedBytesNeverCrashTheDecoder) {
  const std::vector<Sample> samples = Samples();
  SeededRandom random(71);
  for (int round = 0; round < 20'000; ++round) {
    Bytes body = BodyOf(samples[random.Next() % samples.size()].message);
    const uint64_t changes = random.Next() % 4 + 1;
    for (uint64_t i = 0; i < changes; ++i) {
      const uint64_t value = random.Next();
      body[value % body.size()] = static_cast<std::byte>(value >> 56);
    }
    for (const Sample& sample : samples) {
      const Result<Bytes> again = sample.reencode(body);
      const StatusCode code = again.status().code();
      EXPECT_TRUE(again.ok() || code == StatusCode::kInvalidArgument);
    }
  }
}

TEST(MessagesTest, FieldsArriveAsTheyWereSent) {
  Bytes bytes;
  Encode(77, SampleLoadRequest(), bytes);
  EXPECT_EQ(HeaderOf(bytes).call_id, 77u);
  EXPECT_EQ(HeaderOf(bytes).kind, MessageKind::kLoad);
  const auto load = DecodeLoadRequest(BodyOf(bytes));
  ASSERT_TRUE(load.ok());
  EXPECT_EQ(load->files[0].name, "model.pt");
  EXPECT_EQ(load->files[0].slice.size_bytes, 4097u);
  EXPECT_EQ(load->inputs[1].dims, tensor::Shape{-1});
  EXPECT_TRUE(load->inputs[1].optional);
  EXPECT_EQ(load->parameters.at("isolation"), "model");

  bytes.clear();
  Encode(1, SampleExecuteReply(), bytes);
  const auto reply = DecodeExecuteReply(BodyOf(bytes), kArenaBytes);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->outputs[0].index, 1);
  EXPECT_EQ(reply->outputs[0].type, DataType::kFp32);
  EXPECT_EQ(reply->outputs[0].shape, (tensor::Shape{1, 10}));
  EXPECT_EQ(reply->compute_ns, 77u);
}

TEST(MessagesTest, SlicesMustLieBehindTheArenaHeaderAndWithinTheArena) {
  EXPECT_TRUE(ExecuteStatus(WithInput({1}, {kArenaDataOffset, 1})).ok());
  EXPECT_TRUE(ExecuteStatus(WithInput({1}, {kArenaBytes - 1, 1})).ok());
  const uint64_t all_bytes = kArenaBytes - kArenaDataOffset;
  EXPECT_TRUE(ExecuteStatus(WithInput({1}, {kArenaDataOffset, all_bytes})).ok());
  for (const Slice& slice : std::vector<Slice>{{kArenaDataOffset - 1, 1},
                                               {0, 0},
                                               {kArenaBytes, 1},
                                               {kArenaBytes + 1, 0},
                                               {kArenaDataOffset, all_bytes + 1},
                                               {kArenaDataOffset, UINT64_MAX},
                                               {UINT64_MAX, 2},
                                               {UINT64_MAX - 63, 4096 + 64},
                                               {1ULL << 63, 1ULL << 63}}) {
    const Status status = ExecuteStatus(WithInput({1}, slice));
    EXPECT_EQ(status.message(), "execute: inputs lies outside the shared memory")
        << slice.offset << "+" << slice.size_bytes;
  }
  EXPECT_FALSE(ExecuteStatus(WithInput({1}, {kArenaDataOffset, 0}), 0).ok());
  EXPECT_FALSE(ExecuteStatus(WithInput({1}, {kArenaDataOffset, 0}), kArenaDataOffset - 1).ok());
}

TEST(MessagesTest, DataHasNoNegativeDimensionAndMetadataNoneBelowMinusOne) {
  EXPECT_TRUE(ExecuteStatus(WithInput({0, INT64_MAX}, {kArenaDataOffset, 0})).ok());
  EXPECT_FALSE(ExecuteStatus(WithInput({-1}, {kArenaDataOffset, 0})).ok());
  LoadReply reply = SampleLoadReply();
  reply.metadata.outputs[0].shape = {-1, 0, 5};
  EXPECT_TRUE(DecodeStatus(reply, DecodeLoadReply).ok());
  reply.metadata.outputs[0].shape = {-2};
  EXPECT_EQ(DecodeStatus(reply, DecodeLoadReply).message(),
            "load reply: outputs has a dimension below -1");
}

TEST(MessagesTest, RankIsBounded) {
  const Slice slice = {kArenaDataOffset, 1};
  EXPECT_TRUE(ExecuteStatus(WithInput(tensor::Shape(limits::kTensorRank - 1, 1), slice)).ok());
  EXPECT_TRUE(ExecuteStatus(WithInput(tensor::Shape(limits::kTensorRank, 1), slice)).ok());
  EXPECT_FALSE(ExecuteStatus(WithInput(tensor::Shape(limits::kTensorRank + 1, 1), slice)).ok());
}

TEST(MessagesTest, TensorsPerCallAreBounded) {
  const auto with = [](size_t input_count, size_t requested_count) {
    ExecuteRequest message;
    message.inputs.assign(input_count, {0, DataType::kInt8, {1}, {kArenaDataOffset, 1}});
    message.requested_outputs.assign(requested_count, 0);
    return ExecuteStatus(message);
  };
  EXPECT_TRUE(with(limits::kTensorsPerRequest, limits::kTensorsPerRequest).ok());
  EXPECT_FALSE(with(limits::kTensorsPerRequest + 1, 0).ok());
  EXPECT_FALSE(with(0, limits::kTensorsPerRequest + 1).ok());
}

TEST(MessagesTest, DataNeedsADatatype) {
  ExecuteRequest message = WithInput({1}, {kArenaDataOffset, 1});
  message.inputs[0].type = DataType::kInvalid;
  EXPECT_EQ(ExecuteStatus(message).message(), "execute: inputs has no datatype");
  message.inputs[0].type = static_cast<DataType>(tensor::kDataTypeCount);
  EXPECT_EQ(ExecuteStatus(message).message(), "execute: inputs has no such datatype");
}

TEST(MessagesTest, OverlappingOutputsCannotMultiplyAReply) {
  constexpr uint64_t kOneBytes = limits::kReplyTensorBytes / 4;
  ExecuteReply message;
  message.outputs.assign(4, {0, DataType::kUint8, {1}, {kArenaDataOffset, kOneBytes}});
  const auto status_of = [](const ExecuteReply& reply) {
    Bytes bytes;
    Encode(1, reply, bytes);
    return DecodeExecuteReply(BodyOf(bytes), limits::kArenaBytes).status();
  };
  EXPECT_TRUE(status_of(message).ok());
  message.outputs[0].slice.size_bytes += 1;
  EXPECT_EQ(status_of(message).message(),
            "execute reply: outputs together are larger than 67108864 bytes");
}

TEST(MessagesTest, CountsAndStringsOfALoadAreBounded) {
  LoadRequest message;
  message.files.assign(limits::kArtifactFiles, {"f", {0, 0}});
  EXPECT_TRUE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.files.push_back({"f", {0, 0}});
  EXPECT_FALSE(DecodeStatus(message, DecodeLoadRequest).ok());

  message = LoadRequest();
  message.inputs.assign(limits::kModelTensors, {"x", DataType::kFp32, {1}, false});
  EXPECT_TRUE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.inputs.push_back({"x", DataType::kFp32, {1}, false});
  EXPECT_FALSE(DecodeStatus(message, DecodeLoadRequest).ok());

  message = LoadRequest();
  message.platform.assign(limits::kWireStringBytes, 'p');
  EXPECT_TRUE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.platform += 'p';
  EXPECT_EQ(DecodeStatus(message, DecodeLoadRequest).message(),
            "load: platform is longer than 65536 bytes");

  message = LoadRequest();
  for (size_t i = 0; i < limits::kModelParameters; ++i) message.parameters[std::to_string(i)] = "";
  EXPECT_TRUE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.parameters["one more"] = "";
  EXPECT_FALSE(DecodeStatus(message, DecodeLoadRequest).ok());
}

TEST(MessagesTest, FilesMustLieWithinTheArtefact) {
  LoadRequest message;
  message.artifact_bytes = 100;
  message.files = {{"f", {50, 50}}};
  EXPECT_TRUE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.files = {{"f", {50, 51}}};
  EXPECT_FALSE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.files = {{"f", {UINT64_MAX, 2}}};
  EXPECT_FALSE(DecodeStatus(message, DecodeLoadRequest).ok());
  message.files.clear();
  message.artifact_bytes = limits::kArtifactBytes + 1;
  EXPECT_FALSE(DecodeStatus(message, DecodeLoadRequest).ok());
}

TEST(MessagesTest, ForkReplyNamesOneProcess) {
  EXPECT_TRUE(DecodeStatus(ForkReply{1}, DecodeForkReply).ok());
  EXPECT_FALSE(DecodeStatus(ForkReply{0}, DecodeForkReply).ok());
  EXPECT_FALSE(DecodeStatus(ForkReply{-1}, DecodeForkReply).ok());
}

TEST(MessagesTest, WarningsAreCleanedAndBounded) {
  LoadReply message = SampleLoadReply();
  message.warnings.assign(limits::kLoadWarnings + 1, "forged\nline \xff");
  Bytes bytes;
  Encode(1, message, bytes);
  const auto decoded = DecodeLoadReply(BodyOf(bytes));
  ASSERT_TRUE(decoded.ok());
  ASSERT_EQ(decoded->warnings.size(), limits::kLoadWarnings);
  EXPECT_EQ(decoded->warnings[0], "forged line ?");
}

TEST(MessagesTest, EmptyMessagesAreAHeader) {
  Bytes bytes;
  EncodeEmpty(MessageKind::kCancel, 12, bytes);
  ASSERT_EQ(bytes.size(), sizeof(MessageHeader));
  EXPECT_EQ(HeaderOf(bytes).kind, MessageKind::kCancel);
  EXPECT_EQ(HeaderOf(bytes).call_id, 12u);
  EXPECT_EQ(HeaderOf(bytes).body_bytes, 0u);
}

TEST(MessagesTest, FailureCarriesCodeAndBoundedText) {
  Bytes bytes(3);  // appended, not overwritten
  EncodeFailure(MessageKind::kLoad, 5,
                InvalidArgumentError(std::string(limits::kErrorTextBytes - 1, 'x') + "\xc3\xa9"),
                bytes);
  bytes.erase(bytes.begin(), bytes.begin() + 3);
  const Status status = DecodeFailure(HeaderOf(bytes), BodyOf(bytes));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), std::string(limits::kErrorTextBytes - 1, 'x'));
}

TEST(MessagesTest, FailureOfAHostilePeerIsCleaned) {
  MessageHeader header;
  header.code = 4711;
  const std::string text = "a\r\nHTTP/1.1 200\x1b[2J\xff";
  const Status status = DecodeFailure(header, std::as_bytes(std::span(text)));
  EXPECT_EQ(status.code(), StatusCode::kUnknown);
  EXPECT_EQ(status.message(), "a  HTTP/1.1 200 [2J?");
  header.code = 13;
  const std::string long_text(10'000, 'y');
  EXPECT_EQ(DecodeFailure(header, std::as_bytes(std::span(long_text))).message().size(),
            limits::kErrorTextBytes);
  header.code = 0;
  EXPECT_TRUE(DecodeFailure(header, {}).ok());
}

}  // namespace
}  // namespace throng::wire
