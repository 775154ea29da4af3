// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How much background work the device gets at once, so that acknowledgements keep it.
#pragma once

#include <cstdint>

namespace millrace::engine {

// Somebody who waits for a gate. Caller-owned; `ready` runs once, when there may be room.
struct GateWaiter {
    void (*ready)(GateWaiter& waiter) noexcept = nullptr;
    void* owner = nullptr;
    GateWaiter* next = nullptr;
    bool queued = false;
};

// Counts units (bytes, or operations) in flight against a limit; those who wait go in order.
// Thread: the shard's.
class IoGate {
public:
    explicit IoGate(std::uint64_t units_max) : units_max_(units_max) {}

    // True: taken. False: the waiter is queued, and `ready` tries again. One unit more than the
    // limit is taken when nothing is in flight.
    [[nodiscard]] bool take(std::uint64_t units, GateWaiter& waiter) noexcept;

    void give_back(std::uint64_t units) noexcept;

    // The waiter dies.
    void forget(GateWaiter& waiter) noexcept;

private:
    std::uint64_t units_max_;
    std::uint64_t units_ = 0;
    GateWaiter* first_ = nullptr;
    GateWaiter* last_ = nullptr;
};

}  // namespace millrace::engine
