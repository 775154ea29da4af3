// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/metadata_record.h"

#include "broker/cluster/catalog_state.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace millrace::broker {

namespace {

MetadataRecord topic_record(const std::string& name, std::uint8_t id, std::uint64_t version) {
    MetadataRecord record;
    record.kind = MetadataKind::topic;
    record.version = version;
    record.snapshot_offset = 77;
    record.id.bytes[0] = id;
    record.partitions = 3;
    record.name = name;
    record.overrides = {{"segment.ms", "1000"}, {"retention.ms", "-1"}};
    return record;
}

MetadataRecord record_of_kind(MetadataKind kind, std::uint64_t version) {
    MetadataRecord record;
    record.kind = kind;
    record.version = version;
    return record;
}

MetadataRecord deletion(std::uint8_t id, std::uint64_t version) {
    auto record = record_of_kind(MetadataKind::deleted, version);
    record.id.bytes[0] = id;
    record.name = "gone";
    return record;
}

std::vector<std::byte> encoded(const MetadataRecord& record) {
    std::vector<std::byte> bytes;
    encode(record, bytes);
    return bytes;
}

TEST(MetadataRecord, OfProducerIdsReadsAsItWasWrittenAndNeverTakesIdsBack) {
    auto ids = record_of_kind(MetadataKind::producer_ids, 3);
    ids.producer_ids_end = 5'000;
    const auto read = decode_metadata_record(encoded(ids));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->producer_ids_end, 5'000);
    CatalogState state{engine::LogConfig{}};
    ASSERT_TRUE(state.replay(*read));
    ids.producer_ids_end = 4'000;
    ASSERT_TRUE(state.replay(ids));
    EXPECT_EQ(state.producer_ids_end(), 5'000);
    CatalogState again{engine::LogConfig{}};
    for (const auto& record : state.snapshot(-1))
        ASSERT_TRUE(again.replay(record));
    EXPECT_EQ(again.producer_ids_end(), 5'000);
    ids.producer_ids_end = -1;
    EXPECT_FALSE(decode_metadata_record(encoded(ids)));
}

TEST(MetadataRecord, OfEveryKindReadsAsItWasWritten) {
    auto topic = topic_record("orders", 1, 5);
    topic.in_snapshot = true;
    const auto read = decode_metadata_record(encoded(topic));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, MetadataKind::topic);
    EXPECT_TRUE(read->in_snapshot);
    EXPECT_EQ(read->version, 5U);
    EXPECT_EQ(read->snapshot_offset, 77);
    EXPECT_EQ(read->id, topic.id);
    EXPECT_EQ(read->partitions, 3U);
    EXPECT_EQ(read->name, "orders");
    EXPECT_EQ(read->overrides, topic.overrides);
    auto gone = deletion(9, 6);
    gone.clean_starts = 1;
    const auto read_gone = decode_metadata_record(encoded(gone));
    ASSERT_TRUE(read_gone);
    EXPECT_EQ(read_gone->clean_starts, 1U);
    EXPECT_EQ(read_gone->name, "gone");
    for (const auto kind : {MetadataKind::snapshot_begin, MetadataKind::snapshot_end}) {
        EXPECT_TRUE(decode_metadata_record(encoded(record_of_kind(kind, 1))));
    }
}

TEST(MetadataRecord, HasTheBytesThatAreDocumented) {
    auto gone = deletion(9, 6);
    gone.clean_starts = 1;
    const auto bytes = encoded(gone);
    const unsigned char expected[] = {1,   2,   0,   0,                        //
                                      6,   0,   0,   0,   0,   0,   0,   0,    //
                                      255, 255, 255, 255, 255, 255, 255, 255,  //
                                      9,   0,   0,   0,   0,   0,   0,   0,
                                      0,   0,   0,   0,   0,   0,   0,   0,  //
                                      1,   0,   0,   0,                      //
                                      4,   0,   'g', 'o', 'n', 'e'};
    ASSERT_EQ(bytes.size(), sizeof expected);
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        EXPECT_EQ(static_cast<unsigned char>(bytes[index]), expected[index]) << index;
    }
}

TEST(MetadataRecord, CutShortOrTooLongIsDamage) {
    const auto bytes = encoded(topic_record("orders", 1, 5));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto read = decode_metadata_record(engine::Bytes(bytes).first(size));
        ASSERT_FALSE(read) << size;
        EXPECT_EQ(read.error().code, engine::Errc::damaged_range);
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(decode_metadata_record(longer));
}

TEST(MetadataRecord, OfALaterVersionIsToldApartFromDamage) {
    for (const std::size_t position : {0U, 1U, 2U}) {
        auto bytes = encoded(topic_record("orders", 1, 5));
        bytes[position] = std::byte{0x40};
        const auto read = decode_metadata_record(bytes);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, engine::Errc::newer_format) << position;
    }
}

