// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/compactions.h"

#include "engine/log/flusher.h"
#include "engine/log/log_table.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kInterval = std::chrono::seconds(15);
// A log whose pass has failed is left alone for so long, unless somebody asks for it.
constexpr MonotonicTime kAfterFailure = std::chrono::minutes(10);

// Passes over one log, each of which begins where the log does and goes at least as far.
void add(CompactionCounts& all, const CompactionCounts& pass) noexcept {
    const auto grow = [](std::uint64_t& before,
                         std::uint64_t& after,
                         std::uint64_t read,
                         std::uint64_t left) {
        before += read > after ? read - after : 0;
        after = left;
    };
    grow(all.segments_before, all.segments_after, pass.segments_before, pass.segments_after);
    grow(all.records_before, all.records_after, pass.records_before, pass.records_after);
    grow(all.bytes_before, all.bytes_after, pass.bytes_before, pass.bytes_after);
}

}  // namespace

Compactions::Compactions(const CompactionParts& parts, LogTable& logs, Flusher& flusher)
        : context_(parts.context),
          swaps_(parts.swaps),
          logs_(logs),
          flusher_(flusher),
          pass_(parts),
          next_look_(parts.context.clock.monotonic_now() + kInterval) {}

void Compactions::config_changed(const LogConfig& config) noexcept {
    wanted_ = wanted_ || config.compacts;
}

void Compactions::request(LogState& log, CompactOp& op) noexcept {
    op.outcome = {};
    op.counts = {};
    if (context_.failed || stopping_) {
        op.outcome =
                context_.failed ? std::unexpected(*context_.failed) : failure(Errc::shutting_down);
        answered_.push_back(&op);
        return;
    }
    requests_.push_back({.log = &log, .op = &op});
}

void Compactions::answer(std::size_t index, Result<void> outcome) noexcept {
    auto& op = *requests_[index].op;
    op.outcome = outcome;
    requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(index));
    answered_.push_back(&op);
}

void Compactions::forget(LogState& log, Error error) noexcept {
    for (std::size_t i = requests_.size(); i-- > 0;) {
        if (requests_[i].log == &log) answer(i, std::unexpected(error));
    }
}

void Compactions::fail(Error error) noexcept {
    while (!requests_.empty())
        answer(requests_.size() - 1, std::unexpected(error));
}

void Compactions::stop() noexcept {
    stopping_ = true;
    flusher_.set_wanted(nullptr);
    if (!pass_.idle()) pass_.give_up();
    fail({Errc::shutting_down, 0});
}

void Compactions::end_turn() noexcept {
    for (auto* op : std::exchange(answered_, {}))
        op->done(*op);
    // The settings may change meanwhile.
    if (passing_ != nullptr && !passing_->config.compacts) pass_.give_up();
    pass_.end_turn();
    if (!pass_.idle() || stopping_ || context_.failed) return;
    if (start_requested()) return;
    if (wanted_ && context_.clock.monotonic_now() >= next_look_) look_for_dirty();
}

MonotonicTime Compactions::next_deadline() const noexcept {
    if (!answered_.empty()) return MonotonicTime::min();
    if (!pass_.idle()) return pass_.next_deadline();
    const bool may_begin = !stopping_ && std::ranges::any_of(requests_, [this](const auto& each) {
        return may_start(*each.log) && !waits_for_storing(each);
    });
    if (may_begin) return MonotonicTime::min();
    return wanted_ && !stopping_ ? next_look_ : MonotonicTime::max();
}

// Left files are removed when a run makes the folder ready; a pass makes files of such names.
bool Compactions::may_start(const LogState& log) const noexcept {
    const auto& place = log.compaction();
    const bool settled = !place.unsettled && place.replacing.empty();
    return settled && !place.busy && (log.folder_ready || !log.flush.running);
}

CompactionPass::Times Compactions::times() noexcept {
    const auto guarded = context_.guarded_clock.now();
    const auto wall = context_.clock.wall_now();
    return {std::min(guarded, wall), std::max(guarded, wall)};
}

// Whole segments of it lie in the write-ahead log alone, as far as anybody may say.
bool Compactions::waits_for_storing(const Request& request) const noexcept {
    const auto& segments = request.log->segments;
    if (request.passed || !request.log->config.compacts || flusher_.refused_space()) return false;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto& segment = segments.at(i);
        if (!segment.sealed) return segments.whole(segment);
    }
    return false;
}

