// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The WAL as one shard's logs see it: their own, and their shares in files of other directories,
// which an earlier number of shards left behind.
//
// Thread:      its shard's.
#pragma once

#include "engine/assert.h"
#include "engine/engine/recovered_state.h"
#include "engine/wal/wal_writer.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>

namespace millrace::engine {

class ShardWal final : public WalAppender {
public:
    ShardWal(WalWriter& own, std::deque<ForeignFile>& foreign) : own_(own), foreign_(foreign) {
        shares_left_ = foreign.size();
    }

    [[nodiscard]] Result<WalPlace> reserve(EntryKind kind,
                                           const PartitionKey& key,
                                           std::uint32_t payload_bytes,
                                           bool frees_space) override {
        auto place = own_.reserve(kind, key, payload_bytes, frees_space);
        refused_ = !place && place.error().code == Errc::no_room;
        return place;
    }

    void keep(const WalPlace& place, WalSink* sink, Offset end, Durability awaited) override {
        own_.keep(place, sink, end, awaited);
    }

    void take_back(const WalPlace& place) noexcept override { own_.take_back(place); }

    void forget(WalSink& sink) noexcept override { own_.forget(sink); }

    void entry_released(WalFileUse& file) noexcept override {
        if (find_foreign(&file) == nullptr) return own_.entry_released(file);
        ASSERT(file.unflushed_entries > 0);
        --file.unflushed_entries;
    }

    // The flusher is told that the bound is reached, and works as fast as it can, also while
    // another shard's WAL waits for this one, and while appends wait for a file to be recycled:
    // what comes in would else set the pace, and nothing does.
    [[nodiscard]] std::uint64_t live_bytes() const noexcept override {
        const auto live = own_.live_bytes();
        const bool waited_for = shares_left_ > 0 || (refused_ && live >= own_.bytes_max() / 2);
        return waited_for ? std::max(live, own_.bytes_max()) : live;
    }

    [[nodiscard]] std::uint64_t bytes_max() const noexcept override { return own_.bytes_max(); }

    [[nodiscard]] std::uint64_t appended_bytes() const noexcept override {
        return own_.appended_bytes();
    }

    // Null when the file is of the shard's own directory.
    [[nodiscard]] ForeignFile* find_foreign(const WalFileUse* file) const noexcept {
        if (foreign_.empty()) return nullptr;
        const auto found = std::find_if(foreign_.begin(), foreign_.end(), [file](const auto& each) {
            return &each.use == file;
        });
        return found == foreign_.end() ? nullptr : &*found;
    }

    [[nodiscard]] std::deque<ForeignFile>& foreign() noexcept { return foreign_; }

    [[nodiscard]] bool has_shares() const noexcept { return shares_left_ > 0; }

    // A durable round has given the share back.
    void surrender(ForeignFile& file) noexcept {
        ASSERT(file.use.unflushed_entries == 0 && !file.surrendered);
        file.surrendered = true;
        --shares_left_;
    }

private:
    WalWriter& own_;
    std::deque<ForeignFile>& foreign_;
    std::size_t shares_left_ = 0;
    bool refused_ = false;  // The last append found no room.
};

}  // namespace millrace::engine
