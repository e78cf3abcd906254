#include "attack/pipeline.h"

#include <gtest/gtest.h>

#include "attack/shell_words.h"
#include "base/control_limits.h"
#include "base/go_duration.h"

namespace throng::attack {
namespace {

using namespace std::chrono_literals;

constexpr char kWalkthrough[] =
    "vegeta -cpus=5 attack -name=5qps -duration=60s -rate=10/1s -targets=/var/vegeta/cfg | "
    "vegeta report -type=text";

Result<AttackPlan> Shell(const std::string& text) { return ParsePipeline({"sh", "-c", text}); }

std::string ErrorOf(const Result<AttackPlan>& plan) {
  return plan.ok() ? "(none)" : plan.status().message();
}

TEST(PipelineTest, TheWalkthroughIsRead) {
  const auto plan = Shell(kWalkthrough);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->name, "5qps");
  EXPECT_EQ(plan->targets_path, "/var/vegeta/cfg");
  EXPECT_EQ(plan->duration, Duration(60s));
  EXPECT_EQ(plan->rate.count, 10u);
  EXPECT_EQ(plan->rate.period, Duration(1s));
  EXPECT_EQ(plan->timeout, Duration(30s));
  EXPECT_TRUE(plan->keep_alive);
  EXPECT_EQ(plan->max_workers, 0u);
}

TEST(PipelineTest, SpellingsOfTheSamePipeline) {
  for (const char* text :
       {"vegeta attack -duration 60s -rate 10 -targets /t|vegeta report",
        "  vegeta attack --duration=1m --rate=10/s --targets='/t' |\n vegeta report --type text\n",
        "vegeta attack -duration=\"60s\" \\\n -rate=600/1m -targets=/t | vegeta -cpus 2 report"}) {
    const auto plan = Shell(text);
    ASSERT_TRUE(plan.ok()) << text << ": " << plan.status().ToString();
    EXPECT_EQ(plan->duration, Duration(60s));
    EXPECT_EQ(PlannedAfter(plan->rate, 10), Duration(1s)) << text;
    EXPECT_EQ(plan->targets_path, "/t");
  }
  const auto words = ParsePipeline({"vegeta", "attack", "-duration=1s", "-targets=/t",
                                    "-keepalive=false", "-max-workers=3", "-connections=7",
                                    "-workers=2", "-timeout=0", "|", "vegeta", "report"});
  ASSERT_TRUE(words.ok()) << words.status().ToString();
  EXPECT_FALSE(words->keep_alive);
  EXPECT_EQ(words->max_workers, 3u);
  EXPECT_EQ(words->idle_connections, 7u);
  EXPECT_EQ(words->rate.count, 50u) << "vegeta's default";
  EXPECT_EQ(words->timeout, Duration(1h)) << "no limit of its own";
}

TEST(PipelineTest, WhatIsNotSupportedIsNamed) {
  const std::string attack = "vegeta attack -duration=1s -targets=/t ";
  const std::string report = "| vegeta report";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "a command is missing"},
      {"curl http://a", "'curl' is not supported, only vegeta is"},
      {"A=b " + attack + report, "'A=b' is not supported"},
      {"vegeta", "'vegeta attack' is expected"},
      {"vegeta encode", "'vegeta encode' is not supported"},
      {"vegeta -profile=cpu attack", "flag '-profile' is not supported"},
      {"vegeta -cpus=0 attack", "flag -cpus: must be between 1 and 1024"},
      {attack, "the pipe into 'vegeta report' is missing"},
      {attack + "| tee x " + report, "a second pipe is not supported"},
      {attack + "| tee x", "'tee' is not supported"},
      {attack + "| vegeta plot", "'vegeta plot' is not supported"},
      {attack + "| vegeta report -type=json", "flag -type: 'json' is not supported, only text"},
      {attack + "| vegeta report -every=1s", "flag '-every' is not supported"},
      {attack + "| vegeta report file", "vegeta report: 'file' is not supported"},
      {attack + "more " + report, "vegeta attack: 'more' is not supported"},
      {attack + "-body=/b " + report, "vegeta attack: flag '-body' is not supported"},
      {attack + "-format=json " + report, "'json' is not supported, only http"},
      {attack + "-keepalive=maybe " + report, "flag -keepalive: 'maybe' is neither"},
      {attack + "-timeout=2h " + report, "flag -timeout: must be at most 1h"},
      {attack + "-rate", "flag -rate needs a value"},
      {attack + "-rate=0 " + report, "flag -rate: must be more than 0"},
      {attack + "-rate=infinity " + report, "'infinity' is no rate"},
      {attack + "-max-workers=0 " + report, "flag -max-workers: must be between 1"},
      {"vegeta attack -duration=0 -targets=/t " + report, "must be more than 0 and at most 1h"},
      {"vegeta attack -duration=soon -targets=/t " + report, "'soon' is no duration"},
      {"vegeta attack -targets=/t " + report, "flag -duration must be given"},
      {"vegeta attack -duration=1s " + report, "flag -targets must name a file"},
      {"vegeta attack -duration=1s -targets=stdin " + report, "flag -targets must name a file"},
      {attack + report + " > /etc/passwd", "the shell's '>' is not supported"},
      {attack + report + " && reboot", "the shell's '&' is not supported"},
      {attack + report + "; reboot", "the shell's ';' is not supported"},
      {"vegeta attack -targets=$(id) " + report, "the shell's '$' is not supported"},
      {"vegeta attack -targets=\"`id`\" " + report, "the shell's '`' is not supported"},
      {"vegeta attack -targets=/t* " + report, "the shell's '*' is not supported"},
      {"vegeta attack -targets=~/t " + report, "flag -duration"},
      {"~/vegeta attack", "the shell's '~' is not supported"},
      {attack + report + " # comment", "the shell's '#' is not supported"},
      {attack + "|| vegeta report", "the shell's '||' is not supported"},
      {attack + report + "\nreboot", "a second line of commands is not supported"},
      {attack + "-name='x " + report, "a quote is not closed"},
      {"echo \\a", "the shell's '\\' is not supported"},
      {std::string("vegeta\0attack", 13), "is not supported"},
      {"vegeta\rattack", "is not supported"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(ErrorOf(Shell(text)).find(expected), std::string::npos)
        << text << ": " << ErrorOf(Shell(text));
  }
}

