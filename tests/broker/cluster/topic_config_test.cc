// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_config.h"

#include "broker/cluster/config_value.h"
#include "broker/cluster/random_id.h"
#include "broker/cluster/topic_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace millrace::broker {

namespace {

using ::testing::HasSubstr;

TEST(ConfigValue, TakesIntegersAndUnits) {
    EXPECT_EQ(parse_bytes("1073741824"), 1 << 30);
    EXPECT_EQ(parse_bytes("1GiB"), 1 << 30);
    EXPECT_EQ(parse_bytes("64 KiB"), 65'536);
    EXPECT_EQ(parse_bytes("2MB"), 2'000'000);
    EXPECT_EQ(parse_bytes("-1"), -1);
    EXPECT_EQ(parse_milliseconds("7d"), 604'800'000);
    EXPECT_EQ(parse_milliseconds("500ms"), 500);
    EXPECT_EQ(parse_milliseconds("2h"), 7'200'000);
}

TEST(ConfigValue, RefusesWhatIsNoNumberOrDoesNotFit) {
    for (const auto* text : {"",
                             "x",
                             "1x",
                             "1 ",
                             "1  KiB",
                             "1.5GiB",
                             "GiB",
                             "9223372036854775807KiB",
                             "99999999999999999999",
                             "0x10",
                             "+1",
                             "1kib"}) {
        EXPECT_FALSE(parse_bytes(text)) << text;
    }
    for (const auto* text : {"", "d", "1w", "1KiB", "-9223372036854775808d"}) {
        EXPECT_FALSE(parse_milliseconds(text)) << text;
    }
}

TEST(TopicConfig, EveryDefaultIsAValueOfItsKey) {
    const engine::LogConfig defaults;
    for (const auto& definition : topic_config_definitions()) {
        const auto value = default_config_value(definition.key, defaults);
        EXPECT_EQ(canonical_config_value(definition.key, value), value) << definition.key;
        EXPECT_FALSE(definition.documentation.empty()) << definition.key;
    }
}

TEST(TopicConfig, KeepsToTheRangeOfEachKey) {
    EXPECT_TRUE(canonical_config_value("max.message.bytes", "100"));
    EXPECT_FALSE(canonical_config_value("max.message.bytes", "99"));
    EXPECT_TRUE(canonical_config_value("retention.ms", "-1"));
    EXPECT_FALSE(canonical_config_value("retention.ms", "-2"));
    EXPECT_FALSE(canonical_config_value("segment.bytes", "4GiB"));
    EXPECT_FALSE(canonical_config_value("durability", "Synced"));
    EXPECT_THAT(canonical_config_value("durability", "fsync").error(),
                HasSubstr("memory, written, synced"));
    EXPECT_THAT(canonical_config_value("cleanup.policy", "keep").error(), HasSubstr("delete"));
    EXPECT_EQ(canonical_config_value("cleanup.policy", "delete,compact"), "compact,delete");
    EXPECT_EQ(canonical_config_value("min.cleanable.dirty.ratio", "0.50"), "0.5");
    EXPECT_EQ(canonical_config_value("min.cleanable.dirty.ratio", "1"), "1");
    for (const auto* text : {"", "1.01", "-0.1", "nan", "inf", "0.5x", "50%", " 0.5"}) {
        EXPECT_FALSE(canonical_config_value("min.cleanable.dirty.ratio", text)) << text;
    }
    EXPECT_FALSE(canonical_config_value("max.compaction.lag.ms", "0"));
}

TEST(TopicConfig, NamesTheNearestKey) {
    EXPECT_THAT(canonical_config_value("retention.m", "1").error(), HasSubstr("'retention.ms'"));
    EXPECT_THAT(canonical_config_value("max.mesage.bytes", "1").error(),
                HasSubstr("'max.message.bytes'"));
}

TEST(TopicConfig, OverridesReachTheLog) {
    const engine::LogConfig defaults;
    const ConfigOverrides overrides{{"durability", "written"},
                                    {"index.interval.bytes", "4096"},
                                    {"max.message.bytes", "2000"},
                                    {"message.timestamp.after.max.ms", "5"},
                                    {"message.timestamp.before.max.ms", "6"},
                                    {"message.timestamp.type", "LogAppendTime"},
                                    {"segment.bytes", "65536"},
                                    {"segment.ms", "7"}};
    const auto config = effective_log_config(overrides, defaults);
    EXPECT_EQ(config.durability, engine::Durability::written);
    EXPECT_EQ(config.index_interval_bytes, 4096U);
    EXPECT_EQ(config.message_bytes_max, 2000U);
    EXPECT_EQ(config.timestamp_after_max_ms, 5);
    EXPECT_EQ(config.timestamp_before_max_ms, 6);
    EXPECT_TRUE(config.log_append_time);
    EXPECT_EQ(config.segment_bytes, 65'536U);
    EXPECT_EQ(config.segment_ms, 7);
    EXPECT_EQ(effective_log_config({}, defaults), defaults);
    EXPECT_TRUE(defaults.expires);
    EXPECT_FALSE(defaults.compacts);
}

TEST(TopicConfig, OfCompactionReachesTheLog) {
    const engine::LogConfig defaults;
    const auto config = effective_log_config({{"cleanup.policy", "compact"},
                                              {"delete.retention.ms", "5"},
                                              {"max.compaction.lag.ms", "6"},
                                              {"min.cleanable.dirty.ratio", "0.25"},
                                              {"min.compaction.lag.ms", "4"}},
                                             defaults);
    EXPECT_TRUE(config.compacts);
    EXPECT_FALSE(config.expires);
    EXPECT_EQ(config.delete_retention_ms, 5);
    EXPECT_EQ(config.compaction_lag_max_ms, 6);
    EXPECT_EQ(config.dirty_ratio_min, 0.25);
    EXPECT_EQ(config.compaction_lag_min_ms, 4);
    const auto both = effective_log_config({{"cleanup.policy", "compact,delete"}}, defaults);
    EXPECT_TRUE(both.compacts && both.expires);
}

TEST(TopicName, FollowsKafkasRules) {
    const std::string longest(249, 'a');
    for (const auto& name :
         {std::string("a"), std::string("A.b_c-9"), std::string("..."), longest}) {
        EXPECT_EQ(topic_name_problem(name), "") << name;
    }
    for (const std::string_view name : {"", ".", "..", "a b", "a/b", "\xC3\xA4", "a\n"}) {
        EXPECT_NE(topic_name_problem(name), "") << name;
    }
    EXPECT_NE(topic_name_problem(longest + "a"), "");
}

TEST(TopicName, CollidesWhereMetricsWouldReadTheSame) {
    EXPECT_TRUE(names_collide("a.b_c", "a_b.c"));
    EXPECT_FALSE(names_collide("a-b", "a_b"));
    EXPECT_FALSE(names_collide("a.b", "a.b"));
    EXPECT_FALSE(names_collide("a.b", "a_bc"));
}

TEST(RandomId, IsANewUuidOfVersionFourEachTime) {
    std::set<engine::TopicId> seen;
    for (int round = 0; round < 100; ++round) {
        const auto id = random_topic_id();
        EXPECT_EQ(id.bytes[6] >> 4, 4);
        EXPECT_EQ(id.bytes[8] >> 6, 2);
        EXPECT_TRUE(seen.insert(id).second);
    }
    EXPECT_EQ(to_text(engine::kMetadataTopic), "6d696c6c-7261-6365-0000-000000000001");
}

}  // namespace

}  // namespace millrace::broker
