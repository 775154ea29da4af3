// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/ring_storage.h"

#include "engine/units.h"

#include <cerrno>

namespace millrace::engine {

Result<std::unique_ptr<Storage>> RingStorage::make(StorageParts parts, int lock) {
    TRY(auto ring, Ring::make(parts.completions->descriptor(), lock));
    return std::make_unique<RingStorage>(std::move(parts), std::move(ring));
}

RingStorage::RingStorage(StorageParts parts, std::unique_ptr<Ring> ring) noexcept
        : FileStorage(std::move(parts)), ring_(std::move(ring)) {}

RingStorage::~RingStorage() {
    drain();
}

void RingStorage::transfer(FileOp& op, OpenFile& file) noexcept {
    // A buffered file is read by copying on the loop, and a write that makes a file longer is
    // handed to workers of the kernel: threads do both better.
    const bool extends = op.kind == FileOpKind::write && op.position + op.length > file.size;
    const bool for_ring = file.no_wait && (file.direct || op.lane == Lane::wal);
    if (extends || !for_ring) return run_on_pool(op, file.descriptor);
    (op.lane == Lane::wal ? pending_wal_ : pending_background_).push_back(op);
}

void RingStorage::flush_submissions() noexcept {
    push_pending(pending_wal_);
    push_pending(pending_background_);
    // Tried again at the next turn, which this makes come.
    if (!ring_->submit()) completions().wake();
}

void RingStorage::push_pending(FileOpList& pending) noexcept {
    while (ring_->has_room()) {
        auto* const op = pending.pop_front();
        if (op == nullptr) return;
        const auto* const file = find(op->file);
        if (file == nullptr) {
            completed(*op, -EBADF);
            completions().wake();
        } else if (file->registered) {
            push(*op, static_cast<int>(op->file), true);
        } else {
            push(*op, file->descriptor, false);
        }
    }
    if (!pending.empty()) ++counters_.queue_full;
}

void RingStorage::push(FileOp& op, int file, bool registered) noexcept {
    ++counters_.submitted;
    ring_->push(op, file, registered);
}

void RingStorage::reap() noexcept {
    ring_->reap([this](FileOp& op, std::int32_t result) { transferred(op, result); });
}

// Any transfer may be interrupted, refused because it would block, or end where it would have
// blocked: a thread does those again from their start. What the thread says is the outcome.
void RingStorage::transferred(FileOp& op, std::int32_t result) noexcept {
    ++counters_.completed;
    if (result < 0) ++counters_.failed;
    auto* const file = find(op.file);
    if (file == nullptr) return completed(op, result);
    // The file system cannot tell what would block.
    if (result == -EOPNOTSUPP) file->no_wait = false;
    const bool again = result == -EAGAIN || result == -EINTR || result == -EOPNOTSUPP;
    const auto moved = result > 0 ? static_cast<std::uint64_t>(result) : 0;
    const bool short_read = op.kind == FileOpKind::read && moved > 0 && moved % kBlockBytes == 0;
    const bool short_write = op.kind == FileOpKind::write && result >= 0;
    const bool cut = (short_read || short_write) && moved < op.length;
    if (!again && !cut) return completed(op, result);
    run_on_pool(op, file->descriptor);
}

void RingStorage::file_opened(FileHandle handle, OpenFile& file) noexcept {
    file.registered = ring_->register_file(static_cast<std::uint32_t>(handle), file.descriptor);
}

void RingStorage::file_closing(FileHandle handle, OpenFile& file) noexcept {
    if (file.registered) ring_->unregister_file(static_cast<std::uint32_t>(handle));
    file.registered = false;
}

}  // namespace millrace::engine
