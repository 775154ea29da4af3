// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_chain.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/format/wal_entry.h"
#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

WalChain::WalChain(WalDirectory& directory, const WalPosition& from, ReplayedWal& wal)
        : directory_(directory), wal_(wal) {
    wal_.end = from;
    wal_.run_number = from.run_number;
    if (from.sequence == 0) {
        wal_.end.sequence = 1;
        wal_.end.file_number = 1;
    }
}

Result<void> WalChain::follow() {
    for (;;) {
        TRY(const bool here, try_here());
        if (here) continue;
        if (newer_format_ || entries_are_bad_) return {};
        TRY(const bool next, try_next_file());
        if (!next) return {};
    }
}

Result<bool> WalChain::try_here() {
    const FoundWalFile* file = directory_.find(wal_.end.slot);
    if (file == nullptr) return false;
    return try_at(*file, std::uint64_t{wal_.end.block} * kBlockBytes, wal_.end.file_number);
}

// A group that did not fit behind the last one begins the file after it, in whatever slot.
Result<bool> WalChain::try_next_file() {
    for (const auto& file : directory_.files()) {
        if (!file.first || file.first->file_number != wal_.end.file_number + 1) continue;
        TRY(const bool taken, try_at(file, 0, wal_.end.file_number + 1));
        if (taken) return true;
    }
    return false;
}

Result<bool> WalChain::try_at(const FoundWalFile& file,
                              std::uint64_t position,
                              std::uint64_t file_number) {
    TRY(auto window, directory_.at(file, position, kBlockBytes));
    if (window.bytes == 0) return false;
    const auto header = read_group_header({window.data, kBlockBytes});
    if (!header) {
        newer_format_ = newer_format_ || header.error().code == Errc::newer_format;
        return false;
    }
    if (!follows(*header, position, file_number)) return false;
    if (header->length > window.bytes) {
        TRY(window, directory_.at(file, position, header->length));
        if (header->length > window.bytes) return false;
    }
    const Bytes group(window.data, header->length);
    if (!group_crc_is_right(group, *header)) return false;
    const Bytes entries = group.subspan(kGroupHeaderBytes);
    if (!run_is_right(*header, entries)) return false;
    if (!entries_are_right(entries)) return false;
    take(file, position, *header, window);
    return true;
}

bool WalChain::follows(const WalGroupHeader& header,
                       std::uint64_t position,
                       std::uint64_t file_number) const noexcept {
    const bool chained =
            header.chain == wal_.end.chain || bug_planted(PlantedBug::accept_earlier_run);
    return header.directory == wal_.end.directory && header.sequence == wal_.end.sequence &&
           chained && header.file_number == file_number && header.block == position / kBlockBytes;
}

bool WalChain::run_is_right(const WalGroupHeader& header, Bytes entries) const noexcept {
    const WalPosition& end = wal_.end;
    if (bug_planted(PlantedBug::accept_earlier_run)) return true;
    if (header.run_bits == end.run_bits && header.run_number == end.run_number) return true;
    if (header.run_number <= end.run_number) return false;
    const auto entry = take_entry(entries);
    if (!entry || entry->kind != EntryKind::start) return false;
    const auto link = load_start_link(entry->payload);
    if (!link) return false;
    return link->sequence == end.sequence - 1 && link->crc == end.chain &&
           link->run_bits == end.run_bits && link->run_number == end.run_number;
}

bool WalChain::entries_are_right(Bytes entries) noexcept {
    while (!entries.empty()) {
        const auto entry = take_entry(entries);
        if (entry) continue;
        const bool newer = entry.error().code == Errc::newer_format;
        newer_format_ = newer_format_ || newer;
        entries_are_bad_ = entries_are_bad_ || !newer;
        return false;
    }
    return true;
}

WalSlot& WalChain::slot_of(const FoundWalFile& file) noexcept {
    const auto at = std::ranges::find(wal_.slots, file.slot, &WalSlot::slot);
    ASSERT(at != wal_.slots.end());
    return *at;
}

void WalChain::take(const FoundWalFile& file,
                    std::uint64_t position,
                    const WalGroupHeader& header,
                    const WalDirectory::Window& window) {
    WalSlot& slot = slot_of(file);
    const std::uint64_t group_end = position + round_up(header.length, kBlockBytes);
    if (slot.use == nullptr) {
        slot.use = std::make_unique<WalFileUse>();
        slot.use->file_number = header.file_number;
        slot.first = wal_.end;
        slot.first.slot = file.slot;
        slot.first.file_number = header.file_number;
        slot.first.block = header.block;
    }
    slot.file_number = header.file_number;
    slot.written_bytes = group_end;

    Bytes entries(window.data + kGroupHeaderBytes, header.length - kGroupHeaderBytes);
    while (!entries.empty()) {
        const auto entry = take_entry(entries);
        if (entry->kind == EntryKind::start || entry->kind == EntryKind::empty) continue;
        ReplayedEntry replayed;
        replayed.kind = entry->kind;
        replayed.key = entry->key;
        replayed.place.image = window.buffer;
        replayed.place.data = window.data + (entry->payload.data() - window.data);
        replayed.place.size = static_cast<std::uint32_t>(entry->payload.size());
        replayed.place.file = slot.use.get();
        replayed.place.group = header.sequence;
        replayed.run_number = header.run_number;
        replayed.directory = header.directory;
        ++slot.use->unflushed_entries;
        wal_.entries.push_back(std::move(replayed));
    }
    ++wal_.groups;
    wal_.bytes += group_end - position;
    wal_.run_number = std::max(wal_.run_number, header.run_number);

    WalPosition& end = wal_.end;
    end.slot = file.slot;
    end.file_number = header.file_number;
    end.block = static_cast<std::uint32_t>(group_end / kBlockBytes);
    end.sequence = header.sequence + 1;
    end.chain = header.crc;
    end.run_number = header.run_number;
    end.run_bits = header.run_bits;
}

}  // namespace millrace::engine
