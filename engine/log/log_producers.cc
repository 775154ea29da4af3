// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/log_producers.h"

#include <algorithm>

namespace millrace::engine {

namespace {

// A row without a snapshot says from where on there may be producers: -2 stands for offset 0.
constexpr std::int64_t kNoProducers = -1;
constexpr std::int64_t kWithoutSnapshot = -2;

}  // namespace

void LogProducers::adopt(const PartitionRow& row) noexcept {
    const auto said = row.producer_snapshot.value;
    any = said != kNoProducers;
    has_snapshot = said >= 0;
    if (!any) {
        from = row.flushed_offset;
        return;
    }
    from = has_snapshot ? row.producer_snapshot : Offset(kWithoutSnapshot - said);
    if (has_snapshot) named = from;
    for (std::size_t i = 0; i < row.segments.size(); ++i) {
        const auto end =
                i + 1 < row.segments.size() ? row.segments[i + 1].base : row.flushed_offset;
        if (end > from) bytes_since += row.segments[i].bytes;
    }
}

Offset LogProducers::row(Offset flushed_offset) const noexcept {
    if (!any) return Offset(kNoProducers);
    if (has_snapshot) return from;
    return Offset(from >= flushed_offset ? kNoProducers : kWithoutSnapshot - from.value);
}

bool LogProducers::keeps_snapshot(Offset offset) {
    if (!has_snapshot || offset < named) return false;
    if (offset < from && std::ranges::find(needless, offset) == needless.end()) {
        needless.insert(std::ranges::upper_bound(needless, offset), offset);
    }
    return true;
}

void LogProducers::begin(Offset base) noexcept {
    any = true;
    has_snapshot = false;
    from = base;
    bytes_since = 0;
}

void LogProducers::saved(Offset offset, bool old_one_is_needless) {
    if (has_snapshot && old_one_is_needless) needless.push_back(from);
    has_snapshot = true;
    from = offset;
    bytes_since = 0;
}

}  // namespace millrace::engine
