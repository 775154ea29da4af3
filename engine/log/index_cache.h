// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which segments have their index in memory. The least recently used ones are dropped beyond a
// number of bytes: index files, and the log where they are short, give them back.
#pragma once

#include "engine/log/segment.h"

#include <cstdint>
#include <memory>

namespace millrace::engine {

// Thread: the shard's.
class IndexCache {
public:
    explicit IndexCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    // The segment's index, made empty when it has none; it is the most recently used one now.
    SegmentIndex& use(Segment& segment);

    // The segment's index, complete. Requires: it has none.
    void put(Segment& segment, std::unique_ptr<SegmentIndex> index);

    // It has grown: others may have to go. Those with pins stay.
    void note_growth(Segment& segment) noexcept;

    void drop(Segment& segment) noexcept;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    void link(Segment& segment) noexcept;
    void unlink(Segment& segment) noexcept;

    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    Segment* oldest_ = nullptr;
    Segment* newest_ = nullptr;
};

}  // namespace millrace::engine
