#include "agent/disk/config_name.h"

#include <gtest/gtest.h>

namespace throng::agent {
namespace {

TEST(ConfigNameTest, FindsTheNameOfTheOutermostMessage) {
  EXPECT_EQ(ConfigName("name: \"simple\""), "simple");
  EXPECT_EQ(ConfigName("name:\"simple\" platform: \"x\""), "simple");
  EXPECT_EQ(ConfigName("name : 'simple'"), "simple");
  EXPECT_EQ(ConfigName("platform: \"tensorflow_graphdef\"\nmax_batch_size: 8\nname: \"s\"\n"), "s");
  EXPECT_EQ(ConfigName("# name: \"comment\"\nname: # why\n \"s\" # end"), "s");
  EXPECT_EQ(ConfigName("name: \"a\" \"b\"\n 'c'"), "abc");
  EXPECT_EQ(ConfigName("name: \"\""), "");
}

TEST(ConfigNameTest, NamesInsideOfMessagesAndListsAreNotIt) {
  const std::string inner =
      "input [ { name: \"INPUT0\" dims: [ 1, 2 ] }, < name: 'x' > ]\n"
      "output { name: \"OUTPUT0\" }\n"
      "parameters { key: \"name\" value: { string_value: \"name\" } }\n";
  EXPECT_EQ(ConfigName(inner), std::nullopt);
  EXPECT_EQ(ConfigName(inner + "name: \"m\""), "m");
  EXPECT_EQ(ConfigName("input: [ { name: \"i\" } ] name: \"m\""), "m");
  EXPECT_EQ(ConfigName("default_model_filename: \"name\" platform: \"}{\" name: \"m\""), "m");
}

TEST(ConfigNameTest, OtherFieldsAreNotIt) {
  EXPECT_EQ(ConfigName("my_name: \"x\""), std::nullopt);
  EXPECT_EQ(ConfigName("names: \"x\""), std::nullopt);
  EXPECT_EQ(ConfigName("name \"x\""), std::nullopt);
  EXPECT_EQ(ConfigName("name: x"), std::nullopt);
  EXPECT_EQ(ConfigName("name: 5 platform: \"x\""), std::nullopt);
  EXPECT_EQ(ConfigName("x.name: \"y\""), std::nullopt);
}

TEST(ConfigNameTest, ReadsEscapes) {
  EXPECT_EQ(ConfigName(R"(name: "a\"b\\c\'d")"), "a\"b\\c'd");
  EXPECT_EQ(ConfigName(R"(name: "\141\x62\n\t")"), "ab\n\t");
  EXPECT_EQ(ConfigName(R"(name: "it's")"), "it's");
}

TEST(ConfigNameTest, WhatIsNoTextFormatHasNoName) {
  for (const char* text :
       {"", " \n", "name", "name:", "name: \"open", "name: \"open\n\"", "} name: \"x\"",
        "name: \"\\", "name: \"\\x\"", "\"name\": ", "{{{{", "]", "#"}) {
    EXPECT_EQ(ConfigName(text), std::nullopt) << text;
  }
  std::string deep(1000000, '{');
  EXPECT_EQ(ConfigName(deep), std::nullopt);
  std::string binary;
  for (int i = 0; i < 256; ++i) binary += static_cast<char>(i);
  EXPECT_EQ(ConfigName(binary), std::nullopt);
}

}  // namespace
}  // namespace throng::agent
