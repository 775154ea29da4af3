// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/file_table.h"

#include "engine/assert.h"

#include <unistd.h>

namespace millrace::engine {

FileTable::~FileTable() {
    for (const auto& file : files_) {
        if (file.descriptor >= 0) ::close(file.descriptor);
    }
}

FileHandle FileTable::add(const OpenFile& file) {
    ASSERT(file.descriptor >= 0);
    if (free_.empty()) {
        files_.push_back(file);
        free_.reserve(files_.capacity());  // So that remove() never allocates.
        return FileHandle{static_cast<std::int32_t>(files_.size() - 1)};
    }
    const auto index = free_.back();
    free_.pop_back();
    files_[static_cast<std::size_t>(index)] = file;
    return FileHandle{index};
}

void FileTable::remove(FileHandle handle) noexcept {
    auto* const file = find(handle);
    ASSERT(file != nullptr);
    *file = {};
    free_.push_back(static_cast<std::int32_t>(handle));
}

OpenFile* FileTable::find(FileHandle handle) noexcept {
    const auto index = static_cast<std::size_t>(static_cast<std::int32_t>(handle));
    if (handle < FileHandle{0} || index >= files_.size()) return nullptr;
    return files_[index].descriptor < 0 ? nullptr : &files_[index];
}

}  // namespace millrace::engine
