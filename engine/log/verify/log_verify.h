// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One VerifyOp at work: the segments of a log one after the other, from an offset on.
#pragma once

#include "engine/log/verify/damage_book.h"
#include "engine/log/verify/segment_verify.h"

namespace millrace::engine {

class LogVerify;

// Told when a LogVerify is free again; its op has been answered before.
class LogVerifyOwner {
public:
    virtual void ended(LogVerify& verify) noexcept = 0;

protected:
    LogVerifyOwner() = default;
    ~LogVerifyOwner() = default;
    LogVerifyOwner(const LogVerifyOwner&) = default;
    LogVerifyOwner& operator=(const LogVerifyOwner&) = default;
};

// Thread: the shard's. Pooled.
class LogVerify {
public:
    LogVerify(LogVerifyOwner& owner,
              LogContext& context,
              OpenFiles& files,
              IoGate& gate,
              ScrubPace& pace,
              DamageBook& book);

    // op.done runs later. Requires: idle().
    void start(LogState& log, VerifyOp& op) noexcept;

    // Answers the op now; the work ends at its next step.
    void give_up(Error error) noexcept;

    void end_turn(MonotonicTime now) noexcept { segment_.end_turn(now); }

    [[nodiscard]] MonotonicTime next_deadline() const noexcept { return segment_.next_deadline(); }

    [[nodiscard]] bool idle() const noexcept { return log_ == nullptr; }

    // Null: nobody waits for it.
    [[nodiscard]] LogState* log() const noexcept { return op_ == nullptr ? nullptr : log_; }

    LogVerify* next = nullptr;  // The owner's.

private:
    void next_segment() noexcept;
    void segment_over(Result<void> outcome) noexcept;
    void take_over(VerifyOp& op) noexcept;
    void finish(Result<void> outcome) noexcept;
    void end_job() noexcept;

    LogVerifyOwner& owner_;
    LogContext& context_;
    DamageBook& book_;
    SegmentVerify segment_;
    Deferred begin_;
    LogState* log_ = nullptr;
    VerifyOp* op_ = nullptr;
    VerifyOp found_;     // Of the segment that is being verified.
    Offset from_;        // Of that segment.
    Offset end_;         // Of what it holds.
    bool last_ = false;  // Nothing was stored behind it.
    bool begun_ = false;
};

}  // namespace millrace::engine
