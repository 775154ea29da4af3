// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/log_impl.h"

#include "engine/base/payload_copy.h"
#include "engine/base/planted_bugs.h"
#include "engine/format/epoch_entry.h"
#include "engine/format/record_batch.h"
#include "engine/log/batch_admission.h"
#include "engine/log/segment_roller.h"
#include "engine/log/timestamp_bounds.h"

#include <algorithm>

namespace millrace::engine {

LogImpl::LogImpl(LogServices& services,
                 const PartitionKey& key,
                 std::string_view directory,
                 const LogConfig& config,
                 RecoveredLog* recovered)
        : services_(services) {
    state_.key = key;
    state_.directory = directory;
    state_.config = config;
    services.retention.config_changed(config);
    services.compactions.config_changed(config);
    if (recovered != nullptr) adopt(*recovered);
    const auto latest = std::max(state_.epochs.latest(), 0);
    leader_epoch_ = std::max(latest, services.context.leader_epoch_min);
    epoch_begun_ = leader_epoch_ == latest;
    visible_end_ = state_.log_end;
}

void LogImpl::adopt(RecoveredLog& recovered) {
    auto& row = recovered.row;
    state_.log_start = state_.log_start_logged = row.log_start;
    state_.stored_end = state_.log_end = row.flushed_offset;
    state_.segments.adopt(row.segments, row.flushed_offset);
    if (auto* active = state_.segments.storing(); active != nullptr) {
        active->may_be_longer = !services_.context.after_clean_stop;
    }
    state_.producers.adopt(row);
    state_.epochs = LeaderEpochs(std::move(row.epochs));
    if (state_.config.log_append_time) {
        for (const auto& segment : row.segments) {
            last_append_time_ = std::max(last_append_time_, segment.largest_timestamp);
        }
    }
    for (auto& batches : recovered.tail)
        adopt_batches(batches);
    state_.tail.set_unordered();
    state_.tail.set_stored_end(state_.stored_end);
    for (auto number = state_.tail.begin(); number < state_.tail.stored(); ++number) {
        services_.releases.add(*state_.tail.at(number).file, 1);
    }
    state_.written_end = state_.flushed_end = state_.log_end;
    state_.size_bytes = state_.segments.planned_bytes();
    if (state_.dirty()) services_.flusher.log_grew(state_);
    services_.start_moves.apply(state_);
    services_.swaps.adopt(state_);
}

void LogImpl::adopt_batches(RecoveredBatches& batches) {
    const auto now = services_.context.clock.wall_now();
    TimestampMs largest = -1;
    std::uint32_t count = 0;
    const auto bytes = batches.place.size;
    for (std::uint32_t position = 0; position < bytes; ++count) {
        const auto batch = BatchView::trusted(batches.place.data + position);
        position += batch.size();
        largest = std::max(largest, batch.max_timestamp());
        if (batch.next_offset() <= state_.stored_end) continue;
        state_.epochs.note(batch.leader_epoch(), batch.base_offset());
        const PlacedBatch placed{
                batch.base_offset(), batch.last_offset(), batch.size(), batch.max_timestamp()};
        place_batch(state_.segments, placed, state_.config, now);
        if (batch.producer_id() >= 0 && !state_.producers.any) {
            state_.producers.begin(batch.base_offset());
        }
        if (batch.log_append_time()) last_append_time_ = std::max(last_append_time_, largest);
    }
    // What an earlier run wrote is the oldest of all.
    state_.tail.push({std::move(batches.place.image),
                      batches.place.data,
                      batches.place.file,
                      batches.base,
                      batches.end,
                      largest,
                      0,
                      bytes,
                      count});
    state_.log_end = std::max(state_.log_end, batches.end);
}

Result<void> LogImpl::append(AppendOp& op) {
    const auto taken = take(op);
    op.timestamp_fault.reset();
    if (!taken && taken.error().code == Errc::invalid_timestamp) {
        const auto now = services_.context.clock.wall_now();
        op.timestamp_fault = find_timestamp_fault(op.batches, state_.config, now);
    }
    return taken;
}

Result<void> LogImpl::take(AppendOp& op) {
    auto& context = services_.context;
    if (failed_) return std::unexpected(failure_);
    if (state_.held) return failure(Errc::log_held);
    TRY_VOID(check_sizes(op.batches, state_.config));
    if (state_.config.compacts && !op.records_checked) {
        TRY_VOID(check_keys(op.batches, op.refused_record));
    }
    TRY(const auto has_producer, check_producer(op));
    if (op.duplicate) return {};
    if (op.expected_offset && *op.expected_offset != state_.log_end) {
        op.end_offset = state_.log_end;
        return failure(Errc::unexpected_offset);
    }
    if (!epoch_begun_) TRY_VOID(begin_epoch(op));
    const auto size = static_cast<std::uint32_t>(op.batches.size());
    TRY(const auto place, context.wal.reserve(EntryKind::append, state_.key, size, op.frees_space));
    copy_payload(place.data, op.batches.data(), size);
    Admission admission{.base = state_.log_end,
                        .epoch = leader_epoch_,
                        .now = context.clock.wall_now(),
                        .append_time_min = last_append_time_};
    if (const auto admitted = admit_batches({place.data, size}, state_.config, admission);
        !admitted) {
        context.wal.take_back(place);
        return admitted;
    }
    op.base_offset = admission.base;
    op.end_offset = admission.end;
    op.append_time = admission.append_time;
    last_append_time_ = std::max(last_append_time_, admission.append_time);
    const auto durability = std::max(op.durability, state_.config.durability);
    context.wal.keep(place, this, admission.end, durability);
    take_in(place, admission.end, admission.batches, admission.largest_timestamp);
    if (has_producer) note_producer(BatchView::trusted(place.data));
    ++context.counters.appends;
    context.counters.append_bytes += size;
    auto& acks = durability == Durability::synced    ? flushed_acks_
                 : durability == Durability::written ? written_acks_
                                                     : memory_acks_;
    acks.push(op);
    if (state_.config.durability == Durability::memory) services_.news.add(*this);
    return {};
}

// True: the batch has a producer, and is its next one or has been answered as a duplicate.
Result<bool> LogImpl::check_producer(AppendOp& op) {
    op.duplicate = false;
    if (!has_producer(op.batches)) return false;
    auto* table = services_.producer_loads.use(state_);
    if (table == nullptr) return failure(Errc::producers_unread);
    const auto batch = BatchView::trusted(op.batches.data());
    auto& context = services_.context;
    const auto known = table->check(batch, context.guarded_clock.now());
    if (known && *known == nullptr) return true;
    // Nothing is said of the sequence of a batch that is not right.
    TRY_VOID(check_contents(op.batches, state_.config, context.clock.wall_now()));
    if (!known) return std::unexpected(known.error());
    answer_duplicate(op, **known);
    return true;
}

void LogImpl::answer_duplicate(AppendOp& op, const ProducedBatch& first) {
    op.duplicate = true;
    op.base_offset = first.base;
    op.end_offset = first.end();
    op.append_time = first.append_time;
    auto durability = std::max(op.durability, state_.config.durability);
    if (bug_planted(PlantedBug::early_duplicate)) durability = Durability::memory;
    auto& acks = durability == Durability::synced    ? flushed_duplicates_
                 : durability == Durability::written ? written_duplicates_
                                                     : memory_duplicates_;
    acks.push(op);
    services_.news.add(*this);  // The mark may have passed it.
}

void LogImpl::note_producer(const BatchView& batch) {
    auto& producers = state_.producers;
    if (!producers.any) producers.begin(batch.base_offset());
    producers.table->appended(batch, services_.context.guarded_clock.now());
    services_.producer_loads.note_growth(state_);
}

void LogImpl::wait_for_producers(LogWaiter& waiter) noexcept {
    services_.producer_loads.wait(state_, waiter);
}

void LogImpl::cancel_wait(LogWaiter& waiter) noexcept {
    if (waiter.list != nullptr) return LogHolds::cancel(waiter);
    ProducerLoads::cancel(state_, waiter);
}

// The first append after unclean stops raises the epoch; a refused one leaves nothing.
Result<void> LogImpl::begin_epoch(const AppendOp& op) {
    auto& context = services_.context;
    TRY_VOID(check_contents(op.batches, state_.config, context.clock.wall_now()));
    TRY(const auto place,
        context.wal.reserve(EntryKind::epoch, state_.key, kEpochEntryBytes, false));
    encode_epoch_entry({leader_epoch_, state_.log_end}, place.data);
    context.wal.keep(place, nullptr, state_.log_end, Durability::memory);
    state_.epochs.note(leader_epoch_, state_.log_end);
    epoch_begun_ = true;
    services_.releases.set_newest(*place.file);
    state_.tail.push({.image = place.image,
                      .data = place.data,
                      .file = place.file,
                      .base = state_.log_end,
                      .end = state_.log_end,
                      .group = place.group});
    services_.flusher.log_grew(state_);
    return {};
}

// The batches at `place` are the log's now.
void LogImpl::take_in(const WalPlace& place,
                      Offset end,
                      std::uint32_t batches,
                      TimestampMs largest) {
    const auto now = services_.context.clock.wall_now();
    for (std::uint32_t position = 0; position < place.size;) {
        const auto batch = BatchView::trusted(place.data + position);
        const PlacedBatch placed{
                batch.base_offset(), batch.last_offset(), batch.size(), batch.max_timestamp()};
        place_batch(state_.segments, placed, state_.config, now);
        position += placed.size;
    }
    state_.epochs.note(leader_epoch_, state_.log_end);
    if (!place.file->stand_in) services_.releases.set_newest(*place.file);
    state_.tail.push({place.image,
                      place.data,
                      place.file,
                      state_.log_end,
                      end,
                      largest,
                      place.group,
                      place.size,
                      batches});
    if (place.file->stand_in) state_.tail.set_unordered();
    state_.log_end = end;
    state_.size_bytes += place.size;
    services_.flusher.log_grew(state_);
}

ReadStatus LogImpl::read(ReadOp& op) {
    op.outcome = {};
    op.next_offset = op.from;
    if (op.from < state_.log_start || op.from > state_.log_end) {
        op.outcome = failure(Errc::offset_out_of_range);
        return ReadStatus::complete;
    }
    if (op.from >= std::min(op.limit, state_.log_end)) return ReadStatus::complete;
    const auto& tail = state_.tail;
    if (tail.empty() || op.from < tail.first_offset())
        return services_.cold_reads.start(state_, op);
    tail.read(op.from, op.limit, op);
    ++services_.context.counters.tail_reads;
    return ReadStatus::complete;
}

void LogImpl::look_up_time(TimeLookupOp& op) {
    services_.time_lookups.start(state_, op);
}

void LogImpl::delete_before(DeleteOp& op) {
    services_.start_moves.start(state_, op, visible_end_);
}

void LogImpl::expire(DeleteOp& op) {
    op.before = services_.retention.expired_end(state_, visible_end_);
    services_.start_moves.start(state_, op, visible_end_);
}

void LogImpl::compact(CompactOp& op) {
    services_.compactions.request(state_, op);
}

void LogImpl::check_records(RecordsCheck& check) {
    services_.records_checks.start(state_, check);
}

void LogImpl::cancel_check(RecordsCheck& check) noexcept {
    services_.records_checks.cancel(check);
}

void LogImpl::verify(VerifyOp& op) {
    services_.scrub.start(state_, op);
}

LogOffsets LogImpl::offsets() const noexcept {
    return {.log_start = state_.log_start,
            .flushed_end = state_.flushed_end,
            .written_end = state_.written_end,
            .log_end = state_.log_end,
            .visible_end = visible_end_};
}

EpochEnd LogImpl::epoch_end(LeaderEpoch epoch) const noexcept {
    return state_.epochs.end_of(epoch, leader_epoch_, state_.log_end);
}

void LogImpl::set_config(const LogConfig& config) noexcept {
    state_.config = config;
    services_.retention.config_changed(config);
    services_.compactions.config_changed(config);
    services_.news.add(*this);  // A weaker class makes more visible.
}

void LogImpl::entry_written(Offset end) noexcept {
    state_.written_end = std::max(state_.written_end, end);
    if (state_.config.durability == Durability::written) move_visible_end();
    written_acks_.complete(end);
    written_duplicates_.complete(end);
}

void LogImpl::entry_flushed(Offset end) noexcept {
    state_.written_end = std::max(state_.written_end, end);
    state_.flushed_end = std::max(state_.flushed_end, end);
    move_visible_end();
    written_acks_.complete(end);
    flushed_acks_.complete(end);
    written_duplicates_.complete(end);
    flushed_duplicates_.complete(end);
}

void LogImpl::tell_news() noexcept {
    move_visible_end();
    memory_acks_.complete(state_.log_end);
    memory_duplicates_.complete(state_.log_end);
    written_duplicates_.complete(state_.written_end);
    flushed_duplicates_.complete(state_.flushed_end);
}

// Readers that have seen a record see it for ever, even when the class becomes a stronger one.
void LogImpl::move_visible_end() noexcept {
    const auto durability = state_.config.durability;
    const auto end = durability == Durability::synced    ? state_.flushed_end
                     : durability == Durability::written ? state_.written_end
                                                         : state_.log_end;
    if (end <= visible_end_) return;
    visible_end_ = end;
    if (listener_ != nullptr) listener_->visible_end_moved(end);
}

void LogImpl::fail(Error error) noexcept {
    if (failed_) return;
    failed_ = true;
    services_.holds.released(state_);
    failure_ = {Errc::shutting_down, error.os_errno};
    memory_acks_.fail(error);
    written_acks_.fail(error);
    flushed_acks_.fail(error);
    memory_duplicates_.fail(error);
    written_duplicates_.fail(error);
    flushed_duplicates_.fail(error);
}

}  // namespace millrace::engine
