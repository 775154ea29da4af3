// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/receive_pool.h"

#include "engine/assert.h"
#include "engine/units.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <sys/mman.h>

namespace millrace::broker {

namespace {

using engine::kKiB;
using engine::kMiB;

// The buffer's own fields stand at the front of its mapping.
constexpr std::uint64_t kHeaderBytes = 128;
static_assert(sizeof(PooledBuffer) <= kHeaderBytes && kHeaderBytes % 16 == 0);

constexpr std::uint32_t kHandshakeClass = 0;
constexpr std::uint32_t kChunkClass = 1;
constexpr std::uint32_t kFirstLargeClass = 2;
constexpr std::uint64_t kFirstLargeBytes = 256 * kKiB;
constexpr std::uint32_t kLargePaidAtFirst = 64 * kKiB;
// Kept by one shard for the next frames: as much as one busy connection has in flight.
constexpr std::uint64_t kIdleBytesMax = 32 * kMiB;
constexpr std::chrono::seconds kIdleTimeMax{30};

// Room for a frame that begins with the last byte of a plain read and is as large as may be.
constexpr std::uint64_t kHandshakeMapped = 12 * kKiB;
constexpr std::uint64_t kChunkMapped = 128 * kKiB;
static_assert(kHandshakeReadBytes + 4096 + 8 <= kHandshakeMapped - kHeaderBytes);
static_assert(kChunkReadBytes + kChunkFrameBytesMax <= kChunkMapped - kHeaderBytes);

std::uint64_t mapped_bytes_of(std::uint32_t size_class) {
    if (size_class == kHandshakeClass) return kHandshakeMapped;
    if (size_class == kChunkClass) return kChunkMapped;
    return kFirstLargeBytes << (size_class - kFirstLargeClass);
}

}  // namespace

ReceiveBudget::ReceiveBudget(std::uint64_t bytes_max, engine::ShardPost& post)
        : bytes_max_(bytes_max), post_(post) {}

bool ReceiveBudget::take(std::uint64_t bytes) noexcept {
    auto used = used_.load(std::memory_order_relaxed);
    do {
        if (used + bytes > bytes_max_) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_acq_rel));
    return true;
}

void ReceiveBudget::take_beyond(std::uint64_t bytes) noexcept {
    used_.fetch_add(bytes, std::memory_order_acq_rel);
}

void ReceiveBudget::give(std::uint64_t bytes) noexcept {
    const auto before = used_.fetch_sub(bytes, std::memory_order_seq_cst);
    ASSERT(before >= bytes);
    if (waiting_.load(std::memory_order_seq_cst) == 0) return;
    auto shards = waiting_.exchange(0, std::memory_order_acq_rel);
    while (shards != 0) {
        const auto shard = static_cast<std::uint32_t>(std::countr_zero(shards));
        shards &= shards - 1;
        post_.post(shard, *tasks_[shard].load(std::memory_order_acquire));
    }
}

void ReceiveBudget::wake_when_given(std::uint32_t shard,
                                    std::uint64_t bytes,
                                    engine::PostedTask& task) noexcept {
    ASSERT(shard < kShardsMax);
    const auto bit = 1ULL << shard;
    tasks_[shard].store(&task, std::memory_order_release);
    waiting_.fetch_or(bit, std::memory_order_seq_cst);
    // Memory that came back before the bit was set woke nobody: look again.
    if (used_.load(std::memory_order_seq_cst) + bytes > bytes_max_) return;
    if ((waiting_.fetch_and(~bit, std::memory_order_acq_rel) & bit) != 0) post_.post(shard, task);
}

bool ReceiveBudget::pressed() const noexcept {
    return waiting_.load(std::memory_order_relaxed) != 0;
}

std::uint64_t ReceiveBudget::used() const noexcept {
    return used_.load(std::memory_order_acquire);
}

