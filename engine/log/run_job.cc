// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/run_job.h"

#include "engine/format/record_batch.h"
#include "engine/units.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kRoomStepMax = 16 * kMiB;
// A segment's index goes to its files whenever the segment has grown by this much.
constexpr std::uint64_t kIndexSaveBytes = 16 * kMiB;

}  // namespace

RunJob::RunJob(const RunParts& parts)
        : FileSteps(parts.context),
          parts_(parts),
          folder_(parts.context, parts.trash),
          last_block_(parts.context, parts.files, parts.read_gate),
          index_files_(parts.context),
          sealer_(parts.context, parts.files, parts.read_gate, parts.indexes),
          producer_files_(parts.context, parts.producer_loads, &parts.unsynced) {
    for (auto& slot : writes_)
        slot.job = this;
    gate_waiter_.owner = file_waiter_.owner = deferred_.owner = this;
    gate_waiter_.ready = [](GateWaiter& waiter) noexcept {
        static_cast<RunJob*>(waiter.owner)->submit_writes();
    };
    file_waiter_.ready = [](FileWaiter& waiter, Result<OpenFile*> file) noexcept {
        static_cast<RunJob*>(waiter.owner)->file_ready(file);
    };
    deferred_.run = [](Deferred& deferred) noexcept {
        auto& job = *static_cast<RunJob*>(deferred.owner);
        job.bytes_ == 0 ? job.stored() : job.finish(failure(Errc::no_room));
    };
}

std::uint64_t RunJob::start(LogState& log, std::uint64_t bytes_max) noexcept {
    log_ = &log;
    ++log.jobs;
    log.flush.running = true;
    file_ = nullptr;
    plan(bytes_max);
    const auto bytes = bytes_;
    if (bytes_ == 0 && !seal_due()) {
        // Only an entry that raises the epoch: the log's row has it with the next checkpoint.
        context_.defer(deferred_);
    } else if (log.folder_ready) {
        folder_ready({});
    } else {
        folder_.start(log, completion_of<&RunJob::folder_ready>(*this));
    }
    return bytes;
}

bool RunJob::seal_due() const noexcept {
    return segment_ != nullptr && log_->segments.whole(*segment_) &&
           segment_->bytes == segment_->planned_bytes;
}

// Takes whole batches of one segment from the front of what is not stored.
void RunJob::plan(std::uint64_t bytes_max) noexcept {
    bytes_ = 0;
    end_ = log_->stored_end;
    segment_ = log_->segments.storing();
    if (segment_ == nullptr) return;
    const auto& tail = log_->tail;
    auto inside = tail.stored_part();
    for (auto number = tail.stored(); number < tail.end(); ++number) {
        const auto& entry = tail.at(number);
        const auto size = entry.size - inside;
        if (entry.end <= segment_->planned_end && bytes_ + size <= bytes_max) {
            bytes_ += size;
            end_ = entry.end;
            inside = 0;
            continue;
        }
        while (inside < entry.size) {
            const auto batch = BatchView::trusted(entry.data + inside);
            if (batch.next_offset() > segment_->planned_end) return;
            if (bytes_ > 0 && bytes_ + batch.size() > bytes_max) return;
            bytes_ += batch.size();
            end_ = batch.next_offset();
            inside += batch.size();
        }
        inside = 0;
    }
}

void RunJob::folder_ready(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    const bool make = !segment_->has_file;
    const auto path = segment_path(log_->directory, segment_->base, kLogSuffix);
    auto* file = parts_.files.acquire(*segment_, path, make, file_waiter_);
    if (file != nullptr) file_ready(file);
}

void RunJob::file_ready(Result<OpenFile*> file) noexcept {
    if (!file) {
        const int why = file.error().os_errno;
        if (is_full(-why)) return finish(failure(Errc::storage_full));
        // Connections have taken the descriptors: the run may be tried again.
        if (why == EMFILE || why == ENFILE) return finish(failure(Errc::no_room));
        if (!context_.failed) context_.fail(file.error(), "open of a segment");
        return stop(*context_.failed);
    }
    file_ = *file;
    if (segment_->has_file) return make_room();
    log_->unsynced.folder = true;
    segment_->has_file = true;
    parts_.indexes.use(*segment_);
    make_room();
}

