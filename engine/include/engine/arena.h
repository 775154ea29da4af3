// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// All memory for direct I/O: mapped in 2 MiB-aligned pieces with huge pages asked for by madvise,
// handed out as buffers. Where the system gives no huge pages the same code runs on small ones.
//
// Lifecycle:   one per process; outlives every buffer.
// Thread:      any (a mutex; hot paths take buffers of 256 KiB and more, rarely).
// Limit:       bytes_max; an allocation beyond it is refused, never made.
#pragma once

#include "engine/buffer.h"
#include "engine/clock.h"

#include <cstdint>
#include <memory>

namespace millrace::engine {

class Arena {
public:
    explicit Arena(std::uint64_t bytes_max);
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // A buffer of at least `bytes`, rounded up to a power of two from 4 KiB on, or to whole MiB
    // above 1 MiB; contents unspecified. Null when the limit is reached.
    [[nodiscard]] BufferRef allocate(std::uint64_t bytes) noexcept;

    // Gives memory that nobody used for 30 s back to the system. Cheap; call about once a second.
    void release_unused(MonotonicTime now) noexcept;

    [[nodiscard]] std::uint64_t bytes_in_use() const noexcept;
    [[nodiscard]] std::uint64_t bytes_mapped() const noexcept;
    [[nodiscard]] std::uint64_t bytes_max() const noexcept;

private:
    friend class BufferRef;
    void give_back(Buffer* buffer) noexcept;

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::engine
