// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/index_check.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

template <class Number>
std::string text(Number number) {
    return std::to_string(number);
}

}  // namespace

IndexCheck::IndexCheck(Offset base, Bytes offset_file, Bytes time_file, bool sealed)
        : base_(base), sealed_(sealed) {
    decode_offset_entries(offset_file, offsets_);
    offset_rest_ = offset_file.size() - offsets_.size() * kOffsetEntryBytes;
    decode_time_entries(time_file, times_);
    time_rest_ = time_file.size() - times_.size() * kTimeEntryBytes;
}

void IndexCheck::offset_fault(std::string reason, std::vector<IndexFault>& faults) const {
    if (faults.size() >= kIndexFaultsMax) return;
    const bool at_entry = next_offset_ < offsets_.size();
    faults.push_back({IndexKind::offsets,
                      base_ + (at_entry ? offsets_[next_offset_].relative_offset : 0),
                      next_offset_ * kOffsetEntryBytes,
                      std::move(reason)});
}

void IndexCheck::time_fault(std::string reason, std::vector<IndexFault>& faults) const {
    if (faults.size() >= kIndexFaultsMax) return;
    const bool at_entry = next_time_ < times_.size();
    faults.push_back({IndexKind::times,
                      base_ + (at_entry ? times_[next_time_].relative_offset : 0),
                      next_time_ * kTimeEntryBytes,
                      std::move(reason)});
}

void IndexCheck::pass_offset(const BatchView& batch,
                             std::uint64_t position,
                             std::vector<IndexFault>& faults) {
    for (; next_offset_ < offsets_.size(); ++next_offset_) {
        const auto& entry = offsets_[next_offset_];
        if (entry.position > position) return;
        const auto offset = base_ + entry.relative_offset;
        if (entry.position == position && offset == batch.last_offset()) continue;
        const auto place = "offset " + text(offset.value) + " at byte " + text(entry.position);
        offset_fault(entry.position < position ? place + ": no batch begins there"
                                               : place + ": the batch there ends with " +
                                                         text(batch.last_offset().value),
                     faults);
    }
}

void IndexCheck::pass_time(const BatchView& batch, std::vector<IndexFault>& faults) {
    largest_ = std::max(largest_, batch.indexed_timestamp());
    for (; next_time_ < times_.size(); ++next_time_) {
        const auto& entry = times_[next_time_];
        const auto offset = base_ + entry.relative_offset;
        if (offset > batch.last_offset()) return;
        if (offset < batch.last_offset()) {
            time_fault("time " + text(entry.timestamp) + ": no batch ends with offset " +
                               text(offset.value),
                       faults);
        } else if (entry.timestamp != largest_) {
            time_fault("time " + text(entry.timestamp) + ": the largest up to offset " +
                               text(offset.value) + " is " + text(largest_),
                       faults);
        }
    }
}

void IndexCheck::pass(const BatchView& batch,
                      std::uint64_t position,
                      std::vector<IndexFault>& faults) {
    pass_offset(batch, position, faults);
    pass_time(batch, faults);
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

void IndexCheck::end(std::vector<IndexFault>& faults) {
    if (!sealed_) return;
    constexpr auto kGoesOn = "its entries go on behind the end of the segment";
    const auto rest = [](std::uint64_t bytes) {
        return text(bytes) + " bytes at its end are no entries";
    };
    if (next_offset_ < offsets_.size()) {
        offset_fault(kGoesOn, faults);
    } else if (offset_rest_ > 0) {
        offset_fault(rest(offset_rest_), faults);
    }
    if (next_time_ < times_.size()) {
        time_fault(kGoesOn, faults);
    } else if (time_rest_ > 0) {
        time_fault(rest(time_rest_), faults);
    }
}

}  // namespace millrace::engine
