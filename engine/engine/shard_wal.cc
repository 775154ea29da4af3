// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/shard_wal.h"

#include "engine/base/planted_bugs.h"

#include <algorithm>

namespace millrace::engine {

ShardWal::ShardWal(WalWriter& own, EngineCore& core, std::uint32_t shard)
        : own_(own), core_(core), foreign_(core.state().shards[shard].foreign) {}

Result<WalPlace> ShardWal::reserve(EntryKind kind,
                                   const PartitionKey& key,
                                   std::uint32_t payload_bytes,
                                   bool frees_space) {
    auto place = own_.reserve(kind, key, payload_bytes, frees_space);
    refused_ = !place && place.error().code == Errc::no_room;
    if (place) newest_group_ = place->group;
    return place;
}

void ShardWal::entry_released(WalFileUse& file) noexcept {
    if (!file.stand_in) return own_.entry_released(file);
    ASSERT(file.unflushed_entries > 0);
    --file.unflushed_entries;
}

std::uint64_t ShardWal::pressure() const noexcept {
    const auto live = own_.live_bytes();
    const bool waits = refused_ && live >= own_.bytes_max() / 2;
    return waits ? std::max(live, own_.bytes_max()) : live;
}

std::uint64_t ShardWal::live_bytes() const noexcept {
    auto bytes = pressure();
    for (const auto& file : foreign_) {
        const auto elsewhere =
                file.recovered
                        ? own_.bytes_max()
                        : core_.link(file.directory).pressure.load(std::memory_order_relaxed);
        bytes = std::max(bytes, elsewhere);
    }
    return bytes;
}

WalFileUse& ShardWal::add_share(std::uint32_t directory,
                                WalFileUse& original,
                                std::uint64_t file_number,
                                std::uint64_t entries,
                                std::uint64_t bytes) {
    shared_bytes_ += bytes;
    const auto open = std::ranges::find_if(foreign_, [&](const ForeignFile& file) {
        return !file.recovered && !file.surrendering && file.original == &original &&
               file.use.file_number == file_number;
    });
    if (open != foreign_.end()) {
        if (!bug_planted(PlantedBug::forget_shares)) ++open->shares;
        open->use.unflushed_entries += entries;
        return open->use;
    }
    auto& made = foreign_.emplace_back();
    made.directory = directory;
    made.original = &original;
    made.recovered = false;
    if (bug_planted(PlantedBug::forget_shares)) made.shares = 0;
    made.use.file_number = file_number;
    made.use.unflushed_entries = entries;
    made.use.stand_in = true;
    made.use.newest_elsewhere = &core_.link(directory).newest_file;
    return made.use;
}

bool ShardWal::has_idle_share() const noexcept {
    return std::ranges::any_of(foreign_, [](const ForeignFile& file) {
        if (file.surrendering || file.use.unflushed_entries > 0) return false;
        const auto* newest = file.use.newest_elsewhere;
        return newest == nullptr || newest->load(std::memory_order_relaxed) > file.use.file_number;
    });
}

}  // namespace millrace::engine
