// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Sealed groups on their way to the device: written, flushed, and told to their entries in order.
//
// Thread:      its shard's loop.
// Durability:  both marks move in the order of groups. In commit mode `ring` the write of a group
//              that somebody waits for makes its own bytes durable (WriteSync::bytes), and groups
//              before it that were written plainly owe a flush first; in mode `thread` its write
//              flushes those with it (WriteSync::file).
// Failure:     any failed or short operation, and a group in flight for 30 s and a second look, is
//              told once; then nothing is completed any more.
#pragma once

#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/event_log.h"
#include "engine/format/checkpoint.h"
#include "engine/storage.h"
#include "engine/wal/group.h"

#include <cstdint>
#include <string_view>

namespace millrace::engine {

struct WalOptions;

class PipelineListener {
public:
    virtual ~PipelineListener() = default;
    // Every entry of the group has heard of its flush; nothing here needs it any more.
    virtual void group_done(Group& group) noexcept = 0;
    // After each completion and what it led to.
    virtual void pipeline_moved() noexcept = 0;
    virtual void pipeline_failed(Error error, std::string_view what) noexcept = 0;

protected:
    PipelineListener() = default;
    PipelineListener(const PipelineListener&) = default;
    PipelineListener& operator=(const PipelineListener&) = default;
};

class GroupPipeline {
public:
    struct Parts {
        Clock& clock;
        EventLog& events;
        Storage& storage;
        ShardCounters& counters;
        PipelineListener& listener;
    };

    // `end`: flushed up to here.
    GroupPipeline(const WalOptions& options, const Parts& parts, const WalPosition& end);
    GroupPipeline(const GroupPipeline&) = delete;
    GroupPipeline& operator=(const GroupPipeline&) = delete;

    // Takes a sealed group; it is submitted when it may fly.
    void push(Group& group) noexcept;

    // No sealed group waits and another one could fly.
    [[nodiscard]] bool wants_group() const noexcept;

    // Flushes groups that nobody waits for, too, from now on.
    void flush_all() noexcept;

    // Looks at deadlines. Once per loop turn.
    void end_turn() noexcept;

    void forget(WalSink& sink) noexcept;

    // Completes nothing any more.
    void stop() noexcept { stopped_ = true; }

    [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

    // No operation in flight.
    [[nodiscard]] bool idle() const noexcept { return operations_ == 0; }

    [[nodiscard]] Sequence flushed_sequence() const noexcept { return flushed_end_.sequence - 1; }

    // Behind the last flushed group.
    [[nodiscard]] const WalPosition& flushed_end() const noexcept { return flushed_end_; }

    // The moment when an `empty` group should say that the last groups are flushed; max(): never.
    [[nodiscard]] MonotonicTime cover_deadline() const noexcept;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    void fly() noexcept;
    [[nodiscard]] bool may_fly(const Group& group) const noexcept;
    void submit(Group& group) noexcept;
    [[nodiscard]] Sequence written_before(const Group& group) const noexcept;
    static void write_completed(FileOp& op) noexcept;
    static void flush_completed(FileOp& op) noexcept;
    void flushed_to(Sequence sequence) noexcept;
    void landed(const Group& group) noexcept;
    void deliver() noexcept;
    void deliver_written() noexcept;
    void deliver_flushed() noexcept;
    void maybe_flush() noexcept;
    [[nodiscard]] bool flush_wanted() const noexcept;
    void move_on() noexcept;
    [[nodiscard]] bool overdue(Group* group) noexcept;
    void fail(Error error, std::string_view what) noexcept;
    [[nodiscard]] static bool waits_for_device(const Group& group) noexcept;

    WriteSync commit_;
    std::uint32_t groups_in_flight_max_;
    std::uint32_t directory_;
    std::uint32_t run_number_;
    std::uint64_t run_bits_;
    Parts parts_;

    Group* head_ = nullptr;  // Oldest group that is not flushed.
    Group* tail_ = nullptr;
    Group* unwritten_ = nullptr;  // Oldest that has not been told to be written.
    Group* waiting_ = nullptr;    // Oldest that was not submitted.
    std::uint32_t in_flight_ = 0;
    std::uint64_t bytes_in_flight_ = 0;
    std::uint64_t operations_ = 0;

    FileOp flush_;
    bool flush_in_flight_ = false;
    MonotonicTime flush_began_{};
    Sequence flush_until_ = 0;          // The last group that the flush in flight covers.
    std::uint64_t synced_written_ = 0;  // Groups in the queue, written, whose flush is waited for.
    std::uint64_t plain_written_bytes_ = 0;  // Written and not flushed.
    bool flush_all_ = false;

    WalPosition flushed_end_;
    Sequence counted_sequence_ = 0;  // Last flushed group that holds more than `empty`.
    Sequence covered_sequence_ = 0;  // Highest that a flushed group says is flushed.
    MonotonicTime last_flushed_at_{};
    MonotonicTime overdue_since_ = MonotonicTime::max();
    bool delivering_ = false;
    bool stopped_ = false;
};

}  // namespace millrace::engine
