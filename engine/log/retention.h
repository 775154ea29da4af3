// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Looks through the logs of a shard every 30 seconds for segments that retention no longer keeps,
// and deletes them. Time is the guarded clock's, and the wall clock's where that is behind: when
// one of the two is wrong, nothing goes that the other would keep.
//
// Thread:      the shard's.
// Bounds:      so many logs a turn, so many moves in flight.
#pragma once

#include "engine/clock.h"
#include "engine/log/log_state.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class LogTable;
struct LogContext;

class Retention {
public:
    Retention(LogContext& context, LogTable& logs);

    // A log has this configuration from now on.
    void config_changed(const LogConfig& config) noexcept;

    // See expired_end() of expiry.h.
    [[nodiscard]] Offset expired_end(const LogState& log, Offset visible_end) noexcept;

    // Once per loop turn.
    void end_turn() noexcept;

    // max(): no log has a retention.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    struct Move : DeleteOp {
        Move* next_free = nullptr;
    };

    void begin_pass() noexcept;
    void look_on() noexcept;
    void move_done(Move& move) noexcept;
    void end_pass() noexcept;
    [[nodiscard]] TimestampMs now() noexcept;

    LogContext& context_;
    LogTable& logs_;
    MonotonicTime next_pass_;
    bool wanted_ = false;   // Some log has a retention.
    bool passing_ = false;  // From begin_pass() to end_pass().

    std::vector<PartitionKey> left_;  // To be looked at.
    TimestampMs pass_now_ = 0;
    std::vector<std::unique_ptr<Move>> moves_;
    Move* free_ = nullptr;
    std::size_t moving_ = 0;
    // Of this pass.
    std::uint64_t logs_cut_ = 0;
    std::uint64_t segments_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace millrace::engine
