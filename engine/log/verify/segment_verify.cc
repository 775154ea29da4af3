// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/verify/segment_verify.h"

#include "engine/format/file_names.h"
#include "engine/log/batch_scan.h"
#include "engine/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytes = 256 * kKiB;
constexpr std::uint64_t kIndexFileBytesMax = 64 * kMiB;  // As IndexLoader takes them.
constexpr std::size_t kRangesMax = kDamagedRangesMax;    // Of a segment, too.
constexpr MonotonicTime kMemoryPause = std::chrono::seconds(1);
constexpr std::array kIndexSuffixes{kOffsetIndexSuffix, kTimeIndexSuffix};

std::string segment_file(Offset base, std::string_view suffix) {
    return fmt::format("{:020}{}", base.value, suffix);
}

// Why no right batch begins at the front of `bytes`; empty: one does, or it is not all there.
std::string fault_at(Bytes bytes, const ScanBounds& bounds, bool has_holes) {
    if (bounds.bytes_left < kBatchHeaderBytes) return "what is left is shorter than a batch header";
    const auto looked = look_at_batch(bytes, bounds);
    if (looked.look == BatchLook::cut) return {};
    if (looked.look == BatchLook::damaged) return "no batch header is there";
    const auto batch = BatchView::trusted(bytes.data());
    if (!batch.crc_is_right()) {
        return fmt::format("the checksum is {:08x}, that of the bytes {:08x}",
                           batch.crc(),
                           batch.computed_crc());
    }
    if (has_holes || batch.base_offset() == bounds.expected) return {};
    return fmt::format(
            "offset {} where {} is next", batch.base_offset().value, bounds.expected.value);
}

}  // namespace

void ScrubPace::spend(std::uint64_t bytes, MonotonicTime now) noexcept {
    if (bytes_per_second == 0) return;
    const auto nanoseconds =
            static_cast<double>(bytes) * 1e9 / static_cast<double>(bytes_per_second);
    next = std::max(next, now) + MonotonicTime(static_cast<std::int64_t>(nanoseconds));
}

SegmentVerify::SegmentVerify(LogContext& context, OpenFiles& files, IoGate& gate, ScrubPace& pace)
        : FileSteps(context), open_files_(files), pace_(pace), reader_(context, files, gate) {}

void SegmentVerify::start(LogState& log, Segment& segment, VerifyOp& op, Completion done) noexcept {
    log_ = &log;
    segment_.reset(&segment);
    verify_ = &op;
    done_ = done;
    given_up_ = false;
    had_file_open_ = segment.file != nullptr;
    walk_ = {};
    bytes_end_ = 0;
    index_ = {};
    faults_.clear();
    found_.clear();
    found_in_all_ = 0;
    loading_ = 0;
    if (segment.sealed && segment.index_trusted_bytes >= segment.bytes) return measure_index();
    begin_walk();
}

bool SegmentVerify::gone() const noexcept {
    return given_up_ || log_->removed || segment_->planned_end <= log_->log_start ||
           log_->segments.find(segment_->base) != segment_.get();
}

void SegmentVerify::measure_index() noexcept {
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (gone()) return finish({});
    index_files_[loading_] = {};
    file_path_ = segment_->path(log_->directory, kIndexSuffixes[loading_]);
    path_call(FileOpKind::stat, file_path_, &SegmentVerify::index_measured);
}

void SegmentVerify::index_measured() noexcept {
    auto& file = index_files_[loading_];
    if (result() < 0 && result() != -ENOENT) {
        file.fault = fmt::format("it cannot be looked at (errno {})", -result());
    }
    if (result() < 0 || op_.size == 0) return index_ready();
    file.size = op_.size;
    if (file.size > kIndexFileBytesMax) {
        file.fault = fmt::format("it has {} bytes, more than any index", file.size);
        file.size = 0;
        return index_ready();
    }
    file.buffer = context_.arena.allocate(round_up(file.size, kBlockBytes));
    if (!file.buffer) return wait_until(context_.clock.monotonic_now() + kMemoryPause);
    open_file(file_path_, false, &SegmentVerify::index_opened);
}

