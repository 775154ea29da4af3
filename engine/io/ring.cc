// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/ring.h"

#include "engine/assert.h"
#include "engine/units.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/resource.h>
#include <sys/uio.h>
#include <vector>

namespace millrace::engine {

namespace {

// The lock has slot 0. The kernel refuses tables longer than the limit of open files.
constexpr std::uint32_t kSlotsMax = 1024;
constexpr std::uint32_t kFirstFileSlot = 1;

// More than the kernel moves at once comes back short, as it would anyway.
constexpr std::uint64_t kTransferBytesMax = kGiB;

// From what costs least to what every kernel knows. With deferred work a completion is noticed
// through the registered eventfd only; polling the ring's own descriptor would never wake.
constexpr std::array<unsigned, 3> kSetups = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        0,
};

int make_ring(io_uring& ring) noexcept {
    int error = -EINVAL;
    for (const auto flags : kSetups) {
        io_uring_params parameters{};
        parameters.flags = flags | IORING_SETUP_CQSIZE;
        parameters.cq_entries = 2 * Ring::kDepth;
        error = io_uring_queue_init_params(Ring::kDepth, &ring, &parameters);
        if (error != -EINVAL) break;
    }
    return error;
}

std::uint32_t slots_allowed() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFirstFileSlot;
    return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, kSlotsMax));
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::make(int eventfd, int lock) {
    auto ring = std::make_unique<Ring>();
    if (const int error = make_ring(ring->ring_); error < 0) {
        return failure(Errc::io_failed, -error);
    }
    ring->made_ = true;
    if (const int error = io_uring_register_eventfd(&ring->ring_, eventfd); error < 0) {
        return failure(Errc::io_failed, -error);
    }
    std::vector<int> files(slots_allowed(), -1);
    files.front() = lock;
    const int error = io_uring_register_files(
            &ring->ring_, files.data(), static_cast<unsigned>(files.size()));
    if (error < 0) return failure(Errc::io_failed, -error);
    ring->slots_ = static_cast<std::uint32_t>(files.size());
    return ring;
}

Ring::~Ring() {
    ASSERT(in_flight_ == 0);
    if (!made_) return;
    // The kernel takes a ring apart some time after its end; the lock shall be free at once.
    if (slots_ > 0) io_uring_unregister_files(&ring_);
    io_uring_queue_exit(&ring_);
}

bool Ring::register_file(std::uint32_t slot, int descriptor) noexcept {
    if (slot >= slots_ - kFirstFileSlot) return false;
    return io_uring_register_files_update(&ring_, slot + kFirstFileSlot, &descriptor, 1) == 1;
}

void Ring::unregister_file(std::uint32_t slot) noexcept {
    const int none = -1;
    io_uring_register_files_update(&ring_, slot + kFirstFileSlot, &none, 1);
}

void Ring::push(FileOp& op, int file, bool registered) noexcept {
    ASSERT(has_room());
    auto* const entry = io_uring_get_sqe(&ring_);
    ASSERT(entry != nullptr);  // The queue is as long as kDepth.
    const int index = registered ? file + static_cast<int>(kFirstFileSlot) : file;
    const auto length = static_cast<unsigned>(std::min(op.length, kTransferBytesMax));
    if (op.kind == FileOpKind::read) {
        io_uring_prep_read(entry, index, op.buffer, length, op.position);
    } else {
        io_uring_prep_write(entry, index, op.buffer, length, op.position);
    }
    entry->rw_flags = RWF_NOWAIT | (op.sync == WriteSync::bytes ? RWF_DSYNC : 0);
    if (registered) entry->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(entry, &op);
    ++in_flight_;
}

bool Ring::submit() noexcept {
    while (io_uring_sq_ready(&ring_) > 0) {
        const int submitted = io_uring_submit(&ring_);
        if (submitted == -EINTR) continue;
        if (submitted <= 0) return false;
    }
    return true;
}

unsigned Ring::peek(io_uring_cqe** batch) noexcept {
    return io_uring_peek_batch_cqe(&ring_, batch, kReapBatch);
}

void Ring::advance(unsigned count) noexcept {
    io_uring_cq_advance(&ring_, count);
    in_flight_ -= count;
}

}  // namespace millrace::engine
