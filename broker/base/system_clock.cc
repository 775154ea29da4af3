// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/base/system_clock.h"

#include <ctime>

namespace millrace::broker {

namespace {

std::chrono::nanoseconds read(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

engine::MonotonicTime SystemClock::monotonic_now() noexcept {
    return read(CLOCK_MONOTONIC);
}

engine::TimestampMs SystemClock::wall_now() noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(read(CLOCK_REALTIME)).count();
}

}  // namespace millrace::broker