ReceivePool::ReceivePool(std::uint32_t shard, ReceiveBudget& budget, ReceiveBudget& handshake)
        : shard_(shard), budget_(budget), handshake_(handshake) {
    const auto run = [](engine::PostedTask& task) noexcept {
        auto& wake = static_cast<Wake&>(task);
        wake.pending = false;
        wake.pool->memory_back();
    };
    wake_.run = run;
    wake_.pool = this;
    handshake_wake_.run = run;
    handshake_wake_.pool = this;
}

ReceivePool::~ReceivePool() {
    collect_returned();
    release_idle();
}

ReceiveBudget& ReceivePool::budget_of(std::uint32_t size_class) noexcept {
    return size_class == kHandshakeClass ? handshake_ : budget_;
}

PooledBuffer* ReceivePool::take_handshake() noexcept {
    return take(
            kHandshakeClass, static_cast<std::uint32_t>(kHandshakeMapped - kHeaderBytes), false);
}

PooledBuffer* ReceivePool::take_chunk(bool beyond) noexcept {
    return take(kChunkClass, kChunkReadBytes, beyond);
}

PooledBuffer* ReceivePool::take_large(std::uint32_t bytes, bool beyond) noexcept {
    const auto mapped = std::bit_ceil(bytes + kHeaderBytes);
    const auto shift = std::countr_zero(std::max(mapped, kFirstLargeBytes) / kFirstLargeBytes);
    const auto size_class = kFirstLargeClass + static_cast<std::uint32_t>(shift);
    ASSERT(size_class < kClasses);
    return take(size_class, kLargePaidAtFirst, beyond);
}

PooledBuffer* ReceivePool::take(std::uint32_t size_class,
                                std::uint32_t paid,
                                bool beyond) noexcept {
    if (auto* idle = pop(size_class); idle != nullptr) return idle;
    collect_returned();
    if (auto* idle = pop(size_class); idle != nullptr) return idle;
    auto& budget = budget_of(size_class);
    if (!budget.take(paid)) {
        release_idle();
        if (!budget.take(paid)) {
            if (!beyond) return nullptr;
            budget.take_beyond(paid);
        }
    }
    const auto bytes = mapped_bytes_of(size_class);
    void* memory = mmap(nullptr,
                        bytes,
                        PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1,
                        0);
    if (memory == MAP_FAILED) {
        budget.give(paid);
        return nullptr;
    }
    // A huge page would be memory that nobody has sent anything into.
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    auto* buffer = std::construct_at(static_cast<PooledBuffer*>(memory));
    buffer->data = static_cast<std::byte*>(memory) + kHeaderBytes;
    buffer->capacity = static_cast<std::uint32_t>(bytes - kHeaderBytes);
    buffer->give_back = give_back;
    buffer->pool = this;
    buffer->charged = paid;
    buffer->size_class = size_class;
    buffer->mapped_bytes = bytes;
    return buffer;
}

PooledBuffer* ReceivePool::pop(std::uint32_t size_class) noexcept {
    auto* buffer = idle_[size_class];
    if (buffer == nullptr) return nullptr;
    idle_[size_class] = static_cast<PooledBuffer*>(buffer->next);
    buffer->next = nullptr;
    idle_bytes_ -= buffer->charged;
    return buffer;
}

bool ReceivePool::grow(PooledBuffer& buffer, std::uint32_t end, bool beyond) noexcept {
    ASSERT(end <= buffer.capacity);
    if (end <= buffer.charged) return true;
    auto& budget = budget_of(buffer.size_class);
    const std::uint64_t more = end - buffer.charged;
    if (!budget.take(more)) {
        release_idle();
        if (!budget.take(more)) {
            if (!beyond) return false;
            budget.take_beyond(more);
        }
    }
    buffer.charged = end;
    return true;
}

bool ReceivePool::claim_beyond(const void* owner) noexcept {
    if (beyond_ == nullptr) beyond_ = owner;
    return beyond_ == owner;
}

void ReceivePool::release_beyond(const void* owner) noexcept {
    if (beyond_ != owner) return;
    beyond_ = nullptr;
    memory_back();  // The next one that waits may claim it.
}

