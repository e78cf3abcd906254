#include "repository/recognise.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/file.h"
#include "os/testing/memory_file_system.h"
#include "repository/testing/zip_writer.h"
#include "repository/zip_directory.h"

namespace throng::repository {
namespace {

using testing::AppendNumber;
using testing::TorchScriptArchive;
using testing::ZipWriter;

class RecogniseTest : public ::testing::Test {
 protected:
  Recognition Recognise(const std::string& content) {
    files_.PutFile("/file", content);
    Result<Recognition> result = RecogniseFile(files_, "/file", content.size());
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *result : Recognition{};
  }

  Result<std::vector<ZipMember>> Directory(const std::string& content) {
    files_.PutFile("/file", content);
    return ReadZipDirectory(files_, "/file", content.size());
  }

  os::testing::MemoryFileSystem files_;
};

std::string Zip(const std::string& name, const std::string& content = "x") {
  ZipWriter zip;
  zip.Add(name, content);
  return zip.Finish();
}

TEST_F(RecogniseTest, TellsByContent) {
  const std::string safetensors_header = R"({"a":{"dtype":"F32"}})";
  std::string safetensors;
  AppendNumber(safetensors_header.size(), 8, safetensors);
  safetensors += safetensors_header + "data";
  const struct {
    std::string content;
    Content expected;
  } kCases[] = {
      {"", Content::kEmpty},
      {"hello", Content::kUnknown},
      {"\x08", Content::kUnknown},
      {std::string(4096, '\0'), Content::kUnknown},
      {std::string(4096, '\xff'), Content::kUnknown},
      {TorchScriptArchive(), Content::kTorchScript},
      {Zip("net/data.pkl", "\x80\x02}q"), Content::kTorchStateDict},
      {Zip("net/data.pkl",
           "\x80\x02"
           "ccollections\nOrderedDict\nq"),
       Content::kTorchStateDict},
      {Zip("net/data.pkl",
           "\x80\x02"
           "c__main__\nNet\nq"),
       Content::kTorchModule},
      {Zip("net/data.pkl",
           "\x80\x02"
           "c__main__"),
       Content::kTorchModule},
      {Zip("net/data.pkl", ""), Content::kTorchStateDict},
      {Zip("net/archive_format"), Content::kTorchExport},
      {Zip("serialized_exported_program.json"), Content::kTorchExport},
      {Zip("MAR-INF/MANIFEST.json"), Content::kTorchServeArchive},
      {Zip("model.weights.h5"), Content::kKeras},
      {Zip("readme.txt"), Content::kOtherArchive},
      {"\x89HDF\r\n\x1a\n....", Content::kHdf5},
      {"\x80\x02}q\x01.", Content::kPickle},
      {"\x80\x05\x95....", Content::kPickle},
      {std::string("\x80\x06\x95...."), Content::kUnknown},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", Content::kTorchLegacy},
      {safetensors, Content::kSafetensors},
      {safetensors.substr(0, 9), Content::kUnknown},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", Content::kGitLfsPointer},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
       "\x80\x02"
       "ccollections\nOrderedDict\nq",
       Content::kTorchStateDict},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
       "\x80\x02"
       "cnets\nNet\nq",
       Content::kTorchModule},
      {"x-ray", Content::kUnknown},
      {std::string("\x1c\0\0\0TFL3", 8), Content::kTensorFlowLite},
      {"\x08\x08\x12\x07pytorch:", Content::kOnnx},
      {"\x08\x07:\x02xx", Content::kOnnx},
      {std::string("\x08\x01\x12\xff\x7f", 5) + std::string(200, 'x'), Content::kSavedModel},
      {"\x0a\x05\x0a\x03"
       "abc",
       Content::kGraphDef},
      {"PK\x03\x04 and no more", Content::kBrokenArchive},
  };
  for (const auto& item : kCases) {
    EXPECT_EQ(static_cast<int>(Recognise(item.content).content), static_cast<int>(item.expected))
        << item.content.substr(0, 40);
  }
}

