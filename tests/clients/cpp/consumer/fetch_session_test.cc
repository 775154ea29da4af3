// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "consumer/fetch_session.h"

#include <gtest/gtest.h>

namespace millrace::detail {
namespace {

FetchRow row(std::uint8_t topic, std::uint32_t partition, std::int64_t offset) {
    return {.topic = Uuid{{topic}},
            .partition = partition,
            .leader_epoch = -1,
            .offset = offset,
            .bytes_max = 1000};
}

FetchQuery ask(FetchSession& session, const std::vector<FetchRow>& wanted) {
    FetchQuery query;
    session.ask(wanted, query);
    return query;
}

TEST(FetchSession, NamesEverythingFirstAndOnlyChangesLater) {
    FetchSession session;
    auto query = ask(session, {row(1, 0, 0), row(1, 1, 0), row(2, 0, 5)});
    EXPECT_EQ(query.session_id, 0U);
    EXPECT_EQ(query.session_epoch, 0U);
    EXPECT_EQ(query.partitions.size(), 3U);
    session.answered({.session_id = 9, .session_epoch = 0, .partitions = {}});
    query = ask(session, {row(1, 0, 0), row(1, 1, 7)});
    EXPECT_EQ(query.session_id, 9U);
    EXPECT_EQ(query.session_epoch, 1U);
    ASSERT_EQ(query.partitions.size(), 1U);
    EXPECT_EQ(query.partitions[0].offset, 7);
    ASSERT_EQ(query.forgotten.size(), 1U);
    EXPECT_EQ(query.forgotten[0].topic, (Uuid{{2}}));
    session.answered({.session_id = 9, .session_epoch = 1, .partitions = {}});
    query = ask(session, {row(1, 0, 0), row(1, 1, 7)});
    EXPECT_EQ(query.session_epoch, 2U);
    EXPECT_TRUE(query.partitions.empty());
    EXPECT_TRUE(query.forgotten.empty());
}

TEST(FetchSession, NamesEverythingAgainAfterAReset) {
    FetchSession session;
    ask(session, {row(1, 0, 0)});
    session.answered({.session_id = 9, .session_epoch = 0, .partitions = {}});
    session.reset();
    const auto query = ask(session, {row(1, 0, 0)});
    EXPECT_EQ(query.session_id, 9U) << "so that the broker can end it";
    EXPECT_EQ(query.session_epoch, 0U);
    EXPECT_EQ(query.partitions.size(), 1U);
}

TEST(FetchSession, NamesEverythingWhenTheBrokerGivesNoSession) {
    FetchSession session;
    ask(session, {row(1, 0, 0)});
    session.answered({.session_id = 0, .session_epoch = 0, .partitions = {}});
    const auto query = ask(session, {row(1, 0, 0)});
    EXPECT_EQ(query.session_epoch, 0U);
    EXPECT_EQ(query.partitions.size(), 1U);
    EXPECT_TRUE(query.forgotten.empty());
}

}  // namespace
}  // namespace millrace::detail
