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
        return count.file != newest_ && count.entries == count.file->unflushed_entries;
    });
}

}  // namespace millrace::engine
