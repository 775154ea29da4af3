// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The small public types.
#include "millrace/millrace.h"
#include "schemas/wire/errors.h"

#include <gtest/gtest.h>

#include <string_view>

namespace millrace {
namespace {

TEST(ErrorNames, AreTheWiresAndOurOwn) {
    for (const auto& row : wire::kErrorRows) {
        const auto code = static_cast<ErrorCode>(row.code);
        EXPECT_EQ(name_of(code), row.name);
        EXPECT_EQ(sentence_of(code), row.sentence);
        EXPECT_EQ(is_retryable(code), row.retryable);
    }
    EXPECT_EQ(name_of(ErrorCode::buffer_full), "buffer_full");
    EXPECT_EQ(name_of(ErrorCode::not_assigned), "not_assigned");
    EXPECT_FALSE(sentence_of(ErrorCode::closed).empty());
    EXPECT_TRUE(is_retryable(ErrorCode::disconnected));
    EXPECT_EQ(name_of(static_cast<ErrorCode>(999)), "unknown_server_error");
}

TEST(ErrorNumbers, AreTheWires) {
    EXPECT_EQ(static_cast<int>(ErrorCode::unknown_topic),
              static_cast<int>(wire::ErrorCode::unknown_topic));
    EXPECT_EQ(static_cast<int>(ErrorCode::invalid_fetch_session_epoch),
              static_cast<int>(wire::ErrorCode::invalid_fetch_session_epoch));
}

TEST(Uuid, IsWrittenAsUsual) {
    Uuid id;
    for (std::uint8_t i = 0; i < 16; ++i)
        id.bytes[i] = static_cast<std::uint8_t>(i * 17);
    EXPECT_EQ(id.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
}

TEST(HeadersView, GivesKeysAndValuesInOrderAndNull) {
    const std::string_view encoded("\x02k\x02v\x02k\x01\x00\x00", 9);
    const HeadersView headers(encoded, 3);
    std::vector<Header> seen(headers.begin(), headers.end());
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0].key, "k");
    EXPECT_EQ(seen[0].value, "v");
    EXPECT_EQ(seen[1].value, std::nullopt);
    EXPECT_EQ(seen[2].key, "");
    EXPECT_EQ(seen[2].value, "");
    EXPECT_TRUE(HeadersView().empty());
    EXPECT_EQ(HeadersView().begin(), HeadersView().end());
}

TEST(Result, HoldsAValueOrAnError) {
    Result<std::string> good("x");
    ASSERT_TRUE(good);
    EXPECT_EQ(*good, "x");
    const Result<std::string> bad(Error{ErrorCode::closed, "why"});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message, "why");
    EXPECT_EQ(bad.value_or("other"), "other");
    EXPECT_DEATH(static_cast<void>(bad.value()), "closed: why");
}

TEST(Version, IsTheProjects) {
    EXPECT_EQ(std::string_view(version()), MILLRACE_PROJECT_VERSION);
}

}  // namespace
}  // namespace millrace
