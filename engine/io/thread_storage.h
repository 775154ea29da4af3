// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Storage where io_uring is forbidden: two threads write the WAL of the shard, the threads of the
// process read and write everything else. Nothing ever blocks the shard's loop.
#pragma once

#include "engine/io/file_storage.h"

namespace millrace::engine {

class ThreadStorage final : public FileStorage {
public:
    // Errors: io_failed when a thread cannot be started.
    [[nodiscard]] static Result<std::unique_ptr<Storage>> make(StorageParts parts);
    ThreadStorage(StorageParts parts, std::unique_ptr<WorkerThreads> writers) noexcept;
    ~ThreadStorage() override;
    ThreadStorage(const ThreadStorage&) = delete;
    ThreadStorage& operator=(const ThreadStorage&) = delete;

    void flush_submissions() noexcept override {}

    [[nodiscard]] std::string_view name() const noexcept override { return "threads"; }

private:
    void transfer(FileOp& op, OpenFile& file) noexcept override;

    // Two, so that a second group is written while the first one is being flushed.
    std::unique_ptr<WorkerThreads> writers_;
};

}  // namespace millrace::engine
