// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What stands in a partition's folder, byte for byte, against Kafka's rules written down anew.
#include "engine/base/byte_order.h"
#include "engine/format/record_batch.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::kOrders;
using testing::kOrdersFolder;
using testing::LogHarness;
using testing::SimOperation;
using testing::operator+;
using testing::stored;

std::string text_of(const std::vector<std::byte>& bytes) {
    std::string text;
    for (const auto byte : bytes)
        text += static_cast<char>(byte);
    return text;
}

std::string segment_name(std::int64_t base, const char* suffix) {
    char name[64];
    std::snprintf(name, sizeof name, "%020lld%s", static_cast<long long>(base), suffix);
    return name;
}

template <class Number>
void put(std::vector<std::byte>& to, Number number) {
    std::byte bytes[sizeof number];
    store_big(bytes, number);
    to.insert(to.end(), bytes, bytes + sizeof number);
}

// Kafka's segment: rolls by size and time, an entry before a batch when more than the interval
// was written since the last, a last time entry at the roll.
class ModelSegments {
public:
    struct Segment {
        std::int64_t base = 0;
        std::vector<std::byte> log;
        std::vector<std::byte> index;
        std::vector<std::byte> times;
        std::int64_t first_time = -1;
        std::int64_t largest = -1;
        std::int64_t largest_offset = -1;
        std::int64_t last_indexed_time = -1;
        std::size_t since_entry = 0;
    };

    explicit ModelSegments(const LogConfig& config) : config_(config) {}

    void append(const std::vector<std::byte>& batch) {
        const auto view = BatchView::trusted(batch.data());
        const auto time = view.max_timestamp();
        if (segments.empty() || segments.back().log.size() + batch.size() > config_.segment_bytes ||
            time - segments.back().first_time > config_.segment_ms) {
            if (!segments.empty()) add_time(segments.back());
            segments.emplace_back();
            segments.back().base = next_;
            segments.back().first_time = time;
        }
        auto& segment = segments.back();
        const auto last = view.last_offset_delta() + next_;
        if (time > segment.largest) {
            segment.largest = time;
            segment.largest_offset = last;
        }
        if (segment.since_entry > config_.index_interval_bytes) {
            put(segment.index, static_cast<std::int32_t>(last - segment.base));
            put(segment.index, static_cast<std::int32_t>(segment.log.size()));
            add_time(segment);
            segment.since_entry = 0;
        }
        const auto as_stored = stored(batch, next_);
        segment.log.insert(segment.log.end(), as_stored.begin(), as_stored.end());
        segment.since_entry += batch.size();
        next_ = last + 1;
    }

    std::vector<Segment> segments;

private:
    static void add_time(Segment& segment) {
        if (segment.largest <= segment.last_indexed_time) return;
        put(segment.times, segment.largest);
        put(segment.times, static_cast<std::int32_t>(segment.largest_offset - segment.base));
        segment.last_indexed_time = segment.largest;
    }

    LogConfig config_;
    std::int64_t next_ = 0;
};

std::vector<std::byte> nth_batch(int i) {
    // Sizes and times that go up and down, several records now and then.
    const auto size = static_cast<std::size_t>(50 + i * 37 % 400);
    const TimestampMs time = 1'699'000'000'000 + i * 10 - (i % 7) * 25;
    return batch_of(std::string(size, static_cast<char>('a' + i % 26)), 1 + i % 3, time);
}

// All but the last segment are sealed and as the model has them; the last one begins likewise.
void expect_files(const LogHarness& harness, const ModelSegments& model) {
    ASSERT_GE(model.segments.size(), 2U);
    for (std::size_t i = 0; i < model.segments.size(); ++i) {
        const auto& segment = model.segments[i];
        const auto log = harness.file(segment_name(segment.base, ".log"));
        if (i + 1 == model.segments.size()) {
            ASSERT_GE(log.size(), segment.log.size());
            EXPECT_TRUE(std::equal(segment.log.begin(), segment.log.end(), log.begin()));
            continue;
        }
        EXPECT_EQ(log, segment.log) << segment.base;
        EXPECT_EQ(harness.file(segment_name(segment.base, ".index")), segment.index);
        EXPECT_EQ(harness.file(segment_name(segment.base, ".timeindex")), segment.times);
    }
}

TEST(SegmentFiles, AreKafkasByteForByteHoweverTheyWereStored) {
    const LogConfig config{.segment_bytes = 8192, .index_interval_bytes = 1000};
    for (const int store_every : {1, 3, 17, 1000}) {
        LogHarness harness;
        harness.open(config);
        ModelSegments model(config);
        for (int i = 0; i < 200; ++i) {
            model.append(nth_batch(i));
            harness.append(nth_batch(i));
            if (i % store_every == 0) harness.store_all();
        }
        harness.store_all();
        expect_files(harness, model);
        EXPECT_EQ(harness.log->segment_count(), model.segments.size());
    }
}

