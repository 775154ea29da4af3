// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/send_queue.h"

#include "broker/base/table_copy.h"
#include "engine/assert.h"

#include <algorithm>

namespace millrace::broker {

namespace {

constexpr std::uint32_t kBlockBytes = 16U << 10;
constexpr std::uint32_t kIdleBlocksMax = 64;
constexpr std::size_t kFirstPieces = 16;
constexpr std::size_t kKeptPiecesMax = 4096;  // Of a queue that is empty again.
constexpr std::byte kZeros[wire::kFrameAlignment] = {};

}  // namespace

SendBlockPool::~SendBlockPool() {
    trim();
}

SendBlock* SendBlockPool::take(std::uint32_t bytes) {
    SendBlock* block = nullptr;
    if (bytes <= kBlockBytes && idle_ != nullptr) {
        block = idle_;
        idle_ = block->next;
        --idle_count_;
    } else {
        auto made = std::make_unique<SendBlock>();
        made->capacity = std::max(bytes, kBlockBytes);
        made->data = std::make_unique_for_overwrite<std::byte[]>(made->capacity);
        block = made.release();
    }
    block->next = nullptr;
    block->used = 0;
    block->pieces = 0;
    budget_.take(block->capacity);
    return block;
}

void SendBlockPool::give(SendBlock* block) noexcept {
    ASSERT(block->pieces == 0);
    budget_.give(block->capacity);
    if (block->capacity != kBlockBytes || idle_count_ >= kIdleBlocksMax) {
        const std::unique_ptr<SendBlock> last(block);
        return;
    }
    block->next = idle_;
    idle_ = block;
    ++idle_count_;
}

void SendBlockPool::trim() noexcept {
    while (idle_ != nullptr) {
        const std::unique_ptr<SendBlock> last(idle_);
        idle_ = last->next;
    }
    idle_count_ = 0;
}

SendQueue::~SendQueue() {
    clear();
}

void SendQueue::push(const wire::FrameHeader& header,
                     engine::Bytes table,
                     std::span<const engine::Slice> payload) {
    std::uint64_t payload_bytes = 0;
    for (const auto& slice : payload)
        payload_bytes += slice.size;
    const auto table_bytes = wire::padded(static_cast<std::uint32_t>(table.size()));
    ASSERT(header.table_bytes <= table_bytes && header.table_bytes % wire::kFrameAlignment == 0);
    ASSERT(payload_bytes < (1ULL << 31));
    const auto padded_payload = wire::padded(static_cast<std::uint32_t>(payload_bytes));

    wire::FrameHeader out = header;
    out.frame_bytes = wire::kFrameBytesMin + table_bytes + padded_payload;
    out.magic = wire::kFrameMagic;
    out.version = wire::kFrameVersion;
    out.flags |= wire::kFlagResponse;
    out.reserved = 0;

    const auto head_bytes = wire::kFrameHeaderBytes + table_bytes;
    auto* head = reserve(head_bytes);
    wire::store_frame_header(
            out, std::span<std::byte, wire::kFrameHeaderBytes>(head, wire::kFrameHeaderBytes));
    copy_table(head + wire::kFrameHeaderBytes, table);
    std::fill(head + wire::kFrameHeaderBytes + table.size(), head + head_bytes, std::byte{0});
    add(head, head_bytes, open_, {});
    for (const auto& slice : payload) {
        if (slice.size != 0) add(slice.data, slice.size, nullptr, slice.buffer);
    }
    const auto padding = padded_payload - static_cast<std::uint32_t>(payload_bytes);
    if (padding != 0) add(kZeros, padding, nullptr, {});
}

// Room for `bytes` in a row, in open_.
std::byte* SendQueue::reserve(std::uint32_t bytes) {
    if (open_ == nullptr || open_->capacity - open_->used < bytes) {
        if (open_ != nullptr && open_->pieces == 0) pool_.give(open_);
        open_ = pool_.take(bytes);
    }
    auto* start = open_->data.get() + open_->used;
    open_->used += bytes;
    return start;
}

void SendQueue::add(const std::byte* data,
                    std::uint32_t size,
                    SendBlock* block,
                    engine::BufferRef slice) {
    bytes_ += size;
    if (block != nullptr && count_ != 0) {
        auto& last = at(count_ - 1);
        if (last.block == block && last.data + last.size == data) {
            last.size += size;
            return;
        }
    }
    if (count_ == ring_.size()) {
        std::vector<Piece> larger(std::max(kFirstPieces, ring_.size() * 2));
        for (std::size_t index = 0; index < count_; ++index)
            larger[index] = std::move(at(index));
        ring_ = std::move(larger);
        first_ = 0;
    }
    ++count_;
    at(count_ - 1) = {.data = data, .size = size, .block = block, .slice = std::move(slice)};
    if (block != nullptr) ++block->pieces;
}

std::size_t SendQueue::pieces(std::span<iovec> entries) const noexcept {
    const auto filled = std::min(entries.size(), count_);
    for (std::size_t index = 0; index < filled; ++index) {
        const auto& piece = at(index);
        entries[index].iov_base = const_cast<std::byte*>(piece.data);  // iovec reads only.
        entries[index].iov_len = piece.size;
    }
    return filled;
}

void SendQueue::sent(std::uint64_t bytes) noexcept {
    ASSERT(bytes <= bytes_);
    bytes_ -= bytes;
    while (bytes != 0) {
        auto& piece = at(0);
        if (bytes < piece.size) {
            piece.data += bytes;
            piece.size -= static_cast<std::uint32_t>(bytes);
            return;
        }
        bytes -= piece.size;
        drop_first();
    }
    if (bytes_ != 0) return;
    if (open_ != nullptr) {
        pool_.give(open_);
        open_ = nullptr;
    }
    if (ring_.size() > kKeptPiecesMax) ring_ = {};
}

void SendQueue::drop_first() noexcept {
    auto& piece = at(0);
    auto* block = std::exchange(piece.block, nullptr);
    piece.slice = {};
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
    if (block != nullptr && --block->pieces == 0 && block != open_) pool_.give(block);
}

void SendQueue::clear() noexcept {
    sent(bytes_);
    ASSERT(count_ == 0 && open_ == nullptr);
}

SendQueue::Piece& SendQueue::at(std::size_t index) noexcept {
    return ring_[(first_ + index) & (ring_.size() - 1)];
}

const SendQueue::Piece& SendQueue::at(std::size_t index) const noexcept {
    return ring_[(first_ + index) & (ring_.size() - 1)];
}

}  // namespace millrace::broker
