// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/session_choice.h"

#include "tests/tools/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Three contexts; each has its own server and output.
class SessionChoice : public ::testing::Test {
protected:
    void SetUp() override {
        write("format = 1\nin_use = \"used\"\n"
              "[contexts.used]\nserver = \"of-used\"\noutput = \"json\"\n"
              "[contexts.named]\nserver = \"of-named\"\noutput = \"jsonl\"\n"
              "[contexts.plain]\nserver = \"of-plain\"\n");
    }

    void write(std::string_view text) const { std::ofstream(file()) << text; }

    [[nodiscard]] fs::path file() const { return folder_.path() / "contexts.toml"; }

    [[nodiscard]] Session choose(const CommonOptions& given,
                                 const SessionEnvironment& environment = {}) const {
        const auto session = choose_session(given, environment, ContextStore(file()));
        EXPECT_TRUE(session) << session.error().message;
        return session.value_or(Session());
    }

    TemporaryFolder folder_;
};

TEST_F(SessionChoice, TakesTheServerFromTheFirstThatNamesIt) {
    const CommonOptions both{.server = "flag", .context = "named", .output = {}};
    const CommonOptions context{.server = {}, .context = "named", .output = {}};
    EXPECT_EQ(choose(both, {"variable", "plain"}).server, "flag");
    EXPECT_EQ(choose(context, {"variable", "plain"}).server, "of-named");
    EXPECT_EQ(choose({}, {"variable", "plain"}).server, "variable");
    EXPECT_EQ(choose({}, {"", "plain"}).server, "of-plain");
    EXPECT_EQ(choose({}).server, "of-used");
    write("format = 1\n");
    EXPECT_EQ(choose({}).server, "127.0.0.1:9192");
    fs::remove(file());
    EXPECT_EQ(choose({}).server, "127.0.0.1:9192");
}

TEST_F(SessionChoice, PrintsAsTheContextSaysUnlessTheLineDoes) {
    EXPECT_EQ(choose({}).output, OutputFormat::json);
    EXPECT_EQ(choose({.server = {}, .context = "named", .output = {}}).output, OutputFormat::jsonl);
    EXPECT_EQ(choose({}, {"", "plain"}).output, OutputFormat::table);
    EXPECT_EQ(choose({.server = {}, .context = "named", .output = OutputFormat::table}).output,
              OutputFormat::table);
}

TEST_F(SessionChoice, LetsANamedContextPrintForAServerNamedApart) {
    EXPECT_EQ(choose({.server = "flag", .context = "named", .output = {}}).output,
              OutputFormat::jsonl);
    EXPECT_EQ(choose({}, {"variable", "named"}).output, OutputFormat::jsonl);
}

TEST_F(SessionChoice, LeavesTheContextInUseAloneWhenAServerIsNamed) {
    write("this is no TOML");
    EXPECT_EQ(choose({.server = "flag", .context = {}, .output = {}}).server, "flag");
    const auto variable = choose({}, {"variable", ""});
    EXPECT_EQ(variable.server, "variable");
    EXPECT_EQ(variable.output, OutputFormat::table);
}

TEST_F(SessionChoice, RefusesAnUnknownContextAndNamesTheKnownOnes) {
    const auto flag = choose_session(
            {.server = {}, .context = "usd", .output = {}}, {}, ContextStore(file()));
    ASSERT_FALSE(flag);
    EXPECT_EQ(flag.error().code, ExitCode::not_found);
    EXPECT_THAT(flag.error().message, HasSubstr("'usd'; there are: named, plain, used."));
    const auto variable = choose_session({}, {"", "usd"}, ContextStore(file()));
    ASSERT_FALSE(variable);
    EXPECT_THAT(variable.error().message, HasSubstr("MILLRACE_CONTEXT names it."));
}

TEST_F(SessionChoice, RefusesAFileItCannotRead) {
    write("format = 1\nsurprise = 1\n");
    const auto wrong = choose_session({}, {}, ContextStore(file()));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ExitCode::failed);
    EXPECT_THAT(wrong.error().message, StartsWith(file().string() + ":2:1: "));
    const auto folder = choose_session({}, {}, ContextStore(folder_.path()));
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message,
                AllOf(StartsWith(folder_.path().string()), HasSubstr("Is a directory")));
}

}  // namespace
}  // namespace millrace::cli
