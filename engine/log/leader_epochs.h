// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where each leader epoch of one log begins.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/log.h"

#include <span>
#include <vector>

namespace millrace::engine {

// Thread: the shard's.
class LeaderEpochs {
public:
    LeaderEpochs() = default;

    explicit LeaderEpochs(std::vector<EpochRow> rows) : rows_(std::move(rows)) {}

    // The record at `start` is the first known of `epoch`. Epochs that are known are not news.
    void note(LeaderEpoch epoch, Offset start);

    // -1: none.
    [[nodiscard]] LeaderEpoch latest() const noexcept {
        return rows_.empty() ? -1 : rows_.back().epoch;
    }

    // See EpochEnd. `current` is the log's epoch now, which may have no record yet.
    [[nodiscard]] EpochEnd end_of(LeaderEpoch epoch,
                                  LeaderEpoch current,
                                  Offset log_end) const noexcept;

    // Records below `start` are gone: what is known of their epochs alone is forgotten.
    void cut_before(Offset start) noexcept;

    // Those that begin at or below `offset`.
    [[nodiscard]] std::span<const EpochRow> up_to(Offset offset) const noexcept;

private:
    std::vector<EpochRow> rows_;
};

}  // namespace millrace::engine
