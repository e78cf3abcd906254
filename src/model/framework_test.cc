#include "model/framework.h"

#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::model {
namespace {

constexpr char kManifest[] = R"(# ONNX Runtime
framework: onnx
backend: onnxruntime   # Triton's name
get_it: ./dev setup onnx
log_source: onnxruntime.cc
log_line: 2608
log_instance_suffix: false

format: suffix=.onnx name=model.onnx platform=onnxruntime_onnx probe=onnx
format: suffix=.savedmodel/ name=model.savedmodel/  platform=p probe=saved_model_dir
format: suffix=.x name=model.x platform=x
)";

std::string Error(const std::string& text) {
  const Result<FrameworkManifest> manifest = ParseFrameworkManifest(text);
  EXPECT_EQ(manifest.status().code(), StatusCode::kInvalidArgument) << text;
  return manifest.status().message();
}

TEST(FrameworkManifestTest, ReadsEveryKey) {
  const Result<FrameworkManifest> manifest = ParseFrameworkManifest(kManifest);
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(manifest->framework, "onnx");
  EXPECT_EQ(manifest->backend, "onnxruntime");
  EXPECT_EQ(manifest->get_it, "./dev setup onnx");
  EXPECT_EQ(manifest->log_source, "onnxruntime.cc");
  EXPECT_EQ(manifest->log_line, 2608);
  EXPECT_FALSE(manifest->log_instance_suffix);
  ASSERT_EQ(manifest->formats.size(), 3u);
  EXPECT_EQ(manifest->formats[0].suffix, ".onnx");
  EXPECT_EQ(manifest->formats[0].default_name, "model.onnx");
  EXPECT_EQ(manifest->formats[0].platform, "onnxruntime_onnx");
  EXPECT_EQ(manifest->formats[0].probe, "onnx");
  EXPECT_EQ(manifest->formats[1].default_name, "model.savedmodel/");
  EXPECT_EQ(manifest->formats[2].probe, "any");
}

TEST(FrameworkManifestTest, NamesTheLineOfAnError) {
  const struct {
    const char* text;
    const char* error;
  } kCases[] = {
      {"framework: a\nwhat\n", "line 2: expected key: value"},
      {"framework:\n", "line 1: the value is missing"},
      {"\n\nspeed: fast\n", "line 3: unknown key 'speed'"},
      {"log_line: x\n", "line 1: log_line must be a number, got 'x'"},
      {"log_line: -1\n", "line 1: log_line must be a number, got '-1'"},
      {"log_instance_suffix: yes\n", "line 1: log_instance_suffix must be true or false"},
      {"format: suffix\n", "line 1: expected key=value, got 'suffix'"},
      {"format: colour=red\n", "line 1: unknown key 'colour' of format"},
      {"format: suffix=.a suffix=.b\n", "line 1: key 'suffix' of format is given twice"},
      {"format: suffix=.a\n", "line 1: format needs a name"},
      {"format: suffix=.a name=m.a\n", "line 1: format needs a platform"},
      {"format: suffix=.a/ name=m.a platform=p\n", "must both end with '/'"},
      {"format: suffix=.a name=../m platform=p\n", "line 1: format needs a name"},
      {"format: suffix=.a name=m.a platform=p probe=magic\n", "line 1: unknown probe 'magic'"},
      {"", "'framework' is missing"},
      {"framework: ../x\n", "'framework' is missing or not of lower-case letters"},
      {"framework: a\n", "'backend' is missing"},
      {"framework: a\nbackend: b\n", "no format is given"},
  };
  for (const auto& item : kCases) {
    EXPECT_NE(Error(item.text).find(item.error), std::string::npos)
        << item.text << " gave: " << Error(item.text);
  }
}

TEST(FrameworkManifestTest, BoundsTheNumberOfFormats) {
  std::string text = "framework: a\nbackend: b\n";
  for (size_t i = 0; i < limits::kFormatsPerFramework; ++i) {
    text += "format: suffix=.x name=model.x platform=x\n";
  }
  EXPECT_TRUE(ParseFrameworkManifest(text).ok());
  EXPECT_NE(Error(text + "format: suffix=.x name=model.x platform=x\n").find("more than 64"),
            std::string::npos);
}

}  // namespace
}  // namespace throng::model
