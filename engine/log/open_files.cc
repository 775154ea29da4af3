// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/open_files.h"

#include <cerrno>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kUnusedMax = std::chrono::seconds(30);

}  // namespace

void OpenFile::open(const FilePath& path, bool create) noexcept {
    open_file(path, create, &OpenFile::opened);
}

void OpenFile::opened() noexcept {
    // A file that compaction has made may have got its name since the checkpoint.
    if (result() == -ENOENT && op_.path.ends_with(kSwapSuffix)) {
        const auto named = op_.path.substr(0, op_.path.size() - kSwapSuffix.size());
        return open(FilePath(named), false);
    }
    if (result() < 0) {
        return stop({Errc::io_failed, static_cast<int>(-result())});
    }
    handle_ = static_cast<FileHandle>(result());
    ++pins_;  // Its waiters may release it in turn.
    wake_all(this);
    files_.release(*this);
}

void OpenFile::wake_all(Result<OpenFile*> outcome) noexcept {
    auto* waiter = std::exchange(waiters_, nullptr);
    while (waiter != nullptr) {
        auto* next = std::exchange(waiter->next, nullptr);
        if (outcome) ++pins_;
        waiter->ready(*waiter, outcome);
        waiter = next;
    }
}

void OpenFile::closed() noexcept {
    files_.destroy(*this);
}

void OpenFile::leave_segment() noexcept {
    if (segment_ != nullptr) segment_->file = nullptr;
    segment_ = nullptr;
}

void OpenFile::stop(Error error) noexcept {
    leave_segment();
    wake_all(std::unexpected(error));
    files_.destroy(*this);
}

OpenFile* OpenFiles::acquire(Segment& segment,
                             const FilePath& path,
                             bool create,
                             FileWaiter& waiter) {
    if (segment.file != nullptr && segment.file->handle_ != FileHandle::none) {
        if (segment.file->pins_++ == 0) unlink(*segment.file);
        return segment.file;
    }
    ASSERT(waiter.next == nullptr);
    if (segment.file == nullptr) {
        make_room();
        ++count_;
        auto& made = files_.emplace_back(std::make_unique<OpenFile>(*this, context_, segment));
        made->index_ = files_.size() - 1;
        segment.file = made.get();
        segment.file->open(path, create);
    }
    waiter.next = segment.file->waiters_;
    segment.file->waiters_ = &waiter;
    return nullptr;
}

void OpenFiles::release(OpenFile& file) noexcept {
    ASSERT(file.pins_ > 0);
    if (--file.pins_ > 0) return;
    file.last_used_ = context_.clock.monotonic_now();
    link(file);
    if (file.segment_ == nullptr) {
        unlink(file);
        close(file);
    } else if (count_ > files_max_) {
        make_room();
    }
}

void OpenFiles::let_go(Segment& segment) noexcept {
    auto* file = std::exchange(segment.file, nullptr);
    if (file == nullptr) return;
    file->segment_ = nullptr;
    // One that is pinned or being opened closes when it is released.
    if (file->pins_ > 0 || file->handle_ == FileHandle::none) return;
    unlink(*file);
    close(*file);
}

bool OpenFiles::in_use(const Segment& segment) noexcept {
    const auto* file = segment.file;
    return file != nullptr && (file->pins_ > 0 || file->handle_ == FileHandle::none);
}

void OpenFiles::make_room() noexcept {
    while (count_ >= files_max_ && oldest_ != nullptr) {
        auto& file = *oldest_;
        unlink(file);
        close(file);
    }
}

void OpenFiles::close_unused(MonotonicTime now) noexcept {
    while (oldest_ != nullptr && now - oldest_->last_used_ >= kUnusedMax) {
        auto& file = *oldest_;
        unlink(file);
        close(file);
    }
}

MonotonicTime OpenFiles::next_deadline() const noexcept {
    return oldest_ == nullptr ? MonotonicTime::max() : oldest_->last_used_ + kUnusedMax;
}

// A segment that needs its file again opens another descriptor at once.
void OpenFiles::close(OpenFile& file) noexcept {
    file.leave_segment();
    if (context_.failed) return destroy(file);  // The descriptor goes with the Storage.
    --count_;
    file.closing_ = true;
    file.file_call(FileOpKind::close, file.handle_, &OpenFile::closed);
}

void OpenFiles::destroy(OpenFile& file) noexcept {
    file.leave_segment();
    if (!file.closing_) --count_;
    const auto index = file.index_;
    std::swap(files_[index], files_.back());
    files_[index]->index_ = index;
    files_.pop_back();
}

void OpenFiles::link(OpenFile& file) noexcept {
    file.older_ = newest_;
    file.newer_ = nullptr;
    (newest_ == nullptr ? oldest_ : newest_->newer_) = &file;
    newest_ = &file;
}

void OpenFiles::unlink(OpenFile& file) noexcept {
    (file.older_ == nullptr ? oldest_ : file.older_->newer_) = file.newer_;
    (file.newer_ == nullptr ? newest_ : file.newer_->older_) = file.older_;
    file.older_ = file.newer_ = nullptr;
}

}  // namespace millrace::engine
