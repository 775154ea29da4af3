// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Memory for what arrives: a fixed budget for the process, and per shard a pool of buffers in
// classes of size. Buffers are mapped, so that a large one costs what has arrived in it and not
// what its sender announced.
#pragma once

#include "broker/base/receive_buffer.h"
#include "engine/clock.h"
#include "engine/shard_post.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace millrace::broker {

// A plain read goes up to this far into a chunk ...
inline constexpr std::uint32_t kChunkReadBytes = 64U << 10;
// ... and a frame no larger than this that began in it is finished in it, without moving.
inline constexpr std::uint32_t kChunkFrameBytesMax = 56U << 10;
inline constexpr std::uint32_t kHandshakeReadBytes = 4U << 10;

class ReceivePool;

// Lifecycle:   one per process, outlives the pools.
// Thread:      any.
// Invariant:   used <= bytes_max, but for what take_beyond() took.
class ReceiveBudget {
public:
    ReceiveBudget(std::uint64_t bytes_max, engine::ShardPost& post);
    ReceiveBudget(const ReceiveBudget&) = delete;
    ReceiveBudget& operator=(const ReceiveBudget&) = delete;

    [[nodiscard]] bool take(std::uint64_t bytes) noexcept;
    void take_beyond(std::uint64_t bytes) noexcept;
    void give(std::uint64_t bytes) noexcept;

    // Posts `task` to `shard`, once, when `bytes` can be taken or something was given back.
    // Requires: shard < 64; the task is idle.
    void wake_when_given(std::uint32_t shard,
                         std::uint64_t bytes,
                         engine::PostedTask& task) noexcept;

    // Somebody waits: buffers go back to the system instead of into a pool's lists.
    [[nodiscard]] bool pressed() const noexcept;
    [[nodiscard]] std::uint64_t used() const noexcept;

    [[nodiscard]] std::uint64_t limit() const noexcept { return bytes_max_; }

private:
    static constexpr std::size_t kShardsMax = 64;

    const std::uint64_t bytes_max_;
    engine::ShardPost& post_;
    std::atomic<std::uint64_t> used_{0};
    std::atomic<std::uint64_t> waiting_{0};  // One bit a shard.
    std::array<std::atomic<engine::PostedTask*>, kShardsMax> tasks_{};
};

struct PooledBuffer : ReceiveBuffer {
    std::uint32_t charged = 0;  // Bytes of `data` that are paid for, and may be written.
    std::uint32_t size_class = 0;
    std::uint64_t mapped_bytes = 0;
    engine::MonotonicTime idle_since{};
};

// Called when memory may be there again after take() or grow() had failed.
struct MemoryWaiter {
    void (*memory_back)(MemoryWaiter& waiter) noexcept = nullptr;
    void* owner = nullptr;
    MemoryWaiter* next = nullptr;
    bool waiting = false;
};

// Lifecycle:   outlives its shard's connections and every reference to its buffers.
// Thread:      its shard's; references may be dropped anywhere.
class ReceivePool {
public:
    // `handshake` pays for connections that have not yet said who they are.
    ReceivePool(std::uint32_t shard, ReceiveBudget& budget, ReceiveBudget& handshake);
    ~ReceivePool();
    ReceivePool(const ReceivePool&) = delete;
    ReceivePool& operator=(const ReceivePool&) = delete;

    // A buffer whose first bytes (one plain read, or 64 KiB of a large frame) are paid for.
    // Null: no memory now; wait(). `beyond`: even when the budget is used up.
    [[nodiscard]] PooledBuffer* take_handshake() noexcept;
    [[nodiscard]] PooledBuffer* take_chunk(bool beyond = false) noexcept;
    [[nodiscard]] PooledBuffer* take_large(std::uint32_t bytes, bool beyond = false) noexcept;

    // Pays for the bytes up to `end`. `beyond`: even when the budget is used up.
    [[nodiscard]] bool grow(PooledBuffer& buffer, std::uint32_t end, bool beyond) noexcept;

    // One connection of a shard may finish its frame beyond the budget, so that frames that are
    // all half there cannot hold each other up for ever.
    [[nodiscard]] bool claim_beyond(const void* owner) noexcept;
    void release_beyond(const void* owner) noexcept;

    // Somebody, on whatever shard, waits for memory of handshake buffers, or of the others.
    [[nodiscard]] bool pressed(bool handshake) const noexcept {
        return (handshake ? handshake_ : budget_).pressed();
    }

    // Waits for memory of handshake buffers, or of the others. It may wait already.
    void wait(MemoryWaiter& waiter, bool handshake) noexcept;
    void cancel(MemoryWaiter& waiter) noexcept;

    // Gives back to the system what nobody used for 30 s. False when there is nothing left.
    bool trim(engine::MonotonicTime now) noexcept;
    [[nodiscard]] bool keeps_memory() const noexcept;

    // What take() stamps idle buffers with; once per turn is enough.
    void set_now(engine::MonotonicTime now) noexcept { now_ = now; }

private:
    static constexpr std::size_t kClasses = 12;

    [[nodiscard]] PooledBuffer* take(std::uint32_t size_class,
                                     std::uint32_t paid,
                                     bool beyond) noexcept;
    [[nodiscard]] PooledBuffer* pop(std::uint32_t size_class) noexcept;
    [[nodiscard]] ReceiveBudget& budget_of(std::uint32_t size_class) noexcept;
    void collect_returned() noexcept;
    void release_idle() noexcept;
    void release(PooledBuffer& buffer) noexcept;
    static void give_back(ReceiveBuffer& buffer) noexcept;
    void memory_back() noexcept;

    const std::uint32_t shard_;
    ReceiveBudget& budget_;
    ReceiveBudget& handshake_;
    engine::MonotonicTime now_{};
    std::atomic<ReceiveBuffer*> returned_{nullptr};
    std::array<PooledBuffer*, kClasses> idle_{};
    std::uint64_t idle_bytes_ = 0;
    const void* beyond_ = nullptr;
    MemoryWaiter* first_waiter_ = nullptr;
    MemoryWaiter* last_waiter_ = nullptr;

    struct Wake : engine::PostedTask {
        ReceivePool* pool = nullptr;
        bool pending = false;
    };

    Wake wake_;
    Wake handshake_wake_;
};

}  // namespace millrace::broker
