// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/free_space_watch.h"

#include "engine/assert.h"
#include "engine/units.h"

#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kLookInterval = std::chrono::seconds(1);
constexpr std::uint64_t kMarginBytes = 64 * kMiB;
constexpr std::uint64_t kSmallFilesystemBytes = kGiB;
constexpr std::uint64_t kSmallMarginBytes = 4 * kMiB;
// Appends resume this far above the bound, so that they do not stop again at once.
constexpr std::uint64_t kResumeBytes = 16 * kMiB;

}  // namespace

FreeSpaceWatch::FreeSpaceWatch(const EngineOptions& options,
                               Storage& storage,
                               FreeSpaceListener& listener)
        : options_(options), storage_(storage), listener_(listener) {}

FreeSpaceWatch::~FreeSpaceWatch() {
    ASSERT(idle());
}

void FreeSpaceWatch::look(MonotonicTime now, std::uint64_t live_bytes) noexcept {
    ASSERT(!busy_);
    const bool small =
            options_.filesystem_bytes != 0 && options_.filesystem_bytes < kSmallFilesystemBytes;
    free_bytes_min_ = options_.free_space_min != 0
                              ? options_.free_space_min
                              : live_bytes + (small ? kSmallMarginBytes : kMarginBytes);
    next_look_ = now + kLookInterval;
    appended_ = false;
    busy_ = true;
    op_ = FileOp();
    op_.kind = FileOpKind::free_space;
    op_.owner = this;
    op_.done = [](FileOp& op) noexcept { static_cast<FreeSpaceWatch*>(op.owner)->seen(); };
    storage_.submit(op_);
}

void FreeSpaceWatch::seen() noexcept {
    busy_ = false;
    // What cannot be asked has not changed; a disk that is really full still refuses by itself.
    if (op_.result >= 0) {
        free_bytes_ = op_.size;
        full_ = full_ ? free_bytes_ < free_bytes_min_ + kResumeBytes
                      : free_bytes_ < free_bytes_min_;
    }
    listener_.free_space_seen();
}

void FreeSpaceWatch::end_turn(MonotonicTime now,
                              std::uint64_t appended_bytes,
                              std::uint64_t live_bytes) noexcept {
    if (std::exchange(appended_bytes_, appended_bytes) != appended_bytes) appended_ = true;
    if (busy_ || now < next_look_) return;
    if (appended_ || full_) look(now, live_bytes);
}

MonotonicTime FreeSpaceWatch::next_deadline() const noexcept {
    if (busy_ || !full_) return MonotonicTime::max();
    return next_look_;
}

}  // namespace millrace::engine
