// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Time that stands still until a test moves it.
#pragma once

#include "engine/clock.h"

namespace millrace::testing {

class FakeClock final : public engine::Clock {
public:
    [[nodiscard]] engine::MonotonicTime monotonic_now() noexcept override { return monotonic_; }

    [[nodiscard]] engine::TimestampMs wall_now() noexcept override { return wall_; }

    void advance(engine::MonotonicTime by) noexcept {
        monotonic_ += by;
        wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
    }

    void set_wall(engine::TimestampMs wall) noexcept { wall_ = wall; }

private:
    engine::MonotonicTime monotonic_{std::chrono::hours(1)};
    engine::TimestampMs wall_ = 1'700'000'000'000;
};

}  // namespace millrace::testing
