// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Records in and out of the command line: as JSON, from several topics, and picked by their text.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace millrace::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

class RecordStreams : public BrokerTest {
protected:
    void SetUp() override { start(); }

    std::vector<std::string> consume(std::vector<std::string> words) {
        words.insert(words.begin(), "consume");
        words.emplace_back("-e");
        const auto result = millrace(words);
        EXPECT_EQ(result.status, 0) << result.errors;
        return lines_of(result.output);
    }
};

TEST_F(RecordStreams, JsonOfATopicMakesAnotherLikeIt) {
    create("from", 3);
    create("to", 3);
    std::vector<Record> records;
    for (std::uint32_t i = 0; i < 30; ++i) {
        auto& record = records.emplace_back(record_of("from", "value \xff"));
        record.partition = i % 3;
        record.timestamp_ms = 1'700'000'000'000 + i;
        if (i % 2 == 0) record.key = "key";
        if (i % 5 == 0) record.value = std::nullopt;
        if (i % 3 == 0) record.headers = {{"h", "1"}, {"h", std::nullopt}, {"\xc3\xa9", "\xfe"}};
    }
    send_all(records);
    const auto text = millrace({"consume", "from", "-e", "-o", "jsonl"});
    ASSERT_EQ(text.status, 0) << text.errors;
    const auto produced = millrace({"produce", "to", "--jsonl"}, text.output);
    ASSERT_EQ(produced.status, 0) << produced.errors;
    const auto by_place = [](const StoredRecord& left, const StoredRecord& right) {
        return std::pair(left.partition, left.offset) < std::pair(right.partition, right.offset);
    };
    auto from = read("from", 30);
    auto to = read("to", 30);
    std::ranges::sort(from, by_place);
    std::ranges::sort(to, by_place);
    ASSERT_EQ(to.size(), from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        EXPECT_EQ(to[i].partition, from[i].partition);
        EXPECT_EQ(to[i].timestamp_ms, from[i].timestamp_ms);
        EXPECT_EQ(to[i].key, from[i].key);
        EXPECT_EQ(to[i].value, from[i].value);
        EXPECT_EQ(to[i].headers, from[i].headers);
    }
    const auto copy = millrace({"consume", "to", "-e", "-o", "jsonl"}).output;
    EXPECT_EQ(std::ranges::count(copy, '\n'), 30);
}

TEST_F(RecordStreams, AWrongLineIsNamedAndThoseBeforeItAreStored) {
    create("t", 1);
    const auto wrong =
            millrace({"produce", "t", "--jsonl"},
                     "{\"value\":\"one\"}\n{\"value\":\"two\"}\n{\"vaule\":\"three\"}\n");
    EXPECT_EQ(wrong.status, 2);
    EXPECT_THAT(wrong.errors, HasSubstr("Line 3 is no record: unknown field \"vaule\""));
    EXPECT_THAT(consume({"t"}), ElementsAre("one", "two"));
    EXPECT_EQ(millrace({"produce", "t", "--jsonl", "-k", "key"}).status, 2);
}

TEST_F(RecordStreams, PartitionOfTheCommandLineOverridesThatOfALine) {
    create("t", 2);
    EXPECT_EQ(millrace({"produce", "t", "--jsonl", "-p", "1", "-H", "from=test"},
                       "{\"value\":\"v\",\"partition\":0,\"headers\":[[\"own\",\"1\"]]}\n")
                      .status,
              0);
    EXPECT_THAT(consume({"t", "-f", "%p %h\\n"}), ElementsAre("1 from=test,own=1"));
}

TEST_F(RecordStreams, SeveralTopicsAreReadTogetherAndToldApart) {
    for (const std::string topic : {"a", "b", "c"}) {
        create(topic, 2);
        ASSERT_GE(send(record_of(topic, "of " + topic)), 0);
    }
    EXPECT_THAT(consume({"a", "b", "c", "-f", "%t: %v\\n"}),
                UnorderedElementsAre("a: of a", "b: of b", "c: of c"));
    EXPECT_EQ(consume({"a", "b", "c", "-n", "2"}).size(), 2U);
    EXPECT_EQ(consume({"a", "b", "a", "--from", "-1"}).size(), 2U);
    const auto unknown = millrace({"consume", "a", "missing", "-e"});
    EXPECT_EQ(unknown.status, 3);
    EXPECT_THAT(unknown.errors, HasSubstr("missing"));
}

TEST_F(RecordStreams, OnlyWhatMatchesIsPrintedAndCounted) {
    create("t", 1);
    EXPECT_EQ(
            millrace({"produce", "t", "-K", ":"}, "a:error 1\nb:fine\nerror:2\nc:error 3\n").status,
            0);
    EXPECT_THAT(consume({"t", "--grep", "err"}), ElementsAre("error 1", "2", "error 3"));
    EXPECT_THAT(consume({"t", "--grep", "err", "-n", "2"}), ElementsAre("error 1", "2"));
    EXPECT_THAT(consume({"t", "--grep", "^none$"}), ElementsAre());
    const auto wrong = millrace({"consume", "t", "--grep", "("});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_THAT(wrong.errors, HasSubstr("'(' is no regular expression"));
}

}  // namespace
}  // namespace millrace::testing