TEST(PipelineTest, OnlyAShellWithOneTextIsRead) {
  EXPECT_NE(ErrorOf(ParsePipeline({})).find("a command is missing"), std::string::npos);
  EXPECT_NE(ErrorOf(ParsePipeline({"sh", "-x"})).find("with -c"), std::string::npos);
  EXPECT_NE(ErrorOf(ParsePipeline({"sh", "-c"})).find("missing"), std::string::npos);
  EXPECT_NE(ErrorOf(ParsePipeline({"sh", "-c", kWalkthrough, "x"})).find("'x' after"),
            std::string::npos);
  EXPECT_NE(ErrorOf(ParsePipeline({"vegeta", "attack", "-name=$(ID)"})).find("variables"),
            std::string::npos);
  EXPECT_NE(ErrorOf(ParsePipeline({"perl", "-e", "1"})).find("'perl' is not"), std::string::npos);
}

TEST(PipelineTest, CommandsAreBounded) {
  const size_t around = std::string("sh").size() + std::string("-c").size() + 3;
  for (const size_t size : {limits::kAttackCommandBytes - 1, limits::kAttackCommandBytes,
                            limits::kAttackCommandBytes + 1}) {
    std::string text(kWalkthrough);
    text.append(size - around - text.size(), ' ');
    EXPECT_EQ(Shell(text).ok(), size <= limits::kAttackCommandBytes) << size;
  }
}

TEST(PipelineTest, RatesAndDurationsAreBounded) {
  EXPECT_TRUE(ParseRate("10000").ok());
  EXPECT_TRUE(ParseRate("9999/s").ok());
  EXPECT_FALSE(ParseRate("10001/1s").ok());
  EXPECT_TRUE(ParseRate("600000/m").ok());
  EXPECT_FALSE(ParseRate("600001/1m").ok());
  EXPECT_TRUE(ParseRate("1/1h").ok());
  EXPECT_FALSE(ParseRate("1/61m").ok());
  for (const char* bad : {"", "/", "1/", "-1", "1/0s", "x/1s", "1.5/s", "18446744073709551616"}) {
    EXPECT_FALSE(ParseRate(bad).ok()) << bad;
  }
  EXPECT_TRUE(ParseAttackDuration("3599.999s").ok());
  EXPECT_TRUE(ParseAttackDuration("1h").ok());
  EXPECT_FALSE(ParseAttackDuration("1h1ns").ok());
  EXPECT_FALSE(ParseAttackDuration("0s").ok());
}