TEST_F(RecogniseTest, TellsWhatAPickleBeforeTorch16Holds) {
  using namespace std::string_literals;
  const std::string before(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
      "\x80\x02M\xe9\x03.\x80\x02}q.\x80\x02");
  const Recognition module = Recognise(before + "(X\x06\0\0\0moduleq\0cnets\nNet\nq"s);
  EXPECT_EQ(static_cast<int>(module.content), static_cast<int>(Content::kTorchModule));
  EXPECT_EQ(module.detail, "nets.Net");
  const auto content = [&](const std::string& rest) {
    return static_cast<int>(Recognise(before + rest).content);
  };
  EXPECT_EQ(content("}q."), static_cast<int>(Content::kTorchStateDict));
  EXPECT_EQ(content("ccollections\nOrderedDict\nq"), static_cast<int>(Content::kTorchStateDict));
  EXPECT_EQ(content("]q."), static_cast<int>(Content::kTorchLegacy));
}

TEST_F(RecogniseTest, NamesTheCompressorsOfJoblib) {
  const std::pair<std::string, std::string> kCases[] = {
      {"\x1f\x8b\x08", "gzip"},
      {"BZh91AY", "bzip2"},
      {std::string("\xfd\x37zXZ\0", 6), "xz"},
      {std::string("\x5d\0\0\x80", 4), "lzma"},
      {"\x04\x22\x4d\x18@", "lz4"},
      {"\x78\x9c\xed", "zlib"},
  };
  for (const auto& [content, name] : kCases) {
    EXPECT_EQ(static_cast<int>(Recognise(content).content), static_cast<int>(Content::kCompressed));
    EXPECT_EQ(Recognise(content).detail, name);
  }
}

TEST_F(RecogniseTest, NamesTheClassOfAPickledModule) {
  EXPECT_EQ(Recognise(Zip("net/data.pkl",
                          "\x80\x02"
                          "cmy.net\nNet\nq"))
                .detail,
            "my.net.Net");
  EXPECT_EQ(Recognise(Zip("net/data.pkl",
                          "\x80\x02"
                          "ca\x01\n\xff\nq"))
                .detail,
            "a\\x01.\\xff");
}

