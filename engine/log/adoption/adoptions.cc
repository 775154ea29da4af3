// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/adoption/adoptions.h"

#include "engine/format/checkpoint_codec.h"
#include "engine/log/adoption/adopted_row.h"
#include "engine/log/log_impl.h"
#include "engine/log/log_table.h"
#include "engine/log/recovered_log.h"
#include "engine/units.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace millrace::engine {

namespace {

// See PartitionRow::producer_snapshot.
constexpr Offset kNoProducers{-1};

}  // namespace

Adoptions::Adoptions(LogContext& context, Trash& trash, LogTable& logs, LogServices& services)
        : FileSteps(context), logs_(logs), services_(services), folder_(context, trash) {}

void Adoptions::start(AdoptOp& op) {
    ASSERT(op.done != nullptr);
    op.outcome = {};
    op.fault.clear();
    queue_.push_back(&op);
}

void Adoptions::end_turn() noexcept {
    if (stage_ != Stage::idle || queue_.empty()) return;
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (stopping_) return finish(failure(Errc::shutting_down));
    stage_ = Stage::working;
    partition_ = 0;
    rows_.clear();
    path_call(FileOpKind::stat, checkpoint_path(), &Adoptions::measured);
}

FilePath Adoptions::checkpoint_path() const noexcept {
    FilePath path(queue_.front()->source);
    path.append("/");
    path.append(kCheckpointSlots[0]);
    return path;
}

void Adoptions::measured() noexcept {
    if (result() < 0 || op_.size == 0 || op_.size > kAdoptedCheckpointBytesMax) {
        return refuse("its checkpoint cannot be read");
    }
    bytes_ = op_.size;
    buffer_ = context_.arena.allocate(round_up(bytes_, kBlockBytes));
    if (!buffer_) return finish(failure(Errc::no_room));
    open_file(checkpoint_path(), false, &Adoptions::opened);
}

void Adoptions::opened() noexcept {
    if (result() < 0) return refuse("its checkpoint cannot be opened");
    handle_ = static_cast<FileHandle>(result());
    transfer(FileOpKind::read,
             handle_,
             buffer_->data,
             0,
             round_up(bytes_, kBlockBytes),
             &Adoptions::read);
}

void Adoptions::read() noexcept {
    bytes_ = result() < 0 ? 0 : std::min(bytes_, static_cast<std::uint64_t>(result()));
    file_call(FileOpKind::close, handle_, &Adoptions::closed);
}

void Adoptions::closed() noexcept {
    take_rows();
    buffer_ = {};
    if (!op().fault.empty()) return finish(failure(Errc::damaged_range));
    look_at_next();
}

void Adoptions::take_rows() {
    auto checkpoint = decode_checkpoint({buffer_->data, bytes_});
    if (!checkpoint) {
        op().fault = "its checkpoint is damaged";
        return;
    }
    for (auto& row : checkpoint->partitions) {
        if (rows_.emplace(row.key.partition, std::move(row)).second) continue;
        op().fault = "its checkpoint is not of one topic";
        return;
    }
}

PartitionRow* Adoptions::row() noexcept {
    const auto found = rows_.find(op().partitions[partition_].key.partition);
    return found == rows_.end() ? nullptr : &found->second;
}

void Adoptions::look_at_next() noexcept {
    for (; partition_ < op().partitions.size(); ++partition_) {
        if (row() == nullptr) continue;
        if (auto fault = fault_of_row(*row()); !fault.empty()) {
            return refuse("partition " + std::to_string(row()->key.partition) + ": " + fault);
        }
        if (row()->segments.empty()) continue;
        return folder_.look(op().source, *row(), completion_of<&Adoptions::looked>(*this));
    }
    partition_ = 0;
    move_next();
}

void Adoptions::looked(Result<void> outcome) noexcept {
    if (!outcome) {
        op().fault = folder_.fault();
        return finish(outcome);
    }
    ++partition_;
    look_at_next();
}

void Adoptions::move_next() noexcept {
    if (stopping_) return finish(failure(Errc::shutting_down));
    // Without segments it gets its folder with its first one.
    while (partition_ < op().partitions.size() && (row() == nullptr || row()->segments.empty()))
        ++partition_;
    if (partition_ == op().partitions.size()) {
        return file_call(FileOpKind::sync_filesystem, FileHandle::none, &Adoptions::synced);
    }
    folder_.move(op().source,
                 *row(),
                 op().partitions[partition_],
                 completion_of<&Adoptions::moved>(*this));
}

void Adoptions::moved(Result<void> outcome) noexcept {
    if (!outcome) {
        op().fault = folder_.fault();
        return finish(outcome);
    }
    ++partition_;
    move_next();
}

// Whoever laid the files down may not have synced them; and nobody has synced names.
void Adoptions::synced() noexcept {
    if (result() < 0) {
        return finish(failure(Errc::io_failed, static_cast<int>(-result())));
    }
    for (partition_ = 0; partition_ < op().partitions.size(); ++partition_) {
        if (row() == nullptr) continue;
        const auto& partition = op().partitions[partition_];
        RecoveredLog adopted{.row = std::move(*row()), .tail = {}};
        adopted.row.key = partition.key;
        // Another broker may have given their ids, and this one gives them, too.
        adopted.row.producer_snapshot = kNoProducers;
        static_cast<void>(logs_.add(std::make_unique<LogImpl>(
                services_, partition.key, partition.directory, op().config, &adopted)));
    }
    rows_.clear();
    stage_ = Stage::opened;
}

void Adoptions::rows_taken() noexcept {
    if (stage_ == Stage::opened) stage_ = Stage::in_round;
}

void Adoptions::round_durable() noexcept {
    if (stage_ == Stage::in_round) finish({});
}

void Adoptions::round_abandoned() noexcept {
    if (stage_ == Stage::in_round) stage_ = Stage::opened;
}

void Adoptions::refuse(std::string fault) noexcept {
    op().fault = std::move(fault);
    finish(failure(Errc::damaged_range));
}

void Adoptions::finish(Result<void> outcome) noexcept {
    auto& over = *queue_.front();
    queue_.pop_front();
    stage_ = Stage::idle;
    buffer_ = {};
    rows_.clear();
    over.outcome = outcome;
    over.done(over);
}

// The one at work ends at its next step, or has none to come.
void Adoptions::fail(Error error) noexcept {
    if (stage_ == Stage::opened || stage_ == Stage::in_round) finish(std::unexpected(error));
}

void Adoptions::stop() noexcept {
    stopping_ = true;
}

}  // namespace millrace::engine
