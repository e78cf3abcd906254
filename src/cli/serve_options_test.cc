#include "cli/serve_options.h"

#include <gtest/gtest.h>

#include "cli/options/option_table.h"

namespace throng::cli {
namespace {

using Arguments = std::vector<std::string>;

std::string ServeError(const Arguments& arguments) {
  const auto options = ParseServeOptions(arguments);
  return options.ok() ? "ok" : options.status().message();
}

TEST(OptionTableTest, TakesBothFormsAndBooleans) {
  const auto options = ParseServeOptions(Arguments{"models", "--http-port=1", "--grpc-port", "2",
                                                   "--strict-readiness", "--allow-metrics=false",
                                                   "--model-repository", "more"});
  ASSERT_TRUE(options.ok()) << options.status().ToString();
  EXPECT_EQ(options->http_port, 1);
  EXPECT_EQ(options->grpc_port, 2);
  EXPECT_TRUE(options->models.strict_readiness);
  EXPECT_FALSE(options->allow_metrics);
  EXPECT_EQ(options->model_repositories, (std::vector<std::string>{"more", "models"}));
}

TEST(OptionTableTest, AnUnknownFlagNamesTheNearest) {
  EXPECT_EQ(ServeError({"d", "--htp-port=1"}),
            "unknown option '--htp-port'; did you mean '--http-port'?");
  EXPECT_EQ(ServeError({"d", "--zzzzzzzzzz"}), "unknown option '--zzzzzzzzzz'");
  EXPECT_EQ(ServeError({"d", "-p"}), "unknown option '-p'; options start with two dashes");
}

TEST(OptionTableTest, BadValuesNameTheRule) {
  EXPECT_EQ(ServeError({"d", "--http-port=65536"}),
            "option '--http-port': must be a port from 0 to 65535, got '65536'");
  EXPECT_EQ(ServeError({"d", "--http-port=-1"}),
            "option '--http-port': must be a port from 0 to 65535, got '-1'");
  EXPECT_EQ(ServeError({"d", "--http-port"}),
            "option '--http-port' needs a value: --http-port PORT");
  EXPECT_EQ(ServeError({"d", "--load=sometimes"}),
            "option '--load': must be lazy, eager or explicit, got 'sometimes'");
  EXPECT_EQ(ServeError({"d", "--strict-readiness=perhaps"}),
            "option '--strict-readiness': must be true or false, got 'perhaps'");
  EXPECT_EQ(ServeError({"d", "--cell-memory=1Q"}),
            "option '--cell-memory': must be a number of bytes such as 512Mi or 2Gi, got '1Q'");
  EXPECT_EQ(ServeError({}), "no folder given; try: throng serve DIR");
}

TEST(OptionTableTest, TwoValuesForOneFlagAreAnError) {
  EXPECT_EQ(ServeError({"d", "--http-port=1", "--http-port", "2"}),
            "option '--http-port' is given twice: '1' and '2'");
  EXPECT_EQ(ServeError({"d", "--http-port=1", "--http-port=1"}), "ok");
  EXPECT_EQ(ServeError({"--model-repository=a", "--model-repository=b", "--cors-origin=x",
                        "--cors-origin=y"}),
            "ok");
  EXPECT_EQ(ServeError({"d", "--load=explicit", "--load-model=a", "--load-model=b"}), "ok");
}

TEST(OptionTableTest, ValuesThatCannotWorkAreErrors) {
  for (const std::string bytes : {"0", "16777215", "15Mi"}) {
    EXPECT_EQ(ServeError({"d", "--cell-memory=" + bytes}),
              "option '--cell-memory': must be 16Mi or more, got '" + bytes + "'");
  }
  EXPECT_EQ(ServeError({"d", "--cell-memory=16Mi"}), "ok");
  EXPECT_EQ(ServeError({"d", "--repository-poll-secs=5"}),
            "--repository-poll-secs needs --model-control-mode poll");
  EXPECT_EQ(ServeError({"d", "--repository-poll-secs=5", "--model-control-mode=poll"}), "ok");
  const Arguments none = {"d", "--allow-http=false", "--allow-grpc=0", "--allow-metrics=false"};
  EXPECT_TRUE(ServeError(none).starts_with("nothing to listen on: ")) << ServeError(none);
}

TEST(OptionTableTest, ShortHelpIsHelpWhereThereIsHelp) {
  bool help = false;
  OptionTable table;
  table.Add({"help", "", "this text", Boolean(&help)});
  EXPECT_TRUE(table.Parse(Arguments{"-h"}).ok());
  EXPECT_TRUE(help);
}

TEST(NearestWordTest, FindsWhatWasMeant) {
  const std::vector<std::string> commands = {"serve", "infer", "inspect"};
  EXPECT_EQ(NearestWord("infr", commands), "infer");
  EXPECT_EQ(NearestWord("serv", commands), "serve");
  EXPECT_EQ(NearestWord("zzz", commands), "");
}

TEST(OptionTableTest, ModesHaveTwoNamesThatMustAgree) {
  EXPECT_EQ(ServeError({"d", "--load=lazy", "--model-control-mode=explicit"}),
            "--load and --model-control-mode contradict each other");
  EXPECT_EQ(ServeError({"d", "--load=lazy", "--model-control-mode=poll"}), "ok");
  const auto none = ParseServeOptions(Arguments{"d", "--model-control-mode=none"});
  EXPECT_EQ(none->models.policy, residency::LoadPolicy::kEager);
  const auto poll = ParseServeOptions(Arguments{"d", "--model-control-mode=poll"});
  EXPECT_EQ(poll->models.policy, residency::LoadPolicy::kLazy);
  EXPECT_TRUE(poll->poll);
  EXPECT_EQ(ParseServeOptions(Arguments{"d"})->models.policy, residency::LoadPolicy::kLazy);
}

TEST(OptionTableTest, LoadModelNeedsExplicitModeAndAName) {
  EXPECT_EQ(ServeError({"d", "--load-model=a"}), "--load-model needs --load explicit");
  EXPECT_EQ(ServeError({"d", "--load=explicit", "--load-model=a"}), "ok");
  EXPECT_EQ(ServeError({"d", "--load=explicit", "--load-model=*"}), "ok");
  EXPECT_NE(ServeError({"d", "--load=explicit", "--load-model=../x"}), "ok");
}

TEST(OptionTableTest, FlagsOfManifestsForTritonAreTaken) {
  EXPECT_EQ(ServeError({"--model-store=d", "--grpc-port=9000", "--http-port=8080",
                        "--allow-grpc=true", "--allow-http=true", "--strict-model-config=false",
                        "--log-verbose=1", "--allow-sagemaker=false"}),
            "ok");
}

TEST(OptionTableTest, HelpListsEveryRowWithinTheWidth) {
  const std::string help = ServeHelp();
  for (const char* name : {"--http-port PORT", "--ports-file FILE", "--sandbox MODE"}) {
    EXPECT_NE(help.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(help.find("--model-store"), std::string::npos) << "old names are not listed";
  size_t begin = 0;
  for (size_t end = help.find('\n'); end != std::string::npos; end = help.find('\n', begin)) {
    EXPECT_LE(end - begin, 80U) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(OptionTableTest, BytesTakeBinarySuffixes) {
  uint64_t bytes = 0;
  EXPECT_TRUE(Bytes(&bytes)("2Gi").ok());
  EXPECT_EQ(bytes, uint64_t{2} << 30);
  EXPECT_TRUE(Bytes(&bytes)("1000").ok());
  EXPECT_EQ(bytes, 1000U);
  for (const char* bad : {"", "-1", "1G", "i", "Ki", "99999999999999999999", "9999999Ti"}) {
    EXPECT_FALSE(Bytes(&bytes)(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace throng::cli
