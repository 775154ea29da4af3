// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/retention.h"

#include "engine/log/expiry.h"
#include "engine/log/log_context.h"
#include "engine/log/log_table.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kInterval = std::chrono::seconds(30);
constexpr int kLogsPerTurn = 128;
constexpr std::size_t kMovesMax = 64;

bool has_retention(const LogConfig& config) noexcept {
    if (!config.expires) return false;
    return config.retention_ms >= 0 || config.retention_bytes >= 0;
}

}  // namespace

Retention::Retention(LogContext& context, LogTable& logs)
        : context_(context), logs_(logs), next_pass_(context.clock.monotonic_now() + kInterval) {}

void Retention::config_changed(const LogConfig& config) noexcept {
    wanted_ = wanted_ || has_retention(config);
}

TimestampMs Retention::now() noexcept {
    return std::min(context_.guarded_clock.now(), context_.clock.wall_now());
}

Offset Retention::expired_end(const LogState& log, Offset visible_end) noexcept {
    return engine::expired_end(log, now(), visible_end);
}

MonotonicTime Retention::next_deadline() const noexcept {
    if (!wanted_) return MonotonicTime::max();
    if (!passing_) return next_pass_;
    // Moves end by themselves.
    return left_.empty() || moving_ == kMovesMax ? MonotonicTime::max() : MonotonicTime::min();
}

void Retention::end_turn() noexcept {
    if (!wanted_ || context_.failed) return;
    if (!passing_ && context_.clock.monotonic_now() >= next_pass_) begin_pass();
    if (!passing_) return;
    look_on();
    if (left_.empty() && moving_ == 0) end_pass();
}

void Retention::begin_pass() noexcept {
    passing_ = true;
    wanted_ = false;
    pass_now_ = now();
    logs_cut_ = segments_ = bytes_ = 0;
    logs_.for_each([this](LogImpl& log) {
        const auto& state = log.state();
        if (!has_retention(state.config)) return;
        wanted_ = true;
        if (!state.segments.empty()) left_.push_back(state.key);
    });
}

void Retention::look_on() noexcept {
    for (int looked = 0; looked < kLogsPerTurn && !left_.empty(); ++looked) {
        if (moving_ == kMovesMax) return;
        auto* log = logs_.find(left_.back());
        left_.pop_back();
        if (log == nullptr) continue;
        const auto offsets = log->offsets();
        const auto end = engine::expired_end(log->state(), pass_now_, offsets.visible_end);
        if (end <= offsets.log_start) continue;
        if (free_ == nullptr) free_ = moves_.emplace_back(std::make_unique<Move>()).get();
        auto& move = *free_;
        free_ = std::exchange(move.next_free, nullptr);
        ++moving_;
        move.before = end;
        move.owner = this;
        move.done = [](DeleteOp& op) noexcept {
            static_cast<Retention*>(op.owner)->move_done(static_cast<Move&>(op));
        };
        log->delete_before(move);
    }
}

void Retention::move_done(Move& move) noexcept {
    --moving_;
    // What found no room comes again with the next pass.
    if (move.outcome) {
        ++logs_cut_;
        segments_ += move.segments;
        bytes_ += move.bytes;
    }
    move.next_free = std::exchange(free_, &move);
}

void Retention::end_pass() noexcept {
    passing_ = false;
    next_pass_ = context_.clock.monotonic_now() + kInterval;
    if (logs_cut_ == 0) return;
    context_.events.event(Level::info,
                          "retention.deleted",
                          "segments that retention keeps no longer were deleted",
                          {{"partitions", std::to_string(logs_cut_)},
                           {"segments", std::to_string(segments_)},
                           {"bytes", std::to_string(bytes_)}});
}

}  // namespace millrace::engine
