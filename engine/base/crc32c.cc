// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/crc32c.h"

#include <algorithm>
#include <isa-l/crc.h>

namespace millrace::engine {

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) noexcept {
    // ISA-L takes an int length and a pointer it does not write through, and keeps the state
    // inverted between calls.
    constexpr std::size_t kStep = 1U << 30;
    std::uint32_t state = ~before;
    while (!bytes.empty()) {
        const auto step = std::min(bytes.size(), kStep);
        auto* data =
                const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
        state = crc32_iscsi(data, static_cast<int>(step), state);
        bytes = bytes.subspan(step);
    }
    return ~state;
}

}  // namespace millrace::engine
