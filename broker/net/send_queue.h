// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The sending side of one connection without its socket: responses in order, as pieces for one
// scatter-gather write. Headers and tables are copied into pooled blocks, where small responses
// lie end to end; payload is referenced until it is sent.
//
// Thread:  its shard's. No allocation once its ring of pieces and the pool's blocks are there.
#pragma once

#include "engine/buffer.h"
#include "engine/types.h"
#include "schemas/wire/frame.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace millrace::broker {

// Bytes of all blocks that hold something unsent, of all shards. Any thread.
class ResponseBudget {
public:
    explicit ResponseBudget(std::uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    void take(std::uint64_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }

    void give(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

    // Then connections that do not read their answers are not read either.
    [[nodiscard]] bool exhausted() const noexcept {
        return used_.load(std::memory_order_relaxed) >= bytes_max_;
    }

    [[nodiscard]] std::uint64_t used() const noexcept {
        return used_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t limit() const noexcept { return bytes_max_; }

private:
    const std::uint64_t bytes_max_;
    std::atomic<std::uint64_t> used_{0};
};

struct SendBlock {
    std::unique_ptr<std::byte[]> data;
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;
    std::uint32_t pieces = 0;  // In a queue.
    SendBlock* next = nullptr;
};

// Lifecycle:   outlives the queues. Thread: its shard's.
class SendBlockPool {
public:
    explicit SendBlockPool(ResponseBudget& budget) noexcept : budget_(budget) {}

    ~SendBlockPool();
    SendBlockPool(const SendBlockPool&) = delete;
    SendBlockPool& operator=(const SendBlockPool&) = delete;

    [[nodiscard]] SendBlock* take(std::uint32_t bytes);
    void give(SendBlock* block) noexcept;
    void trim() noexcept;  // Frees what is idle.

    [[nodiscard]] ResponseBudget& budget() noexcept { return budget_; }

private:
    ResponseBudget& budget_;
    SendBlock* idle_ = nullptr;
    std::uint32_t idle_count_ = 0;
};

class SendQueue {
public:
    explicit SendQueue(SendBlockPool& pool) noexcept : pool_(pool) {}

    ~SendQueue();
    SendQueue(const SendQueue&) = delete;
    SendQueue& operator=(const SendQueue&) = delete;

    // Frame length, magic, version and response flag are filled in. `table` is padded to 8 bytes;
    // header.table_bytes is the caller's (0 where `table` is a message of fixed layout).
    void push(const wire::FrameHeader& header,
              engine::Bytes table,
              std::span<const engine::Slice> payload);

    // The first unsent pieces, for one write. Returns how many entries were filled.
    [[nodiscard]] std::size_t pieces(std::span<iovec> entries) const noexcept;
    // That many bytes have gone out.
    void sent(std::uint64_t bytes) noexcept;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }

    void clear() noexcept;

private:
    struct Piece {
        const std::byte* data = nullptr;
        std::uint32_t size = 0;
        SendBlock* block = nullptr;  // Where the bytes are when they are no slice.
        engine::BufferRef slice;
    };

    [[nodiscard]] std::byte* reserve(std::uint32_t bytes);
    void add(const std::byte* data, std::uint32_t size, SendBlock* block, engine::BufferRef slice);
    void drop_first() noexcept;
    [[nodiscard]] Piece& at(std::size_t index) noexcept;
    [[nodiscard]] const Piece& at(std::size_t index) const noexcept;

    SendBlockPool& pool_;
    std::vector<Piece> ring_;  // A power of two, or empty.
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::uint64_t bytes_ = 0;
    SendBlock* open_ = nullptr;  // Takes the next header and table.
};

}  // namespace millrace::broker
