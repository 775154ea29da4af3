// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// File operations as system calls that block: what the threads of every backend run.
#pragma once

#include "engine/storage.h"

#include <cstdint>

namespace millrace::engine {

// What an operation needs to know of its data directory.
struct DataDirectory {
    int descriptor = -1;         // Paths are relative to it.
    bool direct = false;         // The file system takes O_DIRECT in blocks of kBlockBytes.
    bool copy_on_write = false;  // New files of Lane::wal are asked to be written in place.
};

struct BlockingOutcome {
    std::int64_t result = 0;  // As FileOp::result, but a descriptor where that has a FileHandle.
    std::uint64_t file_size = 0;  // Of an opened file.
};

// Runs `op` on `descriptor` (-1 where it names its files by path); fills its size and names.
// Thread: any. Borrows everything until it returns.
[[nodiscard]] BlockingOutcome run_blocking(FileOp& op,
                                           int descriptor,
                                           const DataDirectory& directory) noexcept;

}  // namespace millrace::engine
