// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// File operations that wait for their end: for recovery, before any shard runs.
//
// Thread:      the one that recovers.
// Errors:      io_failed with the errno, and an event that names the path, unless said otherwise.
#pragma once

#include "engine/event_log.h"
#include "engine/result.h"
#include "engine/storage.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::engine {

class BlockingFiles {
public:
    BlockingFiles(Storage& storage, EventLog& events) : storage_(storage), events_(events) {}

    // Size of the file; none when it is not there.
    [[nodiscard]] Result<std::optional<std::uint64_t>> size_of(std::string_view path);

    // Names in the directory; none when it is not there.
    [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path);

    [[nodiscard]] Result<FileHandle> open(std::string_view path, bool create);
    void close(FileHandle file);

    // Exactly `length` bytes into an aligned buffer. No event: the caller says what it means.
    [[nodiscard]] Result<void> read(FileHandle file,
                                    std::uint64_t position,
                                    std::byte* buffer,
                                    std::uint64_t length);
    [[nodiscard]] Result<void> write(FileHandle file,
                                     std::string_view path,
                                     std::uint64_t position,
                                     std::byte* buffer,
                                     std::uint64_t length);
    [[nodiscard]] Result<void> allocate(FileHandle file,
                                        std::string_view path,
                                        std::uint64_t bytes);
    [[nodiscard]] Result<void> sync(FileHandle file, std::string_view path);
    // Best effort: whoever needs it makes it again, and says why it cannot be made.
    void make_directory(std::string_view path) noexcept;

    // "" is the data directory itself.
    [[nodiscard]] Result<void> sync_directory(std::string_view path);

private:
    [[nodiscard]] std::unexpected<Error> failed(const FileOp& op,
                                                std::string_view what,
                                                std::string_view path);

    Storage& storage_;
    EventLog& events_;
};

}  // namespace millrace::engine
