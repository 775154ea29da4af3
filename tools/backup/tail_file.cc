// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/backup/tail_file.h"

#include "engine/format/file_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <system_error>
#include <unistd.h>

namespace millrace::backup {

namespace {

constexpr std::uint64_t kSegmentBytesMax = 1U << 30;
constexpr std::int64_t kSegmentOffsetsMax = std::numeric_limits<std::int32_t>::max();

}  // namespace

Outcome<bool> TailFile::add(engine::Bytes batches, engine::Offset end) {
    while (!batches.empty()) {
        const auto batch = engine::BatchView::parse(batches);
        if (!batch || !batch->crc_is_right()) {
            return std::unexpected(fmt::format(
                    "The broker gave a damaged record batch behind offset {} of partition {}.",
                    row_.flushed_offset.value - 1,
                    row_.key.partition));
        }
        batches = batches.subspan(batch->size());
        if (batch->next_offset() <= row_.flushed_offset) continue;
        if (batch->base_offset() >= end) break;
        if (batch->base_offset() > row_.flushed_offset ||
            batch->record_count() != batch->last_offset_delta() + 1) {
            return false;
        }
        if (auto appended = append(*batch); !appended) return std::unexpected(appended.error());
    }
    return true;
}

Outcome<void> TailFile::append(const engine::BatchView& batch) {
    const bool full =
            open_ && (row_.segments.back().bytes + batch.size() > kSegmentBytesMax ||
                      batch.next_offset() - row_.segments.back().base > kSegmentOffsetsMax);
    if (full) {
        if (auto ended = end_segment(); !ended) return ended;
        row_.segments.back().sealed = true;
    }
    if (!open_) {
        // Below the log start in front, when that lies inside a batch.
        const auto first = std::min(row_.flushed_offset, batch.base_offset());
        if (auto begun = begin_segment(first); !begun) return begun;
    }
    auto& segment = row_.segments.back();
    if (segment.bytes == 0) segment.first_timestamp = batch.indexed_timestamp();
    if (batch.indexed_timestamp() > segment.largest_timestamp) {
        segment.largest_timestamp = batch.indexed_timestamp();
        segment.largest_timestamp_offset = batch.last_offset();
    }
    segment.bytes += batch.size();
    const auto latest = row_.epochs.empty() ? -1 : row_.epochs.back().epoch;
    if (batch.leader_epoch() > latest) {
        row_.epochs.push_back({batch.leader_epoch(), batch.base_offset()});
    }
    row_.flushed_offset = batch.next_offset();
    bytes_ += batch.size();
    stream_.write(reinterpret_cast<const char*>(batch.data()), batch.size());
    if (stream_) return {};
    return std::unexpected(fmt::format(
            "{} cannot be written: {}.", file_.string(), std::generic_category().message(errno)));
}

Outcome<void> TailFile::begin_segment(engine::Offset first) {
    const auto path = engine::segment_path("", first, engine::kLogSuffix);
    file_ = folder_ / std::filesystem::path(path.view()).filename();
    stream_.open(file_, std::ios::binary | std::ios::trunc);
    if (!stream_) {
        return std::unexpected(fmt::format(
                "{} cannot be made: {}.", file_.string(), std::generic_category().message(errno)));
    }
    row_.segments.push_back({.base = first});
    open_ = true;
    return {};
}

Outcome<void> TailFile::end_segment() {
    open_ = false;
    stream_.close();
    const int descriptor = stream_ ? ::open(file_.c_str(), O_RDONLY | O_CLOEXEC) : -1;
    const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    if (synced) return {};
    return std::unexpected(fmt::format(
            "{} cannot be written: {}.", file_.string(), std::generic_category().message(error)));
}

Outcome<void> TailFile::finish() {
    return open_ ? end_segment() : Outcome<void>{};
}

}  // namespace millrace::backup