class CatalogStateTest : public ::testing::Test {
protected:
    void replay(const MetadataRecord& record) { ASSERT_TRUE(state_.replay(record)); }

    void replay(std::vector<MetadataRecord> records) {
        for (const auto& record : records)
            replay(record);
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& [name, topic] : state_.view().topics())
            result.push_back(name);
        return result;
    }

    CatalogState state_{engine::LogConfig{}};
};

TEST_F(CatalogStateTest, IsWhatTheRecordsSay) {
    replay(topic_record("orders", 1, 1));
    auto grown = topic_record("orders", 1, 2);
    grown.partitions = 6;
    replay(grown);
    replay(topic_record("other", 2, 3));
    EXPECT_EQ(state_.view().partition_count(), 9U);
    EXPECT_EQ(state_.view().find("orders")->log_config.segment_ms, 1000);
    replay(deletion(1, 4));
    EXPECT_EQ(names(), std::vector<std::string>{"other"});
    EXPECT_EQ(state_.view().partition_count(), 3U);
    EXPECT_EQ(state_.deleted().size(), 1U);
    EXPECT_EQ(state_.version(), 4U);
}

TEST_F(CatalogStateTest, IsTheSameFromItsSnapshot) {
    replay(topic_record("orders", 1, 1));
    replay(topic_record("other", 2, 2));
    replay(deletion(1, 3));
    CatalogState copy{engine::LogConfig{}};
    for (const auto& record : state_.snapshot(-1))
        ASSERT_TRUE(copy.replay(record));
    EXPECT_EQ(copy.version(), 3U);
    EXPECT_EQ(copy.view().topics().size(), 1U);
    EXPECT_EQ(copy.view().find("other")->id, state_.view().find("other")->id);
    EXPECT_EQ(copy.view().find("other")->overrides, state_.view().find("other")->overrides);
    ASSERT_EQ(copy.deleted().size(), 1U);
    EXPECT_EQ(copy.deleted().begin()->second.name, "gone");
}

TEST_F(CatalogStateTest, PassesOverASnapshotThatACrashCutShort) {
    replay(topic_record("orders", 1, 1));
    replay(topic_record("other", 2, 2));
    auto cut = state_.snapshot(-1);
    cut.erase(cut.begin() + 2, cut.end());
    replay(cut);
    replay(topic_record("third", 3, 3));
    EXPECT_EQ(names(), (std::vector<std::string>{"orders", "other", "third"}));
    // And one that nothing follows.
    replay(cut.front().version == 2 ? std::vector{record_of_kind(MetadataKind::snapshot_begin, 3)}
                                    : cut);
    EXPECT_EQ(names().size(), 3U);
}

TEST_F(CatalogStateTest, RefusesVersionsThatGoBack) {
    replay(topic_record("orders", 1, 5));
    EXPECT_FALSE(state_.replay(topic_record("other", 2, 4)));
    EXPECT_FALSE(state_.replay(record_of_kind(MetadataKind::snapshot_end, 6)));
}

// As a restored topic: data of its id are to be dropped until the topic is there.
TEST(CatalogState, LetsATopicLiveWhoseIdWasSaidToBeDeletedBefore) {
    CatalogState state{engine::LogConfig{}};
    const auto record = topic_record("orders", 7, 1);
    state.note_deleted(record.id, record.name);
    EXPECT_TRUE(state.deleted().contains(record.id));
    CatalogChange change;
    change.version = 1;
    auto topic = std::make_shared<Topic>();
    topic->name = record.name;
    topic->id = record.id;
    topic->partitions = record.partitions;
    topic->version = 1;
    change.changed.push_back(topic);
    state.apply(change);
    EXPECT_FALSE(state.deleted().contains(record.id));
    // Also for who reads the log, or a snapshot of it.
    auto deleted = topic_record("orders", 7, 0);
    deleted.kind = MetadataKind::deleted;
    for (const auto& records : {std::vector{deleted, record}, state.snapshot(0)}) {
        CatalogState read{engine::LogConfig{}};
        for (const auto& each : records)
            ASSERT_TRUE(read.replay(each));
        EXPECT_NE(read.view().find(record.id), nullptr);
        EXPECT_TRUE(read.deleted().empty());
    }
}

}  // namespace

}  // namespace millrace::broker
