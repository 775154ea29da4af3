// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Moves what only the WAL holds to segment files, so that WAL files can be used again: the log
// with the oldest group first, in turn with logs that have a full run. No timer drives it; its
// pace follows what comes in.
#pragma once

#include "engine/log/run_job.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

// Doubly linked through FlushPlace.
class FlushList {
public:
    explicit FlushList(FlushPlace::List kind) : kind_(kind) {}

    [[nodiscard]] LogState* front() const noexcept { return first_; }

    void push_back(LogState& log) noexcept;
    // By the group of the oldest entry that is not stored.
    void insert_by_age(LogState& log) noexcept;
    void remove(LogState& log) noexcept;

private:
    void insert_after(LogState* before, LogState& log) noexcept;

    FlushPlace::List kind_;
    LogState* first_ = nullptr;
    LogState* last_ = nullptr;
};

// Thread: the shard's.
class Flusher {
public:
    // parts.ended and its owner are set by the flusher.
    explicit Flusher(const RunParts& parts);
    ~Flusher();
    Flusher(const Flusher&) = delete;
    Flusher& operator=(const Flusher&) = delete;

    // Entries were added to its tail.
    void log_grew(LogState& log) noexcept;

    // It is being removed: no run of it begins any more.
    void forget(LogState& log) noexcept;

    // Starts what may start. Once per loop turn.
    void end_turn() noexcept;

    // Until called off: everything is stored without regard to pace.
    void set_urgent(bool urgent) noexcept;

    // The same, for as long as nothing comes in.
    void set_idle(bool idle) noexcept { idle_ = idle; }

    // Until another one is named, or null: this log is stored without regard to pace.
    void set_wanted(LogState* log) noexcept { wanted_ = log; }

    // Nothing is left to store.
    [[nodiscard]] bool all_stored() const noexcept;

    // When runs that found no room are tried again; max(): none is waiting.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept { return retry_at_; }

    // The last run failed because the file system is full.
    [[nodiscard]] bool storage_full() const noexcept { return full_; }

    // So did the last run of some log.
    [[nodiscard]] bool refused_space() const noexcept { return refused_logs_ > 0; }

private:
    static void run_ended(void* owner, RunJob& job, LogState& log, Result<void> outcome) noexcept;
    void insert(LogState& log) noexcept;
    void note_refusal(LogState& log, bool refused) noexcept;
    void remove_from_list(LogState& log) noexcept;
    void refill() noexcept;
    [[nodiscard]] LogState* choose() noexcept;
    [[nodiscard]] RunJob* take_job();

    RunParts parts_;
    FlushList dirty_{FlushPlace::List::dirty};
    FlushList full_runs_{FlushPlace::List::full};
    std::vector<std::unique_ptr<RunJob>> jobs_;
    RunJob* free_jobs_ = nullptr;
    std::uint32_t running_ = 0;
    std::uint32_t refused_logs_ = 0;
    std::int64_t credit_ = 0;  // Bytes that may be stored now.
    std::uint64_t appended_before_ = 0;
    LogState* wanted_ = nullptr;
    bool unlimited_ = false;
    bool urgent_ = false;
    bool idle_ = false;
    bool full_ = false;
    bool full_run_next_ = false;
    MonotonicTime retry_at_ = MonotonicTime::max();
};

}  // namespace millrace::engine
