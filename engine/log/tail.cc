// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/tail.h"

#include "engine/format/record_batch.h"

namespace millrace::engine {

namespace {

// The part of an entry that a read takes.
struct Part {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    Offset next_offset;
    bool whole = false;  // Nothing of the entry was left out behind it.
};

// Walks the batches of `entry`: those that end above `from`, below `limit`, within `bytes_left`.
Part take_batches(const TailEntry& entry,
                  Offset from,
                  Offset limit,
                  std::uint64_t bytes_left,
                  bool may_exceed) noexcept {
    Part part{.next_offset = from};
    std::uint32_t position = 0;
    while (position < entry.size) {
        const auto batch = BatchView::trusted(entry.data + position);
        const auto size = batch.size();
        if (batch.next_offset() <= from) {
            position += size;
            part.from = part.to = position;
            continue;
        }
        if (batch.next_offset() > limit) return part;
        if (part.to - part.from + size > bytes_left && !may_exceed) return part;
        may_exceed = false;
        position += size;
        part.to = position;
        part.next_offset = batch.next_offset();
    }
    part.whole = true;
    return part;
}

}  // namespace

void Tail::push(TailEntry&& entry) {
    ASSERT(empty() || at(end_ - 1).end == entry.base);
    if (end_ - begin_ == ring_.size()) grow();
    unstored_bytes_ += entry.size;
    slot(end_) = std::move(entry);
    ++end_;
}

void Tail::grow() {
    std::vector<TailEntry> larger(ring_.empty() ? 4 : ring_.size() * 2);
    for (Number number = begin_; number < end_; ++number) {
        larger[number & (larger.size() - 1)] = std::move(slot(number));
    }
    ring_ = std::move(larger);
}

void Tail::set_stored_end(Offset end) noexcept {
    while (stored_ < end_ && at(stored_).end <= end) {
        unstored_bytes_ -= at(stored_).size - stored_part_;
        stored_part_ = 0;
        ++stored_;
    }
    if (stored_ == end_) return;
    const auto& entry = at(stored_);
    while (stored_part_ < entry.size) {
        const auto batch = BatchView::trusted(entry.data + stored_part_);
        if (batch.next_offset() > end) return;
        stored_part_ += batch.size();
        unstored_bytes_ -= batch.size();
    }
}

void Tail::release_to(Number number, WalAppender& wal) noexcept {
    ASSERT(number <= stored_);
    for (; released_ < number; ++released_)
        wal.entry_released(*slot(released_).file);
}

void Tail::let_go(const WalFileUse& file) noexcept {
    // Whatever comes before the file's last entry goes with it. Behind what is unordered, a file's
    // entries stand together.
    Number keep_from = begin_;
    for (Number number = begin_; number < released_; ++number) {
        if (at(number).file == &file) {
            keep_from = number + 1;
        } else if (number >= unordered_end_) {
            break;
        }
    }
    for (; begin_ < keep_from; ++begin_)
        slot(begin_) = TailEntry{};
    if (empty()) ring_ = {};
}

void Tail::let_go_released() noexcept {
    for (; begin_ < released_; ++begin_)
        slot(begin_) = TailEntry{};
    if (empty()) ring_ = {};
}

void Tail::let_go_released_below(Offset end) noexcept {
    for (; begin_ < released_ && at(begin_).end <= end; ++begin_)
        slot(begin_) = TailEntry{};
    if (empty()) ring_ = {};
}

Tail::Number Tail::find(Offset offset) const noexcept {
    Number low = begin_;
    Number high = end_;
    while (high - low > 1) {
        const auto middle = low + (high - low) / 2;
        (at(middle).base <= offset ? low : high) = middle;
    }
    return low;
}

void Tail::read(Offset from, Offset limit, ReadOp& op) const {
    for (Number number = find(from); number < end_; ++number) {
        const auto& entry = at(number);
        if (entry.base >= limit) return;
        if (entry.size == 0) continue;
        const auto bytes_left = op.bytes_max > op.bytes ? op.bytes_max - op.bytes : 0;
        const bool may_exceed = op.bytes == 0 && op.first_may_exceed;
        Part part{.to = entry.size, .next_offset = entry.end, .whole = true};
        const bool fits = entry.size <= bytes_left || (may_exceed && entry.batches == 1);
        if (from > entry.base || entry.end > limit || !fits) {
            part = take_batches(entry, from, limit, bytes_left, may_exceed);
        }
        if (part.to > part.from) {
            op.slices.push_back({entry.image, entry.data + part.from, part.to - part.from});
            op.bytes += part.to - part.from;
            op.next_offset = part.next_offset;
        }
        if (!part.whole) return;
        from = entry.end;
    }
}

}  // namespace millrace::engine