void SegmentVerify::index_opened() noexcept {
    auto& file = index_files_[loading_];
    if (result() < 0) {
        if (result() != -ENOENT)
            file.fault = fmt::format("it cannot be opened (errno {})", -result());
        file.buffer = {};
        return index_ready();
    }
    handle_ = static_cast<FileHandle>(result());
    pace_.spend(file.size, context_.clock.monotonic_now());
    transfer(FileOpKind::read,
             handle_,
             file.buffer->data,
             0,
             round_up(file.size, kBlockBytes),
             &SegmentVerify::index_read);
}

void SegmentVerify::index_read() noexcept {
    auto& file = index_files_[loading_];
    if (result() < 0) {
        file.fault = fmt::format("it cannot be read (errno {})", -result());
        file.size = 0;
    } else {
        file.size = std::min(file.size, static_cast<std::uint64_t>(result()));
    }
    file_call(FileOpKind::close, handle_, &SegmentVerify::index_ready);
}

void SegmentVerify::index_ready() noexcept {
    if (++loading_ < kIndexSuffixes.size()) return measure_index();
    index_ = IndexCheck(segment_->base, index_files_[0].bytes(), index_files_[1].bytes(), true);
    for (std::size_t kind = 0; kind < kIndexSuffixes.size(); ++kind) {
        auto& file = index_files_[kind];
        file.buffer = {};
        if (file.fault.empty()) continue;
        note({.file = segment_file(segment_->base, kIndexSuffixes[kind]),
              .segment = segment_->base,
              .first = segment_->base,
              .last = segment_->planned_end - 1,
              .reason = std::move(file.fault)});
    }
    begin_walk();
}

void SegmentVerify::begin_walk() noexcept {
    bytes_end_ = segment_->bytes;
    end_ = std::min(segment_->planned_end, log_->stored_end);
    expected_ = segment_->base;
    sound_end_ = 0;
    reason_.clear();
    loading_ = kIndexSuffixes.size();
    walk_.begin({.expected = segment_->base,
                 .end = end_,
                 .bytes_end = bytes_end_,
                 .window_bytes = kWindowBytes,
                 .has_holes = segment_->has_holes});
    walk_on();
}

void SegmentVerify::walk_on() noexcept {
    for (;;) {
        const auto position = walk_.position();
        if (reason_.empty() && position == sound_end_ && position < bytes_end_) {
            const auto bytes = reader_.buffer() ? reader_.bytes() : Bytes{};
            const auto at = position - (reader_.buffer() ? reader_.position() : position);
            if (at < bytes.size()) {
                reason_ = fault_at(bytes.subspan(at),
                                   {expected_, end_, bytes_end_ - position},
                                   segment_->has_holes);
                if (!reason_.empty() && reader_.has_unreadable_blocks()) {
                    reason_ = "the device cannot read it";
                }
            }
        }
        switch (walk_.next()) {
            case SegmentWalk::Found::window_end:
                return read_window();
            case SegmentWalk::Found::batch: {
                const auto batch = BatchView::trusted(walk_.batch());
                if (walk_.damage_before()) note_damage(batch.base_offset(), walk_.batch_position());
                index_.pass(batch, walk_.batch_position(), faults_);
                note_index_faults();
                expected_ = batch.next_offset();
                sound_end_ = walk_.position();
                ++verify_->batches;
                verify_->records += static_cast<std::uint64_t>(std::max(batch.record_count(), 0));
                break;
            }
            case SegmentWalk::Found::mismatch:  // Only where an index said where to begin.
            case SegmentWalk::Found::end:
                return walk_ended();
        }
    }
}

void SegmentVerify::read_window() noexcept {
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (gone()) return finish({});
    const auto now = context_.clock.monotonic_now();
    if (pace_.bytes_per_second > 0 && now < pace_.next) {
        reader_.drop_buffer();
        return wait_until(pace_.next);
    }
    const auto bytes = std::min(walk_.window_bytes(), bytes_end_ - walk_.window_position());
    pace_.spend(bytes, now);
    reader_.start(*log_,
                  *segment_,
                  walk_.window_position(),
                  walk_.window_bytes(),
                  completion_of<&SegmentVerify::window_read>(*this));
}