std::string Reason(Content content, std::string_view file, std::string_view name,
                   bool is_served_alone = false) {
  return RefusalReason({content, ""}, {file, name, is_served_alone, {}});
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(RecogniseTest, RefusalsHoldTheLineThatConverts) {
  EXPECT_EQ(RefusalReason({Content::kTorchModule, "pkg.Net"}, {"foo.pt", "foo", false, {}}),
            "a pickled PyTorch module (pkg.Net), not TorchScript; convert it where its class can "
            "be imported: in the served folder run: python3 -c \"import os, torch; "
            "m=torch.load('foo.pt', weights_only=False); s=torch.jit.script(m.eval()); "
            "os.makedirs('foo', exist_ok=True); s.save('foo/model.pt')\"");
  for (const Content content :
       {Content::kTorchStateDict, Content::kTorchLegacy, Content::kTorchExport, Content::kHdf5,
        Content::kPickle, Content::kSafetensors}) {
    EXPECT_TRUE(Has(Reason(content, "foo/weights.bin", "foo"), "python3 -c \""));
    EXPECT_TRUE(Has(Reason(content, "foo/weights.bin", "foo"), "'foo/weights.bin'"));
  }
}

// Where each line writes: there a scan finds the model under the same name.
TEST_F(RecogniseTest, LinesWriteToThePlaceThatIsServed) {
  const struct {
    Content content;
    const char* file;
    bool is_served_alone;
    const char* part;
  } kCases[] = {
      {Content::kTorchStateDict, "m.pt", false, "s.save('m/model.pt')"},
      {Content::kTorchStateDict, "m/1/net.pt", false,
       "os.rename('m/1/net.pt', 'm/1/.net.pt'); s.save('m/1/net.pt')"},
      {Content::kTorchStateDict, "m/pytorch_model.bin", false, "s.save('m/model.pt')"},
      {Content::kTorchModule, "m.pt", true, "os.rename('m.pt', '.m.pt'); s.save('m.pt')"},
      {Content::kTorchModule, "model.pt", false, "os.rename('model.pt', '.model.pt')"},
      {Content::kTorchLegacy, "m.pth", false, "s.save('m/model.pt')"},
      {Content::kSafetensors, "m.safetensors", false, "s.save('m/model.pt')"},
      {Content::kSafetensors, "m/2/x.safetensors", false, "s.save('m/2/model.pt')"},
      {Content::kKeras, "m.keras", false, ".export('m/1/model.savedmodel')"},
      {Content::kHdf5, "m/3/x.h5", false, ".export('m/3/model.savedmodel')"},
      {Content::kPickle, "m.pkl", false, "open('m.onnx', 'wb')"},
      {Content::kPickle, "m/1/x.pkl", false, "open('m/1/model.onnx', 'wb')"},
      {Content::kTorchExport, "m.pt2", false, ".save('m.onnx')"},
      {Content::kTorchServeArchive, "m.mar", false, "unzip -j m.mar '*.pt' -d m"},
  };
  for (const auto& item : kCases) {
    const std::string reason = Reason(item.content, item.file, "m", item.is_served_alone);
    EXPECT_TRUE(Has(reason, item.part)) << reason;
  }
}

TEST_F(RecogniseTest, AnUncertainPickleGetsALineForBothKinds) {
  const std::string reason = Reason(Content::kTorchLegacy, "m.pt", "m");
  EXPECT_TRUE(Has(reason, "load_state_dict(m)") && Has(reason, "isinstance(m, torch.nn.Module)"));
}

TEST_F(RecogniseTest, CompressedFilesAreTakenForPicklesByTheirName) {
  for (const char* file : {"m.joblib", "m.pkl"}) {
    EXPECT_TRUE(Has(Reason(Content::kCompressed, file, "m"), "joblib.load('m.")) << file;
  }
  EXPECT_TRUE(Has(Reason(Content::kCompressed, "m.onnx", "m"), "unpack it"));
}

TEST_F(RecogniseTest, LongNamesLeaveTheLineWhole) {
  const std::string name(limits::kModelNameBytes, 'n');
  const std::string file = name + "/1/" + std::string(250, 'f') + ".pt";
  for (int content = 0; content <= static_cast<int>(Content::kOtherArchive); ++content) {
    const std::string reason = RefusalReason({static_cast<Content>(content), std::string(100, 'd')},
                                             {file, name, false, {}});
    EXPECT_LE(reason.size() + name.size() + 235, limits::kErrorTextBytes) << reason;
    if (const size_t line = reason.find("python3"); line != std::string::npos) {
      EXPECT_TRUE(Has(reason.substr(line), ")\" (FILE: the file's path; NAME: the model's name)"));
    }
  }
}

TEST_F(RecogniseTest, ALineNeverHoldsANameThatTheShellWouldRun) {
  for (const char* file : {"a'b.pkl", "$(id).pkl", "a b.pkl", "`id`", "a\nb", "a\"b", "-x.pkl"}) {
    const std::string reason = Reason(Content::kPickle, file, file);
    EXPECT_EQ(reason.find(file), std::string::npos) << reason;
    EXPECT_NE(reason.find("'FILE'"), std::string::npos);
    EXPECT_NE(reason.find("'NAME.onnx'"), std::string::npos);
  }
}

TEST_F(RecogniseTest, ProtobufMayBeginWithLongFieldsInAnyOrder) {
  std::string text("\x08\x07\x32\xe8\x07", 5);  // 1000 bytes of doc_string
  text += std::string(1000, 'd');
  EXPECT_EQ(Recognise(text + ":\x02xx").content, Content::kOnnx);
  EXPECT_EQ(Recognise("B\x02xx" + text + ":\x02xx").content, Content::kOnnx);
  EXPECT_EQ(Recognise(text).content, Content::kUnknown) << "no graph";
  EXPECT_EQ(Recognise(text + "\x7f:\x02xx").content, Content::kUnknown) << "no such field";
  EXPECT_EQ(Recognise("\x08\x07\x32\xe8\x07:").content, Content::kUnknown) << "cut short";
  EXPECT_EQ(Recognise("\x22\x02\x08\x01\x0a\x05\x0a\x03"
                      "abc")
                .content,
            Content::kGraphDef);
}

TEST_F(RecogniseTest, SoManyFieldsOfAProtobufAreLookedAt) {
  constexpr size_t kLimit = limits::kProtobufFieldsWalked;
  const auto with_fields = [](size_t count) {  // the last one is the graph
    std::string text("\x08\x07", 2);
    for (size_t i = 2; i < count; ++i) text += "B\x02xx";
    return text + ":\x02xx";
  };
  EXPECT_EQ(Recognise(with_fields(kLimit - 1)).content, Content::kOnnx);
  EXPECT_EQ(Recognise(with_fields(kLimit)).content, Content::kOnnx);
  EXPECT_EQ(Recognise(with_fields(kLimit + 1)).content, Content::kUnknown);
}

TEST_F(RecogniseTest, EveryPrefixOfAnArchiveIsCalledDamaged) {
  const std::string whole = TorchScriptArchive();
  for (size_t length = 4; length < whole.size(); ++length) {
    const Recognition recognition = Recognise(whole.substr(0, length));
    EXPECT_EQ(recognition.content, Content::kBrokenArchive) << length;
  }
  EXPECT_EQ(Recognise(whole.substr(0, whole.size() / 2)).detail,
            "the archive is cut short or damaged (no end record)");
}

TEST_F(RecogniseTest, NoChangedByteOfAnArchiveHarms) {
  const std::string whole = TorchScriptArchive();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      Recognise(changed);  // any verdict; the sanitizers watch
    }
  }
}

