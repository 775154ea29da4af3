// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Payload of a WAL entry of kind `epoch`: a partition's leader epoch rises. Little endian.
#pragma once

#include "engine/base/byte_order.h"
#include "engine/format/checkpoint.h"

#include <cstdint>
#include <optional>

namespace millrace::engine {

inline constexpr std::uint32_t kEpochEntryBytes = 12;  // epoch i32, start offset i64.

inline void encode_epoch_entry(const EpochRow& row, std::byte* to) noexcept {
    store_little(to, row.epoch);
    store_little(to + sizeof row.epoch, row.start.value);
}

// Untrusted bytes.
[[nodiscard]] inline std::optional<EpochRow> decode_epoch_entry(Bytes payload) noexcept {
    if (payload.size() != kEpochEntryBytes) return std::nullopt;
    const EpochRow row{load_little<LeaderEpoch>(payload.data()),
                       Offset(load_little<std::int64_t>(payload.data() + sizeof(LeaderEpoch)))};
    if (row.epoch < 0 || row.start < Offset(0)) return std::nullopt;
    return row;
}

}  // namespace millrace::engine
