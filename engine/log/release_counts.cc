// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/release_counts.h"

#include "engine/assert.h"

#include <algorithm>

namespace millrace::engine {

void ReleaseCounts::add(const WalFileUse& file, std::uint64_t entries) {
    const auto found = std::ranges::find(counts_, &file, &WalRelease::file);
    if (found != counts_.end()) {
        found->entries += entries;
    } else {
        counts_.push_back({&file, entries});
    }
}

void ReleaseCounts::subtract(const WalFileUse& file, std::uint64_t entries) noexcept {
    const auto found = std::ranges::find(counts_, &file, &WalRelease::file);
    ASSERT(found != counts_.end());
    ASSERT(found->entries >= entries);
    found->entries -= entries;
    if (found->entries > 0) return;
    *found = counts_.back();
    counts_.pop_back();
}

bool ReleaseCounts::frees_a_file() const noexcept {
    return std::ranges::any_of(counts_, [this](const WalRelease& count) {
        if (count.entries != count.file->unflushed_entries) return false;
        if (!count.file->stand_in) return count.file != newest_;
        // One that is still written to is not given free by giving back this shard's part.
        const auto* newest = count.file->newest_elsewhere;
        return newest == nullptr ||
               newest->load(std::memory_order_relaxed) > count.file->file_number;
    });
}

}  // namespace millrace::engine
