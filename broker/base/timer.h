// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Call me later, on this shard.
#pragma once

#include "engine/clock.h"

namespace millrace::broker {

// Caller-owned, kept still while armed.
struct Timer {
    void (*fired)(Timer& timer) noexcept = nullptr;
    void* owner = nullptr;
    engine::MonotonicTime deadline{};
    Timer* previous = nullptr;  // The service's while armed.
    Timer* next = nullptr;
    bool armed = false;
};

// Thread: the shard's. Resolution: a millisecond; never early. No allocation.
class TimerService {
public:
    virtual ~TimerService() = default;
    // Requires: not armed.
    virtual void arm(Timer& timer, engine::MonotonicTime deadline) noexcept = 0;
    virtual void disarm(Timer& timer) noexcept = 0;  // Nothing happens when it is not armed.

protected:
    TimerService() = default;
    TimerService(const TimerService&) = default;
    TimerService& operator=(const TimerService&) = default;
};

}  // namespace millrace::broker