void RunJob::make_room() noexcept {
    if (bytes_ == 0) return stored();
    const auto needed = round_up(segment_->bytes + bytes_, kBlockBytes);
    if (needed <= segment_->file_bytes) return prepare_last_block();
    const auto step = std::min(segment_->file_bytes, kRoomStepMax);
    const auto enough = round_up(log_->config.segment_bytes, kBlockBytes);
    file_bytes_ = std::max(needed, std::min(segment_->file_bytes + step, enough));
    const auto from = round_down(segment_->file_bytes, kBlockBytes);
    size_call(FileOpKind::allocate, file_->handle(), from, file_bytes_ - from, &RunJob::room_made);
}

void RunJob::room_made() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (ended_by_failure("room for a segment")) return;
    segment_->file_bytes = file_bytes_;
    if (log_->removed) return finish(failure(Errc::shutting_down));
    prepare_last_block();
}

void RunJob::prepare_last_block() noexcept {
    if (segment_->bytes % kBlockBytes == 0) return gather({});
    if (auto block = parts_.last_blocks.take(*log_)) return gather(std::move(block));
    last_block_.start(*log_, *segment_, completion_of<&RunJob::last_block_read>(*this));
}

void RunJob::last_block_read(Result<void> outcome) noexcept {
    if (log_->removed) return finish(failure(Errc::shutting_down));
    if (!outcome) return finish(outcome);
    gather(last_block_.take_block());
}

void RunJob::gather(BufferRef last_block) noexcept {
    if (!buffers_.set_out(context_.arena, segment_->bytes, bytes_, last_block)) {
        if (last_block) parts_.last_blocks.put(*log_, std::move(last_block));
        return context_.defer(deferred_);
    }
    const auto& tail = log_->tail;
    auto left = bytes_;
    auto inside = tail.stored_part();
    for (auto number = tail.stored(); left > 0; ++number) {
        const auto& entry = tail.at(number);
        const auto size =
                static_cast<std::uint32_t>(std::min<std::uint64_t>(left, entry.size - inside));
        buffers_.append(entry.data + inside, size);
        left -= size;
        inside = 0;
    }
    waiting_write_ = {};
    submit_writes();
}

void RunJob::submit_writes() noexcept {
    for (auto& slot : writes_) {
        if (slot.busy || context_.failed) continue;
        if (waiting_write_.length == 0) {
            waiting_write_ = buffers_.next_write(parts_.write_bytes_max);
        }
        if (waiting_write_.length == 0) return;
        if (!parts_.write_gate.take(waiting_write_.length, gate_waiter_)) return;
        const auto write = std::exchange(waiting_write_, {});
        slot.busy = true;
        ++writing_;
        slot.op.kind = FileOpKind::write;
        slot.op.lane = Lane::background;
        slot.op.file = file_->handle();
        slot.op.buffer = write.buffer;
        slot.op.position = write.position;
        slot.op.length = write.length;
        slot.op.owner = &slot;
        slot.op.done = [](FileOp& op) noexcept {
            auto& done = *static_cast<WriteSlot*>(op.owner);
            done.job->write_done(done);
        };
        ++context_.operations;
        context_.storage.submit(slot.op);
    }
    if (context_.failed && writing_ == 0) stop(*context_.failed);
}

void RunJob::write_done(WriteSlot& slot) noexcept {
    --context_.operations;
    --writing_;
    slot.busy = false;
    if (!context_.failed && slot.op.result != static_cast<std::int64_t>(slot.op.length)) {
        const auto number = slot.op.result < 0 ? static_cast<int>(-slot.op.result) : EIO;
        context_.fail({Errc::io_failed, number}, "write of a segment");
    }
    // Give room back only when this job has queued for what it needs next.
    if (waiting_write_.length == 0) waiting_write_ = buffers_.next_write(parts_.write_bytes_max);
    const bool all_written = waiting_write_.length == 0 && writing_ == 0;
    parts_.write_gate.give_back(slot.op.length);
    if (context_.failed) {
        if (writing_ == 0 && log_ != nullptr && !gate_waiter_.queued) stop(*context_.failed);
        return;
    }
    if (!all_written) return submit_writes();
    stored();
}

