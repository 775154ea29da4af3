// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using wire::ErrorCode;

constexpr std::uint16_t number_of(ErrorCode code) {
    return static_cast<std::uint16_t>(code);
}

class FetchTest : public ::testing::TestWithParam<std::uint32_t> {
protected:
    void SetUp() override {
        ASSERT_TRUE(rig_.start()) << rig_.events();
        peer_ = &rig_.connect(0);
        id_ = create(rig_, *peer_, "orders", 16);
    }

    void produce(std::uint32_t partition, const std::string& value) {
        EXPECT_GE(produce_one(rig_, *producer(), {id_, partition}, value), 0);
    }

    PeerDouble* producer() {
        if (producer_ == nullptr) producer_ = &rig_.connect(GetParam() - 1);
        return producer_;
    }

    [[nodiscard]] FetchedRecords fetch(const Wanted& wanted, const FetchOptions& options = {}) {
        return fetched_one(rig_.ask(*peer_, fetch_request({wanted}, options)));
    }

    [[nodiscard]] std::vector<Wanted> all_partitions(std::int64_t offset = 0) const {
        std::vector<Wanted> wanted;
        for (std::uint32_t partition = 0; partition < 16; ++partition) {
            wanted.push_back({{id_, partition}, offset});
        }
        return wanted;
    }

    SimDisk disk_;
    ServiceRig rig_{disk_, {.shards = GetParam()}};
    PeerDouble* peer_ = nullptr;
    PeerDouble* producer_ = nullptr;
    engine::TopicId id_;
};

