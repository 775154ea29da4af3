// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/shard_engine.h"

#include "engine/assert.h"
#include "engine/engine/wal_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kMemoryLookInterval = std::chrono::seconds(5);
// Longer than the arena keeps what nobody uses: after it there is nothing to look for.
constexpr MonotonicTime kMemoryQuiet = std::chrono::seconds(60);

}  // namespace

ShardEngineImpl::ShardEngineImpl(EngineCore& core, std::uint32_t index, Storage& storage)
        : core_(core),
          link_(core.link(index)),
          recovery_(core.state().shards[index]),
          storage_(storage),
          copies_before_(payload_copies()),
          wal_(wal_options(core.options(), core.state().summary.run_number, index, storage),
               {core.parts().clock,
                core.parts().events,
                core.parts().arena,
                storage,
                counters_,
                *this},
               std::move(core.state().wals.at(index))),
          shard_wal_(wal_, core, index),
          logs_({core.parts().clock,
                 core.parts().events,
                 core.parts().arena,
                 storage,
                 shard_wal_,
                 core.options(),
                 core.state().summary.leader_epoch_min,
                 core.state().checkpoint.newest->guarded_clock,
                 counters_,
                 *this,
                 core.compaction_rate(),
                 core.state().summary.clean}),
          free_space_(core.options(), storage, *this),
          append_bytes_max_(wal_file_bytes(core.options()) / 4),
          atomic_({core, index, logs_, shard_wal_, waiters_}) {
    if (index == 0) rounds_ = std::make_unique<CheckpointRounds>(core, storage);
    link_.engine = this;
}

ShardEngineImpl::~ShardEngineImpl() {
    link_.engine = nullptr;
}

void ShardEngineImpl::start(EngineOp& op) {
    ASSERT(start_op_ == nullptr && !started_);
    start_op_ = &op;
    if (core_.failed().load(std::memory_order_acquire)) {
        return poisoned(core_.failure_reason());
    }
    // First, so that no file is made on a disk that is full.
    free_space_.look(core_.parts().clock.monotonic_now(), core_.live_bytes());
}

void ShardEngineImpl::start_wal() noexcept {
    if (link_.index == 0) report_commit_mode(core_.parts().events, core_.options(), storage_);
    wal_start_.owner = this;
    wal_start_.done = [](EngineOp& op) noexcept {
        static_cast<ShardEngineImpl*>(op.owner)->wal_started();
    };
    wal_.start(wal_start_);
}

void ShardEngineImpl::wal_started() noexcept {
    if (start_op_ == nullptr) return;  // Poison has ended it.
    auto& op = *std::exchange(start_op_, nullptr);
    op.outcome = wal_start_.outcome;
    if (op.outcome) {
        started_ = true;
        link_.live_bytes.store(wal_.live_bytes(), std::memory_order_relaxed);
        link_.started.store(true, std::memory_order_release);
        core_.nudge_leader(link_);
        begin_dropped();
    }
    op.done(op);
}

Log& ShardEngineImpl::open_log(const PartitionKey& key,
                               std::string_view directory,
                               const LogConfig& config) {
    ASSERT(shard_of(key, core_.options().shards) == link_.index);
    if (auto* log = logs_.find(key)) return *log;
    ASSERT(core_.decided() || link_.index == 0);
    auto recovered = recovery_.partitions.extract(key);
    return logs_.open(key, directory, config, recovered ? &recovered.mapped().log : nullptr);
}

Log* ShardEngineImpl::find_log(const PartitionKey& key) noexcept {
    return logs_.find(key);
}

void ShardEngineImpl::remove_log(const PartitionKey& key, EngineOp& op) {
    if (logs_.find(key) != nullptr) return logs_.remove(key, op);
    if (auto recovered = recovery_.partitions.extract(key)) release_tail(recovered.mapped().log);
    op.outcome = {};
    finished_ops_.push_back(&op);
}

void ShardEngineImpl::release_tail(const RecoveredLog& log) noexcept {
    for (const auto& batches : log.tail)
        shard_wal_.entry_released(*batches.place.file);
}