TEST_F(RecogniseTest, ReadsDirectoriesWithCommentsAndFarFromTheEnd) {
  ZipWriter zip;
  for (int i = 0; i < 500; ++i) zip.Add("net/data/" + std::to_string(i), "0123456789");
  const auto plain = Directory(zip.Finish());
  ASSERT_TRUE(plain.ok()) << plain.status().ToString();
  EXPECT_EQ(plain->size(), 500u);
  EXPECT_EQ(plain->back().name, "net/data/499");
  EXPECT_EQ(plain->back().stored_bytes, 10u);
  EXPECT_FALSE(plain->back().compressed);
  EXPECT_TRUE(Directory(zip.Finish(std::string(65535, 'c'))).ok());
  const auto large =
      Directory(zip.Finish64(zip.count(), zip.directory_bytes(), zip.directory_offset()));
  ASSERT_TRUE(large.ok()) << large.status().ToString();
  EXPECT_EQ(large->size(), 500u);
}

TEST_F(RecogniseTest, RefusesHostileDirectories) {
  ZipWriter zip;
  zip.Add("a", "content");
  const uint64_t bytes = zip.directory_bytes();
  const uint64_t offset = zip.directory_offset();
  const struct {
    std::string content;
    const char* error;
  } kCases[] = {
      {zip.FinishWith(2, bytes, offset), "too few names"},
      {zip.FinishWith(0xfffe, bytes, offset), "too few names"},
      {zip.FinishWith(1, bytes + 1000, offset), "lies outside"},
      {zip.FinishWith(1, bytes, 0xfffffffe), "lies outside"},
      {zip.FinishWith(1, bytes, offset - 1), "a name is missing"},
      {zip.FinishWith(0xffff, bytes, offset), "no 64-bit end record"},
      {zip.Finish64(UINT64_MAX, bytes, offset), "more than 65536 members"},
      {zip.Finish64(limits::kArchiveMembers + 1, bytes, offset), "more than 65536 members"},
      {zip.Finish64(limits::kArchiveMembers, bytes, offset), "too few names"},
      {zip.Finish64(1, UINT64_MAX, offset), "lies outside"},
      {zip.Finish64(1, bytes, UINT64_MAX), "lies outside"},
  };
  for (const auto& item : kCases) {
    const Status status = Directory(item.content).status();
    EXPECT_NE(status.message().find(item.error), std::string::npos) << status.ToString();
  }
}

