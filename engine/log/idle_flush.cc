// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/idle_flush.h"

#include <chrono>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kIdleAfter = std::chrono::seconds(10);

}  // namespace

IdleFlush::IdleFlush(LogContext& context,
                     LogTable& logs,
                     Flusher& flusher,
                     const ReleaseCounts& releases,
                     const CheckpointRound& round)
        : context_(context),
          logs_(logs),
          flusher_(flusher),
          releases_(releases),
          round_(round),
          appended_before_(context.wal.appended_bytes()),
          idle_at_(context.clock.monotonic_now() + kIdleAfter) {}

void IdleFlush::end_turn() noexcept {
    if (context_.failed) return;
    const auto now = context_.clock.monotonic_now();
    if (const auto appended = context_.wal.appended_bytes(); appended != appended_before_) {
        appended_before_ = appended;
        idle_at_ = now + kIdleAfter;
        stage_ = Stage::waiting;
        flusher_.set_idle(false);
        return;
    }
    if (stage_ == Stage::waiting && now >= idle_at_) {
        stage_ = Stage::storing;
        flusher_.set_idle(true);
    }
    if (stage_ == Stage::storing && flusher_.all_stored()) stage_ = Stage::releasing;
    if (stage_ == Stage::releasing && releases_.empty() && !round_.running()) {
        let_go();
        stage_ = Stage::done;
    }
}

void IdleFlush::let_go() noexcept {
    logs_.for_each([](LogImpl& log) { log.state().tail.let_go_released(); });
}

bool IdleFlush::wants_round() const noexcept {
    return stage_ == Stage::releasing && !releases_.empty() && !round_.running();
}

MonotonicTime IdleFlush::next_deadline() const noexcept {
    return stage_ == Stage::waiting ? idle_at_ : MonotonicTime::max();
}

}  // namespace millrace::engine
