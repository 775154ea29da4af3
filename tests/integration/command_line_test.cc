// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The command line as scripts use it: exit codes, fields and bytes are contracts.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <csignal>
#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class CommandLine : public BrokerTest {
protected:
    void SetUp() override { start(); }

    static std::vector<json> lines_of(const std::string& text) {
        std::vector<json> lines;
        std::size_t begin = 0;
        while (begin < text.size()) {
            const auto end = text.find('\n', begin);
            lines.push_back(json::parse(text.substr(begin, end - begin)));
            begin = end == std::string::npos ? text.size() : end + 1;
        }
        return lines;
    }

    static json last_error(const CommandResult& result) {
        const auto text = result.errors.substr(0, result.errors.find_last_not_of('\n') + 1);
        const auto begin = text.rfind('\n');
        return json::parse(begin == std::string::npos ? text : text.substr(begin + 1));
    }
};

TEST_F(CommandLine, CreatesShowsListsAndDeletesTopics) {
    EXPECT_EQ(millrace({"topic", "create", "orders", "-p", "3"}).status, 0);
    EXPECT_EQ(millrace({"topic", "create", "orders", "-p", "3"}).status, 4);
    EXPECT_EQ(millrace({"topic", "create", "orders", "-p", "3", "--if-not-exists"}).status, 0);
    const auto got = json::parse(millrace({"topic", "get", "orders", "-o", "json"}).output);
    EXPECT_EQ(got.at("name"), "orders");
    EXPECT_TRUE(got.at("config").is_object());
    ASSERT_EQ(got.at("partitions").size(), 3U);
    for (const auto* field : {"partition", "start_offset", "end_offset", "size_bytes"}) {
        EXPECT_TRUE(got.at("partitions")[0].contains(field)) << field;
    }
    const auto listed = json::parse(millrace({"topic", "list", "-o", "json"}).output);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].at("name"), "orders");
    EXPECT_EQ(millrace({"topic", "delete", "orders", "-y"}).status, 0);
    EXPECT_EQ(millrace({"topic", "get", "orders"}).status, 3);
}

TEST_F(CommandLine, AcceptsTheWordsPeopleKnowFromElsewhere) {
    const auto address = broker().address();
    const auto run = [&](std::vector<std::string> words) {
        words.insert(words.begin(), millrace_path());
        return run_command(words);
    };
    const auto created =
            run({"topic", "create", "orders", "--partitions", "2", "--bootstrap-server", address});
    EXPECT_EQ(created.status, 0) << created.errors;
    EXPECT_EQ(run({"topic", "describe", "orders", "--bootstrap-server", address}).status, 0);
    EXPECT_EQ(millrace({"produce", "orders"}, "a\n").status, 0);
    const auto consumed = millrace({"consume", "orders", "--from", "earliest", "-e"});
    EXPECT_EQ(consumed.output, "a\n");
    EXPECT_EQ(millrace({"consume", "orders", "--from", "latest", "-e"}).output, "");
}

TEST_F(CommandLine, AcknowledgesEveryLineWithItsOffset) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "3"}).status, 0);
    std::string input;
    for (int line = 1; line <= 1000; ++line)
        input += "line " + std::to_string(line) + "\n";
    input += "no newline";
    const auto produced = millrace({"produce", "orders", "-o", "jsonl"}, input);
    ASSERT_EQ(produced.status, 0) << produced.errors;
    const auto acks = lines_of(produced.output);
    ASSERT_EQ(acks.size(), 1001U);
    std::map<int, std::int64_t> last_offset;
    std::vector<bool> seen(1002);
    for (const auto& ack : acks) {
        const int partition = ack.at("partition");
        const std::int64_t offset = ack.at("offset");
        EXPECT_EQ(offset, last_offset.contains(partition) ? last_offset[partition] + 1 : 0);
        last_offset[partition] = offset;
        seen.at(ack.at("line").get<std::size_t>()) = true;
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 1001);
    const auto consumed = millrace({"consume", "orders", "-e", "-o", "jsonl"});
    EXPECT_EQ(lines_of(consumed.output).size(), 1001U);
}

TEST_F(CommandLine, KeepsEveryByteButTheNewline) {
    ASSERT_EQ(millrace({"topic", "create", "bytes", "-p", "1"}).status, 0);
    std::string input;
    for (int byte = 0; byte < 256; ++byte) {
        if (byte != '\n') input.push_back(static_cast<char>(byte));
    }
    input += "\n\nlast";
    ASSERT_EQ(millrace({"produce", "bytes"}, input).status, 0);
    EXPECT_EQ(millrace({"consume", "bytes", "-e", "-f", "%v\\n"}).output, input + "\n");
    const auto records = lines_of(millrace({"consume", "bytes", "-e", "-o", "jsonl"}).output);
    ASSERT_EQ(records.size(), 3U);
    EXPECT_TRUE(records[0].at("value").contains("base64"));
    EXPECT_EQ(records[1].at("value"), "");
    EXPECT_EQ(records[2].at("value"), "last");
}