TEST_F(RecogniseTest, RefusesMembersThatOverlapOrLieOutside) {
  const struct {
    uint64_t offset;
    uint64_t size_bytes;
  } kCases[] = {{0, 7}, {5, 1}, {0xfffffffe, 1}, {38, 1000}, {38, 0xfffffffe}};
  for (const auto& item : kCases) {
    ZipWriter zip;
    zip.Add("a", "content");  // 38 bytes
    zip.AddDirectoryEntry("b", item.offset, item.size_bytes);
    EXPECT_NE(Directory(zip.Finish()).status().message().find("members overlap"), std::string::npos)
        << item.offset;
  }
}

TEST_F(RecogniseTest, AFileThatShrinksMeanwhileIsCalledDamaged) {
  const std::string whole = TorchScriptArchive();
  files_.PutFile("/file", whole.substr(0, 100));
  EXPECT_EQ(RecogniseFile(files_, "/file", whole.size())->content, Content::kBrokenArchive);
}

TEST_F(RecogniseTest, AFailureOfTheDiskIsNoVerdict) {
  files_.PutFile("/file", "x");
  files_.Fail("/file", UnavailableError("'file': Input/output error"));
  EXPECT_EQ(RecogniseFile(files_, "/file", 1).status().code(), StatusCode::kUnavailable);
}

TEST_F(RecogniseTest, KnowsTheFixtures) {
  const std::filesystem::path folder =
      std::filesystem::path(THRONG_SOURCE_DIR) / "tests/fixtures/refuse";
  const struct {
    const char* file;
    Content expected;
  } kCases[] = {
      {"whole_module.pt", Content::kTorchModule},
      {"state_dict.pt", Content::kTorchStateDict},
      {"state_dict_legacy.pt", Content::kTorchStateDict},
      {"model.pt2", Content::kTorchExport},
      {"model.keras", Content::kKeras},
      {"model.h5", Content::kHdf5},
      {"model.pkl", Content::kPickle},
      {"model.joblib", Content::kPickle},
      {"runs_on_load.pkl", Content::kPickle},
      {"model.safetensors", Content::kSafetensors},
      {"float8.onnx", Content::kOnnx},
      {"../broken/truncated.pt", Content::kBrokenArchive},
      {"../broken/empty.pt", Content::kEmpty},
      {"../models/list-string/1/model.pt", Content::kTorchScript},
      {"../models/graphdef-add-sub/1/model.graphdef", Content::kGraphDef},
      {"../models/savedmodel-v1/1/model.savedmodel/saved_model.pb", Content::kSavedModel}};
  for (const auto& item : kCases) {
    const std::string path = (folder / item.file).string();
    const Result<os::FileInfo> info = os::RealFileSystem().Stat(path);
    ASSERT_TRUE(info.ok());
    ASSERT_EQ(info->kind, os::FileKind::kRegular) << item.file;
    const Result<Recognition> result = RecogniseFile(os::RealFileSystem(), path, info->size_bytes);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(static_cast<int>(result->content), static_cast<int>(item.expected)) << item.file;
  }
}

}  // namespace
}  // namespace throng::repository
