// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a log sees of its shard's write-ahead log: entries of all its partitions gathered into
// commit groups, each group one direct write, groups chained and completed in order.
//
// Lifecycle:   start, then entries and turns, then drain.
// Thread:      its shard's loop.
// Durability:  a group is written, or flushed, only together with every earlier group.
// Memory:      a group lies in an image: a buffer that holds exactly the bytes of one stretch of
//              the WAL. Slices of it are the tails of the partitions; an image lives as long as
//              somebody refers to it.
#pragma once

#include "engine/buffer.h"
#include "engine/format/wal_entry.h"
#include "engine/result.h"
#include "engine/types.h"

#include <atomic>
#include <cstdint>

namespace millrace::engine {

// One WAL file's share in live data. The file is recycled when nothing in it is needed any more.
struct WalFileUse {
    std::uint64_t file_number = 0;        // Counts up for ever within a WAL directory.
    std::uint64_t unflushed_entries = 0;  // Entries whose batches no checkpoint covers yet.
    // Of another shard's directory: this one counts what its own shard needs of the file.
    bool stand_in = false;
    // Of a stand-in: the number of the file that the directory writes to now. Null: nobody writes
    // to the directory, or not to that file any more.
    const std::atomic<std::uint64_t>* newest_elsewhere = nullptr;
};

// Entries of one file that a checkpoint will release once it is durable.
struct WalRelease {
    const WalFileUse* file = nullptr;
    std::uint64_t entries = 0;
};

// Where an entry's payload lies.
struct WalPlace {
    BufferRef image;
    std::byte* data = nullptr;
    std::uint32_t size = 0;
    WalFileUse* file = nullptr;
    Sequence group = 0;
};

// What a log hears of its entries, in order: by group, and within a group as kept.
class WalSink {
public:
    virtual ~WalSink() = default;
    virtual void entry_written(Offset end) noexcept = 0;
    virtual void entry_flushed(Offset end) noexcept = 0;

protected:
    WalSink() = default;
    WalSink(const WalSink&) = default;
    WalSink& operator=(const WalSink&) = default;
};

// What a log needs of the WAL. Implemented by WalWriter; tests of logs bind it to a double.
class WalAppender {
public:
    virtual ~WalAppender() = default;

    // Room for an entry of `payload_bytes` in the open group. Until keep() or take_back() no other
    // reserve. `frees_space`: also an entry of records is taken on a full disk, from what is kept
    // for entries of other kinds. Errors: no_room, storage_full, shutting_down; batch_too_large
    // (over a quarter of a WAL file).
    [[nodiscard]] virtual Result<WalPlace> reserve(EntryKind kind,
                                                   const PartitionKey& key,
                                                   std::uint32_t payload_bytes,
                                                   bool frees_space) = 0;

    // The payload is in place and right. `awaited` says what somebody waits for: with `synced` its
    // group is flushed, with `written` written as soon as may be; a group of `memory` alone is
    // written plainly, and some milliseconds later. `sink` may be null. The entry keeps its file
    // until entry_released().
    virtual void keep(const WalPlace& place, WalSink* sink, Offset end, Durability awaited) = 0;

    // The payload was bad: as if it had never been reserved.
    virtual void take_back(const WalPlace& place) noexcept = 0;

    // `sink` dies: it hears nothing more.
    virtual void forget(WalSink& sink) noexcept = 0;

    // An entry's batches are covered by a durable checkpoint (or its partition is gone).
    virtual void entry_released(WalFileUse& file) noexcept = 0;

    [[nodiscard]] virtual std::uint64_t live_bytes() const noexcept = 0;      // Unrecycled WAL.
    [[nodiscard]] virtual std::uint64_t bytes_max() const noexcept = 0;       // This shard's share.
    [[nodiscard]] virtual std::uint64_t appended_bytes() const noexcept = 0;  // Ever, for pacing.

protected:
    WalAppender() = default;
    WalAppender(const WalAppender&) = default;
    WalAppender& operator=(const WalAppender&) = default;
};

}  // namespace millrace::engine
