// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The user's contexts, as commands take them.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Context : public BrokerTest {
protected:
    void SetUp() override { start(); }

    // A command with a configuration folder of the test's own and no other variable that counts.
    [[nodiscard]] CommandResult run(std::vector<std::string> words,
                                    std::vector<std::string> variables = {}) const {
        std::vector<std::string> command{"env",
                                         "-u",
                                         "MILLRACE_SERVER",
                                         "-u",
                                         "MILLRACE_CONTEXT",
                                         "XDG_CONFIG_HOME=" + elsewhere_.path().string()};
        command.insert(command.end(), variables.begin(), variables.end());
        command.push_back(millrace_path());
        command.insert(command.end(), words.begin(), words.end());
        return run_command(command);
    }

    [[nodiscard]] std::filesystem::path file() const {
        return elsewhere_.path() / "millrace" / "contexts.toml";
    }

    // An address at which nobody listens.
    const std::string nobody_ = "127.0.0.1:1";

private:
    DataDirectory elsewhere_;
};

TEST_F(Context, InUseNamesTheBrokerAndTheOutput) {
    create("orders", 1);
    ASSERT_EQ(run({"context", "add", "here", "--server", broker().address(), "-o", "json"}).status,
              0);
    const auto before = run({"topic", "list", "-s", nobody_});
    EXPECT_EQ(before.status, 6);
    ASSERT_EQ(run({"context", "use", "here"}).status, 0);
    const auto listed = run({"topic", "list"});
    ASSERT_EQ(listed.status, 0) << listed.errors;
    EXPECT_EQ(json::parse(listed.output)[0].at("name"), "orders");
    EXPECT_THAT(run({"topic", "list", "-o", "table"}).output, HasSubstr("NAME"));
}

TEST_F(Context, GivesWayInTheOrderThatIsPromised) {
    ASSERT_EQ(run({"context", "add", "here", "--server", broker().address()}).status, 0);
    ASSERT_EQ(run({"context", "add", "gone", "--server", nobody_}).status, 0);
    ASSERT_EQ(run({"context", "use", "gone"}).status, 0);
    const auto here = "MILLRACE_SERVER=" + broker().address();
    const auto gone = "MILLRACE_SERVER=" + nobody_;
    const auto info = std::vector<std::string>{"cluster", "info"};
    const auto with = [&info](std::vector<std::string> words) {
        words.insert(words.begin(), info.begin(), info.end());
        return words;
    };
    EXPECT_EQ(run(info).status, 6);
    EXPECT_EQ(run(info, {"MILLRACE_CONTEXT=here"}).status, 0);
    EXPECT_EQ(run(info, {"MILLRACE_CONTEXT=here", gone}).status, 6);
    EXPECT_EQ(run(info, {"MILLRACE_CONTEXT=gone", here}).status, 0);
    EXPECT_EQ(run(with({"--context", "here"}), {"MILLRACE_CONTEXT=gone", gone}).status, 0);
    EXPECT_EQ(run(with({"--context", "gone"}), {"MILLRACE_CONTEXT=here", here}).status, 6);
    EXPECT_EQ(run(with({"--context", "gone", "-s", broker().address()})).status, 0);
    EXPECT_EQ(run(info, {"MILLRACE_SERVER=", "MILLRACE_CONTEXT="}).status, 6);
}

TEST_F(Context, ThatAVariableStandsAboveIsUsedWithAWordAboutIt) {
    ASSERT_EQ(run({"context", "add", "here", "--server", "h:1"}).status, 0);
    EXPECT_EQ(run({"context", "use", "here"}).errors, "");
    EXPECT_THAT(run({"context", "use", "here"}, {"MILLRACE_SERVER=h:2"}).errors,
                HasSubstr("MILLRACE_SERVER is set, and stands above"));
    EXPECT_THAT(run({"context", "use", "here"}, {"MILLRACE_CONTEXT=here"}).errors,
                HasSubstr("MILLRACE_CONTEXT is set, and stands above"));
}

