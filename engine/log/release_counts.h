// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How many entries of each WAL file segment files hold already although no checkpoint says so: a
// round is worth its while when it would give a whole file free.
#pragma once

#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace millrace::engine {

// Thread: the shard's.
class ReleaseCounts {
public:
    void add(const WalFileUse& file, std::uint64_t entries);
    void subtract(const WalFileUse& file, std::uint64_t entries) noexcept;

    // All counts; none is left.
    [[nodiscard]] std::vector<WalRelease> take() noexcept { return std::exchange(counts_, {}); }

    [[nodiscard]] bool empty() const noexcept { return counts_.empty(); }

    // True when some file that is not being written any more has no other unflushed entries.
    [[nodiscard]] bool frees_a_file() const noexcept;

    // The file that the latest entry went to.
    void set_newest(const WalFileUse& file) noexcept { newest_ = &file; }

private:
    std::vector<WalRelease> counts_;
    const WalFileUse* newest_ = nullptr;
};

}  // namespace millrace::engine
