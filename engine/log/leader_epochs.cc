// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/leader_epochs.h"

#include <algorithm>

namespace millrace::engine {

void LeaderEpochs::note(LeaderEpoch epoch, Offset start) {
    if (epoch <= latest()) return;
    // An epoch in which nothing was written ends where it began: no record has it.
    if (!rows_.empty() && rows_.back().start == start) rows_.pop_back();
    rows_.push_back({epoch, start});
}

EpochEnd LeaderEpochs::end_of(LeaderEpoch epoch,
                              LeaderEpoch current,
                              Offset log_end) const noexcept {
    if (epoch >= current) return {current, log_end};
    const auto above = std::upper_bound(
            rows_.begin(), rows_.end(), epoch, [](LeaderEpoch asked, const EpochRow& row) {
                return asked < row.epoch;
            });
    const auto end = above == rows_.end() ? log_end : above->start;
    // Older than everything that is known: it ends where the first known one begins.
    if (above == rows_.begin()) return {-1, end};
    return {std::prev(above)->epoch, end};
}

void LeaderEpochs::cut_before(Offset start) noexcept {
    const auto above = std::ranges::upper_bound(rows_, start, {}, &EpochRow::start);
    if (above == rows_.begin()) return;
    // The epoch of the record at `start` begins there now.
    rows_.erase(rows_.begin(), std::prev(above));
    rows_.front().start = start;
}

std::span<const EpochRow> LeaderEpochs::up_to(Offset offset) const noexcept {
    const auto end = std::find_if(rows_.begin(), rows_.end(), [offset](const EpochRow& row) {
        return row.start > offset;
    });
    return {rows_.begin(), end};
}

}  // namespace millrace::engine