// True: something was done for a request, and others have to wait.
bool Compactions::start_requested() noexcept {
    LogState* wanted = nullptr;
    bool served = false;
    for (std::size_t i = 0; i < requests_.size() && !served; ++i) {
        if (waits_for_storing(requests_[i])) {
            wanted = requests_[i].log;
        } else {
            served = serve(i);
        }
    }
    flusher_.set_wanted(wanted);
    return served;
}

bool Compactions::serve(std::size_t index) noexcept {
    auto& request = requests_[index];
    auto& log = *request.log;
    swaps_.want_settled(log);
    if (!may_start(log)) return false;
    const auto visible_end = logs_.find(log.key)->offsets().visible_end;
    const auto range = compaction_range(log, visible_end, times().early);
    if (!log.config.compacts || range.empty() || (request.passed && !range.has_dirty())) {
        answer(index, {});
        return true;
    }
    request.passed = true;
    start(log, range);
    return true;
}

void Compactions::look_for_dirty() noexcept {
    wanted_ = false;
    const auto now = context_.clock.monotonic_now();
    next_look_ = now + kInterval;
    const auto time = times().early;
    LogState* dirtiest = nullptr;
    CompactionRange chosen;
    logs_.for_each([&](LogImpl& log) {
        auto& state = log.state();
        if (!state.config.compacts) return;
        wanted_ = true;
        if (now < std::as_const(state).compaction().not_before) return;
        const auto range = compaction_range(state, log.offsets().visible_end, time);
        if (!compaction_is_due(state, range, time)) return;
        swaps_.want_settled(state);
        if (!may_start(state)) return;
        if (dirtiest != nullptr && range.dirty_ratio() <= chosen.dirty_ratio()) return;
        dirtiest = &state;
        chosen = range;
    });
    if (dirtiest != nullptr) start(*dirtiest, chosen);
}

void Compactions::start(LogState& log, const CompactionRange& range) noexcept {
    passing_ = &log;
    pass_.start(log, range, times(), completion_of<&Compactions::pass_ended>(*this));
}

void Compactions::pass_ended(Result<void> outcome) noexcept {
    auto& log = *std::exchange(passing_, nullptr);
    count(outcome);
    if (!context_.failed && !log.removed) report(log, outcome);
    const auto now = context_.clock.monotonic_now();
    next_look_ = now;  // Others may wait for it.
    if (!outcome) log.compaction().not_before = now + kAfterFailure;
    for (std::size_t i = requests_.size(); i-- > 0;) {
        auto& request = requests_[i];
        if (request.log != &log || !request.passed) continue;
        add(request.op->counts, pass_.counts());
        if (!outcome || !pass_.has_more()) answer(i, outcome);
    }
}

void Compactions::count(Result<void> outcome) noexcept {
    auto& counters = context_.counters;
    const auto& counts = pass_.counts();
    ++(outcome ? counters.compaction_passes : counters.compaction_passes_failed);
    if (!outcome) return;
    counters.compaction_records_read += counts.records_before;
    counters.compaction_records_removed += counts.records_before - counts.records_after;
    counters.compaction_tombstones_removed += pass_.tombstones_removed();
    counters.compaction_bytes_read += counts.bytes_before;
    counters.compaction_bytes_written += counts.bytes_after;
}

void Compactions::report(const LogState& log, Result<void> outcome) noexcept {
    const auto text = [](std::uint64_t count) { return std::to_string(count); };
    if (!outcome) {
        if (outcome.error().code == Errc::shutting_down) return;
        context_.events.event(
                Level::warning,
                "compaction.failed",
                "a partition could not be compacted; it stays as it was, and is "
                "tried again in ten minutes",
                {{"folder", log.directory}, {"error", std::string(name_of(outcome.error().code))}});
        return;
    }
    const auto& counts = pass_.counts();
    context_.events.event(Level::info,
                          "compaction.done",
                          "a partition was compacted",
                          {{"folder", log.directory},
                           {"segments", text(counts.segments_before)},
                           {"segments_left", text(counts.segments_after)},
                           {"records", text(counts.records_before)},
                           {"records_left", text(counts.records_after)},
                           {"bytes", text(counts.bytes_before)},
                           {"bytes_left", text(counts.bytes_after)}});
    if (pass_.unreadable_batches() == 0) return;
    context_.events.event(
            Level::warning,
            "compaction.unreadable_batches",
            "batches that cannot be opened were kept as they are",
            {{"folder", log.directory}, {"batches", text(pass_.unreadable_batches())}});
}

}  // namespace millrace::engine
