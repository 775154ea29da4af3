// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Makes a backup of one topic: a small data directory (checkpoint.a, topics/) beside its manifest.
//
// Lifecycle:   begin, then for each partition begin_partition, add until it has all, end_partition;
//              finish. What was made goes when it is destroyed before that.
// Durability:  when finish() returns everything is on stable storage.
#pragma once

#include "engine/format/checkpoint.h"
#include "tools/backup/files.h"
#include "tools/backup/manifest.h"
#include "tools/backup/tail_file.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::backup {

struct PartitionCopied {
    std::uint64_t linked_bytes = 0;
    std::uint64_t copied_bytes = 0;
};

class BackupWriter {
public:
    BackupWriter(std::filesystem::path directory, std::string topic, engine::TopicId id);
    ~BackupWriter();
    BackupWriter(const BackupWriter&) = delete;
    BackupWriter& operator=(const BackupWriter&) = delete;

    // The directory is not there, or empty.
    [[nodiscard]] Outcome<void> begin();

    // Takes over what the broker whose data directory is `data` has sealed of the partition from
    // `start` on. Begins it anew when called twice. False: some of that has been taken away
    // meanwhile; it has to be begun anew.
    [[nodiscard]] Outcome<bool> begin_partition(const std::filesystem::path& data,
                                                std::uint32_t partition,
                                                std::int64_t start);

    // The partition starts there now, at `start` above or behind it.
    void move_start(std::int64_t start) noexcept;

    // Where the batches that are still missing begin. The cut must lie where the partition ends
    // now, or later: of a key that compaction keeps, what was the last record when segments were
    // taken over is in them or behind them, and nowhere else.
    [[nodiscard]] std::int64_t next_offset() const noexcept { return row_.flushed_offset.value; }

    // Whole batches from next_offset() on, up to the cut. False: compaction has taken records away
    // that are not in the segments; the partition has to be begun anew.
    [[nodiscard]] Outcome<bool> add(std::string_view batches, std::int64_t cut);

    [[nodiscard]] Outcome<PartitionCopied> end_partition();

    [[nodiscard]] Outcome<void> finish(const Manifest& manifest);

private:
    [[nodiscard]] Outcome<void> write_metadata() const;

    std::filesystem::path directory_;
    std::string topic_;
    engine::TopicId id_;
    bool made_ = false;
    engine::Checkpoint checkpoint_;
    // Of the partition at work.
    std::filesystem::path folder_;
    engine::PartitionRow row_;
    PartitionCopied copied_;
    std::unique_ptr<TailFile> tail_;
};

}  // namespace millrace::backup
