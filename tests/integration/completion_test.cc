// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The completion scripts in the shells they are for.
#include "tests/support/broker_fixture.h"
#include "tests/support/needed_program.h"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

using Words = std::vector<std::string>;

Words lines_of(const std::string& text) {
    std::istringstream stream(text);
    Words lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

// For a shell's source text.
std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char character : word)
        text += character == '\'' ? std::string("'\\''") : std::string(1, character);
    return text + "'";
}

std::string quoted(const Words& words) {
    std::string text;
    for (const auto& word : words)
        text += quoted(word) + " ";
    return text;
}

class Completion : public BrokerTest {
protected:
    void SetUp() override {
        start();
        create("orders", 1);
        create("orphans", 3);
        create("zebra", 1);
    }

    [[nodiscard]] CommandResult run(const Words& command, const std::string& server) const {
        Words words{"env",
                    "-u",
                    "MILLRACE_CONTEXT",
                    "HOME=" + elsewhere_.path().string(),
                    "XDG_CONFIG_HOME=" + elsewhere_.path().string(),
                    "MILLRACE_SERVER=" + server,
                    "PATH=" + fs::path(millrace_path()).parent_path().string() + ":" +
                            std::getenv("PATH")};
        words.insert(words.end(), command.begin(), command.end());
        return run_command(words);
    }

    // What bash has in COMPREPLY. `words`: as bash parts them, the program's name left out;
    // `line`: without the program's name, when words are parted where there is no blank.
    [[nodiscard]] Words in_bash(Words words,
                                std::string line = {},
                                const std::string& program = "millrace") const {
        if (line.empty()) {
            for (const auto& word : words)
                line += (line.empty() ? "" : " ") + word;
        }
        words.insert(words.begin(), program);
        const auto script =
                "source <(millrace completion bash) || exit 1\n"
                "COMP_WORDS=(" +
                quoted(words) +
                ")\n"
                "COMP_CWORD=" +
                std::to_string(words.size() - 1) +
                "\n"
                "COMP_LINE=" +
                quoted(program + " " + line) +
                "\n"
                "COMP_POINT=${#COMP_LINE}\n"
                "_millrace\n"
                "for word in \"${COMPREPLY[@]}\"; do printf '%s\\n' \"$word\"; done\n";
        const auto result = run({"bash", "--norc", "-c", script}, server_);
        EXPECT_EQ(result.status, 0) << script << result.errors;
        EXPECT_EQ(result.errors, "") << script;
        return lines_of(result.output);
    }

    [[nodiscard]] CommandResult asked(const Words& words) const {
        Words command{millrace_path(), "__complete", "--"};
        command.insert(command.end(), words.begin(), words.end());
        return run(command, server_);
    }

    std::string server_;  // In the environment.
    DataDirectory elsewhere_;
};

