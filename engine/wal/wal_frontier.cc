// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_frontier.h"

#include "engine/assert.h"
#include "engine/units.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWriteBytesMax = 1 * kMiB;
constexpr std::uint64_t kStepBytesMax = 4 * kMiB;  // Of zeros under one flush.
constexpr std::chrono::seconds kRetryDelay{1};
constexpr std::chrono::milliseconds kMemoryRetryDelay{10};
constexpr std::string_view kWalRoot = "wal";
constexpr std::string_view kDataRoot = ".";

bool means_no_space(std::int64_t result) {
    return result == -ENOSPC || result == -EDQUOT;
}

}  // namespace

WalFrontier::WalFrontier(std::uint32_t directory, WalFiles& files, const Parts& parts)
        : files_(files), parts_(parts), directory_path_(wal_directory_path(directory)) {}

void WalFrontier::extend_to(std::uint64_t bytes_ahead) noexcept {
    bytes_ahead_ = bytes_ahead;
    if (waits_ && parts_.clock.monotonic_now() < retry_at_) return;
    waits_ = false;
    advance();
}

MonotonicTime WalFrontier::next_deadline() const noexcept {
    return waits_ && !stopped_ ? retry_at_ : MonotonicTime::max();
}

// Begins the next operation that is missing.
void WalFrontier::advance() noexcept {
    if (stopped_ || waits_ || step_ != Step::none) return;
    if (prepare_directory()) return;
    WalFile& current = files_.current();
    const std::uint64_t position = files_.position();
    if (prepare(current, std::min(current.capacity, position + bytes_ahead_))) return;
    const std::uint64_t rest_of_current = current.capacity - position;
    if (rest_of_current < bytes_ahead_) {
        if (files_.next() == nullptr) files_.choose_next();
        WalFile& next = *files_.next();
        if (prepare(next, std::min(next.capacity, bytes_ahead_ - rest_of_current))) return;
    }
    rest();
}

// All is ready.
void WalFrontier::rest() noexcept {
    zeros_ = BufferRef();
    if (std::exchange(settled_, true)) return;
    if (std::exchange(refused_, false)) {
        parts_.events.event(Level::info,
                            "wal.room_made",
                            "the write-ahead log can grow again",
                            {{"directory", directory_path_}});
    }
    parts_.listener.frontier_moved();
}

// True: an operation began.
bool WalFrontier::prepare_directory() noexcept {
    switch (directory_next_) {
        case Step::make_root:
            op_.path = kWalRoot;
            submit(Step::make_root, FileOpKind::make_directory, nullptr);
            return true;
        case Step::make_directory:
            op_.path = directory_path_;
            submit(Step::make_directory, FileOpKind::make_directory, nullptr);
            return true;
        case Step::sync_root:
            op_.path = kDataRoot;
            submit(Step::sync_root, FileOpKind::sync_directory, nullptr);
            return true;
        case Step::sync_parent:
            op_.path = kWalRoot;
            submit(Step::sync_parent, FileOpKind::sync_directory, nullptr);
            return true;
        default:
            return false;
    }
}

bool WalFrontier::prepare(WalFile& file, std::uint64_t goal) noexcept {
    if (file.handle == FileHandle::none) {
        op_.path = file.path;
        op_.create = true;
        op_.direct = true;
        submit(Step::open, FileOpKind::open, &file);
    } else if (!file.sized) {
        op_.length = file.capacity;
        submit(Step::resize, FileOpKind::truncate, &file);
    } else if (!file.linked) {
        op_.path = directory_path_;
        submit(Step::sync_directory, FileOpKind::sync_directory, &file);
    } else if (file.zeroed >= goal) {
        return false;
    } else if (const std::uint64_t end = step_end(file, goal); file.allocated < end) {
        op_.position = file.allocated;
        op_.length = end - file.allocated;
        submit(Step::allocate, FileOpKind::allocate, &file);
    } else if (file.zeros_written < end) {
        return write_zeros(file, end);
    } else {
        submit(Step::sync_zeros, FileOpKind::sync_data, &file);
    }
    return true;
}

std::uint64_t WalFrontier::step_end(const WalFile& file, std::uint64_t goal) const noexcept {
    // A step that has begun is brought to its end, whatever the goal has become.
    if (file.allocated > file.zeroed) return file.allocated;
    return std::min(round_up(goal, kBlockBytes), file.zeroed + kStepBytesMax);
}

