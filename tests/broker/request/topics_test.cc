// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/uuid.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

using ::testing::HasSubstr;
using wire::ErrorCode;

constexpr std::uint16_t number_of(ErrorCode code) {
    return static_cast<std::uint16_t>(code);
}

struct Outcome {
    std::uint16_t error = 0;
    std::string message;
};

class TopicsTest : public ::testing::TestWithParam<std::uint32_t> {
protected:
    void SetUp() override { start(); }

    void start() {
        rig_ = std::make_unique<ServiceRig>(disk_, RigOptions{.shards = GetParam()});
        ASSERT_TRUE(rig_->start()) << rig_->events();
        peer_ = &rig_->connect(GetParam() - 1);
    }

    void restart() {
        ASSERT_TRUE(rig_->stop());
        rig_.reset();
        start();
    }

    // As a power cut leaves it: only what was flushed.
    void crash() {
        const auto left = disk_.crashed([] { return false; }, 512);
        rig_.reset();  // What it still writes goes to the disk that is lost.
        disk_ = left;
        start();
    }

    template <class Response>
    [[nodiscard]] Outcome outcome(const RequestFrame& request) {
        const auto answer = rig_->ask(*peer_, request);
        const auto* response = answer.as<Response>();
        if (response == nullptr || response->topics() == nullptr) return {0xFFFF, answer.message()};
        const auto* topic = response->topics()->Get(0);
        return {topic->error(), topic->message() == nullptr ? "" : topic->message()->str()};
    }

    [[nodiscard]] Outcome try_create(const std::string& name,
                                     std::uint32_t partitions = 1,
                                     const Settings& config = {}) {
        return outcome<wire::CreateTopicsResponse>(create_topic_request(name, partitions, config));
    }

    [[nodiscard]] Outcome grow(const std::string& name, std::uint32_t partitions) {
        return outcome<wire::CreatePartitionsResponse>(grow_topic_request(name, partitions));
    }

    [[nodiscard]] Outcome remove(const std::string& name) {
        return outcome<wire::DeleteTopicsResponse>(delete_topic_request(name));
    }

    [[nodiscard]] Outcome alter(const std::string& name, const Settings& changes) {
        const auto answer = rig_->ask(*peer_, alter_topic_request(name, changes));
        const auto* result = answer.as<wire::AlterConfigsResponse>()->results()->Get(0);
        return {result->error(), result->message() == nullptr ? "" : result->message()->str()};
    }

    [[nodiscard]] std::string config(const std::string& topic, const std::string& key) {
        const auto answer = rig_->ask(*peer_, describe_topic_configs_request(topic, {key}));
        const auto* resource = answer.as<wire::DescribeConfigsResponse>()->resources()->Get(0);
        if (resource->entries() == nullptr || resource->entries()->size() != 1) return "?";
        return resource->entries()->Get(0)->value()->str();
    }

    // Id and partitions; no partitions: there is no such topic.
    [[nodiscard]] std::pair<engine::TopicId, std::uint32_t> metadata(const std::string& name) {
        const auto answer = rig_->ask(*peer_, metadata_request({name}));
        const auto* topic = answer.as<wire::MetadataResponse>()->topics()->Get(0);
        if (topic->error() != 0) return {};
        return {broker::from_wire(*topic->id()), topic->partitions()->size()};
    }

    SimDisk disk_;
    std::unique_ptr<ServiceRig> rig_;
    PeerDouble* peer_ = nullptr;
};

TEST_P(TopicsTest, AreThereAfterACrashWithIdPartitionsAndSettings) {
    const auto id = create(*rig_, *peer_, "orders", 3, {{"retention.ms", "7d"}});
    EXPECT_EQ(grow("orders", 5).error, 0);
    EXPECT_EQ(alter("orders", {{"segment.bytes", "1MiB"}}).error, 0);
    crash();
    EXPECT_EQ(metadata("orders"), std::pair(id, 5U));
    EXPECT_EQ(config("orders", "retention.ms"), "604800000");
    EXPECT_EQ(config("orders", "segment.bytes"), "1048576");
}

TEST_P(TopicsTest, ServeEveryConnectionAsSoonAsTheyAreMade) {
    std::vector<PeerDouble*> peers;
    for (std::uint32_t shard = 0; shard < GetParam(); ++shard) {
        peers.push_back(&rig_->connect(shard));
    }
    for (int round = 0; round < 5; ++round) {
        const auto id = create(*rig_, *peer_, "topic-" + std::to_string(round), 4);
        for (auto* peer : peers) {
            for (std::uint32_t partition = 0; partition < 4; ++partition) {
                EXPECT_GE(produce_one(*rig_, *peer, {id, partition}, "x"), 0);
            }
        }
    }
}

