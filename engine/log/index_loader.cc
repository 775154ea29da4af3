// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/index_loader.h"

#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytes = 1 * kMiB;
// No index file of a segment of 2 GiB at the smallest sensible interval is larger.
constexpr std::uint64_t kIndexFileBytesMax = 64 * kMiB;

TimeEntry largest_of(const Segment& segment) noexcept {
    if (segment.largest_timestamp < 0) return {};
    return {segment.largest_timestamp,
            static_cast<std::uint32_t>(segment.largest_timestamp_offset - segment.base)};
}

}  // namespace

void IndexLoader::start(LogState& log,
                        Segment& segment,
                        bool from_files,
                        Completion done) noexcept {
    log_ = &log;
    segment_ = &segment;
    done_ = done;
    from_files_ = from_files;
    if (segment.index_loader != nullptr) {
        next_waiter_ = std::exchange(segment.index_loader->next_waiter_, this);
        return;
    }
    begin();
}

void IndexLoader::begin() noexcept {
    files_[0] = files_[1] = {};
    loading_ = 0;
    auto& index = cache_.use(*segment_);
    ++segment_->index_pins;
    segment_->index_loader = this;
    index.clear();
    if (from_files_ && segment_->index_trusted_bytes > 0) return load_file(kOffsetIndexSuffix);
    begin_walk();
}

void IndexLoader::load_file(std::string_view suffix) noexcept {
    file_path_ = segment_->path(log_->directory, suffix);
    path_call(FileOpKind::stat, file_path_, &IndexLoader::file_measured);
}

// Index files are hints: whatever is wrong with one makes it an empty one.
void IndexLoader::file_measured() noexcept {
    const bool usable = result() >= 0 && op_.size > 0 && op_.size <= kIndexFileBytesMax;
    if (!usable) return file_loaded();
    auto& file = files_[loading_];
    file.size = op_.size;
    file.buffer = context_.arena.allocate(round_up(file.size, kBlockBytes));
    if (!file.buffer) return finish(failure(Errc::no_room));
    open_file(file_path_, false, &IndexLoader::file_opened);
}

void IndexLoader::file_opened() noexcept {
    auto& file = files_[loading_];
    if (result() < 0) {
        file = {};
        return file_loaded();
    }
    handle_ = static_cast<FileHandle>(result());
    transfer(FileOpKind::read,
             handle_,
             file.buffer->data,
             0,
             round_up(file.size, kBlockBytes),
             &IndexLoader::file_read);
}

void IndexLoader::file_read() noexcept {
    auto& file = files_[loading_];
    const auto got = result() < 0 ? 0 : static_cast<std::uint64_t>(result());
    file.size = std::min(file.size, got);
    file_call(FileOpKind::close, handle_, &IndexLoader::file_loaded);
}

void IndexLoader::file_loaded() noexcept {
    if (loading_++ == 0) return load_file(kTimeIndexSuffix);
    const auto trusted = std::min(segment_->index_trusted_bytes, segment_->bytes);
    auto& index = *segment_->index;
    const auto offsets = files_[0].bytes();
    const auto times = files_[1].bytes();
    if (segment_->sealed) {
        if (index.adopt_sealed(offsets, times, segment_->bytes, largest_of(*segment_))) {
            return finish({});
        }
    } else {
        index.adopt_growing(offsets, times, trusted);
    }
    begin_walk();
}

// Reads on behind what is covered. The batch of the last entry that files gave comes first.
void IndexLoader::begin_walk() noexcept {
    const auto& index = *segment_->index;
    const auto covered = index.covered_bytes();
    SegmentWalk::From from{.position = covered,
                           .expected = covered == 0 ? segment_->base : expected_,
                           .end = std::min(segment_->planned_end, log_->stored_end),
                           .bytes_end = segment_->bytes,
                           .window_bytes = kWindowBytes,
                           .has_holes = segment_->has_holes};
    if (!index.offsets().empty() && index.offsets().back().position == covered) {
        from.expected = segment_->base;
        from.last = segment_->base + index.offsets().back().relative_offset;
    }
    walk_.begin(from);
    walk_on();
}

void IndexLoader::walk_on() noexcept {
    auto& index = *segment_->index;
    for (;;) {
        switch (walk_.next()) {
            case SegmentWalk::Found::window_end:
                return read_window();
            case SegmentWalk::Found::mismatch:
                index.clear();
                return begin_walk();
            case SegmentWalk::Found::batch: {
                const auto batch = BatchView::trusted(walk_.batch());
                index.skip(walk_.batch_position() - index.covered_bytes());
                index.add({static_cast<std::uint32_t>(batch.last_offset() - segment_->base),
                           batch.size(),
                           batch.indexed_timestamp()},
                          log_->config.index_interval_bytes);
                expected_ = batch.next_offset();
                break;
            }
            case SegmentWalk::Found::end:
                index.skip(walk_.position() - index.covered_bytes());
                // Runs may have been stored meanwhile.
                if (index.covered_bytes() < segment_->bytes) return begin_walk();
                index.set_largest(largest_of(*segment_));
                if (segment_->sealed) index.add_last_time_entry();
                cache_.note_growth(*segment_);
                return finish({});
        }
    }
}

void IndexLoader::read_window() noexcept {
    reader_.start(*log_,
                  *segment_,
                  walk_.window_position(),
                  walk_.window_bytes(),
                  completion_of<&IndexLoader::window_read>(*this));
}

void IndexLoader::window_read(Result<void> outcome) noexcept {
    if (log_->removed) return finish(failure(Errc::shutting_down));
    if (outcome) {
        walk_.feed(reader_.bytes());
        return walk_on();
    }
    if (outcome.error().code != Errc::damaged_range) return finish(outcome);
    // Without its file the segment has nothing to index; whoever reads it will hear of it.
    segment_->index->skip(segment_->bytes - segment_->index->covered_bytes());
    finish({});
}

void IndexLoader::finish(Result<void> outcome) noexcept {
    files_[0] = files_[1] = {};
    reader_.drop_buffer();
    segment_->index_loader = nullptr;
    if (!outcome) {
        segment_->index->clear();
        --segment_->index_pins;
    }
    const auto done = std::exchange(done_, {});
    auto* waiter = std::exchange(next_waiter_, nullptr);
    // Before `done`, which may use this loader anew.
    while (waiter != nullptr) {
        auto& woken = *std::exchange(waiter, waiter->next_waiter_);
        woken.next_waiter_ = nullptr;
        woken.wake(outcome);
    }
    done(outcome);
}

// The loader that was waited for is done.
void IndexLoader::wake(Result<void> outcome) noexcept {
    if (outcome && !from_files_ && segment_->index->from_files) return begin();
    const auto done = std::exchange(done_, {});
    if (outcome) ++segment_->index_pins;
    done(outcome);
}

}  // namespace millrace::engine