void ShardEngineImpl::recovered_decided() noexcept {
    begin_dropped();
    core_.nudge_leader(link_);
}

void ShardEngineImpl::begin_dropped() noexcept {
    if (!started_ || failed_ || !core_.decided()) return;
    for (auto& dropped : std::exchange(recovery_.dropped, {})) {
        if (dropped.directory.empty()) {
            release_tail(dropped.log);
            continue;
        }
        // As a log that is opened to be removed: its folder goes the way of every other.
        static_cast<void>(logs_.open(dropped.key, dropped.directory, {}, &dropped.log));
        auto& op = drops_.emplace_back();
        op.owner = this;
        op.done = [](EngineOp& done) noexcept {
            auto& shard = *static_cast<ShardEngineImpl*>(done.owner);
            if (--shard.drops_left_ == 0) shard.drops_.clear();
        };
        ++drops_left_;
        logs_.remove(dropped.key, op);
    }
}

void ShardEngineImpl::wait_for_room(RoomWaiter& waiter) noexcept {
    waiters_.add(waiter);
}

void ShardEngineImpl::cancel_wait(RoomWaiter& waiter) noexcept {
    waiters_.cancel(waiter);
}

std::uint64_t ShardEngineImpl::room() const noexcept {
    return wal_.room();
}

bool ShardEngineImpl::storage_full() const noexcept {
    return full_;
}

const ShardCounters& ShardEngineImpl::counters() const noexcept {
    return counters_;
}

void ShardEngineImpl::wake_waiters() noexcept {
    if (waiters_.empty()) return;
    const bool refused = failed_ || stop_stage_ != StopStage::none || full_;
    if (refused) return waiters_.wake_all();
    waiters_.wake(wal_.room(), append_bytes_max_);
}

void ShardEngineImpl::wal_has_room() noexcept {}  // Every turn looks whether somebody waits for it.

void ShardEngineImpl::wal_file_recycled(const WalFileUse& file) noexcept {
    logs_.wal_file_recycled(file);
}

void ShardEngineImpl::free_space_seen() noexcept {
    note_full();
    if (start_op_ != nullptr && !started_) start_wal();
}

// What the kernel refuses counts as what the watch foresees: it may have been filled between two
// looks, and of inodes and quotas the watch knows nothing. Each of them is tried again by itself.
void ShardEngineImpl::note_full() noexcept {
    const bool full = free_space_.full() || wal_.refused_space() || logs_.refused_space() ||
                      core_.checkpoint_refused();
    if (std::exchange(full_, full) == full) return;
    wal_.set_storage_full(full);
    if (!core_.note_storage_full(full)) return;
    core_.parts().events.event(full ? Level::error : Level::info,
                               full ? "storage.full" : "storage.has_space",
                               full ? "The file system is full or nearly so: appends are refused "
                                      "until there is space, and inodes; reads go on."
                                    : "There is space again: appends are taken.",
                               {{"free_bytes", fmt::format("{}", free_space_.free_bytes())},
                                {"needed_bytes", fmt::format("{}", free_space_.free_bytes_min())}});
}

void ShardEngineImpl::wal_failed(Error error, std::string_view what) noexcept {
    core_.fail(error, what, link_.index);
    poisoned(error);
}

void ShardEngineImpl::logs_failed(Error error, std::string_view what) noexcept {
    core_.fail(error, what, link_.index);
    poisoned(error);
}

void ShardEngineImpl::poisoned(Error error) noexcept {
    if (failed_) return;
    failed_ = true;
    wal_.fail(error);
    logs_.fail(error);
    atomic_.fail(error);
    if (start_op_ != nullptr) {
        start_op_->outcome = std::unexpected(error);
        finished_ops_.push_back(std::exchange(start_op_, nullptr));
    }
}

std::size_t ShardEngineImpl::run_completions() noexcept {
    return storage_.run_completions();
}

