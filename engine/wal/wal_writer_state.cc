// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_writer_state.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kIdleBytesAhead = 8 * kMiB;
constexpr std::uint64_t kLoadedBytesAhead = 64 * kMiB;
constexpr std::chrono::seconds kLoadWindow{1};
constexpr std::chrono::milliseconds kMemoryRetryDelay{10};
constexpr std::chrono::seconds kCoverRetryDelay{1};
// A group that nobody waits for gathers entries for so long.
constexpr std::chrono::milliseconds kUnawaitedDelay{2};

// Prepared blocks that only control entries take, and records that free space, so that a full disk
// does not keep anybody from deleting.
std::uint64_t control_reserve(const WalOptions& options) {
    return std::min(1 * kMiB, round_down(options.file_bytes / 16, kBlockBytes));
}

StartLink link_to(const WalPosition& end) {
    if (end.sequence <= 1) return {};
    return {end.run_bits, end.sequence - 1, end.run_number, end.chain};
}

}  // namespace

WalWriter::State::State(const WalOptions& options, const WalParts& parts, ReplayedWal&& found)
        : options_(options),
          parts_(parts),
          end_(found.end),
          link_(link_to(end_)),
          files_(options, std::move(found)),
          builder_(options, parts.arena, files_, end_),
          pipeline_(
                  options, {parts.clock, parts.events, parts.storage, parts.counters, *this}, end_),
          frontier_(options.directory,
                    files_,
                    {parts.clock, parts.events, parts.arena, parts.storage, *this}),
          memory_retry_at_(MonotonicTime::max()) {}

std::uint64_t WalWriter::State::live_bytes_max(bool control) const noexcept {
    return control ? options_.bytes_max : options_.bytes_max / 4 * 3;
}

std::unexpected<Error> WalWriter::State::refuse(Errc code, std::uint32_t payload_bytes) noexcept {
    room_wanted_ = true;
    refused_payload_ = std::max(refused_payload_, payload_bytes);
    if (code == Errc::storage_full) ++parts_.counters.appends_refused_full;
    return failure(code);
}

bool WalWriter::State::memory_was_refused() const noexcept {
    return memory_retry_at_ != MonotonicTime::max();
}

// Opens a group for the entry unless the open one takes it.
Result<void> WalWriter::State::admit(EntryKind kind, std::uint32_t payload_bytes, bool control) {
    if (builder_.open() != nullptr && !builder_.fits(payload_bytes)) close_group();
    if (failed_) return failure(Errc::shutting_down);

    // Of the group on disk as it would be, and of blocks that it would take in addition.
    const Group* open = builder_.open();
    const std::uint64_t group_bytes =
            open == nullptr
                    ? GroupBuilder::group_bytes(payload_bytes)
                    : round_up(std::uint64_t{open->used} + kEntryHeaderBytes + payload_bytes,
                               kBlockBytes);
    // What the WAL itself writes is not bound: replay may have found more than the bound allows.
    const bool own = kind == EntryKind::start || kind == EntryKind::empty;
    if (!own && bytes_elsewhere_ + files_.live_bytes_with(group_bytes) > live_bytes_max(control)) {
        return refuse(Errc::no_room, payload_bytes);
    }
    const std::uint64_t prepared = files_.prepared_bytes(group_bytes);
    const std::uint64_t reserve = control ? 0 : control_reserve(options_);
    if (group_bytes + reserve > prepared) {
        // room() has to suffice for the payload, and it takes a whole block for the headers.
        refused_bytes_ =
                std::max(refused_bytes_, group_bytes + GroupBuilder::group_bytes(0) + reserve);
        extend_frontier();
        return refuse(frontier_.refused() ? Errc::storage_full : Errc::no_room, payload_bytes);
    }
    if (open != nullptr || builder_.open_group(payload_bytes)) return {};
    memory_retry_at_ = parts_.clock.monotonic_now() + kMemoryRetryDelay;
    return refuse(Errc::no_room, payload_bytes);
}

std::uint64_t WalWriter::State::room() const noexcept {
    if (failed_ || draining_ || !running_ || memory_was_refused()) return 0;
    const auto spare = [](std::uint64_t of, std::uint64_t taken) {
        return of - std::min(of, taken);
    };
    const Group* open = builder_.open();
    const std::uint64_t taken = open == nullptr ? 0 : round_up(open->used, kBlockBytes);
    const std::uint64_t in_bound =
            spare(live_bytes_max(false), bytes_elsewhere_ + files_.live_bytes() + taken);
    const std::uint64_t here =
            spare(files_.current().zeroed, files_.position() + taken + control_reserve(options_));
    const WalFile* next = files_.next();
    const std::uint64_t behind =
            next == nullptr ? 0 : spare(next->ready_bytes(), control_reserve(options_));
    const std::uint64_t wasted = files_.current().capacity - files_.position() - taken;
    const std::uint64_t bytes =
            std::max(std::min(here, in_bound), std::min(behind, spare(in_bound, wasted)));
    return std::min(spare(round_down(bytes, kBlockBytes), GroupBuilder::group_bytes(0)),
                    options_.file_bytes / 4);
}

void WalWriter::State::offer_room() noexcept {
    if (!room_wanted_ || failed_ || draining_ || !running_ || memory_was_refused()) return;
    const std::uint64_t bytes = room();
    if (bytes == 0) return;
    if (bytes >= refused_payload_) {
        room_wanted_ = false;
        refused_payload_ = 0;
        refused_bytes_ = 0;
    }
    parts_.listener.wal_has_room();
}

