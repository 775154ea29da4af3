// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/random_id.h"

#include "engine/assert.h"

#include <fmt/format.h>

#include <cerrno>
#include <sys/random.h>

namespace millrace::broker {

engine::TopicId random_topic_id() noexcept {
    engine::TopicId id;
    // 16 bytes are given whole or not at all, once the generator is seeded.
    while (::getrandom(id.bytes.data(), id.bytes.size(), 0) < 0)
        ASSERT(errno == EINTR);
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x40U);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
    return id;
}

std::string to_text(const engine::TopicId& id) {
    std::string text;
    for (std::size_t index = 0; index < id.bytes.size(); ++index) {
        if (index == 4 || index == 6 || index == 8 || index == 10) text += '-';
        text += fmt::format("{:02x}", id.bytes[index]);
    }
    return text;
}

}  // namespace millrace::broker
