// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/contexts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(std::string_view text) {
    const auto contexts = parse_contexts(text, "c.toml");
    return contexts ? "none" : contexts.error();
}

TEST(Contexts, ReadBackWhatWasWritten) {
    Contexts contexts;
    contexts.add({"prod.eu", "broker-1:9192,broker-2:9192", OutputFormat::jsonl});
    contexts.add({"local", "unix:/tmp/\"quoted\" \\ \xc3\xa9", OutputFormat::table});
    contexts.in_use = "prod.eu";
    const auto again = parse_contexts(contexts_text(contexts), "c.toml");
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->in_use, "prod.eu");
    EXPECT_THAT(again->names(), ElementsAre("local", "prod.eu"));
    for (const auto& context : contexts.all) {
        EXPECT_EQ(again->find(context.name)->server, context.server);
        EXPECT_EQ(again->find(context.name)->output, context.output);
    }
}

TEST(Contexts, AreNoneInAFileThatHoldsNone) {
    const auto contexts = parse_contexts("format = 1\n", "c.toml");
    ASSERT_TRUE(contexts) << contexts.error();
    EXPECT_TRUE(contexts->all.empty());
    EXPECT_EQ(contexts->in_use, "");
}

TEST(Contexts, NameTheLineAndColumnOfWhatIsWrong) {
    const struct {
        std::string_view text;
        std::string_view place;
        std::string_view why;
    } kWrong[] = {
            {"format = 1\nin_use = \n", "c.toml:2:", ""},
            {"format = 1\nin_use = 3", "c.toml:2:10: ", "in_use takes a text"},
            {"format = 1\nin_use = \"x\"", "c.toml:2:10: ", "no such context"},
            {"format = 1\n in_us = \"x\"", "c.toml:2:2: ", "the nearest: in_use"},
            {"format = 1\ncontexts = 1", "c.toml:2:12: ", "contexts is a table"},
            {"format = 1\n[contexts]\na = 1", "c.toml:3:1: ", "a context is a table"},
            {"format = 1\n[contexts.\"a b\"]\nserver = \"x\"", "c.toml:2:", "'a b' cannot be"},
            {"format = 1\n[contexts.a]\noutput = \"json\"", "c.toml:2:", "has no server"},
            {"format = 1\n[contexts.a]\nserver = \"\"", "c.toml:3:10: ", "server takes a text"},
            {"format = 1\n[contexts.a]\nserver = \"a\\n\"", "c.toml:3:10: ", "control characters"},
            {"format = 1\n[contexts.a]\nserver = \"x\"\noutput = \"xml\"",
             "c.toml:4:10: ",
             "output is table, json or jsonl, not 'xml'"},
            {"format = 1\n[contexts.a]\nserver = \"x\"\nsever = \"x\"",
             "c.toml:4:1: ",
             "there is no key 'sever' here; the nearest: server"},
            {"format = 1\n[contexts.a]\nserver = \"x\"\n[contexts.a]\n", "c.toml:4:", ""},
    };

    for (const auto& wrong : kWrong) {
        EXPECT_THAT(error_of(wrong.text), StartsWith(wrong.place)) << wrong.text;
        EXPECT_THAT(error_of(wrong.text), HasSubstr(wrong.why)) << wrong.text;
    }
}

TEST(Contexts, AreRefusedInAnotherFormatBeforeAnythingElseIsRead) {
    EXPECT_THAT(error_of("format = 2\nnovelty = true\n"),
                StartsWith("c.toml:1:10: its format is 2, and this millrace reads format 1"));
    EXPECT_THAT(error_of("in_use = \"a\"\n"), HasSubstr("format is missing; write: format = 1"));
    EXPECT_THAT(error_of("format = \"1\"\n"), HasSubstr("format takes a whole number"));
    EXPECT_THAT(error_of(""), StartsWith("c.toml:"));
}

TEST(Contexts, HaveNamesThatNoShellMustQuote) {
    for (const auto* name : {"a", "prod.eu-1_x", "9", "_"})
        EXPECT_TRUE(is_context_name(name)) << name;
    for (const auto* name : {"", "-a", "a b", "a/b", "a\"", "\xc3\xa9", "a\n", "$x", "*"})
        EXPECT_FALSE(is_context_name(name)) << name;
    EXPECT_TRUE(is_context_name(std::string(64, 'a')));
    EXPECT_FALSE(is_context_name(std::string(65, 'a')));
}

TEST(Contexts, HaveServersThatOneLineHolds) {
    EXPECT_TRUE(is_context_server("127.0.0.1:9192"));
    for (const auto* server : {"", "a\nb", "\x7f", "\xff"})
        EXPECT_FALSE(is_context_server(server)) << server;
}

TEST(Contexts, AreNotInUseAnyMoreOnceRemoved) {
    Contexts contexts;
    contexts.add({"a", "x", OutputFormat::table});
    contexts.add({"b", "y", OutputFormat::table});
    contexts.in_use = "a";
    contexts.remove("b");
    EXPECT_EQ(contexts.in_use, "a");
    contexts.remove("a");
    EXPECT_EQ(contexts.in_use, "");
    EXPECT_TRUE(contexts.all.empty());
}

}  // namespace
}  // namespace millrace::cli
