// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

OptionOutline flag(std::vector<std::string> names) {
    OptionOutline option;
    option.names = std::move(names);
    option.help = "help of " + option.names.back();
    return option;
}

OptionOutline option(std::vector<std::string> names, ValueKind kind = ValueKind::free) {
    auto option = flag(std::move(names));
    option.value = "VALUE";
    option.kind = kind;
    return option;
}

OptionOutline positional(const std::string& name, ValueKind kind, bool repeated = false) {
    OptionOutline positional;
    positional.value = name;
    positional.kind = kind;
    positional.repeated = repeated;
    return positional;
}

// tool [-h] [-s ADDRESS] [-o a|b]  make [-h] [-k KEY | -x] [-f...] [-v] TOPIC FILE
//                                  tree (trees) cut TOPIC... | grow (sprout)
CommandOutline tool() {
    CommandOutline root;
    root.name = "tool";
    auto output = option({"-o", "--output"}, ValueKind::choice);
    output.choices = {"alpha", "beta"};
    root.options = {flag({"-h", "--help"}), option({"-s", "--server", "--broker"}), output};
    CommandOutline make;
    make.name = "make";
    make.help = "Makes.";
    auto key = option({"-k", "--key"});
    key.excludes = {"--xtra"};
    auto repeated = option({"-f", "--field"});
    repeated.repeated = true;
    make.options = {flag({"-h", "--help"}), key, flag({"-x", "--xtra"}), repeated, flag({"-v"})};
    make.positionals = {positional("TOPIC", ValueKind::topic), positional("FILE", ValueKind::file)};
    CommandOutline cut;
    cut.name = "cut";
    cut.positionals = {positional("TOPIC", ValueKind::topic, true)};
    CommandOutline grow;
    grow.name = "grow";
    grow.aliases = {"sprout"};
    CommandOutline tree;
    tree.name = "tree";
    tree.aliases = {"trees"};
    tree.commands = {cut, grow};
    root.commands = {make, tree};
    return root;
}

Completion completed(const std::vector<std::string>& words) {
    return complete(tool(), words);
}

std::vector<std::string> words_for(const std::vector<std::string>& words) {
    std::vector<std::string> found;
    for (const auto& candidate : completed(words).candidates)
        found.push_back(candidate.word);
    return found;
}

TEST(Completion, OffersCommandsAndTheirHelp) {
    EXPECT_THAT(words_for({""}), ElementsAre("make", "tree"));
    EXPECT_THAT(words_for({"m"}), ElementsAre("make"));
    EXPECT_EQ(completed({"m"}).candidates[0].help, "Makes.");
    EXPECT_THAT(words_for({"tree", ""}), ElementsAre("cut", "grow"));
    EXPECT_THAT(words_for({"tree", "x"}), IsEmpty());
    EXPECT_THAT(words_for({"nothing", ""}), IsEmpty());
    EXPECT_THAT(words_for({}), IsEmpty());
}

TEST(Completion, KnowsAliasesAndOffersThemOnlyWhereNoNameFits) {
    EXPECT_THAT(words_for({"trees", "g"}), ElementsAre("grow"));
    EXPECT_THAT(words_for({"tree", "sp"}), ElementsAre("sprout"));
    EXPECT_THAT(words_for({"tr"}), ElementsAre("tree"));
    EXPECT_THAT(words_for({"trees"}), ElementsAre("trees"));
    EXPECT_THAT(words_for({"make", "--br"}), ElementsAre("--broker"));
}

TEST(Completion, OffersTheCommandsOptionsAndTheRootsEachOnce) {
    EXPECT_THAT(words_for({"make", "--"}),
                ElementsAre("--help", "--key", "--xtra", "--field", "--server", "--output"));
    EXPECT_THAT(words_for({"make", "-"}),
                ElementsAre("--help", "--key", "--xtra", "--field", "-v", "--server", "--output"));
    EXPECT_THAT(words_for({"-"}), ElementsAre("--help", "--server", "--output"));
    EXPECT_THAT(words_for({"make", "-k"}), ElementsAre("-k"));
    EXPECT_EQ(completed({"make", "--k"}).candidates[0].help, "help of --key");
}

