// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/recovered_start.h"

#include "engine/assert.h"
#include "engine/format/record_batch.h"

#include <algorithm>

namespace millrace::engine {

namespace {

// Entries without records say where the log begins.
bool has_records(const RecoveredBatches& entry) noexcept {
    return entry.place.size > 0;
}

// First offset of the first batch that holds a record at or above `start`; `start`: there is none.
Offset first_kept(const RecoveredLog& log, Offset start) noexcept {
    for (const auto& entry : log.tail) {
        if (entry.end <= start) continue;
        for (std::uint32_t position = 0; position < entry.place.size;) {
            const auto batch = BatchView::trusted(entry.place.data + position);
            if (batch.next_offset() > start) return batch.base_offset();
            position += batch.size();
        }
    }
    return start;
}

}  // namespace

Offset end_of(const RecoveredLog& log) noexcept {
    return log.tail.empty() ? log.row.flushed_offset : log.tail.back().end;
}

void skip_to(RecoveredLog& log, Offset end) noexcept {
    ASSERT(end <= log.row.log_start);
    std::erase_if(log.tail, [end](const RecoveredBatches& entry) {
        if (!has_records(entry) || entry.end > end) return false;
        ASSERT(entry.place.file->unflushed_entries > 0);
        --entry.place.file->unflushed_entries;
        return true;
    });
    const auto first = std::ranges::find_if(log.tail, has_records);
    const auto base = first == log.tail.end() ? end : first->base;
    for (auto entry = log.tail.begin(); entry != first; ++entry)
        entry->base = entry->end = base;
    log.row.flushed_offset = end;
    // Nothing more goes into it.
    if (!log.row.segments.empty()) log.row.segments.back().sealed = true;
}

void drop_deleted(RecoveredLog& log) noexcept {
    const auto start = log.row.log_start;
    if (start < log.row.flushed_offset) return;
    skip_to(log, first_kept(log, start));
}

}  // namespace millrace::engine
