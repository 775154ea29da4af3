// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reference-counted memory for direct I/O: WAL images, run buffers, cold reads. Made by Arena.
#pragma once

#include "engine/assert.h"
#include "engine/types.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::engine {

class Arena;

// One stretch of memory, aligned to kBlockBytes, from the arena.
// Thread: references may be taken and dropped on any thread; the bytes are written only by their
// owner and only while no other reference reads that part.
struct Buffer {
    std::byte* data = nullptr;
    std::uint32_t capacity = 0;
    std::atomic<std::uint32_t> references{0};
    Arena* arena = nullptr;
    Buffer* next = nullptr;  // The arena's free list.
};

// Counts one reference; the last one gives the memory back to its arena.
class BufferRef {
public:
    BufferRef() = default;

    explicit BufferRef(Buffer* buffer) noexcept : buffer_(buffer) { take(); }

    BufferRef(const BufferRef& other) noexcept : buffer_(other.buffer_) { take(); }

    BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}

    BufferRef& operator=(const BufferRef& other) noexcept { return *this = BufferRef(other); }

    BufferRef& operator=(BufferRef&& other) noexcept {
        BufferRef taken(std::move(other));
        std::swap(buffer_, taken.buffer_);
        return *this;
    }

    ~BufferRef() { drop(); }

    explicit operator bool() const noexcept { return buffer_ != nullptr; }

    Buffer* operator->() const noexcept { return buffer_; }

    [[nodiscard]] Buffer* get() const noexcept { return buffer_; }

    // True when this is the only reference left.
    [[nodiscard]] bool unique() const noexcept {
        return buffer_ != nullptr && buffer_->references.load(std::memory_order_acquire) == 1;
    }

private:
    void take() const noexcept {
        if (buffer_ != nullptr) buffer_->references.fetch_add(1, std::memory_order_relaxed);
    }

    void drop() noexcept;  // In arena.cc.

    Buffer* buffer_ = nullptr;
};

// Bytes kept alive by their buffer.
struct Slice {
    BufferRef buffer;
    const std::byte* data = nullptr;
    std::uint32_t size = 0;

    [[nodiscard]] Bytes bytes() const noexcept { return {data, size}; }
};

}  // namespace millrace::engine