bool WalFrontier::write_zeros(WalFile& file, std::uint64_t step_end) noexcept {
    const std::uint64_t buffer_bytes = std::min(kWriteBytesMax, file.capacity);
    if (!zeros_) {
        zeros_ = parts_.arena.allocate(buffer_bytes);
        if (!zeros_) {
            waits_ = true;
            retry_at_ = parts_.clock.monotonic_now() + kMemoryRetryDelay;
            return true;
        }
        std::memset(zeros_->data, 0, buffer_bytes);
    }
    op_.buffer = zeros_->data;
    op_.position = file.zeros_written;
    op_.length = std::min<std::uint64_t>(zeros_->capacity, step_end - file.zeros_written);
    op_.length = std::min(op_.length, buffer_bytes);
    submit(Step::write_zeros, FileOpKind::write, &file);
    return true;
}

void WalFrontier::submit(Step step, FileOpKind kind, WalFile* file) noexcept {
    settled_ = false;
    step_ = step;
    file_ = file;
    op_.kind = kind;
    // The lane of a file that is made says how it will be written: in place (storage.h).
    op_.lane = kind == FileOpKind::open ? Lane::wal : Lane::background;
    op_.file = file == nullptr ? FileHandle::none : file->handle;
    op_.owner = this;
    op_.done = &WalFrontier::completed;
    parts_.storage.submit(op_);
}

void WalFrontier::completed(FileOp& op) noexcept {
    auto& self = *static_cast<WalFrontier*>(op.owner);
    const Step step = self.step_;
    self.step_ = Step::none;
    const bool exists = step == Step::make_root || step == Step::make_directory;
    const bool short_write = step == Step::write_zeros && op.result >= 0 &&
                             static_cast<std::uint64_t>(op.result) != op.length;
    // A failed flush is final, whatever its reason: nobody knows what it left out.
    const bool may_refuse = step != Step::sync_zeros && step != Step::sync_root &&
                            step != Step::sync_parent && step != Step::sync_directory;
    if (short_write || (may_refuse && means_no_space(op.result))) {
        if (!self.stopped_) self.refuse(short_write ? ENOSPC : static_cast<int>(-op.result));
        return;
    }
    // Without fallocate() the zeros themselves allocate.
    const bool unsupported = step == Step::allocate && op.result == -EOPNOTSUPP;
    if (op.result < 0 && !(exists && op.result == -EEXIST) && !unsupported) {
        // Final while stopping, too: the groups that are still to be flushed lie in the same file.
        self.parts_.listener.frontier_failed({Errc::io_failed, static_cast<int>(-op.result)},
                                             "making room in the write-ahead log");
        return;
    }
    if (self.stopped_) return;
    self.finish(step);
    self.advance();
}

void WalFrontier::finish(Step step) noexcept {
    switch (step) {
        case Step::make_root:
            directory_next_ = Step::make_directory;
            break;
        case Step::make_directory:
            directory_next_ = Step::sync_root;
            break;
        case Step::sync_root:
            directory_next_ = Step::sync_parent;
            break;
        case Step::sync_parent:
            directory_next_ = Step::none;
            break;
        case Step::open:
            file_->handle = static_cast<FileHandle>(op_.result);
            break;
        case Step::resize:
            file_->sized = true;
            break;
        case Step::sync_directory:
            file_->linked = true;
            break;
        case Step::allocate:
            file_->allocated = op_.position + op_.length;
            break;
        case Step::write_zeros:
            file_->zeros_written += op_.length;
            break;
        case Step::sync_zeros:
            file_->zeroed = file_->zeros_written;
            parts_.listener.frontier_moved();
            break;
        case Step::none:
            ASSERT(false);
    }
}

void WalFrontier::refuse(int error) noexcept {
    waits_ = true;
    retry_at_ = parts_.clock.monotonic_now() + kRetryDelay;
    if (refused_) return;
    refused_ = true;
    parts_.events.event(Level::warning,
                        "wal.no_room",
                        "no space to make room in the write-ahead log; tried again every second",
                        {{"directory", directory_path_}, {"errno", std::to_string(error)}});
    parts_.listener.frontier_moved();
}

}  // namespace millrace::engine