void ReceivePool::wait(MemoryWaiter& waiter, bool handshake) noexcept {
    if (!waiter.waiting) {
        waiter.waiting = true;
        waiter.next = nullptr;
        (first_waiter_ == nullptr ? first_waiter_ : last_waiter_->next) = &waiter;
        last_waiter_ = &waiter;
    }
    auto& wake = handshake ? handshake_wake_ : wake_;
    if (wake.pending) return;
    wake.pending = true;
    auto& budget = handshake ? handshake_ : budget_;
    budget.wake_when_given(shard_, handshake ? kHandshakeMapped : kChunkReadBytes, wake);
}

void ReceivePool::cancel(MemoryWaiter& waiter) noexcept {
    if (!waiter.waiting) return;
    waiter.waiting = false;
    MemoryWaiter* before = nullptr;
    for (auto* at = first_waiter_; at != &waiter; at = at->next)
        before = at;
    (before == nullptr ? first_waiter_ : before->next) = waiter.next;
    if (last_waiter_ == &waiter) last_waiter_ = before;
    waiter.next = nullptr;
}

void ReceivePool::memory_back() noexcept {
    auto* waiter = std::exchange(first_waiter_, nullptr);
    last_waiter_ = nullptr;
    // First let go of all, since each may wait again.
    for (auto* at = waiter; at != nullptr; at = at->next)
        at->waiting = false;
    while (waiter != nullptr) {
        auto* next = std::exchange(waiter->next, nullptr);
        waiter->memory_back(*waiter);
        waiter = next;
    }
}

void ReceivePool::give_back(ReceiveBuffer& buffer) noexcept {
    auto& pooled = static_cast<PooledBuffer&>(buffer);
    auto& pool = *static_cast<ReceivePool*>(buffer.pool);
    if (pool.budget_of(pooled.size_class).pressed()) {
        pool.release(pooled);
        return;
    }
    auto* top = pool.returned_.load(std::memory_order_relaxed);
    do {
        buffer.next = top;
    } while (!pool.returned_.compare_exchange_weak(top, &buffer, std::memory_order_release));
}

void ReceivePool::collect_returned() noexcept {
    auto* buffer = returned_.exchange(nullptr, std::memory_order_acquire);
    while (buffer != nullptr) {
        auto& pooled = static_cast<PooledBuffer&>(*buffer);
        buffer = buffer->next;
        if (idle_bytes_ + pooled.charged > kIdleBytesMax) {
            release(pooled);
            continue;
        }
        pooled.idle_since = now_;
        pooled.next = idle_[pooled.size_class];
        idle_[pooled.size_class] = &pooled;
        idle_bytes_ += pooled.charged;
    }
}

// Any thread: touches nothing of the pool but the budget.
void ReceivePool::release(PooledBuffer& buffer) noexcept {
    auto& budget = budget_of(buffer.size_class);
    const std::uint64_t charged = buffer.charged;
    const auto mapped = buffer.mapped_bytes;
    std::destroy_at(&buffer);
    munmap(static_cast<void*>(&buffer), mapped);
    budget.give(charged);
}

void ReceivePool::release_idle() noexcept {
    collect_returned();
    for (std::uint32_t size_class = 0; size_class < kClasses; ++size_class) {
        while (auto* buffer = pop(size_class))
            release(*buffer);
    }
}

bool ReceivePool::trim(engine::MonotonicTime now) noexcept {
    set_now(now);
    collect_returned();
    for (auto& list : idle_) {
        PooledBuffer* kept = nullptr;
        while (list != nullptr) {
            auto* buffer = list;
            list = static_cast<PooledBuffer*>(buffer->next);
            if (now - buffer->idle_since >= kIdleTimeMax) {
                idle_bytes_ -= buffer->charged;
                release(*buffer);
            } else {
                buffer->next = kept;
                kept = buffer;
            }
        }
        // The order turns round; the most recently used ones come back to the front in time.
        list = kept;
    }
    return idle_bytes_ != 0;
}

bool ReceivePool::keeps_memory() const noexcept {
    return idle_bytes_ != 0 || returned_.load(std::memory_order_relaxed) != nullptr;
}

}  // namespace millrace::broker
