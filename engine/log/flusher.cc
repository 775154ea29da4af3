// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/flusher.h"

#include "engine/units.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::size_t kJobsMax = 16;
// What may be stored at once after a pause.
constexpr std::int64_t kCreditMax = 4 * kMiB;
constexpr MonotonicTime kFullRetry = std::chrono::seconds(1);
constexpr MonotonicTime kMemoryRetry = std::chrono::milliseconds(10);

Sequence age_of(const LogState& log) noexcept {
    return log.tail.at(log.tail.stored()).group;
}

}  // namespace

void FlushList::insert_after(LogState* before, LogState& log) noexcept {
    auto& place = log.flush;
    ASSERT(place.list == FlushPlace::List::none);
    place.list = kind_;
    place.before = before;
    place.after = before == nullptr ? first_ : before->flush.after;
    (before == nullptr ? first_ : before->flush.after) = &log;
    (place.after == nullptr ? last_ : place.after->flush.before) = &log;
}

void FlushList::push_back(LogState& log) noexcept {
    insert_after(last_, log);
}

void FlushList::insert_by_age(LogState& log) noexcept {
    // Nearly always at the end: what becomes dirty now is the newest.
    auto* before = last_;
    while (before != nullptr && age_of(*before) > age_of(log))
        before = before->flush.before;
    insert_after(before, log);
}

void FlushList::remove(LogState& log) noexcept {
    auto& place = log.flush;
    (place.before == nullptr ? first_ : place.before->flush.after) = place.after;
    (place.after == nullptr ? last_ : place.after->flush.before) = place.before;
    place.before = place.after = nullptr;
    place.list = FlushPlace::List::none;
}

Flusher::Flusher(const RunParts& parts) : parts_(parts) {
    parts_.ended = &Flusher::run_ended;
    parts_.ended_owner = this;
    appended_before_ = parts_.context.wal.appended_bytes();
}

Flusher::~Flusher() = default;

void Flusher::log_grew(LogState& log) noexcept {
    if (log.flush.running || log.removed) return;
    const bool full = log.tail.unstored_bytes() >= parts_.context.options.run_bytes;
    if (log.flush.list == FlushPlace::List::full) return;
    if (log.flush.list == FlushPlace::List::dirty && !full) return;
    remove_from_list(log);
    insert(log);
}

void Flusher::insert(LogState& log) noexcept {
    if (log.tail.unstored_bytes() >= parts_.context.options.run_bytes) {
        full_runs_.push_back(log);
    } else {
        dirty_.insert_by_age(log);
    }
}

void Flusher::remove_from_list(LogState& log) noexcept {
    if (log.flush.list == FlushPlace::List::dirty) dirty_.remove(log);
    if (log.flush.list == FlushPlace::List::full) full_runs_.remove(log);
}

void Flusher::forget(LogState& log) noexcept {
    if (wanted_ == &log) wanted_ = nullptr;
    remove_from_list(log);
    note_refusal(log, false);
}

void Flusher::note_refusal(LogState& log, bool refused) noexcept {
    if (std::exchange(log.flush.refused, refused) == refused) return;
    refused ? ++refused_logs_ : --refused_logs_;
    if (refused_logs_ != (refused ? 1 : 0)) return;
    parts_.context.events.event(
            refused ? Level::warning : Level::info,
            refused ? "segment.no_room" : "segment.room_made",
            refused ? "no space for what is to be stored in segments; tried again every second"
                    : "segments can be written again",
            {{"folder", log.directory}});
}

// What came in since the last turn may go out: once, twice or without limit, by how much of the
// WAL is live.
void Flusher::refill() noexcept {
    const auto& wal = parts_.context.wal;
    const auto appended = wal.appended_bytes();
    const auto news = static_cast<std::int64_t>(appended - appended_before_);
    appended_before_ = appended;
    const auto quarters = wal.bytes_max() == 0 ? 4 : wal.live_bytes() * 4 / wal.bytes_max();
    unlimited_ = quarters >= 3;
    if (quarters == 0) {
        credit_ = std::min<std::int64_t>(credit_, 0);
    } else {
        credit_ = std::min(credit_ + news * (quarters >= 2 ? 2 : 1), kCreditMax);
    }
}

LogState* Flusher::choose() noexcept {
    full_run_next_ = !full_run_next_;
    auto& first = full_run_next_ ? full_runs_ : dirty_;
    auto& second = full_run_next_ ? dirty_ : full_runs_;
    auto* log = first.front() != nullptr ? first.front() : second.front();
    if (log != nullptr) remove_from_list(*log);
    return log;
}

RunJob* Flusher::take_job() {
    if (free_jobs_ == nullptr) {
        if (jobs_.size() == kJobsMax) return nullptr;
        return jobs_.emplace_back(std::make_unique<RunJob>(parts_)).get();
    }
    auto* job = free_jobs_;
    free_jobs_ = job->next_free;
    return job;
}

void Flusher::end_turn() noexcept {
    auto& context = parts_.context;
    if (context.failed) return;
    refill();
    if (retry_at_ != MonotonicTime::max()) {
        if (context.clock.monotonic_now() < retry_at_) return;
        retry_at_ = MonotonicTime::max();
    }
    const auto bytes_max = std::max<std::uint64_t>(context.options.run_bytes, kBlockBytes);
    if (wanted_ != nullptr && wanted_->flush.list != FlushPlace::List::none) {
        if (auto* job = take_job(); job != nullptr) {
            ++running_;
            remove_from_list(*wanted_);
            credit_ -= static_cast<std::int64_t>(job->start(*wanted_, bytes_max));
        }
    }
    // What found no space is tried again whatever the pace: while it is refused, nothing comes in.
    while (retry_at_ == MonotonicTime::max() &&
           (urgent_ || idle_ || unlimited_ || credit_ > 0 || refused_space())) {
        if (dirty_.front() == nullptr && full_runs_.front() == nullptr) return;
        auto* job = take_job();
        if (job == nullptr) return;
        ++running_;
        credit_ -= static_cast<std::int64_t>(job->start(*choose(), bytes_max));
    }
}

void Flusher::run_ended(void* owner, RunJob& job, LogState& log, Result<void> outcome) noexcept {
    auto& flusher = *static_cast<Flusher*>(owner);
    --flusher.running_;
    job.next_free = flusher.free_jobs_;
    flusher.free_jobs_ = &job;
    if (log.removed || flusher.parts_.context.failed) return;
    flusher.full_ = !outcome && outcome.error().code == Errc::storage_full;
    flusher.note_refusal(log, flusher.full_);
    if (!outcome) {
        const auto wait = flusher.full_ ? kFullRetry : kMemoryRetry;
        flusher.retry_at_ = flusher.parts_.context.clock.monotonic_now() + wait;
    }
    flusher.parts_.removals.look(log);
    if (log.dirty()) flusher.insert(log);
}

void Flusher::set_urgent(bool urgent) noexcept {
    urgent_ = urgent;
    full_ = false;
    retry_at_ = MonotonicTime::max();
}

bool Flusher::all_stored() const noexcept {
    return running_ == 0 && dirty_.front() == nullptr && full_runs_.front() == nullptr;
}

}  // namespace millrace::engine
