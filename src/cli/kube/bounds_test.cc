// The bounds of the verbs, at the bound and one beyond.
#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "cli/kube/testing/verb_harness.h"
#include "cli/kube/verb.h"

namespace throng::cli::kube {
namespace {

using testing::VerbHarness;
using throng::kube::Json;

class BoundsTest : public ::testing::Test, protected VerbHarness {};

TEST_F(BoundsTest, FilesOfAFolder) {
  files.MakeDirectory("/many");
  for (size_t i = 0; i < limits::kManifestFiles; ++i) {
    files.PutFile("/many/" + std::to_string(i) + ".yaml", "");
  }
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/many"}).error.find("holds more than"),
            std::string::npos);
  files.PutFile("/many/more.yaml", "");
  const auto ran = VerbHarness::Run(Apply, {"-f", "/many"});
  EXPECT_NE(ran.error.find("holds more than " + std::to_string(limits::kManifestFiles) + " files"),
            std::string::npos)
      << ran.error;
  EXPECT_EQ(ran.status, 1);
}

TEST_F(BoundsTest, LogsThatAreFollowedAtOnce) {
  const auto follow = [this](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const std::string name = "p" + std::to_string(i);
      server.Put(
          {{"apiVersion", "v1"},
           {"kind", "Pod"},
           {"metadata", {{"name", name}, {"namespace", "default"}, {"labels", {{"app", "x"}}}}},
           {"spec", {{"containers", Json::array({{{"name", "c"}}})}}}});
      server.AddLog(name, "c", "line\n");
      server.EndLog(name, "c");
    }
    return VerbHarness::Run(Logs, {"-l", "app=x", "-f"});
  };
  const auto allowed = follow(limits::kLogFollowers);
  EXPECT_EQ(allowed.status, 0) << allowed.error;
  const auto ran = follow(limits::kLogFollowers + 1);
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(
      ran.error.find("maximum allowed concurrency is " + std::to_string(limits::kLogFollowers)),
      std::string::npos)
      << ran.error;
}

}  // namespace
}  // namespace throng::cli::kube