void ShardEngineImpl::end_turn() noexcept {
    const auto now = core_.parts().clock.monotonic_now();
    wal_.set_bytes_elsewhere(core_.orphan_bytes() / core_.options().shards);
    wake_waiters();
    wal_.end_turn();
    advance_stop();  // Before the logs' turn, which begins what a stop asks of them.
    logs_.end_turn();
    if (started_ && !failed_) {
        const auto live = wal_.live_bytes();
        link_.live_bytes.store(live, std::memory_order_relaxed);
        tell_pressure();
        note_full();
        if (stop_stage_ == StopStage::none) {
            free_space_.end_turn(now, wal_.appended_bytes(), core_.live_bytes());
            ask_for_round();
        }
    }
    if (rounds_ && rounds_->next_deadline() <= now) rounds_->look();
    const auto copies = payload_copies();
    counters_.payload_copies = copies.calls - copies_before_.calls;
    counters_.payload_copy_bytes = copies.bytes - copies_before_.bytes;
    watch_memory(now);
    storage_.flush_submissions();
    end_finished();
}

// Those who have shares in this WAL store what they hold of it as fast as it fills.
void ShardEngineImpl::tell_pressure() noexcept {
    const auto pressure = shard_wal_.pressure();
    const auto file = wal_.newest_file_number();
    link_.pressure.store(pressure, std::memory_order_relaxed);
    link_.newest_file.store(file, std::memory_order_relaxed);
    if (!atomic_.has_shared()) return;
    const auto quarters = wal_.bytes_max() == 0 ? 4 : pressure * 4 / wal_.bytes_max();
    const bool fuller = quarters > std::exchange(told_quarters_, quarters);
    const bool moved_on = file != std::exchange(told_file_, file);
    if (fuller || moved_on) core_.wake_others(link_.index);
}

void ShardEngineImpl::report_stop() noexcept {
    const auto text = [](std::uint64_t count) { return std::to_string(count); };
    core_.parts().events.event(Level::info,
                               "shard.stopped",
                               "what this shard did since it was started",
                               {{"shard", text(link_.index)},
                                {"appends", text(counters_.appends)},
                                {"groups", text(counters_.groups)},
                                {"runs", text(counters_.runs)},
                                {"rolls", text(counters_.segments_rolled)},
                                {"checkpoints", text(counters_.checkpoints)},
                                {"wal_files_recycled", text(counters_.wal_files_recycled)}});
}

// Last, because whoever hears of a stop may take the shard away.
void ShardEngineImpl::end_finished() noexcept {
    auto finished = std::exchange(finished_ops_, {});
    if (stop_stage_ == StopStage::ended && stop_op_ != nullptr && idle()) {
        report_stop();
        finished.push_back(std::exchange(stop_op_, nullptr));
    }
    for (auto* op : finished)
        op->done(*op);
}

void ShardEngineImpl::watch_memory(MonotonicTime now) noexcept {
    if (link_.index != 0 || now < memory_look_) return;
    memory_look_ = now + kMemoryLookInterval;
    auto& arena = core_.parts().arena;
    arena.release_unused(now);
    const auto seen = arena.bytes_mapped() + arena.bytes_in_use();
    if (std::exchange(memory_seen_, seen) != seen) memory_quiet_since_ = now;
}

MonotonicTime ShardEngineImpl::next_deadline() const noexcept {
    if (!finished_ops_.empty()) return MonotonicTime{};
    auto deadline = std::min(wal_.next_deadline(), logs_.next_deadline());
    deadline = std::min(deadline, free_space_.next_deadline());
    if (rounds_) deadline = std::min(deadline, rounds_->next_deadline());
    if (link_.index == 0 && memory_look_ - memory_quiet_since_ <= kMemoryQuiet) {
        deadline = std::min(deadline, memory_look_);
    }
    return std::max(deadline, MonotonicTime{});  // So that callers may subtract the time from it.
}

bool ShardEngineImpl::idle() const noexcept {
    return atomic_.idle() && wal_.idle() && logs_.idle() && free_space_.idle() &&
           (!rounds_ || rounds_->idle());
}

}  // namespace millrace::engine
