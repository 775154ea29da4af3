// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/cleaning_work.h"

#include "engine/format/batch_reader.h"
#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytes = 1 * kMiB;

}  // namespace

void CleaningWork::begin_source(const CleaningSource& source) noexcept {
    source_ = source;
    walk_.begin({.expected = source.base,
                 .end = source.end,
                 .bytes_end = source.bytes,
                 .window_bytes = kWindowBytes,
                 .has_holes = source.has_holes});
    static_cast<void>(walk_.next());  // Asks for the first window.
    seen_end_ = source.base;
    over_ = damaged_ = false;
}

template <class TakeBatch>
void CleaningWork::walk(Bytes window, TakeBatch take) {
    walk_.feed(window);
    for (;;) {
        switch (walk_.next()) {
            case SegmentWalk::Found::window_end:
                return;
            case SegmentWalk::Found::batch: {
                const auto batch = BatchView::trusted(walk_.batch());
                damaged_ = damaged_ || walk_.damage_before();
                seen_end_ = batch.next_offset();
                if (damaged_ || !take(batch)) {
                    over_ = true;
                    return;
                }
                break;
            }
            case SegmentWalk::Found::mismatch:
            case SegmentWalk::Found::end:
                damaged_ = damaged_ || seen_end_ != source_.end;
                over_ = true;
                return;
        }
    }
}

void CleaningWork::map(Bytes window, Offset from) {
    walk(window, [this, from](const BatchView& batch) { return map_batch(batch, from); });
}

// False: no key fits any more.
bool CleaningWork::map_batch(const BatchView& batch, Offset from) {
    if (batch.next_offset() <= from || batch.emptied()) return true;
    BatchReader records;
    // What cannot be opened says nothing of its keys, and what they had before stays.
    if (!records.open(batch, opened_bytes_max(batch.size()))) return true;
    for (;;) {
        const auto item = records.next();
        if (!item || !*item) return true;
        const auto& record = (**item).record;
        if ((**item).offset < from || !record.key) continue;
        if (keys_.put(*record.key, (**item).offset)) continue;
        // More than fits at once lies in the first batch: what has found no place stays.
        if (batch.base_offset() <= from) return true;
        full_at_ = batch.base_offset();
        return false;
    }
}

void CleaningWork::begin_cleaning(TimestampMs now,
                                  TimestampMs new_horizon,
                                  KeptProducers&& producers) {
    producers_ = std::move(producers);
    cleaner_.emplace(CleaningRules{.keys = &keys_, .now = now, .new_horizon = new_horizon});
}

void CleaningWork::begin_target(Offset base, std::uint32_t index_interval_bytes) {
    target_base_ = base;
    interval_bytes_ = index_interval_bytes;
    pending_.clear();
    target_bytes_ = 0;
    index_.clear();
    largest_ = -1;
    largest_offset_ = Offset(-1);
}

void CleaningWork::clean(Bytes window) {
    walk(window, [this](const BatchView& batch) {
        clean_batch(batch);
        return true;
    });
}

void CleaningWork::clean_batch(const BatchView& batch) {
    const auto before = pending_.size();
    cleaner_->clean(batch, keeps_header(batch), pending_);
    if (pending_.size() == before) return;
    const auto left = BatchView::trusted(pending_.data() + before);
    const auto timestamp = left.indexed_timestamp();
    index_.add(
            {static_cast<std::uint32_t>(left.last_offset() - target_base_), left.size(), timestamp},
            interval_bytes_);
    target_bytes_ += left.size();
    if (timestamp <= largest_) return;
    largest_ = timestamp;
    largest_offset_ = left.last_offset();
}

bool CleaningWork::keeps_header(const BatchView& batch) const noexcept {
    if (source_.is_last && batch.next_offset() == source_.end) return true;
    if (batch.producer_id() < 0) return false;
    if (batch.base_offset() >= producers_.all_from) return true;
    return std::ranges::binary_search(producers_.last_batches, batch.base_offset());
}

}  // namespace millrace::engine
