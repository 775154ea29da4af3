// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/index_check.h"

#include "engine/format/file_names.h"
#include "tools/segment/whole_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace millrace::segment {

namespace {

using engine::Offset;

std::filesystem::path beside(const std::filesystem::path& log, std::string_view suffix) {
    auto path = log;
    // One that compaction has made and that does not have its name yet.
    if (log.extension() != engine::kSwapSuffix) return path.replace_extension(suffix);
    path.replace_extension();
    path.replace_extension(suffix);
    return path += engine::kSwapSuffix;
}

}  // namespace

IndexCheck::IndexCheck(const StoredSegment& segment)
        : offset_file_(beside(segment.file, engine::kOffsetIndexSuffix)),
          time_file_(beside(segment.file, engine::kTimeIndexSuffix)),
          base_(segment.base),
          sealed_(segment.sealed) {
    const auto offsets = read_file(offset_file_);
    engine::decode_offset_entries(std::as_bytes(std::span(offsets)), offsets_);
    offset_rest_ = offsets.size() - offsets_.size() * engine::kOffsetEntryBytes;
    const auto times = read_file(time_file_);
    engine::decode_time_entries(std::as_bytes(std::span(times)), times_);
    time_rest_ = times.size() - times_.size() * engine::kTimeEntryBytes;
}

Damage IndexCheck::offset_damage(std::string reason) const {
    const bool at_entry = next_offset_ < offsets_.size();
    const auto offset = base_ + (at_entry ? offsets_[next_offset_].relative_offset : 0);
    return {offset_file_,
            offset,
            offset,
            next_offset_ * engine::kOffsetEntryBytes,
            std::move(reason)};
}

Damage IndexCheck::time_damage(std::string reason) const {
    const bool at_entry = next_time_ < times_.size();
    const auto offset = base_ + (at_entry ? times_[next_time_].relative_offset : 0);
    return {time_file_, offset, offset, next_time_ * engine::kTimeEntryBytes, std::move(reason)};
}

void IndexCheck::pass_offset(const engine::BatchView& batch,
                             std::uint64_t position,
                             std::vector<Damage>& damaged) {
    for (; next_offset_ < offsets_.size(); ++next_offset_) {
        const auto& entry = offsets_[next_offset_];
        if (entry.position > position) return;
        const auto offset = base_ + entry.relative_offset;
        if (entry.position < position) {
            damaged.push_back(offset_damage(fmt::format(
                    "offset {} at byte {}: no batch begins there", offset.value, entry.position)));
        } else if (offset != batch.last_offset()) {
            damaged.push_back(
                    offset_damage(fmt::format("offset {} at byte {}: the batch there ends with {}",
                                              offset.value,
                                              entry.position,
                                              batch.last_offset().value)));
        }
    }
}

void IndexCheck::pass_time(const engine::BatchView& batch, std::vector<Damage>& damaged) {
    largest_ = std::max(largest_, batch.indexed_timestamp());
    for (; next_time_ < times_.size(); ++next_time_) {
        const auto& entry = times_[next_time_];
        const auto offset = base_ + entry.relative_offset;
        if (offset > batch.last_offset()) return;
        if (offset < batch.last_offset()) {
            damaged.push_back(time_damage(fmt::format(
                    "time {}: no batch ends with offset {}", entry.timestamp, offset.value)));
        } else if (entry.timestamp != largest_) {
            damaged.push_back(time_damage(fmt::format("time {}: the largest up to offset {} is {}",
                                                      entry.timestamp,
                                                      offset.value,
                                                      largest_)));
        }
    }
}

void IndexCheck::pass(const engine::BatchView& batch,
                      std::uint64_t position,
                      std::vector<Damage>& damaged) {
    pass_offset(batch, position, damaged);
    pass_time(batch, damaged);
}

void IndexCheck::skip_to(std::uint64_t position, Offset offset) noexcept {
    while (next_offset_ < offsets_.size() && offsets_[next_offset_].position < position)
        ++next_offset_;
    for (; next_time_ < times_.size(); ++next_time_) {
        const auto& entry = times_[next_time_];
        if (base_ + entry.relative_offset >= offset) return;
        largest_ = std::max(largest_, entry.timestamp);
    }
}

void IndexCheck::end(std::vector<Damage>& damaged) {
    if (!sealed_) return;
    if (next_offset_ < offsets_.size()) {
        damaged.push_back(offset_damage("its entries go on behind the end of the segment"));
    } else if (offset_rest_ > 0) {
        damaged.push_back(
                offset_damage(fmt::format("{} bytes at its end are no entries", offset_rest_)));
    }
    if (next_time_ < times_.size()) {
        damaged.push_back(time_damage("its entries go on behind the end of the segment"));
    } else if (time_rest_ > 0) {
        damaged.push_back(
                time_damage(fmt::format("{} bytes at its end are no entries", time_rest_)));
    }
}

}  // namespace millrace::segment
