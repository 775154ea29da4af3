// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes as they came from a socket: written once by their connection, then only read.
// Thread: references may be taken and dropped on any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::broker {

struct ReceiveBuffer {
    std::byte* data = nullptr;  // Aligned to 16.
    std::uint32_t capacity = 0;
    std::atomic<std::uint32_t> references{0};
    void (*give_back)(ReceiveBuffer& buffer) noexcept = nullptr;  // Any thread, at the last drop.
    void* pool = nullptr;
    ReceiveBuffer* next = nullptr;
};

class ReceiveRef {
public:
    ReceiveRef() = default;

    explicit ReceiveRef(ReceiveBuffer* buffer) noexcept : buffer_(buffer) { take(); }

    ReceiveRef(const ReceiveRef& other) noexcept : buffer_(other.buffer_) { take(); }

    ReceiveRef(ReceiveRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}

    ReceiveRef& operator=(ReceiveRef other) noexcept {
        std::swap(buffer_, other.buffer_);
        return *this;
    }

    ~ReceiveRef() {
        if (buffer_ != nullptr &&
            buffer_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            buffer_->give_back(*buffer_);
        }
    }

    explicit operator bool() const noexcept { return buffer_ != nullptr; }

    ReceiveBuffer* operator->() const noexcept { return buffer_; }

private:
    void take() const noexcept {
        if (buffer_ != nullptr) buffer_->references.fetch_add(1, std::memory_order_relaxed);
    }

    ReceiveBuffer* buffer_ = nullptr;
};

}  // namespace millrace::broker
