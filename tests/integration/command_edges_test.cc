// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The command line where its surroundings end: interrupts, closed pipes, full disks, limits.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// A pipe with a name, open at both ends so that nobody's open() waits.
class Fifo {
public:
    explicit Fifo(const std::filesystem::path& path) : path_(path) {
        if (mkfifo(path.c_str(), 0666) != 0) throw std::runtime_error("mkfifo " + path.string());
        descriptor_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
    }

    ~Fifo() { close(descriptor_); }

    Fifo(const Fifo&) = delete;
    Fifo& operator=(const Fifo&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    void put(std::string_view text) const {
        ASSERT_EQ(write(descriptor_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }

    // What comes until `end` has come, or ten seconds without anything.
    [[nodiscard]] std::string read_until(std::string_view end) const {
        std::string text;
        pollfd entry{.fd = descriptor_, .events = POLLIN, .revents = 0};
        while (text.find(end) == std::string::npos && poll(&entry, 1, 10'000) == 1) {
            char part[4096];
            const auto count = read(descriptor_, part, sizeof part);
            if (count <= 0) break;
            text.append(part, static_cast<std::size_t>(count));
        }
        return text;
    }

private:
    std::filesystem::path path_;
    int descriptor_ = -1;
};

class CommandEdges : public BrokerTest {
protected:
    void SetUp() override { start(); }

    [[nodiscard]] std::filesystem::path beside_data(const std::string& name) const {
        return data().parent_path() / (data().filename().string() + "-" + name);
    }

    // A shell's line; in it $M is the program and MILLRACE_SERVER names the broker.
    [[nodiscard]] CommandResult shell(const std::string& line) {
        return run_command({"env",
                            "MILLRACE_SERVER=" + broker().address(),
                            "M=" + millrace_path(),
                            "bash",
                            "-c",
                            line});
    }

    void fill(const std::string& topic, int lines) {
        std::string input;
        for (int line = 0; line < lines; ++line)
            input += "line " + std::to_string(line) + "\n";
        ASSERT_EQ(millrace({"topic", "create", topic, "-p", "1"}).status, 0);
        ASSERT_EQ(millrace({"produce", topic}, input).status, 0);
    }
};

TEST_F(CommandEdges, AnInterruptedConsumerSaysWhatItPrinted) {
    fill("orders", 3);
    const Fifo output(beside_data("out"));
    ChildProcess consumer(
            {.command = {millrace_path(), "-s", broker().address(), "consume", "orders"},
             .environment = {},
             .output = output.path(),
             .input = {}});
    EXPECT_EQ(output.read_until("line 2\n"), "line 0\nline 1\nline 2\n");
    consumer.signal(SIGINT);
    EXPECT_EQ(consumer.wait(std::chrono::seconds(30)), 130);
    EXPECT_THAT(output.read_until("\n"), HasSubstr("interrupted: 3 records"));
    std::filesystem::remove(output.path());
}

TEST_F(CommandEdges, AnInterruptedProducerSaysWhatWasAcknowledged) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "1"}).status, 0);
    const Fifo input(beside_data("in"));
    const Fifo output(beside_data("out"));
    ChildProcess producer({.command = {millrace_path(),
                                       "-s",
                                       broker().address(),
                                       "produce",
                                       "orders",
                                       "-o",
                                       "jsonl"},
                           .environment = {},
                           .output = output.path(),
                           .input = input.path()});
    input.put("first\n");
    EXPECT_EQ(json::parse(output.read_until("\n")).at("line"), 1);
    producer.signal(SIGINT);
    EXPECT_EQ(producer.wait(std::chrono::seconds(30)), 130);
    EXPECT_THAT(output.read_until("\n"), HasSubstr("interrupted: 1 acknowledged, 0 failed"));
    std::filesystem::remove(input.path());
    std::filesystem::remove(output.path());
}

TEST_F(CommandEdges, AClosedPipeIsSilent) {
    fill("orders", 30'000);
    for (const auto* command : {"consume orders -e", "topic get orders"}) {
        const auto piped = shell(std::string("$M ") + command +
                                 " | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}");
        EXPECT_EQ(piped.output, "0\n") << command;
        EXPECT_EQ(piped.errors, "") << command;
    }
}

TEST_F(CommandEdges, AnOutputThatTakesNoMoreIsAnError) {
    fill("orders", 1);
    for (const auto* command : {"consume orders -e",
                                "topic list",
                                "config get",
                                "cluster info",
                                "produce orders -o jsonl <<< x"}) {
        const auto full = shell(std::string("$M ") + command + " >/dev/full");
        EXPECT_EQ(full.status, 1) << command;
        EXPECT_THAT(full.errors, HasSubstr("No space left on device")) << command;
    }
}

TEST_F(CommandEdges, AClosedStandardErrorChangesNoExitCode) {
    EXPECT_EQ(shell("$M topic get nowhere 2>&-").status, 3);
    EXPECT_EQ(shell("$M topic get nowhere 2>/dev/full").status, 3);
}

TEST_F(CommandEdges, RecordsThatFailAreToldAlthoughNobodyReadsTheAcknowledgements) {
    ASSERT_EQ(
            millrace({"topic", "create", "small", "-p", "1", "-c", "max.message.bytes=200"}).status,
            0);
    // The reader of the pipe has gone before; the rate keeps the two records in batches apart.
    const auto failed =
            shell("exec {pipe}> >(true); wait $!; { echo small; head -c 1000 /dev/zero; } |"
                  " $M produce small -o jsonl --rate 10/s >&$pipe; echo $?");
    EXPECT_EQ(failed.output, "1\n");
    EXPECT_THAT(failed.errors, HasSubstr("max.message.bytes"));
}

TEST_F(CommandEdges, ProducesAFileWithKeyCodecAcksAndPartition) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "3"}).status, 0);
    const auto file = beside_data("lines");
    for (const auto* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        std::ofstream(file) << codec << "\n";
        for (const auto* acks : {"0", "1", "all"}) {
            const auto produced = millrace({"produce",
                                            "orders",
                                            file,
                                            "-k",
                                            "key",
                                            "-z",
                                            codec,
                                            "--acks",
                                            acks,
                                            "-p",
                                            "2"});
            EXPECT_EQ(produced.status, 0) << codec << " " << acks << ": " << produced.errors;
        }
    }
    EXPECT_EQ(millrace({"consume", "orders", "-p", "2", "-n", "15", "-f", "%k "}).output.size(),
              60U);
    EXPECT_EQ(millrace({"consume", "orders", "-p", "1", "-e"}).output, "");
    const auto offsets = json::parse(millrace({"topic", "offsets", "orders", "-o", "json"}).output);
    ASSERT_EQ(offsets.size(), 3U);
    EXPECT_EQ(offsets[2].at("end_offset"), 15);
    std::filesystem::remove(file);
}

