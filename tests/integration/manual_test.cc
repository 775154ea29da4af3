// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The manual as man and groff read it.
#include "tests/support/broker_process.h"
#include "tests/support/needed_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
        words.push_back(word);
    return words;
}

// Without the characters that are struck over.
std::string plain(const std::string& text) {
    std::string result;
    for (const char character : text) {
        if (character == '\b' && !result.empty()) {
            result.pop_back();
        } else {
            result += character;
        }
    }
    return result;
}

std::string output_of(std::vector<std::string> words) {
    words.insert(words.begin(), millrace_path());
    const auto result = run_command(words);
    EXPECT_EQ(result.status, 0) << result.errors;
    return result.output;
}

// What may follow these words, without the help.
std::vector<std::string> offered(std::vector<std::string> words, const std::string& begun) {
    words.insert(words.begin(), {"__complete", "--"});
    words.push_back(begun);
    std::istringstream stream(output_of(words));
    std::vector<std::string> found;
    for (std::string line; std::getline(stream, line);)
        found.push_back(line.substr(0, line.find('\t')));
    return found;
}

class Manual : public ::testing::Test {
protected:
    // Puts every page into a file and runs a program on each.
    void expect_no_warnings(const std::vector<std::string>& command) const {
        for (const auto& page : words_of(output_of({"__manual"}))) {
            const auto file = folder_.path() / (page + ".1");
            std::filesystem::create_directories(folder_.path());
            std::ofstream(file) << output_of({"__manual", page});
            auto words = command;
            words.push_back(file);
            const auto read = run_command(words);
            EXPECT_EQ(read.status, 0) << page;
            EXPECT_EQ(read.errors, "") << page;
            EXPECT_THAT(plain(read.output), HasSubstr("SYNOPSIS\n")) << page;
        }
    }

    DataDirectory folder_;
};

TEST_F(Manual, IsBuiltWithAPageForEachNoun) {
    const char* built = std::getenv("MILLRACE_TEST_MANUAL_PAGES");
    ASSERT_NE(built, nullptr);
    EXPECT_EQ(words_of(built), words_of(output_of({"__manual"})))
            << "manual_page_names in tools/millrace/meson.build";
}

TEST_F(Manual, RaisesNoWarningOfMan) {
    if (!has_program("man")) GTEST_SKIP() << "there is no man";
    expect_no_warnings({"man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8"});
}

TEST_F(Manual, RaisesNoWarningOfGroff) {
    if (!has_program("groff")) GTEST_SKIP() << "there is no groff";
    expect_no_warnings({"groff", "-man", "-ww", "-Tutf8"});
}

// What completion knows, the manual knows: as a reader sees it.
TEST_F(Manual, TellsEveryCommandAndOption) {
    if (!has_program("man")) GTEST_SKIP() << "there is no man";
    std::filesystem::create_directories(folder_.path());
    for (const auto& noun : offered({}, "")) {
        const auto file = folder_.path() / noun;
        std::ofstream(file) << output_of({"__manual", "millrace-" + noun});
        const auto text = plain(
                run_command({"env", "MANWIDTH=200", "man", "-E", "UTF-8", "-l", "-Tutf8", file})
                        .output);
        auto commands = offered({noun}, "");
        // A noun without verbs offers what follows it.
        if (output_of({noun, "--help"}).find("Subcommands:") == std::string::npos) commands = {""};
        for (const auto& verb : commands) {
            auto words = std::vector<std::string>{noun};
            if (!verb.empty()) words.push_back(verb);
            const auto line = "millrace " + noun + (verb.empty() ? "" : " " + verb) + " [OPTION]";
            EXPECT_THAT(text, HasSubstr(line));
            const auto options = offered(words, "--");
            EXPECT_FALSE(options.empty()) << line;
            for (const auto& option : options)
                EXPECT_THAT(text, HasSubstr(option)) << line;
        }
    }
}

TEST_F(Manual, HasNoOtherPage) {
    const auto none = run_command({millrace_path(), "__manual", "millrace-nothing"});
    EXPECT_EQ(none.status, 2);
    EXPECT_THAT(none.errors, HasSubstr("millrace-topic"));
}

}  // namespace
}  // namespace millrace::testing
