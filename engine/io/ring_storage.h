// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Storage over one ring per shard. The ring carries reads and writes that do not block: of direct
// files, inside the file's size. Everything else goes to threads.
#pragma once

#include "engine/io/file_storage.h"
#include "engine/io/ring.h"

namespace millrace::engine {

class RingStorage final : public FileStorage {
public:
    // Thread: the shard's. Errors: as Ring::make.
    [[nodiscard]] static Result<std::unique_ptr<Storage>> make(StorageParts parts, int lock);
    RingStorage(StorageParts parts, std::unique_ptr<Ring> ring) noexcept;
    ~RingStorage() override;
    RingStorage(const RingStorage&) = delete;
    RingStorage& operator=(const RingStorage&) = delete;

    void flush_submissions() noexcept override;

    [[nodiscard]] RingCounters ring_counters() const noexcept override { return counters_; }

    [[nodiscard]] std::string_view name() const noexcept override { return "uring"; }

private:
    void transfer(FileOp& op, OpenFile& file) noexcept override;
    void reap() noexcept override;
    void file_opened(FileHandle handle, OpenFile& file) noexcept override;
    void file_closing(FileHandle handle, OpenFile& file) noexcept override;

    void push_pending(FileOpList& pending) noexcept;
    void push(FileOp& op, int file, bool registered) noexcept;
    void transferred(FileOp& op, std::int32_t result) noexcept;

    std::unique_ptr<Ring> ring_;
    // Submitted, not yet queued in the ring.
    FileOpList pending_wal_;
    FileOpList pending_background_;
    RingCounters counters_;
};

}  // namespace millrace::engine