TEST_F(Context, IsListedShownAndDeleted) {
    EXPECT_EQ(json::parse(run({"context", "list", "-o", "json"}).output), json::array());
    ASSERT_EQ(run({"context", "add", "b", "--server", "h:1"}).status, 0);
    ASSERT_EQ(run({"context", "add", "a", "--server", "unix:/s", "-o", "jsonl"}).status, 0);
    ASSERT_EQ(run({"context", "use", "b"}).status, 0);
    const auto a =
            json{{"name", "a"}, {"server", "unix:/s"}, {"output", "jsonl"}, {"in_use", false}};
    const auto b = json{{"name", "b"}, {"server", "h:1"}, {"output", "table"}, {"in_use", true}};
    EXPECT_EQ(json::parse(run({"context", "list", "-o", "json"}).output), json::array({a, b}));
    EXPECT_EQ(json::parse(run({"context", "show", "-o", "json"}).output), b);
    EXPECT_EQ(json::parse(run({"context", "show", "a", "-o", "json"}).output), a);
    EXPECT_EQ(json::parse(run({"context", "show", "-o", "json"}, {"MILLRACE_CONTEXT=a"}).output),
              a);
    EXPECT_EQ(run({"context", "delete", "b"}).status, 0);
    EXPECT_EQ(json::parse(run({"context", "list", "-o", "json"}).output), json::array({a}));
    const auto none = run({"context", "show"});
    EXPECT_EQ(none.status, 3);
    EXPECT_THAT(none.errors, HasSubstr("No context is in use; there are: a."));
}

TEST_F(Context, ThatIsUnknownIsAnErrorWithTheKnownOnes) {
    ASSERT_EQ(run({"context", "add", "here", "--server", broker().address()}).status, 0);
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"topic", "list", "--context", "her"},
                                               {"context", "use", "her"},
                                               {"context", "show", "her"},
                                               {"context", "delete", "her"}}) {
        const auto unknown = run(words);
        EXPECT_EQ(unknown.status, 3) << words[1];
        EXPECT_THAT(unknown.errors, HasSubstr("There is no context 'her'; there are: here."));
    }
    EXPECT_EQ(run({"topic", "list"}, {"MILLRACE_CONTEXT=her"}).status, 3);
    // The way out is not barred by what it leads out of.
    EXPECT_EQ(run({"context", "use", "here"}, {"MILLRACE_CONTEXT=her"}).status, 0);
}

TEST_F(Context, IsAddedOnceAndOnlyWithAServer) {
    ASSERT_EQ(run({"context", "add", "here", "--server", "h:1"}).status, 0);
    const auto twice = run({"context", "add", "here", "--server", "h:2", "-o", "json"});
    EXPECT_EQ(twice.status, 4);
    EXPECT_EQ(json::parse(twice.errors).at("error").at("name"), "context_exists");
    EXPECT_EQ(json::parse(run({"context", "show", "here", "-o", "json"}).output).at("server"),
              "h:1");
    // A variable is about this command, not about what it keeps.
    const auto without = run({"context", "add", "there"}, {"MILLRACE_SERVER=h:3"});
    EXPECT_EQ(without.status, 2);
    EXPECT_THAT(without.errors, HasSubstr("millrace context add there --server HOST:PORT"));
    EXPECT_EQ(run({"context", "add", "th/ere", "--server", "h:1"}).status, 2);
}

TEST_F(Context, FileThatIsWrongIsAnErrorWithItsPlace) {
    std::filesystem::create_directories(file().parent_path());
    std::ofstream(file()) << "format = 1\n[contexts.here]\nserver = 9192\n";
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"topic", "list"},
                                               {"context", "list"},
                                               {"context", "add", "b", "--server", "h:1"}}) {
        const auto wrong = run(words);
        EXPECT_EQ(wrong.status, 1) << words[1];
        EXPECT_THAT(wrong.errors,
                    AllOf(HasSubstr(file().string() + ":3:10: server takes a text in quotes."),
                          HasSubstr("Correct it")));
    }
    EXPECT_EQ(run({"topic", "list", "-s", broker().address()}).status, 0);
}

}  // namespace
}  // namespace millrace::testing