TEST_F(CommandLine, ProducesKeysAndHeadersAndFormatsThem) {
    ASSERT_EQ(millrace({"topic", "create", "keyed", "-p", "1"}).status, 0);
    ASSERT_EQ(millrace({"produce", "keyed", "-K", ":", "-H", "a=b"}, "k:v\n").status, 0);
    EXPECT_EQ(millrace({"consume", "keyed", "-e", "-f", "%t %p %o %k %v %h\\n"}).output,
              "keyed 0 0 k v a=b\n");
    const auto record = lines_of(millrace({"consume", "keyed", "-e", "-o", "jsonl"}).output)[0];
    EXPECT_EQ(record.at("key"), "k");
    EXPECT_EQ(record.at("headers"), json::parse(R"([["a","b"]])"));
    EXPECT_TRUE(record.contains("timestamp"));
}

TEST_F(CommandLine, StartsWhereItIsToldAndStopsAfterCount) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "1"}).status, 0);
    std::string input;
    for (int line = 0; line < 100; ++line)
        input += std::to_string(line) + "\n";
    ASSERT_EQ(millrace({"produce", "orders"}, input).status, 0);
    EXPECT_EQ(millrace({"consume", "orders", "--from", "98", "-e"}).output, "98\n99\n");
    EXPECT_EQ(millrace({"consume", "orders", "--from", "-3", "-e"}).output, "97\n98\n99\n");
    EXPECT_EQ(millrace({"consume", "orders", "-n", "2"}).output, "0\n1\n");
    EXPECT_EQ(millrace({"consume", "orders", "--from", "@2000-01-01", "-n", "1"}).output, "0\n");
}

TEST_F(CommandLine, NamesAnUnknownTopicAndHowToMakeIt) {
    const auto produced = millrace({"produce", "nowhere"}, "x\n");
    EXPECT_EQ(produced.status, 3);
    EXPECT_THAT(produced.errors, HasSubstr("millrace topic create nowhere"));
    const auto scripted = millrace({"consume", "nowhere", "-e", "-o", "jsonl"});
    EXPECT_EQ(scripted.status, 3);
    const auto error = last_error(scripted).at("error");
    EXPECT_EQ(error.at("name"), "unknown_topic");
    EXPECT_TRUE(error.contains("message"));
    EXPECT_EQ(error.at("retryable"), false);
}

TEST_F(CommandLine, NamesTheLimitItsKeyAndTheTopicForAMessageThatIsTooLarge) {
    ASSERT_EQ(
            millrace({"topic", "create", "small", "-p", "1", "-c", "max.message.bytes=200"}).status,
            0);
    const auto produced = millrace({"produce", "small"}, std::string(1000, 'x') + "\n");
    EXPECT_EQ(produced.status, 1);
    EXPECT_THAT(produced.errors, HasSubstr("max.message.bytes"));
    EXPECT_THAT(produced.errors, HasSubstr("200"));
    EXPECT_THAT(produced.errors, HasSubstr("small"));
}

TEST_F(CommandLine, ChangesASettingAndShowsIt) {
    ASSERT_EQ(millrace({"topic", "create", "orders", "-p", "1"}).status, 0);
    ASSERT_EQ(millrace({"topic", "alter", "orders", "-c", "retention.ms=7d"}).status, 0);
    const auto got = json::parse(millrace({"topic", "get", "orders", "-o", "json"}).output);
    EXPECT_EQ(got.at("config").at("retention.ms"), "604800000");
}

TEST_F(CommandLine, SaysSixWhenNobodyListens) {
    const auto unreachable =
            run_command({millrace_path(), "-s", "127.0.0.1:1", "topic", "list", "-o", "json"});
    EXPECT_EQ(unreachable.status, 6);
    EXPECT_TRUE(last_error(unreachable).contains("error"));
}

TEST_F(CommandLine, SaysTwoForAWrongCommandAndNamesTheNearest) {
    const auto wrong = millrace({"topik", "list"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_THAT(wrong.errors, HasSubstr("topic"));
}

TEST_F(CommandLine, ReachesTheBrokerOverItsUnixSocket) {
    const auto over_socket =
            run_command({millrace_path(), "-s", broker().ready().local, "cluster", "info"});
    EXPECT_EQ(over_socket.status, 0) << over_socket.errors;
}

}  // namespace
}  // namespace millrace::testing