TEST_F(CommandEdges, WithoutAcknowledgementsPrintsNone) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "1"}).status, 0);
    EXPECT_EQ(millrace({"produce", "orders", "--acks", "0", "-o", "jsonl"}, "a\n").output, "");
}

TEST_F(CommandEdges, JsonIsOneDocumentForEveryCommand) {
    const auto document = [&](std::vector<std::string> words, std::string_view input = {}) {
        words.insert(words.end(), {"-o", "json"});
        const auto result = millrace(words, input);
        EXPECT_EQ(result.status, 0) << words[0] << ": " << result.errors;
        return json::parse(result.output);
    };
    EXPECT_EQ(document({"topic", "create", "orders", "-p", "1"}).at("partitions"), 1);
    EXPECT_EQ(document({"topic", "create", "orders", "--if-not-exists"}).at("name"), "orders");
    EXPECT_EQ(document({"topic", "alter", "orders", "-p", "2"}).at("name"), "orders");
    EXPECT_EQ(document({"config", "set", "orders", "retention.ms=7d"}).at("name"), "orders");
    EXPECT_EQ(document({"produce", "orders"}, "a\nb\n").size(), 2U);
    EXPECT_EQ(document({"produce", "orders"}, "").size(), 0U);
    EXPECT_EQ(document({"consume", "orders", "-e"}).size(), 2U);
    EXPECT_EQ(document({"config", "get", "orders", "retention.ms"})[0].at("value"), "604800000");
    EXPECT_EQ(document({"bench", "produce", "orders", "--records", "100"}).at("records"), 100);
    EXPECT_EQ(document({"bench", "consume", "orders"}).at("records"), 102);
    EXPECT_EQ(document({"bench", "e2e", "orders", "--records", "10"}).at("records"), 10);
    EXPECT_EQ(document({"topic", "delete", "orders", "-y"})[0].at("name"), "orders");
}

TEST_F(CommandEdges, ABenchmarkSaysWhatAnAcknowledgementMeantBesideEveryNumber) {
    ASSERT_EQ(millrace({"topic", "create", "safe", "-p", "2"}).status, 0);
    ASSERT_EQ(millrace({"topic", "create", "fast", "-c", "durability=memory"}).status, 0);
    for (const auto& [topic, durability] : {std::pair("safe", "synced"), {"fast", "memory"}}) {
        for (const auto* what : {"produce", "e2e"}) {
            const std::vector<std::string> words{"bench", what, topic, "--records", "50"};
            const auto lines = millrace(words).output;
            const auto claim = std::string("(durability ") + durability + ")\n";
            EXPECT_THAT(lines, ::testing::HasSubstr(" MB/s " + claim));
            EXPECT_THAT(lines, ::testing::EndsWith(claim));
            EXPECT_THAT(lines, ::testing::ContainsRegex("p50 [0-9]+ us.* max [1-9][0-9]* us"));
        }
    }
    const auto unasked =
            millrace({"bench", "produce", "safe", "--records", "5", "--acks", "0", "-o", "json"});
    EXPECT_EQ(json::parse(unasked.output).at("durability"), "none");
    EXPECT_EQ(millrace({"bench", "e2e", "safe", "--size", "3"}).status, 2);
}

TEST_F(CommandEdges, CountsFromNoneAndRefusesAnOffsetBeyondTheEnd) {
    fill("orders", 3);
    EXPECT_EQ(millrace({"consume", "orders", "-n", "0"}).output, "");
    const auto beyond = millrace({"consume", "orders", "-p", "0", "--from", "9", "-e"});
    EXPECT_EQ(beyond.status, 1);
    EXPECT_THAT(beyond.errors, HasSubstr("orders-0: offset 9 lies outside 0 to 3"));
    EXPECT_EQ(millrace({"config", "get", "orders", "no.such.key"}).status, 2);
}

TEST_F(CommandEdges, KeepsToTheRate) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "1"}).status, 0);
    const auto began = std::chrono::steady_clock::now();
    ASSERT_EQ(millrace({"produce", "orders", "--rate", "100/s"}, std::string(30, '\n')).status, 0);
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(290));
}

TEST_F(CommandEdges, PartlyDoneSaysEight) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "3"}).status, 0);
    EXPECT_EQ(millrace({"topic", "alter", "orders", "-c", "retention.ms=7d", "-p", "2"}).status, 8);
    EXPECT_EQ(millrace({"topic", "alter", "orders", "-p", "2"}).status, 1);
}

}  // namespace
}  // namespace millrace::testing
