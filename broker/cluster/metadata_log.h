// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The broker's metadata on disk: records in the log of a reserved partition of shard 0.
//
// Lifecycle:   open once, read everything once, then append. The engine outlives it.
// Thread:      shard 0's.
// Durability:  an append is done when it is flushed.
#pragma once

#include "broker/cluster/metadata_record.h"
#include "engine/engine.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace millrace::broker {

// More of them go in several batches.
constexpr std::size_t kMetadataBatchRecords = 2'000;

class MetadataLog {
public:
    explicit MetadataLog(engine::ShardEngine& engine);
    ~MetadataLog();
    MetadataLog(const MetadataLog&) = delete;
    MetadataLog& operator=(const MetadataLog&) = delete;

    using OnRecord = std::move_only_function<engine::Result<void>(const MetadataRecord&)>;
    using OnDone = std::move_only_function<void(engine::Result<void>)>;

    // Reads from the newest whole snapshot to the end, each record once, then `done` (perhaps
    // within the call). Errors: on_record's; damaged_range, newer_format, io_failed.
    void read_all(OnRecord on_record, OnDone done);

    // Appends the records as one batch, all or none; `done` runs when they are flushed, and only
    // if append() returned a value: the offset of the first one. Their snapshot_offset is set here.
    // Errors: as Log::append.
    [[nodiscard]] engine::Result<engine::Offset> append(std::vector<MetadataRecord>& records,
                                                        OnDone done);

    // Bytes appended or read since the newest whole snapshot began.
    [[nodiscard]] std::uint64_t bytes_since_snapshot() const noexcept { return bytes_; }

    // The snapshot that begins at `offset` is whole in the log.
    void snapshot_written(engine::Offset offset, std::uint64_t snapshot_bytes) noexcept;

    [[nodiscard]] std::int64_t snapshot_offset() const noexcept { return snapshot_offset_; }

private:
    struct Reading;
    struct Appending;

    void read_next();
    static void read_done(engine::ReadOp& op) noexcept;
    [[nodiscard]] engine::Result<void> take_slices();
    [[nodiscard]] engine::Result<void> take_batch(engine::Bytes bytes);
    void finish_reading(engine::Result<void> outcome);
    static void append_done(engine::AppendOp& op) noexcept;

    engine::ShardEngine& engine_;
    engine::Log& log_;
    std::unique_ptr<Reading> reading_;
    std::vector<std::unique_ptr<Appending>> appending_;  // In flight.
    std::int64_t snapshot_offset_ = -1;
    std::uint64_t bytes_ = 0;
};

}  // namespace millrace::broker