bool WalWriter::State::group_is_due() noexcept {
    const Group* open = builder_.open();
    if (open == nullptr || open->awaited) {
        unawaited_group_ = 0;
        return true;
    }
    const MonotonicTime now = parts_.clock.monotonic_now();
    if (std::exchange(unawaited_group_, open->sequence) != open->sequence) unawaited_since_ = now;
    return now >= unawaited_since_ + kUnawaitedDelay;
}

MonotonicTime WalWriter::State::group_deadline() const noexcept {
    // While none may fly, a completion comes first.
    if (unawaited_group_ == 0 || !pipeline_.wants_group()) return MonotonicTime::max();
    return unawaited_since_ + kUnawaitedDelay;
}

void WalWriter::State::close_group() noexcept {
    unawaited_group_ = 0;
    if (builder_.open() == nullptr) return;
    pipeline_.push(builder_.seal(pipeline_.flushed_sequence()));
}

// `start` and `empty`: nobody else hears of them.
void WalWriter::State::write_own_entry(EntryKind kind) noexcept {
    ASSERT(kind == EntryKind::start || kind == EntryKind::empty);
    const std::uint32_t payload_bytes = kind == EntryKind::start ? kStartLinkBytes : 0;
    if (!admit(kind, payload_bytes, true)) return;
    std::byte* payload = builder_.reserve(kind, {}, payload_bytes);
    const bool linked = !bug_planted(PlantedBug::start_without_link);
    if (kind == EntryKind::start) store_start_link(payload, linked ? link_ : StartLink{});
    builder_.keep(nullptr, {}, Durability::synced);
    close_group();
}

// Says on disk that the last groups are flushed, so that their loss would be noticed.
void WalWriter::State::cover_last_groups() noexcept {
    if (!running_ || draining_ || builder_.open() != nullptr) return;
    const MonotonicTime now = parts_.clock.monotonic_now();
    if (now < cover_deadline()) return;
    cover_retry_at_ = now + kCoverRetryDelay;
    write_own_entry(EntryKind::empty);
}

MonotonicTime WalWriter::State::cover_deadline() const noexcept {
    return std::max(pipeline_.cover_deadline(), cover_retry_at_);
}

void WalWriter::State::measure_load() noexcept {
    const std::uint64_t appended = appended_bytes_ - appended_at_window_;
    if (appended >= kIdleBytesAhead) loaded_ = true;
    const MonotonicTime now = parts_.clock.monotonic_now();
    if (now - window_began_ < kLoadWindow) return;
    loaded_ = appended >= kIdleBytesAhead;
    window_began_ = now;
    appended_at_window_ = appended_bytes_;
}

void WalWriter::State::extend_frontier() noexcept {
    if (failed_ || draining_) return;
    std::uint64_t ahead = options_.first_frontier_bytes;
    if (running_) ahead = loaded_ ? kLoadedBytesAhead : kIdleBytesAhead;
    ahead = std::min(ahead, options_.file_bytes);
    if (refused_bytes_ != 0) {
        // A group that does not fit into the current file needs its blocks in the next one.
        const std::uint64_t wasted = files_.must_switch(refused_bytes_)
                                             ? files_.current().capacity - files_.position()
                                             : 0;
        ahead = std::max(ahead, wasted + refused_bytes_);
    }
    frontier_.extend_to(ahead);
}

void WalWriter::State::continue_start() noexcept {
    if (start_ == nullptr || failed_) return;
    if (!start_group_written_) {
        // A full disk is no obstacle while there are blocks for the start group.
        if (!frontier_.settled() && !frontier_.refused()) return;
        const std::uint64_t bytes = GroupBuilder::group_bytes(kStartLinkBytes);
        if (files_.current().handle == FileHandle::none || files_.prepared_bytes(bytes) < bytes) {
            stop_all({Errc::storage_full});
            return;
        }
        write_own_entry(EntryKind::start);
        start_group_written_ = !pipeline_.empty();
        return;
    }
    if (!pipeline_.empty()) return;
    running_ = true;
    window_began_ = parts_.clock.monotonic_now();
    extend_frontier();
    finish(start_, {});
}

void WalWriter::State::continue_drain() noexcept {
    if (drain_ == nullptr || failed_ || !pipeline_.empty() || builder_.open() != nullptr) return;
    finish(drain_, {});
}

void WalWriter::State::finish(EngineOp*& op, Result<void> outcome) noexcept {
    EngineOp* finished = std::exchange(op, nullptr);
    if (finished == nullptr) return;
    finished->outcome = outcome;
    finished->done(*finished);
}

void WalWriter::State::stop_all(Error error) noexcept {
    failed_ = true;
    pipeline_.stop();
    frontier_.stop();
    finish(start_, std::unexpected(error));
    finish(drain_, std::unexpected(error));
}

void WalWriter::State::group_done(Group& group) noexcept {
    builder_.reuse(group);
}

void WalWriter::State::pipeline_moved() noexcept {
    continue_start();
    continue_drain();
}

void WalWriter::State::pipeline_failed(Error error, std::string_view what) noexcept {
    if (failed_) return;
    stop_all(error);
    parts_.listener.wal_failed(error, what);
}

void WalWriter::State::frontier_moved() noexcept {
    continue_start();
    offer_room();
}

void WalWriter::State::frontier_failed(Error error, std::string_view what) noexcept {
    pipeline_failed(error, what);
}

}  // namespace millrace::engine
