// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/types.h"

#include <cstdint>

namespace millrace::engine {

// CRC-32C (Castagnoli), as in Kafka's record batches: of "123456789" it is 0xE3069283.
// `before` is the checksum of the bytes that come before these, so that
// crc32c(b, crc32c(a)) == crc32c(a followed by b).
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0) noexcept;

}  // namespace millrace::engine
