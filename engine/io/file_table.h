// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The open files of one shard: what a FileHandle stands for.
//
// Lifecycle:   files are added by a completed open and removed by a completed close; the
//              destructor closes the rest.
// Thread:      the shard's.
#pragma once

#include "engine/storage.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

struct OpenFile {
    int descriptor = -1;
    bool direct = false;      // Opened for direct I/O (buffered where the file system has none).
    bool registered = false;  // Known to the ring by its slot.
    bool closing = false;
    bool no_wait = true;  // The file system can refuse what would block, as far as is known.
    // Bytes that certainly exist: writes below it do not extend the file.
    std::uint64_t size = 0;
};

class FileTable {
public:
    FileTable() = default;
    ~FileTable();
    FileTable(const FileTable&) = delete;
    FileTable& operator=(const FileTable&) = delete;

    [[nodiscard]] FileHandle add(const OpenFile& file);
    void remove(FileHandle handle) noexcept;

    // Null when it is not open.
    [[nodiscard]] OpenFile* find(FileHandle handle) noexcept;

private:
    std::vector<OpenFile> files_;
    std::vector<std::int32_t> free_;
};

}  // namespace millrace::engine
