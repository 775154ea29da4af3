// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The WAL as one shard's logs see it: their own, and their shares in files of other directories:
// those that an earlier number of shards left behind, and those of other shards which hold batches
// of atomic appends.
//
// Thread:      its shard's.
#pragma once

#include "engine/assert.h"
#include "engine/engine/engine_core.h"
#include "engine/engine/recovered_state.h"
#include "engine/wal/wal_writer.h"

#include <cstdint>
#include <list>

namespace millrace::engine {

class ShardWal final : public WalAppender {
public:
    ShardWal(WalWriter& own, EngineCore& core, std::uint32_t shard);

    [[nodiscard]] Result<WalPlace> reserve(EntryKind kind,
                                           const PartitionKey& key,
                                           std::uint32_t payload_bytes,
                                           bool frees_space) override;

    void keep(const WalPlace& place, WalSink* sink, Offset end, Durability awaited) override {
        own_.keep(place, sink, end, awaited);
    }

    void take_back(const WalPlace& place) noexcept override { own_.take_back(place); }

    void forget(WalSink& sink) noexcept override { own_.forget(sink); }

    void entry_released(WalFileUse& file) noexcept override;

    // The flusher is told that the bound is reached, and works as fast as it can, also while
    // another shard's WAL waits for this one, and while appends wait for a file to be recycled:
    // what comes in would else set the pace, and nothing does. While this shard has a share in a
    // file that another shard writes, it goes by the fuller WAL of the two.
    [[nodiscard]] std::uint64_t live_bytes() const noexcept override;

    [[nodiscard]] std::uint64_t bytes_max() const noexcept override { return own_.bytes_max(); }

    // Own entries, and batches that came with atomic entries of others.
    [[nodiscard]] std::uint64_t appended_bytes() const noexcept override {
        return own_.appended_bytes() + shared_bytes_;
    }

    // What this shard's own WAL asks of everybody who has a share in it.
    [[nodiscard]] std::uint64_t pressure() const noexcept;

    // An atomic entry in another shard's file has batches of this many of this shard's partitions,
    // and the file counts one more share of this shard. Who counts them here.
    [[nodiscard]] WalFileUse& add_share(std::uint32_t directory,
                                        WalFileUse& original,
                                        std::uint64_t file_number,
                                        std::uint64_t entries,
                                        std::uint64_t bytes);

    // A share that nothing needs any more, and that a round would give back to a file which is not
    // written to.
    [[nodiscard]] bool has_idle_share() const noexcept;

    [[nodiscard]] std::list<ForeignFile>& foreign() noexcept { return foreign_; }

    // The newest group of the own WAL that an entry went to: what comes now is not older.
    [[nodiscard]] Sequence newest_group() const noexcept { return newest_group_; }

private:
    WalWriter& own_;
    EngineCore& core_;
    std::list<ForeignFile>& foreign_;
    std::uint64_t shared_bytes_ = 0;
    Sequence newest_group_ = 0;
    bool refused_ = false;  // The last append found no room.
};

}  // namespace millrace::engine
