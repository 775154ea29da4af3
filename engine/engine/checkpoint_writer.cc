// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/checkpoint_writer.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/format/checkpoint_codec.h"
#include "engine/units.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kPieceBytes = 256 * kKiB;

bool no_space(std::int64_t result) {
    return result == -ENOSPC || result == -EDQUOT;
}

}  // namespace

void CheckpointWriter::FreeAligned::operator()(std::byte* memory) const noexcept {
    std::free(memory);
}

CheckpointWriter::CheckpointWriter(Storage& storage,
                                   const FoundCheckpoint& found,
                                   const std::atomic<bool>& failed)
        : storage_(storage),
          failed_(failed),
          piece_(static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, kPieceBytes))) {
    if (!piece_) throw std::bad_alloc();
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        slots_[index].number = found.slots[index].number;
        slots_[index].bytes = found.slots[index].bytes;
        slots_[index].is_new = found.slots[index].number == 0;
    }
}

CheckpointWriter::~CheckpointWriter() {
    ASSERT(idle());
}

std::uint64_t CheckpointWriter::next_number() const noexcept {
    return std::max(slots_[0].number, slots_[1].number) + 1;
}

void CheckpointWriter::write(const Checkpoint& checkpoint, CheckpointWriteOp& op) noexcept {
    ASSERT(op_ == nullptr && !file_op_busy_);
    ASSERT(checkpoint.number >= next_number());
    op_ = &op;
    bytes_.clear();
    encode_checkpoint(checkpoint, bytes_);
    ASSERT(bytes_.size() % kBlockBytes == 0);
    op.bytes = bytes_.size();
    number_ = checkpoint.number;
    current_ = slots_[0].number <= slots_[1].number ? 0 : 1;
    slots_left_ = slots_.size();
    begin_slot();
}

void CheckpointWriter::begin_slot() noexcept {
    position_ = 0;
    if (slots_[current_].file == FileHandle::none) return submit(Step::open);
    after_open();
}

void CheckpointWriter::submit(Step step) noexcept {
    auto& slot = slots_[current_];
    step_ = step;
    file_op_ = FileOp{};
    file_op_.file = slot.file;
    switch (step) {
        case Step::open:
            file_op_.kind = FileOpKind::open;
            file_op_.path = kCheckpointSlots[current_];
            file_op_.create = true;
            file_op_.direct = true;
            break;
        case Step::allocate:
            file_op_.kind = FileOpKind::allocate;
            file_op_.position = slot.bytes;
            file_op_.length = round_up(bytes_.size(), kCheckpointAheadBytes) +
                              kCheckpointAheadBytes - slot.bytes;
            break;
        case Step::write:
            file_op_.kind = FileOpKind::write;
            file_op_.position = position_;
            file_op_.length = std::min(kPieceBytes, bytes_.size() - position_);
            file_op_.buffer = piece_.get();
            std::memcpy(piece_.get(), bytes_.data() + position_, file_op_.length);
            break;
        case Step::sync:
            file_op_.kind = FileOpKind::sync_data;
            break;
        case Step::sync_directory:
            file_op_.kind = FileOpKind::sync_directory;
            file_op_.path = "";
            break;
    }
    file_op_.owner = this;
    file_op_.done = [](FileOp& op) noexcept {
        auto& writer = *static_cast<CheckpointWriter*>(op.owner);
        writer.file_op_busy_ = false;
        writer.step_done();
    };
    file_op_busy_ = true;
    storage_.submit(file_op_);
}

void CheckpointWriter::step_done() noexcept {
    const auto result = file_op_.result;
    const bool refused = step_ == Step::allocate && no_space(result);
    if (result < 0 && !refused) {
        const bool full = step_ == Step::open && no_space(result);
        return finish(
                failure(full ? Errc::storage_full : Errc::io_failed, static_cast<int>(-result)));
    }
    auto& slot = slots_[current_];
    switch (step_) {
        case Step::open:
            slot.file = static_cast<FileHandle>(result);
            return after_open();
        case Step::allocate:
            if (!refused) slot.bytes = file_op_.position + file_op_.length;
            return after_allocate();
        case Step::write:
            if (std::cmp_not_equal(result, file_op_.length)) {
                return finish(failure(Errc::io_failed, EIO));
            }
            position_ += file_op_.length;
            return after_write();
        case Step::sync:
            if (slot.is_new) return submit(Step::sync_directory);
            return slot_done();
        case Step::sync_directory:
            slot.is_new = false;
            return slot_done();
    }
}

void CheckpointWriter::after_open() noexcept {
    if (slots_[current_].bytes < bytes_.size() + kCheckpointAheadBytes / 2) {
        return submit(Step::allocate);
    }
    after_allocate();
}

void CheckpointWriter::after_allocate() noexcept {
    if (slots_[current_].bytes < bytes_.size()) {
        return finish(failure(Errc::storage_full, ENOSPC));
    }
    write_piece();
}

void CheckpointWriter::after_write() noexcept {
    if (position_ < bytes_.size()) return write_piece();
    submit(Step::sync);
}

void CheckpointWriter::write_piece() noexcept {
    if (failed_.load(std::memory_order_acquire)) return finish(failure(Errc::shutting_down));
    submit(Step::write);
}

void CheckpointWriter::slot_done() noexcept {
    slots_[current_].number = number_;
    if (bug_planted(PlantedBug::recycle_too_early)) slots_left_ = 1;
    if (--slots_left_ == 0) return finish({});
    current_ = 1 - current_;
    begin_slot();
}

void CheckpointWriter::finish(Result<void> outcome) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    bytes_.clear();
    if (bytes_.capacity() > kCheckpointAheadBytes) bytes_.shrink_to_fit();
    op.outcome = outcome;
    op.done(op);
}

}  // namespace millrace::engine
