// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Pieces of a backup: what is made of record batches, and of a manifest that anybody may have
// written.
#include "engine/format/batch_builder.h"
#include "tests/tools/temporary_folder.h"
#include "tools/backup/manifest.h"
#include "tools/backup/tail_file.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string>
#include <vector>

namespace millrace::backup {
namespace {

using cli::TemporaryFolder;
using engine::Offset;
using ::testing::HasSubstr;

std::vector<std::byte> batch(std::int64_t base, int records, engine::LeaderEpoch epoch = 3) {
    engine::BatchBuilder builder;
    for (int i = 0; i < records; ++i)
        builder.append({.timestamp = 1'700'000'000'000 + base + i});
    const auto built = builder.finish(engine::Codec::none);
    std::vector<std::byte> bytes(built->begin(), built->end());
    engine::set_batch_place(bytes.data(), Offset(base), epoch);
    return bytes;
}

class TailFileTest : public ::testing::Test {
protected:
    TailFileTest() { row_.log_start = row_.flushed_offset = Offset(10); }

    bool add(const std::vector<std::byte>& bytes, std::int64_t end = 1000) {
        const auto added = tail_.add(bytes, Offset(end));
        EXPECT_TRUE(added) << added.error();
        return added && *added;
    }

    TemporaryFolder folder_;
    engine::PartitionRow row_;
    TailFile tail_{folder_.path(), row_};
};

TEST_F(TailFileTest, TakesBatchesInOrderUpToTheCut) {
    auto both = batch(10, 5);
    const auto second = batch(15, 2, 4);
    both.insert(both.end(), second.begin(), second.end());
    EXPECT_TRUE(add(both));
    EXPECT_TRUE(add(both));  // As a reader that begins inside a batch gets it.
    EXPECT_TRUE(add(batch(17, 3), 17));
    ASSERT_TRUE(tail_.finish());
    EXPECT_EQ(row_.flushed_offset, Offset(17));
    ASSERT_EQ(row_.segments.size(), 1U);
    const auto& segment = row_.segments[0];
    EXPECT_EQ(segment.base, Offset(10));
    EXPECT_EQ(segment.bytes, both.size());
    EXPECT_EQ(segment.first_timestamp, 1'700'000'000'014);
    EXPECT_EQ(segment.largest_timestamp, 1'700'000'000'016);
    EXPECT_EQ(segment.largest_timestamp_offset, Offset(16));
    EXPECT_FALSE(segment.sealed);
    ASSERT_EQ(row_.epochs.size(), 2U);
    EXPECT_EQ(row_.epochs[1].start, Offset(15));
    EXPECT_EQ(std::filesystem::file_size(folder_.path() / "00000000000000000010.log"), both.size());
}

TEST_F(TailFileTest, BeginsWithTheBatchThatTheLogStartLiesIn) {
    EXPECT_TRUE(add(batch(8, 5)));
    ASSERT_TRUE(tail_.finish());
    EXPECT_EQ(row_.segments[0].base, Offset(8));
    EXPECT_EQ(row_.log_start, Offset(10));
}

TEST_F(TailFileTest, SaysWhereRecordsAreMissing) {
    EXPECT_TRUE(add(batch(10, 5)));
    EXPECT_FALSE(add(batch(16, 1)));
}

TEST_F(TailFileTest, SaysWhereRecordsOfABatchAreMissing) {
    engine::BatchBuilder builder;
    builder.append({.timestamp = 1});
    const auto built = builder.finish(engine::Codec::none);
    std::vector<std::byte> bytes(built->begin(), built->end());
    engine::set_batch_place(bytes.data(), Offset(10), 0);
    engine::store_big<std::int32_t>(bytes.data() + engine::batch_at::kLastOffsetDelta, 4);
    const auto crc = engine::BatchView::trusted(bytes.data()).computed_crc();
    engine::store_big<std::uint32_t>(bytes.data() + engine::batch_at::kCrc, crc);
    EXPECT_FALSE(add(bytes));
}

TEST_F(TailFileTest, RefusesADamagedBatch) {
    auto bytes = batch(10, 5);
    bytes.back() ^= std::byte{1};
    const auto added = tail_.add(bytes, Offset(1000));
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error(), HasSubstr("damaged record batch behind offset 9 of partition 0"));
}

class ManifestTest : public ::testing::Test {
protected:
    void put(const std::string& text) {
        std::ofstream(folder_.path() / kManifestName, std::ios::trunc) << text;
    }

    [[nodiscard]] std::string refusal() const {
        const auto read = read_manifest(folder_.path());
        return read ? "" : read.error();
    }

    TemporaryFolder folder_;
    Manifest manifest_{.topic = "orders",
                       .topic_id = "id",
                       .cluster_id = "cluster",
                       .created = "2023-11-14T22:13:20Z",
                       .config = {{"retention.ms", "1000"}},
                       .partitions = {{0, 5, 10}, {1, 0, 0}}};
};

TEST_F(ManifestTest, ReadsAsItWasWritten) {
    put(text_of(manifest_));
    const auto read = read_manifest(folder_.path());
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(text_of(*read), text_of(manifest_));
    EXPECT_EQ(read->partitions[0].end_offset, 10);
}

TEST_F(ManifestTest, AnythingElseIsRefusedByName) {
    EXPECT_THAT(refusal(), HasSubstr("backup.json is not there"));
    const auto good = text_of(manifest_);
    const auto with = [&good](const std::string& what, const std::string& instead) {
        auto text = good;
        text.replace(text.find(what), what.size(), instead);
        return text;
    };
    put(with("\"format\": 1", "\"format\": 2"));
    EXPECT_THAT(refusal(), HasSubstr("later version"));
    for (const auto& text : {std::string(),
                             std::string("[]"),
                             good.substr(0, good.size() / 2),
                             with("\"orders\"", "7"),
                             with("\"partition\": 1", "\"partition\": 2"),
                             with("\"end_offset\": 10", "\"end_offset\": 4"),
                             with("\"start_offset\": 5", "\"start_offset\": -5"),
                             with("\"1000\"", "1000")}) {
        put(text);
        EXPECT_THAT(refusal(), HasSubstr("backup.json is damaged")) << text;
    }
}

}  // namespace
}  // namespace millrace::backup
