// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The only user of liburing: reads and writes of registered files, submitted together and reaped
// when the eventfd fires.
//
// Lifecycle:   make, use, destroy on one thread; nothing is in flight when it is destroyed.
// Thread:      that of make().
#pragma once

#include "engine/result.h"
#include "engine/storage.h"

#include <liburing.h>

#include <cstdint>
#include <memory>

namespace millrace::engine {

class Ring {
public:
    // Operations in the kernel at once: as deep as a device queue can make use of.
    static constexpr unsigned kDepth = 256;

    // `eventfd` is signalled when something has completed. `lock` becomes a registered file: the
    // kernel keeps it open, and locked, until the last operation of a killed process has landed.
    // Errors: io_failed with the errno of the refusing call (EPERM, ENOSYS, ENOMEM, ...).
    [[nodiscard]] static Result<std::unique_ptr<Ring>> make(int eventfd, int lock);
    Ring() = default;  // Not made yet: use make().
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // Registers a descriptor in a slot from 0 on. False when the table has no such slot or the
    // kernel refuses; the descriptor is then used unregistered.
    [[nodiscard]] bool register_file(std::uint32_t slot, int descriptor) noexcept;
    void unregister_file(std::uint32_t slot) noexcept;

    [[nodiscard]] bool has_room() const noexcept { return in_flight_ < kDepth; }

    [[nodiscard]] unsigned in_flight() const noexcept { return in_flight_; }

    // Queues a read or write. `file` is a slot or a descriptor. Requires: has_room().
    // It never waits in the kernel, whose workers are therefore never needed: what would block
    // completes with EAGAIN or in part, and with EOPNOTSUPP where the file system cannot tell.
    void push(FileOp& op, int file, bool registered) noexcept;

    // Hands what was queued to the kernel, with one call. False when some of it has to be tried
    // again, because the kernel was short of memory or was interrupted.
    [[nodiscard]] bool submit() noexcept;

    // Calls `completed(FileOp&, std::int32_t result)` for each completion there is.
    template <class Completed>
    void reap(const Completed& completed) noexcept {
        io_uring_cqe* batch[kReapBatch];
        while (const auto count = peek(batch)) {
            for (unsigned i = 0; i < count; ++i) {
                auto& op = *static_cast<FileOp*>(io_uring_cqe_get_data(batch[i]));
                completed(op, batch[i]->res);
            }
            advance(count);
        }
    }

private:
    static constexpr unsigned kReapBatch = 64;

    [[nodiscard]] unsigned peek(io_uring_cqe** batch) noexcept;
    void advance(unsigned count) noexcept;

    io_uring ring_{};
    bool made_ = false;
    std::uint32_t slots_ = 0;
    unsigned in_flight_ = 0;
};

}  // namespace millrace::engine
