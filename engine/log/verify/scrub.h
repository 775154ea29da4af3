// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Verifies what the logs of a shard have stored: by itself, one pass over all of them every so
// often and at a bounded rate, and on request, as fast as one read at a time goes.
//
// Thread:      the shard's. Reads run in the background lane, outside the readers' gate.
// Crash story: nothing of it is stored. After a start the first pass waits for the interval, ten
//              minutes at most, and what an earlier run found is found again.
#pragma once

#include "engine/log/verify/log_verify.h"

#include <memory>
#include <vector>

namespace millrace::engine {

class LogTable;

class Scrub final : public LogVerifyOwner {
public:
    Scrub(LogContext& context, OpenFiles& files, LogTable& logs);

    void start(LogState& log, VerifyOp& op);

    // Those who wait for this log hear the error; what is known of it is forgotten.
    void forget(LogState& log, Error error) noexcept;
    void fail(Error error) noexcept;
    // Nothing more is read: the shard stops.
    void stop() noexcept;

    // Once per loop turn.
    void end_turn() noexcept;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    // An op that found all workers busy.
    struct Waiting {
        LogState* log = nullptr;
        VerifyOp* op = nullptr;
    };

    void ended(LogVerify& verify) noexcept override;
    void begin_pass() noexcept;
    void pass_on() noexcept;
    void pass_log_over() noexcept;
    void end_pass() noexcept;
    void refuse_waiting(const LogState* log, Error error) noexcept;
    void tidy_book() noexcept;

    LogContext& context_;
    LogTable& logs_;
    IoGate gate_;        // The pass's reads,
    IoGate asked_gate_;  // and those on request: one at a time each.
    ScrubPace pace_;
    ScrubPace unlimited_;
    DamageBook book_;

    LogVerify passing_;  // The pass's log.
    LogVerify on_request_;
    std::vector<Waiting> waiting_;
    bool ended_ = false;  // on_request_ has ended since the last turn.

    MonotonicTime interval_{};  // 0: no passes.
    MonotonicTime next_pass_{};
    MonotonicTime next_tidy_ = MonotonicTime::max();
    bool in_pass_ = false;
    bool stopped_ = false;
    std::vector<PartitionKey> left_;
    VerifyOp pass_op_;
    // Of this pass.
    std::uint64_t pass_logs_ = 0;
    std::uint64_t pass_segments_ = 0;
    std::uint64_t pass_bytes_ = 0;
    std::uint64_t pass_damaged_ = 0;
};

}  // namespace millrace::engine
