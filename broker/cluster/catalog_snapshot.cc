// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/catalog_snapshot.h"

#include <algorithm>
#include <iterator>

namespace millrace::broker {

void CatalogSnapshot::begin_if_due(const CatalogState& state) {
    if (log_.bytes_since_snapshot() < std::max(bytes_min_, 4 * last_bytes_)) return;
    auto all = state.snapshot(log_.snapshot_offset());
    for (std::size_t begin = 0; begin < all.size(); begin += kMetadataBatchRecords) {
        const auto end = std::min(begin + kMetadataBatchRecords, all.size());
        batches_.emplace_back(
                std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(begin)),
                std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(end)));
    }
    begin_ = engine::Offset(-1);
    start_bytes_ = log_.bytes_since_snapshot();
}

engine::Result<void> CatalogSnapshot::append_next() {
    const auto appended = log_.append(batches_.front(), [](engine::Result<void>) {});
    if (!appended) {
        if (appended.error().code != engine::Errc::no_room) give_up();
        return std::unexpected(appended.error());
    }
    if (begin_.value < 0) begin_ = *appended;
    batches_.pop_front();
    if (batches_.empty()) {
        last_bytes_ = log_.bytes_since_snapshot() - start_bytes_;
        log_.snapshot_written(begin_, last_bytes_);
    }
    return {};
}

}  // namespace millrace::broker