TEST_P(FetchTest, WaitsForARecordAndIsWokenByIt) {
    for (std::uint32_t partition = 0; partition < 4; ++partition) {
        const auto before = peer_->answers.size();
        rig_.send(*peer_, fetch_request({{{id_, partition}}}, {.wait_max_ms = 60'000}));
        rig_.advance(seconds(59));
        EXPECT_EQ(peer_->answers.size(), before);
        const auto asked = rig_.clock().monotonic_now();
        produce(partition, "a");
        ASSERT_TRUE(rig_.run_until([&] { return peer_->answers.size() > before; }));
        EXPECT_LT(rig_.clock().monotonic_now() - asked, milliseconds(100));
        EXPECT_THAT(fetched_one(peer_->answers.back()).records, ElementsAre(Pair(0, "a")));
    }
}

TEST_P(FetchTest, AnswersEmptyWhenItsTimeIsUpAndNotBefore) {
    const auto before = peer_->answers.size();
    rig_.send(*peer_, fetch_request(all_partitions(), {.wait_max_ms = 500}));
    rig_.advance(milliseconds(499));
    EXPECT_EQ(peer_->answers.size(), before);
    rig_.advance(milliseconds(2));
    ASSERT_EQ(peer_->answers.size(), before + 1);
    const auto rows = fetched(peer_->answers.back());
    EXPECT_EQ(rows.size(), 16U);
    for (const auto& [key, row] : rows) {
        EXPECT_EQ(row.error, 0);
        EXPECT_EQ(row.high_watermark, 0);
        EXPECT_THAT(row.records, IsEmpty());
    }
}

TEST_P(FetchTest, WithoutWaitingAnswersAtOnce) {
    const auto now = rig_.clock().monotonic_now();
    const auto rows =
            fetched(rig_.ask(*peer_, fetch_request(all_partitions(), {.wait_max_ms = 0})));
    EXPECT_EQ(rows.size(), 16U);
    EXPECT_LT(rig_.clock().monotonic_now() - now, milliseconds(100));
}

TEST_P(FetchTest, WaitsUntilThereAreEnoughBytesOverAllShards) {
    const auto before = peer_->answers.size();
    rig_.send(*peer_, fetch_request(all_partitions(), {.wait_max_ms = 60'000, .bytes_min = 3'000}));
    for (std::uint32_t partition = 0; partition < 2; ++partition) {
        produce(partition, std::string(900, 'x'));
        rig_.settle();
        EXPECT_EQ(peer_->answers.size(), before);
    }
    produce(7, std::string(900, 'y'));
    rig_.settle();
    EXPECT_EQ(peer_->answers.size(), before);
    produce(9, std::string(900, 'z'));
    ASSERT_TRUE(rig_.run_until([&] { return peer_->answers.size() > before; }));
    std::size_t records = 0;
    for (const auto& [key, row] : fetched(peer_->answers.back()))
        records += row.records.size();
    EXPECT_EQ(records, 4U);
}

TEST_P(FetchTest, GivesWhatThereIsWhenTheBytesDoNotComeInTime) {
    const auto before = peer_->answers.size();
    rig_.send(*peer_, fetch_request(all_partitions(), {.wait_max_ms = 500, .bytes_min = 3'000}));
    produce(3, "a");
    rig_.advance(milliseconds(501));
    ASSERT_EQ(peer_->answers.size(), before + 1);
    std::size_t records = 0;
    for (const auto& [key, row] : fetched(peer_->answers.back()))
        records += row.records.size();
    EXPECT_EQ(records, 1U);
}

TEST_P(FetchTest, KeepsItsLimitsButForTheFirstBatch) {
    for (std::uint32_t partition = 0; partition < 16; ++partition) {
        for (int number = 0; number < 3; ++number)
            produce(partition, std::string(1'000, 'x'));
    }
    const auto batch = batch_of({std::string(1'000, 'x')}).size();
    const auto one = rig_.ask(*peer_, fetch_request(all_partitions(), {.bytes_max = 10}));
    EXPECT_EQ(one.payload.size(), batch);
    const auto some = rig_.ask(
            *peer_,
            fetch_request(all_partitions(), {.bytes_max = static_cast<std::uint32_t>(7 * batch)}));
    EXPECT_LE(some.payload.size(), 7 * batch);
    EXPECT_GE(some.payload.size(), batch);
    auto narrow = all_partitions();
    for (auto& wanted : narrow)
        wanted.bytes_max = static_cast<std::uint32_t>(batch);
    for (const auto& [key, row] : fetched(rig_.ask(*peer_, fetch_request(narrow)))) {
        EXPECT_LE(row.records.size(), 1U);
    }
}

TEST_P(FetchTest, NamesTheRangeWhenTheOffsetLiesOutside) {
    produce(0, "a");
    const auto answer = rig_.ask(*peer_, fetch_request({{{id_, 0}, 5}}));
    const auto row = fetched_one(answer);
    EXPECT_EQ(row.error, number_of(ErrorCode::offset_out_of_range));
    EXPECT_EQ(row.high_watermark, 1);
    EXPECT_EQ(row.log_start, 0);
    EXPECT_EQ(answer.as<wire::FetchResponse>()->messages()->Get(0)->message()->str(),
              "Partition 0 of topic 'orders' holds offsets 0 to 1.");
}

TEST_P(FetchTest, AnswersForUnknownPartitionsAtOnce) {
    const auto now = rig_.clock().monotonic_now();
    const auto rows =
            fetched(rig_.ask(*peer_,
                             fetch_request({{{id_, 99}}, {{engine::TopicId{{7}}, 0}}, {{id_, 1}}},
                                           {.wait_max_ms = 60'000})));
    EXPECT_LT(rig_.clock().monotonic_now() - now, milliseconds(100));
    ASSERT_EQ(rows.size(), 3U);
    for (const auto& [key, row] : rows) {
        const auto expected = key.topic != id_      ? ErrorCode::unknown_topic
                              : key.partition == 99 ? ErrorCode::unknown_partition
                                                    : ErrorCode::none;
        EXPECT_EQ(row.error, number_of(expected)) << key.partition;
    }
}

TEST_P(FetchTest, IsEndedByTheDeletionOfItsTopic) {
    const auto before = peer_->answers.size();
    rig_.send(*peer_, fetch_request({{{id_, 3}}}, {.wait_max_ms = 60'000}));
    produce(4, "elsewhere");
    static_cast<void>(rig_.ask(*producer(), delete_topic_request("orders")));
    ASSERT_TRUE(rig_.run_until([&] { return peer_->answers.size() > before; }));
    EXPECT_EQ(fetched_one(peer_->answers.back()).error, number_of(ErrorCode::unknown_topic));
}

TEST_P(FetchTest, HoldsBackUntilTheConnectionHasDrained) {
    produce(0, "a");
    const auto before = peer_->answers.size();
    peer_->unsent = (1U << 20) + 1;
    rig_.send(*peer_, fetch_request({{{id_, 0}}}));
    rig_.settle();
    EXPECT_EQ(peer_->answers.size(), before);
    peer_->unsent = 0;
    rig_.drained(*peer_);
    ASSERT_TRUE(rig_.run_until([&] { return peer_->answers.size() > before; }));
    EXPECT_EQ(fetched_one(peer_->answers.back()).records.size(), 1U);
}

TEST_P(FetchTest, OfAConnectionThatCloses_IsForgotten) {
    rig_.send(*peer_, fetch_request(all_partitions(), {.wait_max_ms = 60'000}));
    rig_.send(*peer_, fetch_request(all_partitions(), {.session_epoch = 0, .wait_max_ms = 60'000}));
    rig_.settle();
    rig_.close(*peer_);
    rig_.settle();
    produce(0, "a");  // Wakes nobody.
    peer_ = &rig_.connect(0);
    EXPECT_EQ(fetch({{id_, 0}}).records.size(), 1U);
}

TEST_P(FetchTest, IsEndedByAStop) {
    const auto before = peer_->answers.size();
    rig_.send(*peer_, fetch_request(all_partitions(), {.wait_max_ms = 60'000}));
    rig_.settle();
    const auto now = rig_.clock().monotonic_now();
    rig_.stop_services();
    EXPECT_LT(rig_.clock().monotonic_now() - now, milliseconds(100));
    EXPECT_EQ(peer_->answers.size(), before + 1);
    const auto refused = rig_.ask(*peer_, fetch_request(all_partitions()));
    EXPECT_EQ(refused.error(), number_of(ErrorCode::shutting_down));
}

TEST_P(FetchTest, TellsAReaderOfALostPastWhereTheLogsPart) {
    produce(0, "a");
    ASSERT_TRUE(rig_.stop());
    const auto epoch_of_reader = 0;
    // A crash: what was not flushed is gone, and the next run has another epoch.
    ServiceRig next(disk_, {.shards = GetParam()});
    ASSERT_TRUE(next.start()) << next.events();
    auto& peer = next.connect(0);
    const auto row = fetched_one(
            next.ask(peer, fetch_request({{{id_, 0}, 5, epoch_of_reader}}, {.wait_max_ms = 0})));
    EXPECT_EQ(row.error, number_of(ErrorCode::log_truncated));
    EXPECT_EQ(row.diverging_end, 1);
    EXPECT_EQ(row.diverging_epoch, 0);
}

// From segment files: one read ends where its segment does.
TEST_P(FetchTest, DoesNotWaitForMoreBytesWhereTheNextSegmentHasThem) {
    const auto large = create(rig_, *peer_, "large", 1, {{"segment.bytes", "4KiB"}});
    const std::string value(1'500, 'x');
    for (int number = 0; number < 5; ++number)
        EXPECT_GE(produce_one(rig_, *producer(), {large, 0}, value), 0);
    ASSERT_TRUE(rig_.stop());
    ServiceRig next(disk_, {.shards = GetParam()});
    ASSERT_TRUE(next.start()) << next.events();
    auto& peer = next.connect(0);
    const auto now = next.clock().monotonic_now();
    const FetchOptions options{.wait_max_ms = 60'000, .bytes_min = 3'000};
    EXPECT_EQ(fetched_one(next.ask(peer, fetch_request({{{large, 0}, 1}}, options))).records.size(),
              1U);
    EXPECT_LT(next.clock().monotonic_now() - now, seconds(1));
}

class FetchSessionTest : public FetchTest {
protected:
    // Opens a session over all partitions and returns its id.
    std::uint32_t open_session() {
        const auto answer = rig_.ask(
                *peer_, fetch_request(all_partitions(), {.session_epoch = 0, .wait_max_ms = 0}));
        const auto* response = answer.as<wire::FetchResponse>();
        EXPECT_EQ(fetched(answer).size(), 16U);
        EXPECT_NE(response->session_id(), 0U);
        EXPECT_EQ(response->session_epoch(), 0U);
        return response->session_id();
    }

    [[nodiscard]] Answer poll(std::uint32_t session,
                              std::uint32_t epoch,
                              const std::vector<Wanted>& changes = {},
                              const std::vector<engine::PartitionKey>& forgotten = {}) {
        return rig_.ask(*peer_,
                        fetch_request(changes,
                                      {.session_id = session,
                                       .session_epoch = epoch,
                                       .wait_max_ms = 100,
                                       .forgotten = forgotten}));
    }
};

TEST_P(FetchSessionTest, CarriesOnlyChanges) {
    const auto session = open_session();
    EXPECT_THAT(fetched(poll(session, 1)), IsEmpty());
    produce(3, "a");
    auto rows = fetched(poll(session, 2));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].first.partition, 3U);
    EXPECT_THAT(rows[0].second.records, ElementsAre(Pair(0, "a")));
    // The reader has not moved on: it gets the same again.
    EXPECT_EQ(fetched(poll(session, 3)).size(), 1U);
    EXPECT_THAT(fetched(poll(session, 4, {{{id_, 3}, 1}})), IsEmpty());
    produce(3, "b");
    rows = fetched(poll(session, 5));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_THAT(rows[0].second.records, ElementsAre(Pair(1, "b")));
}

TEST_P(FetchSessionTest, ForgetsAndTakesPartitions) {
    const auto session = open_session();
    produce(2, "a");
    produce(5, "b");
    const auto rows = fetched(poll(session, 1, {}, {{id_, 2}}));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].first.partition, 5U);
    const auto again = fetched(poll(session, 2, {{{id_, 2}, 0}}, {{id_, 5}}));
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].first.partition, 2U);
}

TEST_P(FetchSessionTest, WakesWhileItWaits) {
    const auto session = open_session();
    const auto before = peer_->answers.size();
    rig_.send(
            *peer_,
            fetch_request({}, {.session_id = session, .session_epoch = 1, .wait_max_ms = 60'000}));
    rig_.settle();
    EXPECT_EQ(peer_->answers.size(), before);
    produce(11, "a");
    ASSERT_TRUE(rig_.run_until([&] { return peer_->answers.size() > before; }));
    const auto rows = fetched(peer_->answers.back());
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].first.partition, 11U);
}

TEST_P(FetchSessionTest, RefusesAnotherEpochThanTheNext) {
    const auto session = open_session();
    EXPECT_EQ(poll(session, 2).error(), number_of(ErrorCode::invalid_fetch_session_epoch));
    EXPECT_EQ(poll(session, 1).error(), 0);
    EXPECT_EQ(poll(session, 1).error(), number_of(ErrorCode::invalid_fetch_session_epoch));
    EXPECT_EQ(poll(session + 1, 1).error(), number_of(ErrorCode::unknown_fetch_session));
    peer_ = &rig_.connect(0);
    EXPECT_EQ(poll(session, 2).error(), number_of(ErrorCode::unknown_fetch_session));
}

TEST_P(FetchSessionTest, IsClosedByAFullFetchWithItsId) {
    const auto session = open_session();
    const auto rows = fetched(rig_.ask(
            *peer_, fetch_request({{{id_, 0}}}, {.session_id = session, .wait_max_ms = 0})));
    EXPECT_EQ(rows.size(), 1U);
    EXPECT_EQ(poll(session, 1).error(), number_of(ErrorCode::unknown_fetch_session));
}

TEST_P(FetchSessionTest, ServesBusyPartitionsInTurn) {
    for (std::uint32_t partition = 0; partition < 16; ++partition) {
        for (int number = 0; number < 4; ++number)
            produce(partition, std::string(1'000, 'x'));
    }
    auto wanted = all_partitions();
    const auto opened = rig_.ask(
            *peer_, fetch_request(wanted, {.session_epoch = 0, .wait_max_ms = 0, .bytes_max = 10}));
    const auto session = opened.as<wire::FetchResponse>()->session_id();
    std::vector<std::int64_t> next(16, 0);
    std::vector<Wanted> changes;
    auto answer = opened;
    for (std::uint32_t epoch = 1; epoch <= 64; ++epoch) {
        changes.clear();
        for (const auto& [key, row] : fetched(answer)) {
            if (row.records.empty()) continue;
            next[key.partition] = row.records.back().first + 1;
            changes.push_back({key, next[key.partition]});
        }
        answer = rig_.ask(*peer_,
                          fetch_request(changes,
                                        {.session_id = session,
                                         .session_epoch = epoch,
                                         .wait_max_ms = 0,
                                         .bytes_max = 10}));
        ASSERT_EQ(answer.error(), 0);
        // Nobody is served twice while another one of its shard waits for the first time.
        const auto [least, most] = std::ranges::minmax(next);
        if (GetParam() == 1) {
            EXPECT_LE(most - least, 1);
        }
    }
}

TEST_P(FetchSessionTest, OldestOfTooManyIsEnded) {
    const auto first = open_session();
    for (int number = 0; number < 64; ++number)
        static_cast<void>(open_session());
    EXPECT_EQ(poll(first, 1).error(), number_of(ErrorCode::unknown_fetch_session));
}

INSTANTIATE_TEST_SUITE_P(Shards, FetchTest, ::testing::Values(1U, 3U));
INSTANTIATE_TEST_SUITE_P(Shards, FetchSessionTest, ::testing::Values(1U, 3U));

}  // namespace

}  // namespace millrace::testing
