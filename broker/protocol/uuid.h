// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Topic ids between their 16 bytes and the two halves they travel as.
#pragma once

#include "engine/types.h"
#include "schemas/common_generated.h"

#include <string>

namespace millrace::broker {

[[nodiscard]] wire::Uuid to_wire(const engine::TopicId& id) noexcept;
[[nodiscard]] engine::TopicId from_wire(const wire::Uuid& uuid) noexcept;

[[nodiscard]] inline bool is_none(const engine::TopicId& id) noexcept {
    return id == engine::TopicId{};
}

}  // namespace millrace::broker