TEST(SegmentFiles, AreTheSameWhenBatchesCameManyAtOnce) {
    const LogConfig config{.segment_bytes = 4096, .index_interval_bytes = 500};
    LogHarness harness({.run_bytes = 3000});
    harness.open(config);
    ModelSegments model(config);
    for (int i = 0; i < 120; i += 6) {
        std::vector<std::byte> many;
        for (int j = i; j < i + 6; ++j) {
            model.append(nth_batch(j));
            many = many + nth_batch(j);
        }
        harness.append(many);
    }
    harness.store_all();
    expect_files(harness, model);
}

TEST(SegmentFiles, AreTheSameAcrossStopsCleanAndNot) {
    const LogConfig config{.segment_bytes = 8192, .index_interval_bytes = 1000};
    LogHarness harness;
    harness.open(config);
    ModelSegments model(config);
    std::vector<PartitionRow> rows;
    for (int i = 0; i < 200; ++i) {
        model.append(nth_batch(i));
        harness.append(nth_batch(i));
        if (i % 23 == 11) {
            harness.store_all();
            rows = harness.checkpoint();
        }
        if (i % 40 == 20) harness.restart(rows, false);
        if (i % 40 == 39) {
            ASSERT_TRUE(harness.flush_all().has_value());
            rows = harness.checkpoint();
            harness.restart(rows, false);
        }
    }
    harness.store_all();
    expect_files(harness, model);
    EXPECT_EQ(harness.failure, std::nullopt);
}

TEST(SegmentFiles, RollByTimeFromTheFirstBatchOn) {
    LogHarness harness;
    harness.open({.segment_ms = 1000});
    const TimestampMs start = 1'600'000'000'000;
    harness.append(batch_of("a", 1, start));
    harness.append(batch_of("b", 1, start + 1000));
    EXPECT_EQ(harness.log->segment_count(), 1U);
    harness.append(batch_of("c", 1, start + 1001));
    EXPECT_EQ(harness.log->segment_count(), 2U);
    harness.append(batch_of("d", 1, start));  // An old batch does not roll.
    EXPECT_EQ(harness.log->segment_count(), 2U);
}

TEST(SegmentFiles, RollByTheClockWhenBatchesHaveNoTime) {
    LogHarness harness;
    harness.open({.segment_ms = 1000});
    harness.append(batch_of("a", 1, -1));
    harness.clock.advance(std::chrono::milliseconds(1000));
    harness.append(batch_of("b", 1, -1));
    EXPECT_EQ(harness.log->segment_count(), 1U);
    harness.clock.advance(std::chrono::milliseconds(1));
    harness.append(batch_of("c", 1, -1));
    EXPECT_EQ(harness.log->segment_count(), 2U);
}

TEST(SegmentFiles, FillASegmentToItsLastByte) {
    const auto batch = batch_of("0123456789");
    LogHarness harness;
    harness.open({.segment_bytes = batch.size() * 3});
    for (int i = 0; i < 4; ++i)
        harness.append(batch);
    EXPECT_EQ(harness.log->segment_count(), 2U);
    harness.store_all();
    EXPECT_EQ(harness.file(segment_name(0, ".log")).size(), batch.size() * 3);
    EXPECT_EQ(harness.counters.segments_rolled, 1U);
}

TEST(SegmentFiles, NameTheTopicBeforeThereIsData) {
    LogHarness harness;
    harness.open();
    std::vector<std::string> order;
    harness.disk.set_observer([&order](const SimOperation& operation) {
        const bool counts = operation.kind == FileOpKind::sync_directory ||
                            operation.kind == FileOpKind::sync_data ||
                            operation.kind == FileOpKind::write;
        if (counts) order.push_back(operation.path.substr(operation.path.find_last_of('/') + 1));
    });
    harness.append(batch_of("a"));
    harness.store_all();
    const std::vector<std::string> expected{
            "partition.metadata", "partition.metadata", "orders-3", segment_name(0, ".log")};
    EXPECT_EQ(order, expected);
    EXPECT_EQ(text_of(harness.file("partition.metadata")),
              "version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA");
}

// The run that made it may have been killed before it was synced.
TEST(SegmentFiles, SyncTheNameOfAFolderThatAnEarlierRunMade) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.store_all();
    harness.restart({}, true);  // No checkpoint knows of the folder.
    std::vector<std::string> order;
    harness.disk.set_observer([&order](const SimOperation& operation) {
        const bool counts =
                operation.kind == FileOpKind::sync_data || operation.kind == FileOpKind::write;
        if (counts) order.push_back(operation.path.substr(operation.path.find_last_of('/') + 1));
    });
    harness.append(batch_of("b"));
    harness.store_all();
    const std::vector<std::string> expected{"partition.metadata", segment_name(0, ".log")};
    EXPECT_EQ(order, expected);
}

