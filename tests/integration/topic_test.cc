// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Topics as their users see them, against a real broker.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Topic : public BrokerTest {
protected:
    [[nodiscard]] std::vector<std::string> values(const std::string& topic, std::size_t count) {
        std::vector<std::string> result;
        for (const auto& record : read(topic, count))
            result.push_back(record.value);
        return result;
    }

    [[nodiscard]] std::string config_of(const std::string& topic, const std::string& key) {
        const auto entries = admin().topic_config(topic, {key});
        EXPECT_TRUE(entries) << entries.error().message;
        return entries && !entries->empty() ? entries->front().value : "";
    }
};

TEST_F(Topic, IsThereWithItsPartitionsAndSettingsAfterItsCreation) {
    start();
    create("orders", 3, {{"segment.bytes", "1048576"}});
    const auto described = admin().describe_topic("orders");
    ASSERT_TRUE(described) << described.error().message;
    EXPECT_EQ(described->partitions.size(), 3U);
    EXPECT_EQ(config_of("orders", "segment.bytes"), "1048576");
}

TEST_F(Topic, OutlivesAKillWithItsIdentity) {
    start();
    create("orders", 3);
    const auto before = admin().describe_topic("orders");
    kill_and_start();
    const auto after = admin().describe_topic("orders");
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(after->id, before->id);
    EXPECT_EQ(after->partitions.size(), 3U);
}

TEST_F(Topic, RecreatedUnderItsNameShowsNothingOld) {
    start();
    create("orders", 1);
    send(record_of("orders", "old"));
    ASSERT_TRUE(admin().delete_topic("orders"));
    create("orders", 1);
    EXPECT_EQ(send(record_of("orders", "new")), 0);
    EXPECT_THAT(values("orders", 1), ElementsAre("new"));
    kill_and_start();
    EXPECT_THAT(values("orders", 1), ElementsAre("new"));
}

TEST_F(Topic, DeletedAndFlushedLeavesNoDataBehind) {
    start();
    create("orders", 1);
    send(record_of("orders", "old"));
    restart();  // Its record lies in a segment file now.
    EXPECT_FALSE(files("/topics/orders-0/00000000000000000000.log").empty());
    ASSERT_TRUE(admin().delete_topic("orders"));
    create("orders", 1);
    restart();
    EXPECT_TRUE(files("/topics/orders-0/00000000000000000000.log").empty());
    EXPECT_EQ(send(record_of("orders", "new")), 0);
}

TEST_F(Topic, GrowsAndEveryPartitionTakesRecords) {
    start();
    create("orders", 3);
    ASSERT_TRUE(admin().grow_topic("orders", 6));
    for (std::uint32_t partition = 0; partition < 6; ++partition) {
        auto record = record_of("orders", "x");
        record.partition = partition;
        EXPECT_EQ(send(record), 0) << "partition " << partition;
    }
    const auto smaller = admin().grow_topic("orders", 2);
    ASSERT_FALSE(smaller);
    EXPECT_EQ(smaller.error().code, ErrorCode::invalid_partition_count);
}

TEST_F(Topic, TakesASettingWhileItLives) {
    start();
    create("orders", 1);
    ASSERT_TRUE(admin().alter_topic_config("orders", {{"max.message.bytes", "200", false}}));
    EXPECT_EQ(config_of("orders", "max.message.bytes"), "200");
    auto producer = Producer::open(client(), {});
    ASSERT_TRUE(producer);
    const std::string large(500, 'x');
    const auto refused = producer->send(record_of("orders", large)).get();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::message_too_large);
    EXPECT_THAT(refused.error().message, HasSubstr("max.message.bytes"));
    ASSERT_TRUE(admin().alter_topic_config("orders", {{"max.message.bytes", "", true}}));
    EXPECT_EQ(send(record_of("orders", large)), 0);
    kill_and_start();
    EXPECT_EQ(config_of("orders", "max.message.bytes"), "1048588");
}

TEST_F(Topic, OfAnImpossibleNameIsRefused) {
    start();
    for (const std::string name : {"", ".", "..", "a/b", "a b", "snow\xe2\x98\x83"}) {
        const auto created = admin().create_topic({name, 1, {}});
        const bool refused = !created || created->error.code != ErrorCode::none;
        EXPECT_TRUE(refused) << "'" << name << "'";
    }
    EXPECT_FALSE(admin().create_topic({std::string(250, 'a'), 1, {}}));
    const auto longest = admin().create_topic({std::string(249, 'a'), 1, {}});
    EXPECT_TRUE(longest) << longest.error().message;
}

TEST_F(Topic, WhoseNameDiffersFromAnothersOnlyInDotsIsRefused) {
    start();
    create("a.b", 1);
    for (const auto* name : {"a_b", "a.b"}) {
        const auto refused = admin().create_topic({name, 1, {}});
        ASSERT_FALSE(refused) << name;
    }
    EXPECT_EQ(admin().create_topic({"a_b", 1, {}}).error().code, ErrorCode::invalid_topic_name);
    create("a-b", 1);
}

TEST_F(Topic, OfBatchesLargerThanTheWriteAheadLogTakesIsRefused) {
    start();
    const auto refused = admin().create_topic({"large", 1, {{"max.message.bytes", "33554432"}}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_config);
    EXPECT_THAT(refused.error().message, HasSubstr("wal.bytes"));
    create("small", 1);
    EXPECT_FALSE(admin().alter_topic_config("small", {{"max.message.bytes", "33554432", false}}));
}

TEST_F(Topic, WithAnUnknownSettingIsRefusedWithTheNearestOne) {
    start();
    const auto created = admin().create_topic({"orders", 1, {{"retention.m", "1"}}});
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ErrorCode::invalid_config);
    EXPECT_THAT(created.error().message, HasSubstr("retention.ms"));
}

TEST_F(Topic, ThatExistsIsNotMadeTwice) {
    start();
    create("orders", 1);
    const auto again = admin().create_topic({"orders", 1, {}});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::topic_exists);
}

TEST_F(Topic, HasSettingsThatAreExplained) {
    start();
    // Before there is any topic.
    const auto of_all = nlohmann::json::parse(
            millrace({"config", "explain", "durability", "-o", "json"}).output);
    EXPECT_EQ(of_all["allowed"], "one of memory, written, synced");
    EXPECT_EQ(of_all["value"], nullptr);
    EXPECT_EQ(of_all["read_only"], false);
    create("t", 1, {{"segment.bytes", "1048576"}});
    const auto of_topic = millrace({"config", "explain", "segment.bytes", "t"});
    EXPECT_EQ(of_topic.status, 0) << of_topic.errors;
    for (const auto* part : {"value    1048576 (topic)",
                             "default  1073741824",
                             "from 4096 to 2147483647",
                             "millrace config set t segment.bytes=VALUE"}) {
        EXPECT_THAT(of_topic.output, HasSubstr(part));
    }
    const auto of_broker = nlohmann::json::parse(
            millrace({"config", "explain", "node.shards", "-o", "json"}).output);
    EXPECT_EQ(of_broker["value"], "2");
    EXPECT_EQ(of_broker["source"], "command line");
    EXPECT_EQ(of_broker["allowed"], "a whole number, from 1 to 64");
    EXPECT_EQ(of_broker["read_only"], true);
    const auto unknown = millrace({"config", "explain", "segment.byte"});
    EXPECT_EQ(unknown.status, 2);
    EXPECT_THAT(unknown.errors, HasSubstr("segment.bytes"));
}

}  // namespace
}  // namespace millrace::testing
