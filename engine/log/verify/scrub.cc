// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/verify/scrub.h"

#include "engine/log/log_table.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kFirstPassMax = std::chrono::minutes(10);
constexpr MonotonicTime kTidyInterval = std::chrono::seconds(30);

}  // namespace

Scrub::Scrub(LogContext& context, OpenFiles& files, LogTable& logs)
        : context_(context),
          logs_(logs),
          gate_(1),
          asked_gate_(1),
          book_(context),
          passing_(*this, context, files, gate_, pace_, book_),
          on_request_(*this, context, files, asked_gate_, unlimited_, book_),
          interval_(std::chrono::milliseconds(context.options.scrub_interval_ms)) {
    pace_.bytes_per_second = context.share_of(context.options.scrub_bytes_per_second, 1);
    next_pass_ = context.clock.monotonic_now() + std::min(interval_, kFirstPassMax);
    pass_op_.owner = this;
    pass_op_.bytes_max = std::numeric_limits<std::uint64_t>::max();
    pass_op_.done = [](VerifyOp& op) noexcept { static_cast<Scrub*>(op.owner)->pass_log_over(); };
}

void Scrub::start(LogState& log, VerifyOp& op) {
    ++log.jobs;  // Until a worker takes it over.
    waiting_.push_back({&log, &op});
}

void Scrub::ended(LogVerify& verify) noexcept {
    if (&verify == &on_request_) ended_ = true;
}

void Scrub::end_turn() noexcept {
    if (context_.failed) return;
    const auto now = context_.clock.monotonic_now();
    passing_.end_turn(now);
    on_request_.end_turn(now);
    ended_ = false;
    if (stopped_) return;
    if (on_request_.idle() && !waiting_.empty()) {
        const auto first = waiting_.front();
        waiting_.erase(waiting_.begin());
        on_request_.start(*first.log, *first.op);
        --first.log->jobs;
    }
    if (now >= next_tidy_) tidy_book();
    if (!in_pass_ && interval_ > MonotonicTime{} && now >= next_pass_) begin_pass();
    if (in_pass_ && passing_.idle()) pass_on();
    if (next_tidy_ == MonotonicTime::max() && !book_.empty()) next_tidy_ = now + kTidyInterval;
}

MonotonicTime Scrub::next_deadline() const noexcept {
    auto deadline = std::min(passing_.next_deadline(), on_request_.next_deadline());
    if (stopped_) return deadline;
    const bool wants_turn =
            (on_request_.idle() && !waiting_.empty()) || (in_pass_ && passing_.idle());
    if (wants_turn) return MonotonicTime::min();
    if (!in_pass_ && interval_ > MonotonicTime{}) deadline = std::min(deadline, next_pass_);
    return std::min(deadline, next_tidy_);
}

void Scrub::begin_pass() noexcept {
    in_pass_ = true;
    next_pass_ = context_.clock.monotonic_now() + interval_;
    pass_logs_ = pass_segments_ = pass_bytes_ = pass_damaged_ = 0;
    logs_.for_each([this](LogImpl& log) {
        if (!log.state().segments.empty()) left_.push_back(log.state().key);
    });
    std::ranges::sort(left_, std::greater<>());
}

void Scrub::pass_on() noexcept {
    while (!left_.empty()) {
        auto* log = logs_.find(left_.back());
        left_.pop_back();
        if (log == nullptr) continue;
        pass_op_.from = log->state().log_start;
        return passing_.start(log->state(), pass_op_);
    }
    end_pass();
}

void Scrub::pass_log_over() noexcept {
    if (!pass_op_.outcome) return;  // Removed meanwhile, or the shard ends.
    ++pass_logs_;
    pass_segments_ += pass_op_.segments;
    pass_bytes_ += pass_op_.bytes;
    pass_damaged_ += pass_op_.damaged_in_all;
}

void Scrub::end_pass() noexcept {
    in_pass_ = false;
    ++context_.counters.scrub_passes;
    context_.counters.scrub_pass_ended = context_.clock.wall_now();
    if (pass_segments_ == 0) return;
    context_.events.event(pass_damaged_ > 0 ? Level::error : Level::info,
                          "scrub.passed",
                          "everything that is stored was verified",
                          {{"partitions", std::to_string(pass_logs_)},
                           {"segments", std::to_string(pass_segments_)},
                           {"bytes", std::to_string(pass_bytes_)},
                           {"damaged", std::to_string(pass_damaged_)}});
}

void Scrub::tidy_book() noexcept {
    for (const auto& key : book_.logs()) {
        if (auto* log = logs_.find(key); log != nullptr) book_.drop_gone(log->state());
    }
    next_tidy_ = MonotonicTime::max();
}

void Scrub::refuse_waiting(const LogState* log, Error error) noexcept {
    std::vector<Waiting> refused;
    std::erase_if(waiting_, [&](const Waiting& each) {
        if (log != nullptr && each.log != log) return false;
        refused.push_back(each);
        return true;
    });
    for (const auto& each : refused) {
        --each.log->jobs;
        each.op->outcome = std::unexpected(error);
        each.op->done(*each.op);
    }
}

void Scrub::forget(LogState& log, Error error) noexcept {
    refuse_waiting(&log, error);
    if (on_request_.log() == &log) on_request_.give_up(error);
    if (passing_.log() == &log) passing_.give_up(error);
    book_.forget(log);
}

void Scrub::fail(Error error) noexcept {
    refuse_waiting(nullptr, error);
    if (on_request_.log() != nullptr) on_request_.give_up(error);
    if (passing_.log() != nullptr) passing_.give_up(error);
}

void Scrub::stop() noexcept {
    stopped_ = true;
    left_.clear();
    fail({Errc::shutting_down, 0});
}

}  // namespace millrace::engine
