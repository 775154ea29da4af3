// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/thread_storage.h"

namespace millrace::engine {

namespace {

constexpr unsigned kWriterThreads = 2;

}  // namespace

Result<std::unique_ptr<Storage>> ThreadStorage::make(StorageParts parts) {
    TRY(auto writers, WorkerThreads::start("mr-wal", kWriterThreads));
    return std::make_unique<ThreadStorage>(std::move(parts), std::move(writers));
}

ThreadStorage::ThreadStorage(StorageParts parts, std::unique_ptr<WorkerThreads> writers) noexcept
        : FileStorage(std::move(parts)), writers_(std::move(writers)) {}

ThreadStorage::~ThreadStorage() {
    drain();
}

void ThreadStorage::transfer(FileOp& op, OpenFile& file) noexcept {
    if (op.kind == FileOpKind::write && op.lane == Lane::wal) {
        run_on(*writers_, op, file.descriptor);
    } else {
        run_on_pool(op, file.descriptor);
    }
}

}  // namespace millrace::engine
