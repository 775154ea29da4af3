// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/window_reader.h"

#include "engine/units.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::engine {

WindowReader::WindowReader(LogContext& context, OpenFiles& files, IoGate& gate)
        : context_(context), files_(files), gate_(gate) {
    file_waiter_.owner = this;
    file_waiter_.ready = [](FileWaiter& waiter, Result<OpenFile*> file) noexcept {
        static_cast<WindowReader*>(waiter.owner)->file_ready(file);
    };
    gate_waiter_.owner = this;
    gate_waiter_.ready = [](GateWaiter& waiter) noexcept {
        auto& reader = *static_cast<WindowReader*>(waiter.owner);
        reader.next_chunks();
        reader.finish_when_idle();
    };
    no_memory_.owner = this;
    no_memory_.run = [](Deferred& deferred) noexcept {
        static_cast<WindowReader*>(deferred.owner)->finish_when_idle();
    };
    for (auto& chunk : chunks_)
        chunk.reader = this;
}

void WindowReader::start(LogState& log,
                         Segment& segment,
                         std::uint64_t position,
                         std::uint64_t bytes,
                         Completion done) noexcept {
    ASSERT(position < segment.bytes);
    done_ = done;
    outcome_ = {};
    unreadable_ = false;
    buffer_ = {};
    position_ = position;
    position_end_ = std::min(position + bytes, segment.bytes);
    begin_ = next_ = round_down(position, kBlockBytes);
    end_ = round_up(position_end_, kBlockBytes);
    const auto path = segment.path(log.directory, kLogSuffix);
    file_ = files_.acquire(segment, path, false, file_waiter_);
    if (file_ != nullptr) file_ready(file_);
}

void WindowReader::file_ready(Result<OpenFile*> file) noexcept {
    if (!file) {
        outcome_ = context_.failed ? Result<void>(std::unexpected(*context_.failed))
                                   : failure(Errc::damaged_range, file.error().os_errno);
        return finish_when_idle();
    }
    file_ = *file;
    next_chunks();
}

// Behind the gate, so that those who wait there hold no memory.
bool WindowReader::make_buffer() noexcept {
    buffer_ = context_.arena.allocate(end_ - begin_);
    if (buffer_) return true;
    outcome_ = failure(Errc::no_room);
    gate_.give_back(1);
    context_.defer(no_memory_);
    return false;
}

void WindowReader::next_chunks() noexcept {
    if (context_.failed && outcome_) outcome_ = std::unexpected(*context_.failed);
    for (auto& chunk : chunks_) {
        if (!outcome_ || next_ == end_) return;
        if (chunk.busy) continue;
        if (!gate_.take(1, gate_waiter_)) return;
        if (!buffer_ && !make_buffer()) return;
        const auto length = std::min<std::uint64_t>(kReadBytesMax, end_ - next_);
        chunk.busy = true;
        chunk.by_block = false;
        chunk.end = next_ + length;
        ++busy_;
        submit(chunk, std::exchange(next_, next_ + length), length);
    }
}

void WindowReader::submit(Chunk& chunk, std::uint64_t position, std::uint64_t length) noexcept {
    chunk.op.kind = FileOpKind::read;
    chunk.op.lane = Lane::background;
    chunk.op.file = file_->handle();
    chunk.op.buffer = memory_of(position);
    chunk.op.position = position;
    chunk.op.length = length;
    chunk.op.owner = &chunk;
    chunk.op.done = [](FileOp& op) noexcept {
        auto& completed = *static_cast<Chunk*>(op.owner);
        completed.reader->chunk_done(completed);
    };
    ++context_.operations;
    context_.storage.submit(chunk.op);
}

void WindowReader::chunk_done(Chunk& chunk) noexcept {
    --context_.operations;
    auto& op = chunk.op;
    if (context_.failed) return chunk_over(chunk);
    if (op.result >= 0) {
        // Behind the end of a file that is shorter than it should be there is nothing right.
        const auto got = std::min<std::uint64_t>(static_cast<std::uint64_t>(op.result), op.length);
        std::memset(op.buffer + got, 0, op.length - got);
    } else if (op.length > kBlockBytes) {
        chunk.by_block = true;
        return submit(chunk, op.position, kBlockBytes);
    } else {
        std::memset(op.buffer, 0, op.length);
        unreadable_ = true;
        context_.events.event(
                Level::error,
                "log.unreadable_block",
                "the device cannot read a block of a segment",
                {{"position", std::to_string(op.position)}, {"errno", std::to_string(-op.result)}});
    }
    context_.counters.cold_read_bytes += op.length;
    const auto next = op.position + op.length;
    if (next < chunk.end) return submit(chunk, next, kBlockBytes);
    chunk_over(chunk);
}

void WindowReader::chunk_over(Chunk& chunk) noexcept {
    chunk.busy = false;
    --busy_;
    gate_.give_back(1);
    next_chunks();
    finish_when_idle();
}

void WindowReader::finish_when_idle() noexcept {
    if (busy_ > 0 || gate_waiter_.queued || done_.run == nullptr) return;
    if (outcome_ && next_ < end_) return;
    if (auto* file = std::exchange(file_, nullptr); file != nullptr) files_.release(*file);
    if (!outcome_) buffer_ = {};
    const auto done = std::exchange(done_, {});
    done(outcome_);
}

Bytes WindowReader::bytes() const noexcept {
    return {memory_of(position_), position_end_ - position_};
}

}  // namespace millrace::engine
