// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/json_text.h"
#include "tools/millrace/latency_histogram.h"
#include "tools/millrace/line_reader.h"
#include "tools/millrace/position_text.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/record_format.h"
#include "tools/millrace/suggestion.h"
#include "tools/millrace/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace millrace::cli {
namespace {

using ::testing::ElementsAre;

std::string json_of(std::string_view bytes) {
    std::string text;
    append_json_bytes(text, bytes);
    return text;
}

TEST(JsonText, KeepsTextAndEscapesWhatJsonMust) {
    EXPECT_EQ(json_of("a\"b\\c\n\t\x01"), R"("a\"b\\c\n\t\u0001")");
    EXPECT_EQ(json_of("snow \xe2\x98\x83"), "\"snow \xe2\x98\x83\"");
}

TEST(JsonText, WritesBytesThatAreNotTextAsBase64) {
    EXPECT_EQ(json_of("\xff"), R"({"base64":"/w=="})");
    EXPECT_EQ(json_of("\xff\xfe"), R"({"base64":"//4="})");
    EXPECT_EQ(json_of(std::string_view("\xff\0\x01", 3)), R"({"base64":"/wAB"})");
}

TEST(JsonText, KnowsWhatUtf8Is) {
    EXPECT_TRUE(is_utf8("\xf0\x9f\x98\x80"));
    for (const std::string_view wrong : {"\x80",
                                         "\xc0\xaf",
                                         "\xe0\x80\xaf",
                                         "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80",
                                         "\xe2\x98",
                                         "\xf8"}) {
        EXPECT_FALSE(is_utf8(wrong));
    }
}

TEST(PositionText, ReadsEveryForm) {
    const auto kind = [](std::string_view text) { return parse_position(text).value().kind(); };
    const auto value = [](std::string_view text) { return parse_position(text).value().value(); };
    EXPECT_EQ(kind("start"), Position::Kind::start);
    EXPECT_EQ(kind("earliest"), Position::Kind::start);
    EXPECT_EQ(kind("latest"), Position::Kind::end);
    EXPECT_EQ(kind("42"), Position::Kind::offset);
    EXPECT_EQ(value("42"), 42);
    EXPECT_EQ(kind("-3"), Position::Kind::before_end);
    EXPECT_EQ(value("-3"), 3);
    EXPECT_EQ(value("@1700000000000"), 1'700'000'000'000);
    EXPECT_EQ(value("@2000-01-01"), 946'684'800'000);
    EXPECT_EQ(value("@2000-01-01T10:30"), 946'722'600'000);
    EXPECT_EQ(value("@2000-01-01T10:30:15.25Z"), 946'722'615'250);
    EXPECT_EQ(value("@2000-01-01T10:30+02:00"), 946'715'400'000);
}

TEST(PositionText, RefusesWhatIsNone) {
    for (const std::string_view wrong : {"",
                                         "now",
                                         "4x",
                                         "@",
                                         "@2000-13-01",
                                         "@2000-02-30",
                                         "@2000-01-01T25:00",
                                         "@2000-01-01x"}) {
        EXPECT_FALSE(parse_position(wrong)) << wrong;
    }
}

TEST(Quantity, ReadsSizesDurationsAndRates) {
    EXPECT_EQ(parse_count("64KiB"), 65'536U);
    EXPECT_EQ(parse_count("5 M"), 5'000'000U);
    EXPECT_EQ(parse_duration("2s"), std::chrono::milliseconds(2000));
    EXPECT_EQ(parse_rate("5k/s"), 5000U);
    for (const std::string_view wrong :
         {"", "KiB", "1XB", "99999999999999999999", "17179869184GiB"})
        EXPECT_FALSE(parse_count(wrong)) << wrong;
    EXPECT_FALSE(parse_duration("5"));
    EXPECT_FALSE(parse_rate("5k"));
}

TEST(Quantity, PrintsForPeople) {
    EXPECT_EQ(size_text(12), "12 B");
    EXPECT_EQ(size_text(375'390'208), "358 MiB");
    EXPECT_EQ(size_text(1536), "1.5 KiB");
    EXPECT_EQ(count_text(9'118'204), "9,118,204");
    EXPECT_EQ(count_text(12), "12");
}

TEST(RecordFormat, WritesEveryPart) {
    std::string wrong;
    const auto format = RecordFormat::parse(R"(%t[%p]@%o %k=%v %T %h %%\t\n)", wrong);
    ASSERT_TRUE(format);
    RecordView record;
    record.topic = "orders";
    record.partition = 2;
    record.offset = 7;
    record.timestamp_ms = 99;
    record.key = "k";
    record.value = std::string_view("v\0w", 3);
    std::string text;
    format->append(text, record);
    EXPECT_EQ(text, std::string("orders[2]@7 k=v\0w 99  %\t\n", 25));
}

TEST(RecordFormat, NamesWhatItDoesNotKnow) {
    std::string wrong;
    EXPECT_FALSE(RecordFormat::parse("%v%q", wrong));
    EXPECT_EQ(wrong, "%q");
    EXPECT_FALSE(RecordFormat::parse("%", wrong));
}

TEST(Suggestion, FindsTheNearestWords) {
    const std::vector<std::string> known = {"topic", "produce", "consume", "config", "cluster"};
    EXPECT_THAT(nearest("topik", known), ElementsAre("topic"));
    EXPECT_THAT(nearest("confg", known), ElementsAre("config"));
    EXPECT_TRUE(nearest("zzzzzzzz", known).empty());
}

TEST(Table, AlignsNumbersToTheRight) {
    Table table({"NAME", "SIZE"});
    table.add({"a", "5"});
    table.add({"long", "1,000"});
    EXPECT_EQ(table.text(), "NAME   SIZE\na         5\nlong  1,000\n");
}

TEST(LatencyHistogram, KeepsQuantilesWithinItsResolution) {
    LatencyHistogram histogram;
    for (int i = 1; i <= 1000; ++i)
        histogram.add(std::chrono::microseconds(i));
    EXPECT_NEAR(histogram.quantile_us(0.5), 500, 2);
    EXPECT_NEAR(histogram.quantile_us(0.99), 990, 2);
    EXPECT_NEAR(histogram.quantile_us(1), 1000, 1);
}

TEST(LatencyHistogram, ShowsTheLargestOfManyAndNothingOfNone) {
    LatencyHistogram histogram;
    EXPECT_EQ(histogram.quantile_us(1), 0);
    for (int i = 0; i < 100'000; ++i)
        histogram.add(std::chrono::nanoseconds(50));
    histogram.add(std::chrono::seconds(3));
    EXPECT_EQ(histogram.quantile_us(0.9999), 0.05);
    EXPECT_NEAR(histogram.quantile_us(1), 3e6, 3e3);
}

class Lines : public ::testing::Test {
protected:
    ~Lines() override { std::filesystem::remove(path_); }

    std::vector<std::string> read(const std::string& content) {
        std::ofstream(path_, std::ios::binary) << content;
        auto reader = LineReader::open(path_);
        std::vector<std::string> lines;
        while (const auto line = reader->next())
            lines.emplace_back(*line);
        return lines;
    }

    const std::string path_ =
            std::filesystem::temp_directory_path() / ("lines-" + std::to_string(getpid()));
};

TEST_F(Lines, AreReadWithOrWithoutALastNewline) {
    EXPECT_THAT(read("a\n\nb"), ElementsAre("a", "", "b"));
    EXPECT_THAT(read("a\n"), ElementsAre("a"));
    EXPECT_THAT(read(""), ElementsAre());
}

TEST_F(Lines, AreWholeAcrossReads) {
    const std::string huge(1'000'000, 'x');
    EXPECT_THAT(read("a\n" + huge + "\nb\n"), ElementsAre("a", huge, "b"));
}

}  // namespace
}  // namespace millrace::cli
