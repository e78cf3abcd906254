#include "cli/options/option_table.h"

#include <gtest/gtest.h>

namespace throng::cli {
namespace {

using Arguments = std::vector<std::string>;

class LettersTest : public ::testing::Test {
 protected:
  LettersTest() {
    table_.Add('n', {"namespace", "NAME", "where", Text(&name_space_)});
    table_.Add('o', {"output", "FORM", "how", Text(&output_)});
    table_.Add('A', {"all-namespaces", "", "everywhere", Boolean(&all_)});
    table_.Add('w', {"watch", "", "go on", Boolean(&watch_)});
    table_.Add({"long", "", "no letter", Boolean(&long_)});
  }
  std::string Error(const Arguments& arguments) {
    const auto others = table_.Parse(arguments);
    return others.ok() ? "ok" : others.status().message();
  }

  OptionTable table_;
  std::string name_space_;
  std::string output_;
  bool all_ = false;
  bool watch_ = false;
  bool long_ = false;
};

TEST_F(LettersTest, ValuesFollowInEveryForm) {
  for (const Arguments& arguments :
       {Arguments{"-n", "a", "-oyaml", "x"}, Arguments{"x", "-na", "-o=yaml"},
        Arguments{"-n=a", "x", "--output", "yaml"}}) {
    name_space_ = output_ = "";
    const auto others = table_.Parse(arguments);
    ASSERT_TRUE(others.ok()) << others.status().ToString();
    EXPECT_EQ(*others, Arguments{"x"});
    EXPECT_EQ(name_space_, "a");
    EXPECT_EQ(output_, "yaml");
  }
}

TEST_F(LettersTest, BooleansStandTogether) {
  EXPECT_EQ(Error({"-Awojson"}), "ok");
  EXPECT_TRUE(all_ && watch_);
  EXPECT_EQ(output_, "json");
  EXPECT_EQ(Error({"-w=false"}), "ok");
  EXPECT_FALSE(watch_);
}

TEST_F(LettersTest, ADashIsAValueAndAnArgument) {
  const auto others = table_.Parse(Arguments{"-n", "-", "-"});
  ASSERT_TRUE(others.ok());
  EXPECT_EQ(name_space_, "-");
  EXPECT_EQ(*others, Arguments{"-"});
}

TEST_F(LettersTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(Error({"-x"}), "unknown option '-x'; options start with two dashes");
  EXPECT_EQ(Error({"-Ax"}), "unknown option '-Ax'; options start with two dashes");
  EXPECT_EQ(Error({"-n"}), "option '--namespace' needs a value: --namespace NAME");
  EXPECT_EQ(Error({"-An"}), "option '--namespace' needs a value: --namespace NAME");
  EXPECT_EQ(Error({"-na", "--namespace=b"}), "option '--namespace' is given twice: 'a' and 'b'");
  EXPECT_EQ(Error({"-n="}), "option '--namespace': must not be empty, got ''");
  EXPECT_EQ(Error({"-h"}), "unknown option '-h'; options start with two dashes");
}

TEST_F(LettersTest, HelpShowsThem) {
  EXPECT_NE(table_.Help().find("  -n, --namespace NAME"), std::string::npos);
  EXPECT_NE(table_.Help().find("  --long"), std::string::npos);
}

}  // namespace
}  // namespace throng::cli
