// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A data directory in this process's hands: its lock, what its file system can do, and the
// backend that will do it.
#pragma once

#include "engine/event_log.h"
#include "engine/result.h"
#include "engine/storage.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::engine {

enum class IoChoice : std::uint8_t { automatic, uring, threads };

struct StorageRootOptions {
    IoChoice io = IoChoice::automatic;  // uring: an error when the kernel forbids it.
    // How long a start waits for a lock that an earlier process's last writes still hold.
    std::chrono::seconds lock_wait{60};
};

// Lifecycle:   open once per process, before any Storage; outlives every Storage it made.
// Thread:      open anywhere; make_storage on the thread that will use the Storage.
class StorageRoot {
public:
    // Makes the directory when it is missing (mode 0700), takes `lock`, probes file system,
    // alignment, cache and io_uring, and says in one event which backend was chosen and why.
    // Errors: locked, io_failed (os_errno; the event says which call and path).
    [[nodiscard]] static Result<std::unique_ptr<StorageRoot>> open(
            const std::filesystem::path& directory,
            const StorageRootOptions& options,
            EventLog& events);

    virtual ~StorageRoot() = default;
    StorageRoot(const StorageRoot&) = delete;
    StorageRoot& operator=(const StorageRoot&) = delete;

    // Falls back to threads, with an event, when a ring cannot be made (EPERM, ENOSYS, ENOMEM).
    [[nodiscard]] virtual Result<std::unique_ptr<Storage>> make_storage() = 0;

    // "uring" or "threads".
    [[nodiscard]] virtual std::string_view io_name() const noexcept = 0;
    [[nodiscard]] virtual const std::filesystem::path& directory() const noexcept = 0;
    // Size of the file system, bytes.
    [[nodiscard]] virtual std::uint64_t filesystem_bytes() const noexcept = 0;

protected:
    StorageRoot() = default;
};

}  // namespace millrace::engine
