// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Snapshots of the catalogue in the metadata log: when one is due, and its way there, batch by
// batch. Changes wait until all are appended, so that nothing lies between.
//
// Thread:      shard 0's.
#pragma once

#include "broker/cluster/catalog_state.h"
#include "broker/cluster/metadata_log.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace millrace::broker {

class CatalogSnapshot {
public:
    // One is written when `bytes_min`, and four times the last snapshot, was appended since.
    CatalogSnapshot(MetadataLog& log, std::uint64_t bytes_min) : log_(log), bytes_min_(bytes_min) {}

    void begin_if_due(const CatalogState& state);

    // Batches of a snapshot are still to be appended.
    [[nodiscard]] bool is_pending() const noexcept { return !batches_.empty(); }

    // The next batch. Errors: no_room, and it stays the next one; after any other the snapshot is
    // given up: half of one is passed over when read, and a later change tries again.
    // Requires: is_pending().
    [[nodiscard]] engine::Result<void> append_next();

    void give_up() noexcept { batches_.clear(); }

private:
    MetadataLog& log_;
    std::uint64_t bytes_min_;
    std::deque<std::vector<MetadataRecord>> batches_;
    engine::Offset begin_{-1};
    std::uint64_t start_bytes_ = 0;
    std::uint64_t last_bytes_ = 0;
};

}  // namespace millrace::broker
