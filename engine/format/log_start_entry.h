// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Payload of a WAL entry of kind `log_start`: what lies below this offset is deleted. Little
// endian.
#pragma once

#include "engine/base/byte_order.h"
#include "engine/types.h"

#include <cstdint>
#include <optional>

namespace millrace::engine {

inline constexpr std::uint32_t kLogStartEntryBytes = 8;  // Offset i64.

inline void encode_log_start_entry(Offset start, std::byte* to) noexcept {
    store_little(to, start.value);
}

// Untrusted bytes.
[[nodiscard]] inline std::optional<Offset> decode_log_start_entry(Bytes payload) noexcept {
    if (payload.size() != kLogStartEntryBytes) return std::nullopt;
    const Offset start(load_little<std::int64_t>(payload.data()));
    if (start < Offset(0)) return std::nullopt;
    return start;
}

}  // namespace millrace::engine
