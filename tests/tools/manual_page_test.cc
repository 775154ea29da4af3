// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/manual_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// tool [-s ADDRESS]  cut [-f] WHAT... [FILE] | tree grow
CommandOutline tool() {
    CommandOutline root;
    root.name = "tool";
    root.help = "A tool";
    root.footer = "inherited";
    OptionOutline server;
    server.names = {"-s", "--server"};
    server.value = "ADDRESS";
    server.help = "Whose";
    server.environment = "TOOL_SERVER";
    OptionOutline help;
    help.names = {"-h", "--help"};
    root.options = {help, server};
    CommandOutline cut;
    cut.name = "cut";
    cut.help = "Cuts";
    cut.aliases = {"chop"};
    cut.footer = "inherited";
    OptionOutline what;
    what.value = "WHAT";
    what.required = true;
    what.repeated = true;
    OptionOutline file;
    file.value = "FILE";
    file.default_value = "-";
    cut.positionals = {what, file};
    OptionOutline fast;
    fast.names = {"-f", "--fast"};
    fast.help = ".5 of \\the 'time'";
    cut.options = {help, fast};
    CommandOutline grow;
    grow.name = "grow";
    grow.help = "Grows";
    CommandOutline tree;
    tree.name = "tree";
    tree.help = "Trees";
    tree.footer = ".first\nsecond";
    tree.commands = {grow};
    root.commands = {cut, tree};
    return root;
}

std::string page(const std::string& name) {
    return manual_page(tool(), name, "1.2").value_or("none");
}

TEST(ManualPage, IsOneForTheProgramAndOneForEachNoun) {
    EXPECT_THAT(manual_pages(tool()), ElementsAre("tool", "tool-cut", "tool-tree"));
    EXPECT_EQ(manual_page(tool(), "tool-grow", "1.2"), std::nullopt);
    EXPECT_THAT(page("tool-cut"), HasSubstr("tool\\-cut \\- Cuts\n"));
}

TEST(ManualPage, HasNoDateAndNoMoreThanTheVersionThatChanges) {
    EXPECT_THAT(page("tool"), HasSubstr(".TH TOOL 1 \"\" \"Millrace 1.2\" \"Millrace Manual\"\n"));
}

TEST(ManualPage, HasTheSectionsInTheirOrder) {
    for (const auto& name : manual_pages(tool())) {
        const auto text = page(name);
        std::size_t place = 0;
        for (const auto* section : {"NAME",
                                    "SYNOPSIS",
                                    "DESCRIPTION",
                                    "OPTIONS",
                                    "EXIT STATUS",
                                    "ENVIRONMENT",
                                    "SEE ALSO"}) {
            place = text.find(std::string(".SH ") + section + "\n", place);
            ASSERT_NE(place, std::string::npos) << name << " " << section;
        }
    }
}

TEST(ManualPage, TellsWhatACommandTakes) {
    EXPECT_THAT(page("tool-cut"),
                AllOf(HasSubstr("\\fBtool cut\\fR [\\fIOPTION\\fR] ... \\fIWHAT\\fR ... "
                                "[\\fIFILE\\fR]\n"),
                      HasSubstr("Cuts (also \\fBchop\\fR).\n"),
                      HasSubstr(".TP\n\\fB\\-f\\fR, \\fB\\-\\-fast\\fR\n\\&.5 of \\ethe "
                                "\\(aqtime\\(aq\n"),
                      HasSubstr("(default: \\-)")));
    EXPECT_THAT(page("tool-tree"),
                AllOf(HasSubstr("\\fBtool tree grow\\fR [\\fIOPTION\\fR]\n"),
                      HasSubstr(".SS tool tree grow\nGrows.\n")));
}

TEST(ManualPage, TellsOptionsOfEveryCommandOnce) {
    const auto text = page("tool-cut");
    const auto first = text.find("\\-\\-help");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(text.find("\\-\\-help", first + 1), std::string::npos);
    EXPECT_THAT(text,
                HasSubstr(".TP\n\\fBTOOL_SERVER\\fR\nCounts where \\fB\\-s\\fR, "
                          "\\fB\\-\\-server\\fR \\fIADDRESS\\fR is not given.\n"));
}

TEST(ManualPage, KeepsTheLinesOfAFooterOfItsOwn) {
    EXPECT_THAT(page("tool-tree"), HasSubstr(".nf\n\\&.first\nsecond\n.fi\n"));
    EXPECT_THAT(page("tool-cut"), Not(HasSubstr("inherited")));
}

TEST(ManualPage, SendsToAllOthersAndNotToItself) {
    EXPECT_THAT(page("tool-cut"),
                HasSubstr(".SH SEE ALSO\n\\fBtool\\fR(1),\n\\fBtool\\-tree\\fR(1)\n"));
}

TEST(ManualPage, LetsEveryCharacterStandForItself) {
    EXPECT_EQ(roff_text("a-b \\n 'x' `y` ^ ~"), "a\\-b \\en \\(aqx\\(aq \\(gay\\(ga \\(ha \\(ti");
    EXPECT_EQ(roff_text(".B"), "\\&.B");
    EXPECT_EQ(roff_text("'B"), "\\&\\(aqB");
}

}  // namespace
}  // namespace millrace::cli
