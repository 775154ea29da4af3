// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_writer.h"

#include "engine/assert.h"
#include "engine/wal/wal_writer_state.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

WalWriter::WalWriter(const WalOptions& options, const WalParts& parts, ReplayedWal&& found)
        : state_(std::make_unique<State>(options, parts, std::move(found))) {}

WalWriter::~WalWriter() {
    ASSERT(idle());
}

void WalWriter::start(EngineOp& op) {
    ASSERT(state_->start_ == nullptr && !state_->running_ && !state_->failed_);
    state_->start_ = &op;
    state_->extend_frontier();
}

void WalWriter::end_turn() noexcept {
    State& state = *state_;
    if (state.failed_) {
        State::finish(state.drain_, failure(Errc::shutting_down));
        return;
    }
    if (state.draining_ || (state.pipeline_.wants_group() && state.group_is_due()))
        state.close_group();
    state.pipeline_.end_turn();
    if (state.failed_) return;
    state.cover_last_groups();
    state.continue_drain();
    if (state.failed_ || state.draining_) return;
    state.measure_load();
    state.extend_frontier();
    state.continue_start();
    if (state.memory_was_refused() &&
        state.parts_.clock.monotonic_now() >= state.memory_retry_at_) {
        state.memory_retry_at_ = MonotonicTime::max();
        state.offer_room();
    }
}

void WalWriter::drain(EngineOp& op) {
    State& state = *state_;
    ASSERT(state.drain_ == nullptr);
    state.draining_ = true;
    state.drain_ = &op;
    state.frontier_.stop();
    if (state.failed_) return;
    state.close_group();
    state.pipeline_.flush_all();
}

WalPosition WalWriter::replay_start(std::span<const WalRelease> releases) const {
    const auto needed = state_->files_.oldest_needed(releases);
    return needed ? *needed : state_->pipeline_.flushed_end();
}

void WalWriter::recycle_before(const WalPosition& older) noexcept {
    State& state = *state_;
    state.parts_.counters.wal_files_recycled +=
            state.files_.recycle_before(older.file_number, state.parts_.listener);
    state.offer_room();
}

void WalWriter::set_bytes_elsewhere(std::uint64_t bytes) noexcept {
    State& state = *state_;
    const bool more_room = bytes < std::exchange(state.bytes_elsewhere_, bytes);
    if (more_room) state.offer_room();
}

void WalWriter::set_storage_full(bool full) noexcept {
    State& state = *state_;
    if (state.storage_full_ == full) return;
    state.storage_full_ = full;
    if (full) return;
    state.frontier_.retry_now();
    state.extend_frontier();
    state.offer_room();
}

bool WalWriter::refused_space() const noexcept {
    return state_->frontier_.refused();
}

void WalWriter::fail(Error error) noexcept {
    if (!state_->failed_) state_->stop_all(error);
}

MonotonicTime WalWriter::next_deadline() const noexcept {
    const State& state = *state_;
    if (state.drain_ != nullptr && (state.failed_ || state.pipeline_.empty())) return {};
    if (state.failed_) return MonotonicTime::max();
    MonotonicTime next = std::min(state.pipeline_.next_deadline(), state.memory_retry_at_);
    if (state.draining_) return next;
    next = std::min({next, state.frontier_.next_deadline(), state.group_deadline()});
    return state.running_ ? std::min(next, state.cover_deadline()) : next;
}

std::uint64_t WalWriter::newest_file_number() const noexcept {
    return state_->files_.current().use->file_number;
}

bool WalWriter::idle() const noexcept {
    return state_->pipeline_.idle() && state_->frontier_.idle();
}

std::uint64_t WalWriter::room() const noexcept {
    return state_->room();
}

Result<WalPlace> WalWriter::reserve(EntryKind kind,
                                    const PartitionKey& key,
                                    std::uint32_t payload_bytes,
                                    bool frees_space) {
    State& state = *state_;
    if (state.failed_ || state.draining_ || !state.running_) return failure(Errc::shutting_down);
    if (payload_bytes > state.options_.file_bytes / 4) return failure(Errc::batch_too_large);
    const bool data = !frees_space && (kind == EntryKind::append || kind == EntryKind::atomic);
    if (data && state.storage_full_) return state.refuse(Errc::storage_full, payload_bytes);
    TRY_VOID(state.admit(kind, payload_bytes, !data));
    WalPlace place;
    place.data = state.builder_.reserve(kind, key, payload_bytes);
    place.size = payload_bytes;
    const Group& group = *state.builder_.open();
    place.image = group.image;
    place.file = group.file->use.get();
    place.group = group.sequence;
    return place;
}

void WalWriter::keep(const WalPlace& place, WalSink* sink, Offset end, Durability awaited) {
    State& state = *state_;
    ++place.file->unflushed_entries;
    state.appended_bytes_ += kEntryHeaderBytes + place.size;
    state.builder_.keep(sink, end, awaited);
    if (state.builder_.full()) state.close_group();
}

void WalWriter::take_back(const WalPlace& /*place*/) noexcept {
    state_->builder_.take_back();
}

void WalWriter::forget(WalSink& sink) noexcept {
    state_->builder_.forget(sink);
    state_->pipeline_.forget(sink);
}

void WalWriter::entry_released(WalFileUse& file) noexcept {
    ASSERT(file.unflushed_entries > 0);
    --file.unflushed_entries;
}

std::uint64_t WalWriter::live_bytes() const noexcept {
    const Group* open = state_->builder_.open();
    return state_->files_.live_bytes() + (open == nullptr ? 0 : open->used);
}

std::uint64_t WalWriter::bytes_max() const noexcept {
    return state_->options_.bytes_max;
}

std::uint64_t WalWriter::appended_bytes() const noexcept {
    return state_->appended_bytes_;
}

}  // namespace millrace::engine