TEST(SegmentFiles, ListLeaderEpochsAtASeal) {
    LogHarness harness;
    harness.open({.segment_bytes = 300});
    harness.append(batch_of("a", 2));
    harness.restart({}, true);
    for (int i = 0; i < 6; ++i)
        harness.append(batch_of("b", 2));
    harness.store_all();
    EXPECT_EQ(text_of(harness.file("leader-epoch-checkpoint")), "0\n2\n0 0\n1 2\n");
}

TEST(SegmentFiles, ReplaceWhatAnEarlierRunLeftUnnamed) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096, .index_interval_bytes = 200});
    for (int i = 0; i < 30; ++i)
        harness.append(batch_of(std::string(700, 'x')));
    harness.store_all();  // No checkpoint names any of it.
    harness.wal.lose_everything();
    harness.restart({}, true);
    const auto value = std::string(500, 'y');
    for (int i = 0; i < 30; ++i)
        harness.append(batch_of(value));
    ModelSegments model({.segment_bytes = 4096, .index_interval_bytes = 200});
    for (int i = 0; i < 30; ++i)
        model.append(batch_of(value));
    harness.only_files();
    ASSERT_EQ(harness.log->leader_epoch(), 1);
    for (std::int64_t offset = 0; offset < 30; ++offset) {
        EXPECT_EQ(harness.read(offset, 1).bytes_read(), stored(batch_of(value), offset, 1));
    }
    EXPECT_EQ(harness.file(segment_name(0, ".index")), model.segments[0].index);
}

// They may hold offsets that this run gives to other records, under names that it never uses.
TEST(SegmentFiles, RemoveWhatAnEarlierRunLeftUnnamed) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096});
    for (int i = 0; i < 12; ++i)
        harness.append(batch_of(std::string(700, 'x')));
    const auto rows = harness.only_files();
    const auto segments = [&harness] {
        auto names = harness.folder();
        std::erase_if(names, [](const auto& name) { return !name.ends_with(".log"); });
        return names;
    };
    const auto named = segments();
    const auto files = harness.folder().size();
    for (int i = 0; i < 30; ++i)
        harness.append(batch_of(std::string(700, 'x')));
    harness.store_all();  // No checkpoint names any of it.
    ASSERT_GT(segments().size(), named.size() + 3);
    harness.wal.lose_everything();
    harness.restart(rows, true);
    EXPECT_GT(segments().size(), named.size()) << "a start lists no directories";
    harness.append(batch_of("y"));
    harness.only_files();
    EXPECT_EQ(segments(), named);
    EXPECT_LE(harness.folder().size(), files + 2);  // Indexes of the last one: known not to count.
    EXPECT_EQ(harness.read(0, 1).bytes_read(), stored(batch_of(std::string(700, 'x')), 0));
    EXPECT_EQ(harness.read(12, 1).bytes_read(), stored(batch_of("y"), 12, 1));
    EXPECT_EQ(harness.failure, std::nullopt);
}

// What was stored and then lost with the write-ahead log, of a log that nobody appends to any more.
TEST(SegmentFiles, HoldNothingBehindTheLogAfterACleanStop) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("kept"));
    const auto rows = harness.only_files();
    harness.append(batch_of(std::string(5000, 'x')));
    harness.store_all();  // No checkpoint names it.
    harness.wal.lose_everything();
    harness.restart(rows, true);
    ASSERT_TRUE(harness.flush_all().has_value());
    auto expected = stored(batch_of("kept"), 0);
    expected.resize(kBlockBytes);
    EXPECT_EQ(harness.file(segment_name(0, ".log")), expected);
    harness.restart(harness.checkpoint(), false);
    harness.append(batch_of("next"));
    harness.only_files();
    EXPECT_EQ(harness.read(0, 1).bytes_read(), stored(batch_of("kept"), 0));
    EXPECT_EQ(harness.read(1, 1).bytes_read(), stored(batch_of("next"), 1, 1));
}

TEST(SegmentFiles, MoveAFolderOfAnotherTopicToTrash) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("old"));
    harness.store_all();
    PartitionKey other = kOrders;
    other.topic.bytes[0] = 99;
    harness.restart({}, true);
    harness.log = &harness.logs->open(other, "orders-4", {}, nullptr);
    harness.append(batch_of("unrelated"));
    harness.store_all();
    // The same folder for another topic id.
    other.topic.bytes[0] = 100;
    harness.log = &harness.logs->open(other, kOrdersFolder, {}, nullptr);
    harness.append(batch_of("new"));
    harness.only_files();
    EXPECT_EQ(harness.failure, std::nullopt);
    EXPECT_EQ(harness.read(0).bytes_read(), stored(batch_of("new"), 0, harness.leader_epoch_min));
    EXPECT_EQ(harness.folder().size(), 2U);
    EXPECT_EQ(harness.disk.files().size(), 4U);  // Of two folders; trash/ is empty again.
}

}  // namespace
}  // namespace millrace::engine
