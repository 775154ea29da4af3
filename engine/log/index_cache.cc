// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/index_cache.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::engine {

SegmentIndex& IndexCache::use(Segment& segment) {
    if (segment.index == nullptr) {
        segment.index = std::make_unique<SegmentIndex>();
        segment.index_bytes = 0;
    } else {
        unlink(segment);
    }
    link(segment);
    note_growth(segment);
    return *segment.index;
}

void IndexCache::put(Segment& segment, std::unique_ptr<SegmentIndex> index) {
    ASSERT(segment.index == nullptr);
    segment.index = std::move(index);
    segment.index_bytes = 0;
    link(segment);
    note_growth(segment);
}

void IndexCache::note_growth(Segment& segment) noexcept {
    const auto bytes = segment.index->memory_bytes();
    bytes_ += bytes - segment.index_bytes;
    segment.index_bytes = bytes;
    for (auto* oldest = oldest_; oldest != nullptr && bytes_ > bytes_max_;) {
        auto* next = oldest->index_newer;
        if (oldest != &segment && oldest->index_pins == 0) drop(*oldest);
        oldest = next;
    }
}

void IndexCache::drop(Segment& segment) noexcept {
    if (segment.index == nullptr) return;
    ASSERT(segment.index_pins == 0);
    unlink(segment);
    bytes_ -= segment.index_bytes;
    segment.index.reset();
}

void IndexCache::link(Segment& segment) noexcept {
    segment.index_older = newest_;
    segment.index_newer = nullptr;
    (newest_ == nullptr ? oldest_ : newest_->index_newer) = &segment;
    newest_ = &segment;
}

void IndexCache::unlink(Segment& segment) noexcept {
    (segment.index_older == nullptr ? oldest_ : segment.index_older->index_newer) =
            segment.index_newer;
    (segment.index_newer == nullptr ? newest_ : segment.index_newer->index_older) =
            segment.index_older;
}

}  // namespace millrace::engine
