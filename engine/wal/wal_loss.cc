// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_loss.h"

#include "engine/format/atomic_entry.h"
#include "engine/format/record_batch.h"
#include "engine/format/wal_entry.h"
#include "engine/units.h"
#include "engine/wal/wal_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace millrace::engine {

namespace {

constexpr std::size_t kNamedPartitionsMax = 20;

// Lowest offset in an entry; -1: it has none.
Offset first_offset(const WalEntryView& entry) {
    if (entry.kind != EntryKind::append) return Offset(-1);
    const auto batch = BatchView::parse(entry.payload);
    return batch ? batch->base_offset() : Offset(-1);
}

void note(WalLoss& loss, const PartitionKey& key, Offset first) {
    const auto at = std::ranges::find(loss.seen_later, key);
    if (at == loss.seen_later.end()) {
        loss.seen_later.push_back(key);
        loss.seen_later_from.push_back(first);
        return;
    }
    Offset& known = loss.seen_later_from[static_cast<std::size_t>(at - loss.seen_later.begin())];
    if (known.value < 0) known = first;
}

void note(WalLoss& loss, const WalEntryView& entry) {
    if (entry.kind == EntryKind::start || entry.kind == EntryKind::empty) return;
    if (entry.kind != EntryKind::atomic) return note(loss, entry.key, first_offset(entry));
    const auto parts = read_atomic_entry(entry.payload);
    if (!parts) return note(loss, entry.key, Offset(-1));
    for (const auto& part : *parts)
        note(loss, part.key, first_offset({EntryKind::append, part.key, part.batches}));
}

Offset end_of(Bytes batches) {
    Offset end(-1);
    while (const auto batch = BatchView::parse(batches)) {
        end = batch->next_offset();
        batches = batches.subspan(batch->size());
    }
    return end;
}

// Where the replayed entries of a partition end; -1: there are none.
Offset replayed_end(const ReplayedWal& wal, const PartitionKey& key) {
    for (auto entry = wal.entries.rbegin(); entry != wal.entries.rend(); ++entry) {
        const Bytes payload(entry->place.data, entry->place.size);
        if (entry->kind == EntryKind::append && entry->key == key) return end_of(payload);
        if (entry->kind != EntryKind::atomic) continue;
        const auto parts = read_atomic_entry(payload);
        if (!parts) continue;
        const auto part = std::ranges::find(*parts, key, &AtomicPartView::key);
        if (part != parts->end()) return end_of(part->batches);
    }
    return Offset(-1);
}

std::string name_of(const PartitionKey& key) {
    std::string name;
    for (const auto byte : key.topic.bytes)
        name += fmt::format("{:02x}", byte);
    return name + fmt::format("-{}", key.partition);
}

std::string lost_ranges(const WalLoss& loss, const ReplayedWal& replayed) {
    const auto bound = [](Offset offset) {
        return offset.value < 0 ? std::string("?") : std::to_string(offset.value);
    };
    std::string text;
    for (std::size_t i = 0; i < std::min(loss.seen_later.size(), kNamedPartitionsMax); ++i) {
        text += fmt::format("{}{} [{}, {})",
                            i == 0 ? "" : ", ",
                            name_of(loss.seen_later[i]),
                            bound(replayed_end(replayed, loss.seen_later[i])),
                            bound(loss.seen_later_from[i]));
    }
    if (loss.seen_later.size() > kNamedPartitionsMax) {
        text += fmt::format(" and {} more", loss.seen_later.size() - kNamedPartitionsMax);
    }
    return text;
}

}  // namespace

Result<WalLoss> describe_loss(WalDirectory& directory,
                              const WalPosition& end,
                              const std::vector<ScannedGroup>& later) {
    WalLoss loss;
    loss.directory = end.directory;
    loss.slot = end.slot;
    loss.position = std::uint64_t{end.block} * kBlockBytes;
    loss.expected = end.sequence;
    for (const auto& group : later) {
        if (group.header.sequence <= end.sequence) continue;
        TRY(const auto window, directory.at(*group.file, group.position, group.header.length));
        if (window.bytes < group.header.length) continue;
        const Bytes bytes(window.data, group.header.length);
        if (!group_crc_is_right(bytes, group.header)) continue;
        Bytes entries = bytes.subspan(kGroupHeaderBytes);
        while (!entries.empty()) {
            const auto entry = take_entry(entries);
            if (!entry) break;
            note(loss, *entry);
        }
    }
    return loss;
}

void report_loss(EventLog& events,
                 const WalLoss& loss,
                 const ReplayedWal& replayed,
                 std::string_view why,
                 bool accepted) {
    events.event(accepted ? Level::warning : Level::error,
                 accepted ? "wal.loss_accepted" : "wal.damaged",
                 why,
                 {{"path", wal_file_path(loss.directory, loss.slot)},
                  {"position", std::to_string(loss.position)},
                  {"sequence", std::to_string(loss.expected)},
                  {"may_be_missing", lost_ranges(loss, replayed)}});
}

}  // namespace millrace::engine
