// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/uuid.h"

#include <bit>
#include <cstring>

namespace millrace::broker {

wire::Uuid to_wire(const engine::TopicId& id) noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, id.bytes.data(), sizeof high);
    std::memcpy(&low, id.bytes.data() + sizeof high, sizeof low);
    return wire::Uuid(std::byteswap(high), std::byteswap(low));
}

engine::TopicId from_wire(const wire::Uuid& uuid) noexcept {
    engine::TopicId id;
    const std::uint64_t high = std::byteswap(uuid.high());
    const std::uint64_t low = std::byteswap(uuid.low());
    std::memcpy(id.bytes.data(), &high, sizeof high);
    std::memcpy(id.bytes.data() + sizeof high, &low, sizeof low);
    return id;
}

}  // namespace millrace::broker