TEST(Completion, LeavesOutWhatTheLineHasOrExcludes) {
    EXPECT_THAT(words_for({"make", "-k", "v", "--"}),
                ElementsAre("--help", "--field", "--server", "--output"));
    EXPECT_THAT(words_for({"make", "-f", "v", "--f"}), ElementsAre("--field"));
    EXPECT_THAT(words_for({"make", "-vx", "--"}),
                ElementsAre("--help", "--key", "--field", "--server", "--output"));
}

TEST(Completion, OffersTheValuesOfAnOptionInEveryForm) {
    EXPECT_THAT(words_for({"make", "-o", ""}), ElementsAre("alpha", "beta"));
    EXPECT_THAT(words_for({"make", "--output", "b"}), ElementsAre("beta"));
    EXPECT_THAT(words_for({"make", "--output=b"}), ElementsAre("--output=beta"));
    EXPECT_THAT(words_for({"make", "--output="}), ElementsAre("--output=alpha", "--output=beta"));
    EXPECT_THAT(words_for({"make", "-oa"}), ElementsAre("-oalpha"));
    EXPECT_THAT(words_for({"-o", "a", "tr"}), ElementsAre("tree"));
    EXPECT_THAT(words_for({"make", "--key", ""}), IsEmpty());
    EXPECT_THAT(words_for({"make", "--xtra=b"}), IsEmpty());
}

TEST(Completion, TakesAValueForNothingElse) {
    EXPECT_EQ(completed({"make", "-k", "--", ""}).kind, ValueKind::topic);
    EXPECT_EQ(completed({"make", "-k", "-x", ""}).kind, ValueKind::topic);
    EXPECT_EQ(completed({"-s", "tree", "make", ""}).kind, ValueKind::topic);
}

TEST(Completion, AsksForTheKindOfNameThatAPositionTakes) {
    EXPECT_EQ(completed({"make", ""}).kind, ValueKind::topic);
    EXPECT_EQ(completed({"make", "-vkfoo", ""}).kind, ValueKind::topic);
    EXPECT_EQ(completed({"make", "t", ""}).kind, ValueKind::file);
    EXPECT_EQ(completed({"make", "--", "-t", "-"}).kind, ValueKind::file);
    EXPECT_EQ(completed({"make", "t", "-", ""}).kind, ValueKind::free);
    EXPECT_EQ(completed({"tree", "cut", "a", "b", ""}).kind, ValueKind::topic);
    EXPECT_THAT(words_for({"make", "t", "f", ""}), ::testing::Contains("--key"));
}

TEST(Completion, AddsNamesThatFitAndAreNotTakenYet) {
    auto completion = completed({"tree", "cut", "apple", "a"});
    add_names(completion, {{"apple", ""}, {"apricot", ""}, {"banana", ""}});
    ASSERT_EQ(completion.candidates.size(), 1U);
    EXPECT_EQ(completion.candidates[0].word, "apricot");
}

TEST(Completion, TellsWhatTheLineGaveByTheFirstLongName) {
    EXPECT_THAT(completed({"-s", "h:1", "make", "--key=a=b", ""}).given,
                UnorderedElementsAre(Pair("--server", "h:1"), Pair("--key", "a=b")));
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"--broker", "h:1", "make", ""},
                                               {"make", "--server=h:1", ""},
                                               {"make", "-vsh:1", ""},
                                               {"make", "-s", "h:0", "-s", "h:1", ""}}) {
        EXPECT_THAT(completed(words).given, ElementsAre(Pair("--server", "h:1")));
    }
}

}  // namespace
}  // namespace millrace::cli
