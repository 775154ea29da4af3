// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/clock.h"

namespace millrace::broker {

// The kernel's clocks.
class SystemClock final : public engine::Clock {
public:
    [[nodiscard]] engine::MonotonicTime monotonic_now() noexcept override;
    [[nodiscard]] engine::TimestampMs wall_now() noexcept override;
};

}  // namespace millrace::broker
