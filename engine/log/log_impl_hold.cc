// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A log's part in an atomic append: held, then published or released.
#include "engine/log/log_impl.h"
#include "engine/log/records_checks.h"
#include "engine/log/timestamp_bounds.h"

#include <algorithm>

namespace millrace::engine {

namespace {

// Other logs may be held already: nobody waits for compressed records to be opened.
Result<void> check_held_keys(Bytes batches) {
    std::int32_t refused_record = -1;
    const auto checked = check_keys(batches, refused_record);
    if (checked || checked.error().code != Errc::records_unchecked) return checked;
    return failure(Errc::unsupported_batch);
}

}  // namespace

Result<void> LogImpl::hold(LogHold& hold) {
    ASSERT(!state_.held);
    if (failed_) return std::unexpected(failure_);
    TRY_VOID(check_sizes(hold.batches, state_.config));
    if (has_producer(hold.batches)) return failure(Errc::unsupported_batch);
    if (state_.config.compacts) TRY_VOID(check_held_keys(hold.batches));
    auto& admission = hold.admission;
    admission = {.base = state_.log_end,
                 .epoch = leader_epoch_,
                 .now = services_.context.clock.wall_now(),
                 .append_time_min = last_append_time_};
    admission.end = state_.log_end;
    if (hold.expected_offset && *hold.expected_offset != state_.log_end) {
        return failure(Errc::unexpected_offset);
    }
    const auto records = check_contents(hold.batches, state_.config, admission.now);
    if (!records) {
        if (records.error().code == Errc::invalid_timestamp) {
            hold.timestamp_fault = find_timestamp_fault(hold.batches, state_.config, admission.now);
        }
        return std::unexpected(records.error());
    }
    admission.end += *records;
    hold.config = state_.config;
    hold.log_start = state_.log_start;
    state_.held = true;
    return {};
}

// The epoch needs no entry of its own: the batches carry it.
void LogImpl::publish(const LogHold& hold, const WalPlace& place) {
    ASSERT(state_.held);
    ASSERT(state_.log_end == hold.admission.base);
    auto& context = services_.context;
    state_.held = false;
    epoch_begun_ = true;
    last_append_time_ = std::max(last_append_time_, hold.admission.append_time);
    take_in(place, hold.admission.end, hold.admission.batches, hold.admission.largest_timestamp);
    ++context.counters.appends;
    context.counters.append_bytes += place.size;
    entry_flushed(state_.log_end);
    services_.news.add(*this);
    services_.holds.released(state_);
}

void LogImpl::release_hold() noexcept {
    ASSERT(state_.held);
    state_.held = false;
    services_.holds.released(state_);
}

void LogImpl::wait_for_release(LogWaiter& waiter) noexcept {
    services_.holds.wait(state_, waiter);
}

}  // namespace millrace::engine