TEST(PipelineTest, RequestsArePlannedEvenly) {
  const AttackRate rate{.count = 3, .period = 1s};
  EXPECT_EQ(PlannedAfter(rate, 0), Duration(0));
  EXPECT_EQ(PlannedAfter(rate, 1), Duration(333'333'333));
  EXPECT_EQ(PlannedAfter(rate, 3), Duration(1s));
  EXPECT_EQ(PlannedAfter({.count = 10000, .period = 1s}, 36'000'000), Duration(1h));
  EXPECT_EQ(PlannedAfter({.count = 36'000'000, .period = 1h}, 35'999'999), Duration(1h) - 100us);
}

TEST(GoDurationTest, IsReadAndWrittenAsGoDoes) {
  const std::vector<std::pair<std::string, Duration>> cases = {{"0s", 0s},
                                                               {"1ns", 1ns},
                                                               {"999ns", 999ns},
                                                               {"1.5\xC2\xB5s", 1500ns},
                                                               {"1.234567ms", 1234567ns},
                                                               {"59.9s", 59900ms},
                                                               {"1s", 1s},
                                                               {"1m0s", 60s},
                                                               {"1m30.5s", 90500ms},
                                                               {"1h0m0s", 1h},
                                                               {"26h3m4s", 26h + 3min + 4s}};
  for (const auto& [text, duration] : cases) {
    EXPECT_EQ(GoDurationText(duration), text);
    const auto parsed = ParseGoDuration(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(*parsed, duration) << text;
  }
  EXPECT_EQ(*ParseGoDuration("0"), Duration(0));
  EXPECT_EQ(*ParseGoDuration("1.5us"), Duration(1500ns));
  EXPECT_EQ(*ParseGoDuration(".5s"), Duration(500ms));
  EXPECT_EQ(*ParseGoDuration("1h30m"), Duration(90min));
  for (const char* bad : {"", "1", "s", "-1s", "+1s", "1 s", "1x", ".s", "1s2", "9999999999h",
                          "99999999999999999999ns", "1e3s"}) {
    EXPECT_FALSE(ParseGoDuration(bad).ok()) << bad;
  }
}

TEST(ShellWordsTest, QuotesJoinWhatTheyTouch) {
  const auto words = SplitShellText("a'b c'\"d|e\" '' |'|'");
  ASSERT_TRUE(words.ok());
  const std::vector<ShellWord> expected = {
      {.text = "ab cd|e"}, {.text = ""}, {.text = "|", .is_pipe = true}, {.text = "|"}};
  EXPECT_EQ(*words, expected);
}

TEST(PipelineTest, TimesAndRatesHaveTheirBounds) {
  const int64_t longest_s = limits::kAttackLongest.count();
  const auto seconds = [](int64_t count) { return std::to_string(count) + "s"; };
  EXPECT_TRUE(ParseAttackDuration(seconds(longest_s - 1)).ok());
  EXPECT_EQ(*ParseAttackDuration(seconds(longest_s)), Duration(limits::kAttackLongest));
  EXPECT_FALSE(ParseAttackDuration(seconds(longest_s + 1)).ok());
  EXPECT_FALSE(ParseAttackDuration("0s").ok());
  EXPECT_TRUE(ParseRate("1/" + seconds(longest_s)).ok());
  EXPECT_FALSE(ParseRate("1/" + seconds(longest_s + 1)).ok());
  const auto rate = [](uint64_t count) { return ParseRate(std::to_string(count) + "/1s"); };
  EXPECT_TRUE(rate(limits::kAttackRate - 1).ok());
  EXPECT_EQ(rate(limits::kAttackRate)->count, limits::kAttackRate);
  EXPECT_FALSE(rate(limits::kAttackRate + 1).ok());
  EXPECT_FALSE(ParseRate(std::to_string(limits::kAttackRate / 10 + 1) + "/100ms").ok());
}

}  // namespace
}  // namespace throng::attack