TEST_F(Completion, InBashOffersCommandsOptionsAndValues) {
    EXPECT_THAT(in_bash({""}), IsSupersetOf({"topic", "produce", "consume", "context"}));
    EXPECT_THAT(in_bash({"to"}), ElementsAre("topic"));
    EXPECT_THAT(in_bash({"topics", "desc"}), ElementsAre("describe"));
    EXPECT_THAT(in_bash({"produce", "--comp"}), ElementsAre("--compression"));
    EXPECT_THAT(in_bash({"produce", "-z", ""}),
                ElementsAre("none", "gzip", "snappy", "lz4", "zstd"));
    EXPECT_THAT(in_bash({"produce", "--acks", ""}), ElementsAre("0", "1", "all"));
    EXPECT_THAT(in_bash({"topic", "list", "-o", "j"}), ElementsAre("json", "jsonl"));
    EXPECT_THAT(in_bash({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

TEST_F(Completion, InBashWorksForAPathAndForAnAlias) {
    EXPECT_THAT(in_bash({"to"}, {}, millrace_path()), ElementsAre("topic"));
    EXPECT_THAT(in_bash({"to"}, {}, "an-alias"), ElementsAre("topic"));
}

TEST_F(Completion, InBashOffersLiveTopics) {
    server_ = broker().address();
    EXPECT_THAT(in_bash({"produce", ""}), ElementsAre("orders", "orphans", "zebra"));
    EXPECT_THAT(in_bash({"topic", "get", "or"}), ElementsAre("orders", "orphans"));
    EXPECT_THAT(in_bash({"consume", "orders", "o"}), ElementsAre("orphans"));
    EXPECT_THAT(in_bash({"topic", "create", ""}), IsEmpty());
    EXPECT_THAT(in_bash({"produce", "\"or"}), ElementsAre("orders", "orphans"));
}

TEST_F(Completion, InBashAsksTheBrokerOfTheLine) {
    const auto address = broker().address();
    const auto colon = address.find(':');
    const auto host = address.substr(0, colon);
    const auto port = address.substr(colon + 1);
    server_ = "127.0.0.1:1";
    EXPECT_THAT(in_bash({"topic", "get", ""}), IsEmpty());
    for (const auto* option : {"-s", "--server", "--bootstrap-server"}) {
        EXPECT_THAT(in_bash({option, address, "topic", "get", "z"}), ElementsAre("zebra"));
        // As bash parts them.
        EXPECT_THAT(in_bash({option, host, ":", port, "topic", "get", "z"},
                            std::string(option) + " " + address + " topic get z"),
                    ElementsAre("zebra"));
    }
    EXPECT_THAT(in_bash({"--server", "=", host, ":", port, "topic", "get", "z"},
                        "--server=" + address + " topic get z"),
                ElementsAre("zebra"));
    EXPECT_THAT(in_bash({"-s", "\"" + broker().ready().local + "\"", "topic", "get", "z"}),
                ElementsAre("zebra"));
}

TEST_F(Completion, InBashReplacesOnlyWhatFollowsTheEqualsSign) {
    EXPECT_THAT(in_bash({"produce", "--compression", "=", "z"}, "produce --compression=z"),
                ElementsAre("zstd"));
    EXPECT_THAT(in_bash({"produce", "--acks", "="}, "produce --acks="),
                ElementsAre("0", "1", "all"));
    // A word of its own is none that was parted.
    server_ = broker().address();
    EXPECT_THAT(in_bash({"produce", "-K", ":", "z"}), ElementsAre("zebra"));
}

TEST_F(Completion, InBashOffersFilesWhereFilesGo) {
    const auto folder = elsewhere_.path() / "files";
    fs::create_directories(folder);
    std::ofstream(folder / "two words") << "";
    std::ofstream(folder / "twin") << "";
    EXPECT_THAT(in_bash({"produce", "orders", (folder / "tw").string()}),
                UnorderedElementsAre((folder / "twin").string(), (folder / "two words").string()));
    EXPECT_THAT(in_bash({"segment", "verify", (folder / "twi").string()}),
                ElementsAre((folder / "twin").string()));
}

TEST_F(Completion, OffersContextsAndAsksTheirBrokers) {
    for (const auto& words : {Words{"here", "--server", broker().address()},
                              Words{"gone", "--server", "127.0.0.1:1"}}) {
        Words command{millrace_path(), "context", "add"};
        command.insert(command.end(), words.begin(), words.end());
        ASSERT_EQ(run(command, "").status, 0);
    }
    EXPECT_THAT(in_bash({"context", "use", ""}), ElementsAre("gone", "here"));
    EXPECT_THAT(in_bash({"topic", "list", "--context", "h"}), ElementsAre("here"));
    EXPECT_THAT(in_bash({"context", "add", ""}), IsEmpty());
    EXPECT_THAT(in_bash({"--context", "here", "topic", "get", "z"}), ElementsAre("zebra"));
    EXPECT_THAT(in_bash({"--context", "gone", "topic", "get", "z"}), IsEmpty());
    EXPECT_THAT(in_bash({"--context", "none", "topic", "get", "z"}), IsEmpty());
    ASSERT_EQ(run({millrace_path(), "context", "use", "here"}, "").status, 0);
    EXPECT_THAT(in_bash({"topic", "get", "z"}), ElementsAre("zebra"));
}

TEST_F(Completion, IsSilentAndInTimeWhateverTheBrokerDoes) {
    // Accepts, since the kernel does, and never answers.
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(listener, 8), 0);
    ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const auto mute = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    for (const auto& server : {mute, std::string("127.0.0.1:1"), std::string("no address")}) {
        const auto began = std::chrono::steady_clock::now();
        const auto result = asked({"-s", server, "topic", "get", ""});
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << server;
        EXPECT_EQ(result.status, 0) << server;
        EXPECT_EQ(result.output + result.errors, "") << server;
    }
    close(listener);
}

TEST_F(Completion, SaysNothingOfContextsItCannotRead) {
    fs::create_directories(elsewhere_.path() / "millrace");
    std::ofstream(elsewhere_.path() / "millrace/contexts.toml") << "rubbish";
    for (const auto& words : {Words{"context", "use", ""}, Words{"topic", "get", ""}}) {
        const auto result = asked(words);
        EXPECT_EQ(result.status, 0);
        EXPECT_EQ(result.output + result.errors, "");
    }
}

TEST_F(Completion, IsAskedByAWordThatHelpDoesNotTell) {
    const auto help = run({millrace_path(), "--help"}, "");
    EXPECT_THAT(help.output, AllOf(HasSubstr("completion"), Not(HasSubstr("__complete"))));
    EXPECT_THAT(asked({""}).output, Not(HasSubstr("__")));
    EXPECT_THAT(asked({"produce", "--acks"}).output, "--acks\t0, 1 or all\n");
}

TEST_F(Completion, InZshOffersWordsWithTheirHelp) {
    if (!has_program("zsh")) GTEST_SKIP() << "there is no zsh";
    server_ = broker().address();
    // The widget's parameters, and stand-ins for the built-ins that only a widget may call.
    const auto in_zsh = [this](Words words) {
        words.insert(words.begin(), "millrace");
        const auto script =
                "compdef() { :; }\n"
                "_files() { print -r -- FILES; }\n"
                "compadd() { local -a offered told; local word\n"
                "  offered=(\"${(@)@[5,-1]}\"); told=(\"${(@P)3}\")\n"
                "  for word in \"${(@)offered}\"; do print -r -- \"$word\"; done\n"
                "  for word in \"${(@)told}\"; do print -r -- \"[$word]\"; done }\n"
                "source <(millrace completion zsh) || exit 1\n"
                "words=(" +
                quoted(words) +
                ") CURRENT=$#words\n"
                "PREFIX=${words[-1]}\n"
                "_millrace\n";
        const auto result = run({"zsh", "-f", "-c", script}, server_);
        EXPECT_EQ(result.errors, "");
        return lines_of(result.output);
    };
    EXPECT_THAT(in_zsh({"topics", "desc"}),
                ElementsAre("describe", "[describe -- Partitions, offsets and settings]"));
    EXPECT_THAT(in_zsh({"produce", "--compression=z"}),
                ElementsAre("--compression=zstd", "[--compression=zstd]"));
    EXPECT_THAT(
            in_zsh({"topic", "get", "or"}),
            ElementsAre(
                    "orders", "orphans", "[orders -- 1 partition]", "[orphans -- 3 partitions]"));
    EXPECT_THAT(in_zsh({"produce", "orders", ""}), ElementsAre("FILES"));
    server_ = "127.0.0.1:1";
    EXPECT_THAT(in_zsh({"-s", "'" + broker().address() + "'", "topic", "get", "z"}),
                ElementsAre("zebra", "[zebra -- 1 partition]"));
    EXPECT_THAT(in_zsh({"topic", "get", ""}), IsEmpty());
}

TEST_F(Completion, InFishOffersWordsWithTheirHelp) {
    if (!has_program("fish")) GTEST_SKIP() << "there is no fish";
    server_ = broker().address();
    const auto in_fish = [this](const std::string& line) {
        const auto result = run({"fish",
                                 "--no-config",
                                 "-c",
                                 "millrace completion fish | source; complete -C " + quoted(line)},
                                server_);
        EXPECT_EQ(result.errors, "");
        return lines_of(result.output);
    };
    EXPECT_THAT(in_fish("millrace topics desc"),
                ElementsAre("describe\tPartitions, offsets and settings"));
    EXPECT_THAT(in_fish("millrace produce --compression=z"), ElementsAre("--compression=zstd"));
    EXPECT_THAT(in_fish("millrace topic get or"),
                ElementsAre("orders\t1 partition", "orphans\t3 partitions"));
    const auto folder = elsewhere_.path() / "files";
    fs::create_directories(folder);
    std::ofstream(folder / "twin") << "";
    EXPECT_THAT(in_fish("millrace produce orders " + (folder / "tw").string()),
                ElementsAre((folder / "twin").string()));
    server_ = "127.0.0.1:1";
    EXPECT_THAT(in_fish("millrace -s '" + broker().address() + "' topic get z"),
                ElementsAre("zebra\t1 partition"));
    EXPECT_THAT(in_fish("millrace topic get "), IsEmpty());
}

}  // namespace
}  // namespace millrace::testing
