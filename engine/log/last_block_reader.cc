// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/last_block_reader.h"

#include "engine/base/crc32c.h"
#include "engine/base/payload_copy.h"
#include "engine/log/batch_scan.h"
#include "engine/units.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::engine {

namespace {

// What is read for a look at the last batches when no checksum of the block is known.
constexpr std::uint64_t kFirstWindowBytes = 64 * kKiB;
constexpr std::uint64_t kLargestWindowBytes = 64 * kMiB;
// The flusher tries again every 10 ms.
constexpr std::uint32_t kReadsMax = 20;

}  // namespace

void LastBlockReader::start(LogState& log, Segment& segment, Completion done) noexcept {
    log_ = &log;
    segment_ = &segment;
    done_ = done;
    window_bytes_ = log.last_block.crc_known ? kBlockBytes : kFirstWindowBytes;
    read_more();
}

void LastBlockReader::read_more() noexcept {
    const auto block_begin = round_down(segment_->bytes, kBlockBytes);
    const auto before = window_bytes_ - kBlockBytes;
    const auto begin = block_begin > before ? block_begin - before : 0;
    reader_.start(*log_,
                  *segment_,
                  begin,
                  segment_->bytes - begin,
                  completion_of<&LastBlockReader::read>(*this));
}

void LastBlockReader::read(Result<void> outcome) noexcept {
    if (!outcome && outcome.error().code != Errc::damaged_range) {
        const auto done = std::exchange(done_, {});
        return done(outcome);
    }
    if (!outcome) return unreadable();
    if (is_right()) return finish(true);
    if (reader_.has_unreadable_blocks()) return unreadable();
    const bool all_read = reader_.position() == 0 || log_->last_block.crc_known;
    if (all_read || window_bytes_ >= kLargestWindowBytes) return finish(false);
    window_bytes_ *= 4;  // The last batch may be a large one.
    read_more();
}

void LastBlockReader::unreadable() noexcept {
    if (log_->last_block.failed_reads == kReadsMax) return finish(false);
    ++log_->last_block.failed_reads;
    reader_.drop_buffer();
    const auto done = std::exchange(done_, {});
    done(failure(Errc::no_room));
}

bool LastBlockReader::is_right() const noexcept {
    const auto inside = segment_->bytes % kBlockBytes;
    const auto bytes = reader_.bytes();
    if (log_->last_block.crc_known) return crc32c(bytes.last(inside)) == log_->last_block.crc;
    return right_bytes_at_end(bytes, log_->stored_end, inside) >= inside;
}

void LastBlockReader::finish(bool right) noexcept {
    log_->last_block.failed_reads = 0;
    if (!right) {
        context_.events.event(
                Level::warning,
                "log.last_block_damaged",
                "the last block of a segment is not what was stored",
                {{"folder", log_->directory}, {"segment", std::to_string(segment_->base.value)}});
    }
    const auto inside = segment_->bytes % kBlockBytes;
    block_ = context_.arena.allocate(kBlockBytes);
    const auto done = std::exchange(done_, {});
    if (!block_) return done(failure(Errc::no_room));
    std::memset(block_->data, 0, kBlockBytes);
    if (reader_.buffer()) {
        copy_payload(block_->data, reader_.bytes().last(inside).data(), inside);
        reader_.drop_buffer();
    }
    done({});
}

}  // namespace millrace::engine