void SegmentVerify::window_read(Result<void> outcome) noexcept {
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (gone()) return finish({});
    if (!outcome && outcome.error().code == Errc::no_room) {
        return wait_until(context_.clock.monotonic_now() + kMemoryPause);
    }
    if (!outcome && outcome.error().code != Errc::damaged_range) return finish(outcome);
    if (!outcome) {
        note({.file = segment_file(segment_->base, kLogSuffix),
              .segment = segment_->base,
              .first = segment_->base,
              .last = end_ - 1,
              .reason = fmt::format("it cannot be opened (errno {})", outcome.error().os_errno)});
        return finish({});
    }
    context_.counters.verified_bytes += reader_.bytes().size();
    walk_.feed(reader_.bytes());
    walk_on();
}

void SegmentVerify::note_damage(Offset end, std::uint64_t position) noexcept {
    if (reason_.empty()) reason_ = "no right batch is there";
    const auto first = std::min(expected_, end - 1);
    note({.file = segment_file(segment_->base, kLogSuffix),
          .segment = segment_->base,
          .first = first,
          .last = std::max(end - 1, first),
          .position = sound_end_,
          .reason = std::exchange(reason_, {})});
    index_.skip_to(position, end);
}

// One range for each of the two files, however many of its entries are wrong.
void SegmentVerify::note_index_faults() noexcept {
    for (auto& fault : faults_) {
        const auto suffix = kIndexSuffixes[fault.kind == IndexKind::times ? 1 : 0];
        const auto file = segment_file(segment_->base, suffix);
        const auto offset =
                std::clamp(fault.offset, segment_->base, std::max(segment_->base, end_ - 1));
        const auto known = std::ranges::find_if(
                found_, [&file](const auto& range) { return range.file == file; });
        if (known == found_.end()) {
            note({file, segment_->base, offset, offset, fault.position, std::move(fault.reason)});
        } else {
            known->first = std::min(known->first, offset);
            known->last = std::max(known->last, offset);
        }
    }
    faults_.clear();
}

void SegmentVerify::note(DamagedRange&& range) noexcept {
    ++found_in_all_;
    if (found_.size() < kRangesMax) found_.push_back(std::move(range));
}

void SegmentVerify::walk_ended() noexcept {
    if (sound_end_ < bytes_end_) {
        note_damage(end_, bytes_end_);
    } else if (segment_->sealed) {
        index_.end(faults_);
        note_index_faults();
    }
    finish({});
}

void SegmentVerify::wait_until(MonotonicTime wake) noexcept {
    waiting_ = true;
    wake_ = wake;
}

void SegmentVerify::end_turn(MonotonicTime now) noexcept {
    if (waiting_ && (now >= wake_ || gone() || context_.failed)) go_on();
}

void SegmentVerify::give_up() noexcept {
    given_up_ = true;
    if (waiting_) go_on();
}

void SegmentVerify::go_on() noexcept {
    waiting_ = false;
    if (loading_ < kIndexSuffixes.size()) return measure_index();
    read_window();
}

void SegmentVerify::finish(Result<void> outcome) noexcept {
    const bool whole = outcome && !gone();
    for (auto& file : index_files_)
        file = {};
    index_ = {};
    reader_.drop_buffer();
    auto& segment = *segment_;
    if (!had_file_open_ && !OpenFiles::in_use(segment)) open_files_.let_go(segment);
    segment_.reset();
    auto& op = *std::exchange(verify_, nullptr);
    op.bytes += walk_.position();
    if (whole) {
        ++op.segments;
        // Below the log start nobody reads.
        const auto start = log_->log_start;
        found_in_all_ -=
                std::erase_if(found_, [start](const auto& range) { return range.last < start; });
        op.damaged_in_all += found_in_all_;
        for (auto& range : found_) {
            if (op.damaged.size() < kDamagedRangesMax) op.damaged.push_back(std::move(range));
        }
    }
    found_.clear();
    log_ = nullptr;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
