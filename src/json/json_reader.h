// JsonReader: a strict pull parser over a request body. Nothing is copied that need not be, there
// is no tree and no recursion, and numbers go straight into tensor memory. RFC 8259, and stricter:
// duplicate keys, lone surrogates and invalid UTF-8 are errors, depth and keys are bounded
// (base/limits.h). NaN, Infinity and -Infinity are taken in tensor data only, as Triton does.
//
//   JsonReader reader(body);
//   std::string_view key;
//   if (reader.BeginObject()) {
//     while (reader.NextMember(key)) {
//       if (key == "id") reader.ReadString(id); else reader.Skip();
//     }
//   }
//   reader.ExpectEnd();
//   THRONG_RETURN_IF_ERROR(reader.status());
//
// The first error sticks: every later call returns false. The body must outlive the reader. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/status.h"

namespace throng::json {

class JsonReader {
 public:
  enum class Kind : uint8_t {
    kEnd,  // the end of the text, or something that starts no value
    kObject,
    kArray,
    kString,
    kNumber,
    kBool,
    kNull,
    kSpecial,  // NaN, Infinity or -Infinity
  };

  // A number as written; an integer when it has neither fraction nor exponent and fits.
  struct Number {
    bool is_integer = false;
    int64_t integer = 0;
    double real = 0;
  };

  // `offset`: where to start; `depth`: containers already open there. For a second look at a value
  // that the first pass has skipped.
  explicit JsonReader(std::string_view text, size_t offset = 0, size_t depth = 0);

  bool ok() const { return error_ == nullptr && status_.ok(); }
  // OK, or "failed to parse the request JSON buffer: REASON at OFFSET" (Triton's text; its reasons
  // are RapidJSON's). The code is kInternal, as Triton has it.
  Status status() const;
  // Makes the caller's own failure the reader's error, unless it has one. Returns false.
  bool Fail(Status status);

  // What the next value is; consumes only white space.
  Kind Peek();
  // Offset of the next value, white space skipped.
  size_t Offset();
  size_t remaining() const { return static_cast<size_t>(end_ - next_); }
  size_t depth() const { return depth_; }

  // Each consumes one value, or fails when the next value is of another kind: check with Peek first
  // for a better text.
  bool BeginObject();
  // False at the end of the object. `key` is good until the object ends.
  bool NextMember(std::string_view& key);
  bool BeginArray();
  // True: an element follows.
  bool NextElement();
  bool ReadString(std::string& value);
  bool ReadBool(bool& value);
  bool ReadNumber(Number& value);
  bool Skip();
  // Checks that only white space follows.
  bool ExpectEnd();

  // Tensor data: an array, nested or flat, whose leaves are all of one kind; only the number of the
  // leaves matters.
  //
  // Skips it and counts its leaves, whatever they are.
  bool SkipTensorData(uint64_t& leaf_count);
  // Writes exactly `count` leaves to `out`. T: bool, float, double or an integer type. False with
  // ok(): the data does not fit, see data_error().
  template <typename T>
  bool ReadNumbers(T* out, uint64_t count);
  // Appends `count` strings in the BYTES encoding (tensor/tensor.h).
  bool ReadStrings(uint64_t count, std::vector<std::byte>& out);
  // Why tensor data that is well-formed JSON was refused: "Shape does not match ..." or the leaf
  // that is of the wrong kind or out of range.
  const std::string& data_error() const { return data_error_; }
  // Triton's text, with the numbers after it.
  static std::string CountError(uint64_t expected_count, uint64_t count);

 private:
  enum class Constants : uint8_t { kRefused, kAccepted };
  enum class Step : uint8_t { kLeaf, kDone, kError };
  // A place in tensor data.
  struct Cursor {
    enum class After : uint8_t { kOpening, kComma, kValue } after = After::kOpening;
    size_t level = 0;  // arrays open; 0 before the first
  };
  struct KeySink;

  // The keys seen so far in one object.
  class KeySet {
   public:
    void Clear();
    // False: it is there already.
    bool Insert(std::string_view key);
    size_t size() const { return size_; }
    // Keeps the text of a key that had escapes.
    std::string_view Keep(std::string key);

   private:
    static constexpr size_t kLinear = 16;
    std::string_view first_[kLinear];
    size_t size_ = 0;
    std::set<std::string_view> rest_;  // ordered: no input can make it slow
    std::vector<std::unique_ptr<std::string>> kept_;
  };

  struct Frame {
    bool is_object = false;
    bool is_first = true;
    KeySet keys;
  };

  bool FailAt(const char* reason, const char* where);
  bool DataError(std::string text);
  bool WrongLeaf(const char* expected);
  void SkipSpace() {
    if (next_ != end_ && static_cast<unsigned char>(*next_) <= ' ') SkipSpaceRun();
  }
  void SkipSpaceRun();
  bool Push(bool is_object);
  void Pop() { --depth_; }
  Frame& top() { return frames_[depth_ - 1]; }
  // Consumes the ',' or the closing bracket. False: closed, or an error.
  bool NextInContainer(char close, const char* missing);

  bool ReadKey(std::string_view& key);
  bool AppendString(std::vector<std::byte>& out);
  template <typename Sink>
  bool ParseString(Sink& sink);
  template <typename Sink>
  bool ParseEscape(Sink& sink);
  bool ParseHex4(uint32_t& value);
  // Consumes a number, checking RFC 8259's grammar.
  bool ScanNumber();
  bool MatchWord(std::string_view word);
  bool SkipScalar(Constants constants);
  bool SkipValue(Constants constants);

  Step NextLeaf(Cursor& cursor);
  bool SkipCommaBeforeLeaf();
  template <typename T>
  bool ReadLeaves(T* out, uint64_t count, uint64_t& index);
  template <typename T>
  uint64_t ReadRealRun(T* out, uint64_t count);
  template <typename T>
  bool ReadLeaf(T& value);
  template <typename Real>
  bool ScanReal(Real& real, const char*& end);
  template <typename T>
  bool ReadReal(T& value);
  template <typename T>
  bool ReadInteger(T& value);
  template <typename T>
  bool ReadSpecial(T& value);
  template <typename T>
  bool ReadExtremeReal(const char* end, T& value);

  const char* const begin_;
  const char* const end_;
  const char* next_;
  size_t depth_;
  std::vector<Frame> frames_;  // one per depth ever reached; reused
  const char* error_ = nullptr;
  size_t error_offset_ = 0;
  Status status_;
  std::string data_error_;
};

extern template bool JsonReader::ReadReal<double>(double&);
extern template bool JsonReader::ReadSpecial<double>(double&);
extern template bool JsonReader::ReadNumbers<bool>(bool*, uint64_t);
extern template bool JsonReader::ReadNumbers<float>(float*, uint64_t);
extern template bool JsonReader::ReadNumbers<double>(double*, uint64_t);
extern template bool JsonReader::ReadNumbers<int8_t>(int8_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<int16_t>(int16_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<int32_t>(int32_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<int64_t>(int64_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<uint8_t>(uint8_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<uint16_t>(uint16_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<uint32_t>(uint32_t*, uint64_t);
extern template bool JsonReader::ReadNumbers<uint64_t>(uint64_t*, uint64_t);

}  // namespace throng::json
