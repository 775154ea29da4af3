// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/index_entry.h"

#include "engine/base/byte_order.h"

namespace millrace::engine {

void encode_offset_entries(std::span<const OffsetEntry> entries, std::byte* to) noexcept {
    for (const auto& entry : entries) {
        store_big(to, entry.relative_offset);
        store_big(to + sizeof entry.relative_offset, entry.position);
        to += kOffsetEntryBytes;
    }
}

void encode_time_entries(std::span<const TimeEntry> entries, std::byte* to) noexcept {
    for (const auto& entry : entries) {
        store_big(to, entry.timestamp);
        store_big(to + sizeof entry.timestamp, entry.relative_offset);
        to += kTimeEntryBytes;
    }
}

void decode_offset_entries(Bytes file, std::vector<OffsetEntry>& to) {
    // The first batch of a segment has no entry, so neither field is ever zero.
    OffsetEntry previous;
    for (; file.size() >= kOffsetEntryBytes; file = file.subspan(kOffsetEntryBytes)) {
        const OffsetEntry entry{load_big<std::uint32_t>(file.data()),
                                load_big<std::uint32_t>(file.data() + sizeof(std::uint32_t))};
        if (entry.relative_offset <= previous.relative_offset) return;
        if (entry.position <= previous.position) return;
        to.push_back(entry);
        previous = entry;
    }
}

void decode_time_entries(Bytes file, std::vector<TimeEntry>& to) {
    TimeEntry previous;
    for (bool first = true; file.size() >= kTimeEntryBytes; file = file.subspan(kTimeEntryBytes)) {
        const TimeEntry entry{load_big<std::int64_t>(file.data()),
                              load_big<std::uint32_t>(file.data() + sizeof(std::int64_t))};
        if (entry == TimeEntry{0, 0}) return;
        if (entry.timestamp <= previous.timestamp) return;
        if (!first && entry.relative_offset <= previous.relative_offset) return;
        to.push_back(entry);
        previous = entry;
        first = false;
    }
}

}  // namespace millrace::engine
