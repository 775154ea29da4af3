// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Record batches as a broker gives them, on their way into segment files of a backup.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/format/record_batch.h"
#include "tools/backup/files.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>

namespace millrace::backup {

// Appends to a partition's row what it writes: segments, of which all but the last are sealed and
// none has an index, and leader epochs.
class TailFile {
public:
    // `row` outlives it; what follows is behind row.flushed_offset.
    TailFile(std::filesystem::path folder, engine::PartitionRow& row)
            : folder_(std::move(folder)), row_(row) {}

    // Whole batches, in order; those below row.flushed_offset are passed over, those from `end` on
    // left out. Each one's checksum is verified. False: a record is missing, compaction has been
    // at it.
    [[nodiscard]] Outcome<bool> add(engine::Bytes batches, engine::Offset end);

    // Everything is on stable storage but the names.
    [[nodiscard]] Outcome<void> finish();

    // Of the batches that were written.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    [[nodiscard]] Outcome<void> append(const engine::BatchView& batch);
    [[nodiscard]] Outcome<void> begin_segment(engine::Offset first);
    [[nodiscard]] Outcome<void> end_segment();

    std::filesystem::path folder_;
    engine::PartitionRow& row_;
    std::filesystem::path file_;
    std::ofstream stream_;
    bool open_ = false;
    std::uint64_t bytes_ = 0;
};

}  // namespace millrace::backup