TEST_P(TopicsTest, RecreatedUnderItsNameShowsNothingOld) {
    const auto old = create(*rig_, *peer_, "orders", 1);
    EXPECT_EQ(produce_one(*rig_, *peer_, {old, 0}, "old"), 0);
    EXPECT_EQ(remove("orders").error, 0);
    EXPECT_EQ(produce_one(*rig_, *peer_, {old, 0}, "late"), -number_of(ErrorCode::unknown_topic));
    const auto made = create(*rig_, *peer_, "orders", 1);
    EXPECT_NE(made, old);
    EXPECT_EQ(produce_one(*rig_, *peer_, {made, 0}, "new"), 0);
    for (const bool cleanly : {false, true}) {
        cleanly ? restart() : crash();
        const auto records = fetched_one(rig_->ask(*peer_, fetch_request({{{made, 0}}}))).records;
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records[0].second, "new");
    }
}

TEST_P(TopicsTest, CreationAfterDeletionWithoutWaitingForItTakesTheNameInTurn) {
    const auto old = create(*rig_, *peer_, "orders", 2);
    EXPECT_EQ(produce_one(*rig_, *peer_, {old, 0}, "old"), 0);
    rig_->send(*peer_, delete_topic_request("orders"));
    const auto made = create(*rig_, *peer_, "orders", 2);
    EXPECT_NE(made, old);
    EXPECT_EQ(produce_one(*rig_, *peer_, {made, 0}, "new"), 0);
}

TEST_P(TopicsTest, DeletedBeforeACrashStayDeletedAndDoNotHinderTheStart) {
    const auto id = create(*rig_, *peer_, "orders", 3);
    for (std::uint32_t partition = 0; partition < 3; ++partition) {
        EXPECT_EQ(produce_one(*rig_, *peer_, {id, partition}, "x"), 0);
    }
    EXPECT_EQ(remove("orders").error, 0);
    for (int round = 0; round < 4; ++round) {
        round % 2 == 0 ? crash() : restart();
        EXPECT_EQ(metadata("orders").second, 0U);
    }
}

