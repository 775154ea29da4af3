// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_loss.h"

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

void note(WalLoss& loss, const WalEntryView& entry) {
    if (entry.kind == EntryKind::start || entry.kind == EntryKind::empty) return;
    const auto at = std::ranges::find(loss.seen_later, entry.key);
    if (at == loss.seen_later.end()) {
        loss.seen_later.push_back(entry.key);
        loss.seen_later_from.push_back(first_offset(entry));
        return;
    }
    Offset& known = loss.seen_later_from[static_cast<std::size_t>(at - loss.seen_later.begin())];
    if (known.value < 0) known = first_offset(entry);
}

// Where the replayed entries of a partition end; -1: there are none.
Offset replayed_end(const ReplayedWal& wal, const PartitionKey& key) {
    for (auto entry = wal.entries.rbegin(); entry != wal.entries.rend(); ++entry) {
        if (entry->kind != EntryKind::append || entry->key != key) continue;
        Offset end(-1);
        Bytes rest(entry->place.data, entry->place.size);
        while (const auto batch = BatchView::parse(rest)) {
            end = batch->next_offset();
            rest = rest.subspan(batch->size());
        }
        return end;
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