void RunJob::stored() noexcept {
    if (log_->removed) return finish(failure(Errc::shutting_down));
    if (bytes_ > 0) {
        note_batches();
        note_producers();
        log_->last_block.crc_known = false;
        auto block = buffers_.take_last_block();
        if (block && !seal_due()) parts_.last_blocks.put(*log_, std::move(block));
        log_->unsynced.file = log_->has_new_files = true;
        ++context_.counters.runs;
        context_.counters.run_bytes += bytes_;
    }
    buffers_.clear();
    const auto before = log_->tail.stored();
    log_->stored_end = end_;
    log_->tail.set_stored_end(end_);
    for (auto number = before; number < log_->tail.stored(); ++number) {
        parts_.releases.add(*log_->tail.at(number).file, 1);
    }
    parts_.unsynced.add(*log_);
    // No file: a raised epoch alone. If the log has rolled meanwhile, the next run seals.
    if (file_ != nullptr && seal_due()) return seal();
    if (bytes_ == 0 || !index_is_complete(*segment_) ||
        segment_->bytes - segment_->index->saved.covered_bytes < kIndexSaveBytes) {
        return save_producers(SnapshotMoment::run);
    }
    index_files_.save(*log_, *segment_, false, completion_of<&RunJob::index_saved>(*this));
}

// Tells segment and index of every batch of the run.
void RunJob::note_batches() noexcept {
    auto* index = index_is_complete(*segment_) ? segment_->index.get() : nullptr;
    const auto& tail = log_->tail;
    const auto interval = log_->config.index_interval_bytes;
    const auto note = [&](Offset last, std::uint32_t size, TimestampMs timestamp) {
        if (index != nullptr) {
            const auto relative = static_cast<std::uint32_t>(last - segment_->base);
            index->add({relative, size, timestamp}, interval);
        }
        segment_->note_stored(last, size, timestamp);
    };
    auto left = bytes_;
    auto inside = tail.stored_part();
    for (auto number = tail.stored(); left > 0; ++number) {
        const auto& entry = tail.at(number);
        if (entry.batches == 1) {
            note(entry.end - 1, entry.size, entry.largest_timestamp);
            left -= entry.size;
            continue;
        }
        while (left > 0 && inside < entry.size) {
            const auto batch = BatchView::trusted(entry.data + inside);
            note(batch.last_offset(), batch.size(), batch.max_timestamp());
            left -= batch.size();
            inside += batch.size();
        }
        inside = 0;
    }
    if (index != nullptr) parts_.indexes.note_growth(*segment_);
}

void RunJob::index_saved(Result<void> outcome) noexcept {
    // Without room for its index the run is stored all the same.
    if (!outcome && context_.failed) return finish(outcome);
    save_producers(SnapshotMoment::run);
}

// Tells the producers of every batch of the run.
void RunJob::note_producers() noexcept {
    auto& producers = log_->producers;
    if (producers.any) producers.bytes_since += bytes_;
    if (producers.table == nullptr) return;
    const auto& tail = log_->tail;
    auto left = bytes_;
    auto inside = tail.stored_part();
    for (auto number = tail.stored(); left > 0; ++number, inside = 0) {
        const auto& entry = tail.at(number);
        while (left > 0 && inside < entry.size) {
            const auto batch = BatchView::trusted(entry.data + inside);
            if (batch.producer_id() >= 0) producers.table->stored(batch);
            left -= batch.size();
            inside += batch.size();
        }
    }
}

void RunJob::seal() noexcept {
    static_cast<void>(parts_.last_blocks.take(*log_));
    log_->last_block.crc_known = false;
    sealer_.start(*log_, *segment_, *file_, completion_of<&RunJob::sealed>(*this));
}

void RunJob::sealed(Result<void> outcome) noexcept {
    if (outcome) {
        ++context_.counters.segments_rolled;
        log_->unsynced.file = false;
        return save_producers(SnapshotMoment::boundary);
    }
    finish(outcome);
}

void RunJob::save_producers(SnapshotMoment moment) noexcept {
    if (!ProducerFiles::due(*log_, moment)) return finish({});
    producer_files_.save(*log_, true, completion_of<&RunJob::producers_saved>(*this));
}

void RunJob::producers_saved(Result<void> outcome) noexcept {
    // Without room for the snapshot the run is stored all the same.
    if (!outcome && context_.failed) return finish(outcome);
    finish({});
}

void RunJob::finish(Result<void> outcome) noexcept {
    buffers_.clear();
    waiting_write_ = {};
    if (auto* file = std::exchange(file_, nullptr); file != nullptr) parts_.files.release(*file);
    auto& log = *std::exchange(log_, nullptr);
    log.flush.running = false;
    --log.jobs;
    if (context_.failed) outcome = std::unexpected(*context_.failed);
    parts_.ended(parts_.ended_owner, *this, log, outcome);
}

}  // namespace millrace::engine
