// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/small_file.h"

#include "engine/units.h"

#include <cstring>
#include <utility>

namespace millrace::engine {

std::uint64_t SmallFileWriter::block_bytes() const noexcept {
    return round_up(file_.length - file_.position, kBlockBytes);
}

std::byte* SmallFileWriter::prepare(const SmallFile& file) noexcept {
    ASSERT(file.position % kBlockBytes == 0);
    ASSERT(file.position <= file.length);
    file_ = file;
    full_ = false;
    const auto bytes = block_bytes() == 0 ? kBlockBytes : block_bytes();
    buffer_ = context_.arena.allocate(bytes);
    if (!buffer_) return nullptr;
    std::memset(buffer_->data, 0, bytes);
    return buffer_->data;
}

void SmallFileWriter::start(Completion done) noexcept {
    done_ = done;
    open_file(file_.path, true, &SmallFileWriter::opened);
}

void SmallFileWriter::opened() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (ended_by_failure("open of a small file")) return;
    handle_ = static_cast<FileHandle>(result());
    if (block_bytes() == 0) return written();
    size_call(FileOpKind::allocate,
              handle_,
              file_.position,
              block_bytes(),
              &SmallFileWriter::room_made);
}

void SmallFileWriter::room_made() noexcept {
    if (is_full(result())) {
        full_ = true;
        return synced();
    }
    if (ended_by_failure("room for a small file")) return;
    transfer(FileOpKind::write,
             handle_,
             buffer_->data,
             file_.position,
             block_bytes(),
             &SmallFileWriter::written);
}

void SmallFileWriter::written() noexcept {
    if (block_bytes() > 0 && ended_by_short_transfer("write of a small file")) return;
    size_call(FileOpKind::truncate, handle_, 0, file_.length, &SmallFileWriter::cut);
}

void SmallFileWriter::cut() noexcept {
    if (ended_by_failure("cut of a small file")) return;
    if (!file_.sync) return synced();
    file_call(FileOpKind::sync_data, handle_, &SmallFileWriter::synced);
}

void SmallFileWriter::synced() noexcept {
    if (!full_ && file_.sync && ended_by_failure("sync of a small file")) return;
    file_call(FileOpKind::close, handle_, &SmallFileWriter::closed);
}

void SmallFileWriter::closed() noexcept {
    if (full_) return finish(failure(Errc::storage_full));
    if (ended_by_failure("close of a small file")) return;
    if (file_.path_final.view().empty()) return finish({});
    rename(file_.path, file_.path_final, &SmallFileWriter::renamed);
}

void SmallFileWriter::renamed() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (ended_by_failure("rename of a small file")) return;
    finish({});
}

void SmallFileWriter::finish(Result<void> outcome) noexcept {
    buffer_ = {};
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
