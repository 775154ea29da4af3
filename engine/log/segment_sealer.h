// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Seals a whole segment: exact length, complete indexes, leader epochs, everything synced. From
// then on its files are Kafka's, byte for byte, and never change.
#pragma once

#include "engine/log/index_files.h"
#include "engine/log/index_loader.h"

#include <cstdint>

namespace millrace::engine {

// Writes leader-epoch-checkpoint of a log, by way of a temporary file, as far as segment files go.
class EpochFile {
public:
    explicit EpochFile(LogContext& context) : file_(context) {}

    // The name still has to be synced. Errors: as SmallFileWriter, and no_room.
    void save(const LogState& log, bool sync, Completion done) noexcept;

private:
    SmallFileWriter file_;
};

// Thread: the shard's. Every step may be done again: a seal that found no room is tried again
// from its beginning.
class SegmentSealer : public FileSteps<SegmentSealer> {
public:
    SegmentSealer(LogContext& context, OpenFiles& files, IoGate& read_gate, IndexCache& cache)
            : FileSteps(context),
              files_(files),
              loader_(context, files, read_gate, cache),
              index_files_(context),
              epoch_file_(context) {}

    // Requires: all of the segment is stored; `file` is pinned until done.
    // Errors: storage_full and no_room (try again later); others are final.
    void start(LogState& log, Segment& segment, OpenFile& file, Completion done) noexcept;

private:
    friend class FileSteps<SegmentSealer>;

    void index_complete(Result<void> outcome) noexcept;
    void cut() noexcept;
    void indexes_saved(Result<void> outcome) noexcept;
    void epochs_saved(Result<void> outcome) noexcept;
    void log_synced() noexcept;
    void folder_synced() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    OpenFiles& files_;
    IndexLoader loader_;
    IndexFiles index_files_;
    EpochFile epoch_file_;
    LogState* log_ = nullptr;
    Segment* segment_ = nullptr;
    OpenFile* file_ = nullptr;
    bool pinned_ = false;
    Completion done_;
};

}  // namespace millrace::engine