TEST_P(TopicsTest, OfTenThousandPartitionsAreMadeInOneCallAndOneRecord) {
    const auto appends = rig_->engine(0).counters().appends;
    static_cast<void>(create(*rig_, *peer_, "wide", 10'000));
    EXPECT_EQ(rig_->engine(0).counters().appends, appends + 1);
    EXPECT_EQ(metadata("wide").second, 10'000U);
}

TEST_P(TopicsTest, RefuseWhatCannotBe) {
    EXPECT_EQ(try_create("").error, number_of(ErrorCode::invalid_topic_name));
    EXPECT_EQ(try_create("a/b").error, number_of(ErrorCode::invalid_topic_name));
    EXPECT_EQ(try_create("__millrace_metadata").error, number_of(ErrorCode::invalid_topic_name));
    EXPECT_EQ(try_create("x", 1'000'000).error, number_of(ErrorCode::invalid_partition_count));
    const auto unknown_key = try_create("x", 1, {{"retention.m", "1"}});
    EXPECT_EQ(unknown_key.error, number_of(ErrorCode::invalid_config));
    EXPECT_THAT(unknown_key.message, HasSubstr("retention.ms"));
    const auto wrong_value = try_create("x", 1, {{"segment.bytes", "large"}});
    EXPECT_EQ(wrong_value.error, number_of(ErrorCode::invalid_config));
    EXPECT_THAT(wrong_value.message, HasSubstr("segment.bytes = 'large'"));
    EXPECT_EQ(metadata("x").second, 0U);
    static_cast<void>(create(*rig_, *peer_, "orders", 3));
    EXPECT_EQ(try_create("orders").error, number_of(ErrorCode::topic_exists));
    EXPECT_EQ(grow("orders", 3).error, number_of(ErrorCode::invalid_partition_count));
    EXPECT_EQ(grow("nowhere", 3).error, number_of(ErrorCode::unknown_topic));
    const auto nowhere = remove("nowhere");
    EXPECT_EQ(nowhere.error, number_of(ErrorCode::unknown_topic));
    EXPECT_THAT(nowhere.message, HasSubstr("millrace topic create nowhere"));
}

TEST_P(TopicsTest, OnlyValidatedAreNotMade) {
    const auto answer =
            outcome<wire::CreateTopicsResponse>(create_topic_request("orders", 3, {}, true));
    EXPECT_EQ(answer.error, 0) << answer.message;
    EXPECT_EQ(metadata("orders").second, 0U);
}

TEST_P(TopicsTest, TakeASettingWhileTheyLiveAndGiveItBack) {
    const auto id = create(*rig_, *peer_, "orders", 4);
    EXPECT_EQ(produce_one(*rig_, *peer_, {id, 1}, "x"), 0);
    const std::string large(500, 'x');
    EXPECT_EQ(alter("orders", {{"max.message.bytes", "200"}}).error, 0);
    EXPECT_EQ(config("orders", "max.message.bytes"), "200");
    for (std::uint32_t partition = 0; partition < 4; ++partition) {
        EXPECT_EQ(produce_one(*rig_, *peer_, {id, partition}, large),
                  -number_of(ErrorCode::message_too_large));
    }
    EXPECT_EQ(alter("orders", {{"max.message.bytes", "-"}}).error, 0);
    EXPECT_EQ(config("orders", "max.message.bytes"), "1048588");
    EXPECT_EQ(produce_one(*rig_, *peer_, {id, 1}, large), 1);
    EXPECT_EQ(alter("orders", {{"max.message.byte", "200"}}).error,
              number_of(ErrorCode::invalid_config));
    EXPECT_EQ(alter("nowhere", {{"max.message.bytes", "200"}}).error,
              number_of(ErrorCode::unknown_topic));
}

TEST_P(TopicsTest, AreListedInOrderWithTheBrokersAddress) {
    for (const auto* name : {"c", "a", "b"})
        static_cast<void>(create(*rig_, *peer_, name, 1));
    const auto answer = rig_->ask(*peer_, metadata_request({}));
    const auto* response = answer.as<wire::MetadataResponse>();
    ASSERT_NE(response, nullptr);
    ASSERT_EQ(response->topics()->size(), 3U);
    EXPECT_EQ(response->topics()->Get(0)->name()->str(), "a");
    EXPECT_EQ(response->topics()->Get(2)->name()->str(), "c");
    ASSERT_EQ(response->brokers()->size(), 1U);
    EXPECT_EQ(response->brokers()->Get(0)->host()->str(), "127.0.0.1");
    EXPECT_EQ(response->brokers()->Get(0)->port(), 9192);
}

TEST_P(TopicsTest, AreMadeOnFirstUseOnlyWhereThatIsAllowed) {
    EXPECT_EQ(metadata("orders").second, 0U);
    rig_->options().auto_create_topics = true;
    EXPECT_EQ(metadata("orders").second, 1U);
    EXPECT_EQ(metadata("a/b").second, 0U);
}

TEST_P(TopicsTest, AreDeletedOnAFullDiskThoughNothingElseIsTaken) {
    const auto id = create(*rig_, *peer_, "orders", 2);
    EXPECT_EQ(produce_one(*rig_, *peer_, {id, 0}, "x"), 0);
    disk_.set_free_space(0);
    rig_->advance(std::chrono::seconds(2));
    EXPECT_EQ(produce_one(*rig_, *peer_, {id, 0}, "y"), -number_of(ErrorCode::storage_full));
    EXPECT_EQ(try_create("more").error, number_of(ErrorCode::storage_full));
    EXPECT_EQ(remove("orders").error, 0);
    EXPECT_EQ(metadata("orders").second, 0U);
    disk_.set_free_space(1ULL << 40);
    rig_->advance(std::chrono::seconds(2));
    EXPECT_EQ(try_create("more").error, 0);
    crash();
    EXPECT_EQ(metadata("orders").second, 0U);
    EXPECT_EQ(metadata("more").second, 1U);
}

TEST_P(TopicsTest, WhoseTimeIsUpAreAnsweredByNameAndMadeAllTheSame) {
    const auto before = peer_->answers.size();
    rig_->send(*peer_, create_topic_request("orders", 3, {}, false, 10));
    rig_->clock().advance(std::chrono::milliseconds(11));
    ASSERT_TRUE(rig_->run_until([&] { return peer_->answers.size() > before; }));
    const auto* topics = peer_->answers.back().as<wire::CreateTopicsResponse>()->topics();
    ASSERT_EQ(topics->size(), 1U);
    EXPECT_EQ(topics->Get(0)->name()->str(), "orders");
    EXPECT_EQ(topics->Get(0)->error(), number_of(ErrorCode::timed_out));
    rig_->settle();
    EXPECT_EQ(peer_->answers.size(), before + 1) << "answered once";
    EXPECT_EQ(metadata("orders").second, 3U);
}

TEST_P(TopicsTest, SurviveManyChangesAndTheSnapshotsBetweenThem) {
    const std::string long_name(200, 'n');
    for (int round = 0; round < 300; ++round) {
        const auto name = long_name + std::to_string(round);
        static_cast<void>(create(*rig_, *peer_, name, 1, {{"segment.ms", "1h"}}));
        for (int change = 0; change < 15; ++change) {
            ASSERT_EQ(alter(name, {{"segment.ms", std::to_string(1'000 + change)}}).error, 0);
        }
        if (round % 3 == 0) {
            ASSERT_EQ(remove(name).error, 0);
        }
    }
    crash();
    for (int round = 0; round < 300; ++round) {
        const auto name = long_name + std::to_string(round);
        EXPECT_EQ(metadata(name).second, round % 3 == 0 ? 0U : 1U) << round;
        if (round % 3 != 0) {
            EXPECT_EQ(config(name, "segment.ms"), "1014");
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Shards, TopicsTest, ::testing::Values(1U, 3U));

}  // namespace

}  // namespace millrace::testing
