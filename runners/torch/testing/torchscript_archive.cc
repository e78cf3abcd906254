#include "runners/torch/testing/torchscript_archive.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace throng::torch_runner {
namespace {

// The zip format's checksum (APPNOTE 4.4.7).
uint32_t Crc32(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

void Put(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// Sizes, name and the rest that local and central headers share.
void PutCommon(std::string& out, std::string_view name, std::string_view data) {
  Put(out, 20, 2);  // version needed
  Put(out, 0, 2);   // flags
  Put(out, 0, 2);   // stored
  Put(out, 0, 4);   // time and date
  Put(out, Crc32(data), 4);
  Put(out, static_cast<uint32_t>(data.size()), 4);
  Put(out, static_cast<uint32_t>(data.size()), 4);
  Put(out, static_cast<uint32_t>(name.size()), 2);
  Put(out, 0, 2);  // extra field
}

class ZipWriter {
 public:
  void Add(std::string_view name, std::string_view data) {
    const uint32_t offset = static_cast<uint32_t>(local_.size());
    Put(local_, 0x04034b50, 4);
    PutCommon(local_, name, data);
    local_ += name;
    local_ += data;
    Put(central_, 0x02014b50, 4);
    Put(central_, 20, 2);  // made by
    PutCommon(central_, name, data);
    Put(central_, 0, 2);  // comment
    Put(central_, 0, 2);  // disk
    Put(central_, 0, 2);  // internal attributes
    Put(central_, 0, 4);  // external attributes
    Put(central_, offset, 4);
    central_ += name;
    ++count_;
  }

  std::string Finish() {
    std::string zip = local_ + central_;
    Put(zip, 0x06054b50, 4);
    Put(zip, 0, 4);  // disks
    Put(zip, count_, 2);
    Put(zip, count_, 2);
    Put(zip, static_cast<uint32_t>(central_.size()), 4);
    Put(zip, static_cast<uint32_t>(local_.size()), 4);
    Put(zip, 0, 2);
    return zip;
  }

 private:
  std::string local_;
  std::string central_;
  uint32_t count_ = 0;
};

std::string MakeArchive(std::string_view methods, std::string_view state) {
  using std::string_literals::operator""s;
  // Pickle: protocol 2, object of class __torch__.M, its state, build, stop.
  const std::string object =
      "\x80\x02"
      "c__torch__\nM\n)\x81" +
      std::string(state) + "b.";
  const std::string source =
      "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n" + std::string(methods);
  ZipWriter zip;
  zip.Add("archive/data.pkl", object);
  zip.Add("archive/code/__torch__.py", source);
  zip.Add("archive/constants.pkl", "\x80\x02)."s);
  zip.Add("archive/version", "3\n");
  return zip.Finish();
}

}  // namespace

std::string MakeTorchScript(std::string_view methods) { return MakeArchive(methods, "}"); }

std::string MakeTorchScriptWithState(std::string_view methods) {
  return MakeArchive(methods, "K\x01");
}

}  // namespace throng::torch_runner
