// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/json_record.h"
#include "tools/millrace/json_text.h"
#include "tools/millrace/record_filter.h"

#include <gmock/gmock.h>

namespace millrace::cli {
namespace {

using ::testing::Eq;
using ::testing::Optional;

std::string problem_of(std::string_view line) {
    const auto parsed = parse_json_record(line);
    return parsed ? "" : parsed.error().message;
}

TEST(JsonRecordText, TakesEveryField) {
    const auto record = parse_json_record(
            R"({"topic":"t","partition":3,"offset":7,"timestamp":1700000000000,"key":"k",)"
            R"("value":{"base64":"/wA="},"headers":[["a","1"],["b",null],["a",{"base64":"/w=="}]]})");
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_THAT(record->partition, Optional(3U));
    EXPECT_THAT(record->timestamp_ms, Optional(1'700'000'000'000));
    EXPECT_THAT(record->key, Optional(Eq("k")));
    EXPECT_EQ(record->value, std::string("\xff\0", 2));
    ASSERT_EQ(record->headers.size(), 3U);
    EXPECT_EQ(record->headers[1].second, std::nullopt);
    EXPECT_EQ(record->headers[2].first, "a");
    EXPECT_EQ(record->headers[2].second, "\xff");
}

TEST(JsonRecordText, TellsNullFromEmpty) {
    const auto record = parse_json_record(R"({"key":"","value":null})");
    ASSERT_TRUE(record);
    EXPECT_THAT(record->key, Optional(Eq("")));
    EXPECT_EQ(record->value, std::nullopt);
}

TEST(JsonRecordText, TakesWhatItsWriterWrites) {
    RecordView view;
    view.topic = "t";
    view.partition = 1;
    view.timestamp_ms = -1;
    view.key = "\xff\xfe";
    view.value = "a \"b\"\n\xe2\x98\x83";
    std::string line;
    append_json_record(line, view);
    const auto record = parse_json_record(line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->key, view.key);
    EXPECT_EQ(record->value, view.value);
    EXPECT_EQ(record->timestamp_ms, std::nullopt);
}

TEST(JsonRecordText, SaysWhatIsWrongWithALine) {
    EXPECT_EQ(problem_of("{\"value\":"), "no JSON at byte 10");
    EXPECT_EQ(problem_of(""), "no JSON at byte 1");
    EXPECT_EQ(problem_of("[1]"), "it is no JSON object");
    EXPECT_EQ(problem_of("{\"topic\":\"t\"}"), "it has neither \"key\" nor \"value\"");
    EXPECT_EQ(problem_of(R"({"value":1})"),
              R"("value" must be a string, {"base64":"..."} or null, not 1)");
    EXPECT_EQ(problem_of(R"({"value":{"base64":"*"}})"), R"("value" holds no valid base64)");
    EXPECT_EQ(problem_of(R"({"value":"v","partition":-1})"),
              R"("partition" must be a whole number from 0 to 4294967295 or null, not -1)");
    EXPECT_EQ(problem_of(R"({"value":"v","partition":4294967296})"),
              R"("partition" must be a whole number from 0 to 4294967295 or null, not 4294967296)");
    EXPECT_EQ(problem_of(R"({"value":"v","headers":[["a"]]})"),
              R"("headers" must be a list of [NAME, VALUE])");
    EXPECT_EQ(
            problem_of("{\"value\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}"),
            R"("value" must be a string, {"base64":"..."} or null, not a list)");
    EXPECT_EQ(problem_of(R"({"vaule":"v"})"),
              R"(unknown field "vaule": there are key, value, headers, partition and timestamp)");
}

TEST(Base64, TakesBackWhatWasWritten) {
    for (const std::string bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"}) {
        std::string text;
        append_json_bytes(text, bytes + "\xff");
        const auto inner = text.substr(11, text.size() - 13);
        EXPECT_EQ(decode_base64(inner), bytes + "\xff") << text;
    }
    for (const auto* text : {"a", "ab", "abc", "ab=c", "=abc", "abc\n", "a==="})
        EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

TEST(RecordFilter, LooksIntoKeyAndValue) {
    std::string wrong;
    const auto filter = RecordFilter::parse("^err(or)?$|\\d{3}", wrong);
    ASSERT_NE(filter, nullptr) << wrong;
    RecordView record;
    EXPECT_FALSE(filter->matches(record));
    record.value = "code 404";
    EXPECT_TRUE(filter->matches(record));
    record.value = "fine";
    EXPECT_FALSE(filter->matches(record));
    record.key = "err";
    EXPECT_TRUE(filter->matches(record));
    record.key = std::string_view("\xff\0 123", 6);
    EXPECT_TRUE(filter->matches(record));
}

TEST(RecordFilter, SaysWhyAPatternIsNone) {
    std::string wrong;
    EXPECT_EQ(RecordFilter::parse("(", wrong), nullptr);
    EXPECT_NE(wrong, "");
}

}  // namespace
}  // namespace millrace::cli
