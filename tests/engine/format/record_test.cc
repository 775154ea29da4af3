// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/record.h"

#include "tests/engine/format/batch_bytes.h"

#include <gtest/gtest.h>

namespace millrace::engine::testing {
namespace {

TEST(Record, ReadsKeyValueAndHeaders) {
    const auto bytes = from_hex("1c 00 00 00 04 6b31 04 7631 02 02 68 02 78  55");
    Bytes from(bytes);
    const auto record = take_record(from);
    ASSERT_TRUE(record);
    EXPECT_EQ(from.size(), 1U);
    EXPECT_EQ(record->timestamp_delta, 0);
    EXPECT_EQ(record->offset_delta, 0);
    EXPECT_EQ(text_of(record->key.value()), "k1");
    EXPECT_EQ(text_of(record->value.value()), "v1");
    ASSERT_EQ(record->header_count, 1);
    auto headers = record->headers;
    const auto header = take_header(headers);
    ASSERT_TRUE(header);
    EXPECT_EQ(text_of(header->key), "h");
    EXPECT_EQ(text_of(header->value.value()), "x");
    EXPECT_TRUE(headers.empty());
}

TEST(Record, TellsNullFromEmpty) {
    const auto bytes = from_hex("0c 00 00 00 01 00 00");
    Bytes from(bytes);
    const auto record = take_record(from);
    ASSERT_TRUE(record);
    EXPECT_FALSE(record->key);
    ASSERT_TRUE(record->value);
    EXPECT_TRUE(record->value->empty());
}

TEST(Record, TakesNegativeTimesAndNullHeaderValues) {
    // length 10, time -1, offset 1, null, null, one header: "h" = null
    const auto bytes = from_hex("14 00 01 02 01 01 02 04 6868 01");
    Bytes from(bytes);
    const auto record = take_record(from);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->timestamp_delta, -1);
    EXPECT_EQ(record->offset_delta, 1);
    auto headers = record->headers;
    const auto header = take_header(headers);
    ASSERT_TRUE(header);
    EXPECT_EQ(text_of(header->key), "hh");
    EXPECT_FALSE(header->value);
}

struct BadRecord {
    const char* why;
    const char* hex;
};

class RefusedRecord : public ::testing::TestWithParam<BadRecord> {};

TEST_P(RefusedRecord, IsCorrupt) {
    const auto bytes = from_hex(GetParam().hex);
    Bytes from(bytes);
    const auto record = take_record(from);
    ASSERT_FALSE(record);
    EXPECT_EQ(record.error().code, Errc::corrupt_batch);
}

INSTANTIATE_TEST_SUITE_P(
        Each,
        RefusedRecord,
        ::testing::Values(BadRecord{"nothing", ""},
                          BadRecord{"length_zero", "00"},
                          BadRecord{"length_negative", "01"},
                          BadRecord{"length_beyond_the_bytes", "0e 00 00 00 01 00 00"},
                          BadRecord{"length_without_end", "80 80 80 80 80 00 00 00 00 01 00 00"},
                          BadRecord{"only_attributes", "02 00"},
                          BadRecord{"no_offset", "04 00 00"},
                          BadRecord{"time_without_end", "08 00 80 80 80"},
                          BadRecord{"offset_beyond_32_bits", "14 00 00 ff ff ff ff 1f 01 00 00"},
                          BadRecord{"key_length_below_null", "0c 00 00 00 03 00 00"},
                          BadRecord{"key_beyond_the_record", "0c 00 00 00 08 00 00"},
                          BadRecord{"value_length_below_null", "0c 00 00 00 01 03 00"},
                          BadRecord{"value_beyond_the_record", "0c 00 00 00 01 7e 00"},
                          BadRecord{"header_count_missing", "0a 00 00 00 01 01"},
                          BadRecord{"header_count_negative", "0c 00 00 00 01 01 01"},
                          BadRecord{"header_missing", "0c 00 00 00 01 01 02"},
                          BadRecord{"header_count_of_2_31", "14 00 00 00 01 01 fe ff ff ff 0f"},
                          BadRecord{"header_key_null", "10 00 00 00 01 01 02 01 01"},
                          BadRecord{"header_value_beyond", "10 00 00 00 01 01 02 00 04"},
                          BadRecord{"bytes_behind_the_headers", "0e 00 00 00 01 01 00 00"},
                          BadRecord{"a_header_more_than_counted", "10 00 00 00 01 01 00 00 01"}),
        [](const auto& test) { return std::string(test.param.why); });

}  // namespace
}  // namespace millrace::engine::testing
