// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Whether a write that has completed still lies in a cache of the device that a power cut empties.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace millrace::engine {

enum class WriteCache : std::uint8_t {
    unknown,        // No block device, or none that tells: taken as volatile.
    write_back,     // Volatile: a flush empties it.
    write_through,  // A completed write is durable.
};

struct WriteCacheFacts {
    WriteCache cache = WriteCache::unknown;
    bool force_unit_access = false;  // A single write can be made durable without a flush.

    [[nodiscard]] bool synced_write_needs_no_flush() const noexcept {
        return cache == WriteCache::write_through || force_unit_access;
    }
};

// "unknown", "write back", "write through".
[[nodiscard]] std::string_view name_of(WriteCache cache) noexcept;

// Of the device below the directory; `source` is the device of its mount where the file system
// has a number of its own. `sys`: /sys, or a copy in tests.
[[nodiscard]] WriteCacheFacts probe_write_cache(int directory,
                                                const std::string& source,
                                                const std::filesystem::path& sys = "/sys");

// The same by device number.
[[nodiscard]] WriteCacheFacts read_write_cache(unsigned major,
                                               unsigned minor,
                                               const std::filesystem::path& sys);

}  // namespace millrace::engine
