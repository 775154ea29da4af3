// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The part of a consumer that fetches.
#include "codec/data.h"
#include "codec/table.h"
#include "consumer/consumer_state.h"
#include "core/positions.h"
#include "engine/format/record_batch.h"

#include <algorithm>
#include <utility>

namespace millrace::detail {

namespace {

// How long the broker may not know a partition before poll() says so: the topic may just have
// been made.
constexpr engine::MonotonicTime kMissingPatience = std::chrono::seconds(2);

// Offsets beyond this belong to no log: sums with what a batch can hold must not overflow.
constexpr std::int64_t kOffsetMax = INT64_MAX - (std::int64_t{1} << 33);

// Errors that poll() reports at once; all others may go away.
bool is_final(ErrorCode code) {
    return !may_go_away(code) || code == ErrorCode::topic_deleted;
}

}  // namespace

void ConsumerState::open() {
    timer_ = std::make_unique<Timer>(*loop_, [this] { pump(); });
    link_ = Link::make(loop_, link_options_, *this);
    link_->want();
}

void ConsumerState::shutdown() {
    if (std::exchange(shut_, true)) return;
    timer_.reset();
    if (link_) link_->shutdown();
}

void ConsumerState::link_ready() noexcept {
    delay_ = {};
    pump();
}

void ConsumerState::link_lost(const Error& why) noexcept {
    note_connection_error(why);
    pump();
}

bool ConsumerState::fill_query(FetchQuery& query, engine::MonotonicTime& next) {
    const auto now = EventLoop::now();
    const std::lock_guard lock(mutex_);
    if (std::exchange(fetching_generation_, generation_) != generation_) {
        // The fetch on its way, if any, is for positions nobody wants: the broker ends it with its
        // session, and its answer is ignored.
        session_.reset();
        fetching_ = false;
    }
    if (fetching_ || refusal_.code != ErrorCode::none) return false;
    const auto left = options_.prefetch_bytes - std::min(held_bytes_, options_.prefetch_bytes);
    const auto enough =
            std::min<std::size_t>(options_.fetch_bytes_max, options_.prefetch_bytes) / 2;
    if (left < std::max<std::size_t>(enough, 1)) {
        paused_ = true;
        return false;
    }
    if (fetch_not_before_ > now) {
        next = fetch_not_before_;
        return false;
    }
    std::vector<FetchRow> rows;
    for (const auto& [name, partition] : partitions_) {
        if (partition->error.code != ErrorCode::none) continue;
        if (partition->not_before > now) {
            next = std::min(next, partition->not_before);
            continue;
        }
        rows.push_back({.topic = partition->id,
                        .partition = name.partition,
                        .leader_epoch = partition->leader_epoch,
                        .offset = partition->fetch_offset,
                        .bytes_max = options_.partition_bytes_max});
    }
    if (rows.empty()) return false;
    if (!link_->ready()) {
        link_->want();
        return false;
    }
    auto wait = options_.fetch_wait_max;
    // A partition that is left out for a moment must not wait for the others.
    if (next != engine::MonotonicTime::max()) {
        wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(next - now));
    }
    query.wait_max_ms = static_cast<std::uint32_t>(wait.count());
    query.bytes_min = options_.fetch_bytes_min;
    query.bytes_max =
            static_cast<std::uint32_t>(std::min<std::size_t>(options_.fetch_bytes_max, left));
    session_.ask(rows, query);
    return true;
}

void ConsumerState::pump() {
    if (shut_) return;
    FetchQuery query;
    auto next = engine::MonotonicTime::max();
    if (fill_query(query, next)) {
        fetch(query);
    } else if (next != engine::MonotonicTime::max()) {
        timer_->start_at(next);
    }
}

void ConsumerState::fetch(const FetchQuery& query) {
    auto call = std::make_unique<FetchCall>();
    call->request = encode_fetch(query);
    call->deadline = EventLoop::now() + options_.fetch_wait_max + request_timeout_;
    call->generation = fetching_generation_;
    call->state = shared_from_this();
    call->done = [](Call& ended, Result<Response> outcome) noexcept {
        const std::unique_ptr<FetchCall> self(static_cast<FetchCall*>(&ended));
        const auto state = self->state;
        state->fetched(*self, std::move(outcome));
    };
    fetching_ = true;
    link_->send(*call.release());
}

void ConsumerState::fetched(FetchCall& call, Result<Response> response) {
    if (shut_ || call.generation != fetching_generation_) return;
    fetching_ = false;
    auto fetched = response ? decode_fetch(*response) : Result<Fetched>(response.error());
    if (!fetched) {
        if (response && fetched.error().code == ErrorCode::protocol_violation) {
            link_->fail(fetched.error());
        }
        fetch_failed(fetched.error());
    } else {
        delay_ = {};
        session_.answered(*fetched);
        const std::lock_guard lock(mutex_);
        connection_error_ = {};
        // An assignment or seek since then makes all of it stale.
        if (call.generation == generation_) {
            for (const auto& row : fetched->partitions)
                take_row(row, *response);
        }
        arrived_.notify_all();
    }
    pump();
}

void ConsumerState::fetch_failed(const Error& why) {
    session_.reset();
    // A broker that has forgotten the session, as after a restart, is asked again at once.
    const bool at_once =
            delay_.count() == 0 && (why.code == ErrorCode::unknown_fetch_session ||
                                    why.code == ErrorCode::invalid_fetch_session_epoch);
    delay_ = std::clamp(
            delay_ * 2, link_options_.reconnect_delay_min, link_options_.reconnect_delay_max);
    fetch_not_before_ = at_once ? engine::MonotonicTime(0) : EventLoop::now() + delay_;
    if (!at_once) note_connection_error(why);
}

void ConsumerState::note_connection_error(const Error& why) {
    const std::lock_guard lock(mutex_);
    connection_error_ = why;
    // One for positions nobody wants says nothing about the next.
    if (!is_refusal(why.code) || fetching_generation_ != generation_) return;
    refusal_ = why;
    arrived_.notify_all();
}

void ConsumerState::take_row(const FetchedRow& row, const Response& response) {
    const auto found = by_id_.find(PartitionKey{row.topic.bytes, row.partition});
    if (found == by_id_.end()) return;
    const auto& partition = found->second;
    if (partition->error.code != ErrorCode::none) return;
    if (row.error.code != ErrorCode::none) return take_error(partition, row);
    partition->failing_since = {};
    partition->high_watermark = row.high_watermark;
    if (row.payload_bytes == 0) return;
    take_batches(
            partition, response.payload.subspan(row.payload_begin, row.payload_bytes), response);
}

void ConsumerState::take_batches(const std::shared_ptr<AssignedPartition>& partition,
                                 engine::Bytes batches,
                                 const Response& response) {
    FetchedPart part;
    part.partition = partition;
    part.memory = response.memory;
    part.start_offset = partition->fetch_offset;
    std::size_t good_bytes = 0;
    auto rest = batches;
    Error wrong;
    // Headers only: how far these batches reach. The rest is checked by the thread that polls.
    while (!rest.empty()) {
        const auto batch = engine::BatchView::parse(rest);
        if (!batch || batch->last_offset_delta() < 0 || batch->base_offset().value < 0 ||
            batch->base_offset().value > kOffsetMax ||
            batch->next_offset().value <= partition->fetch_offset) {
            RowError row;
            row.code = !batch && batch.error().code == engine::Errc::unsupported_batch
                               ? ErrorCode::unsupported_batch
                               : ErrorCode::corrupt_batch;
            row.message = "what the broker sent from offset " +
                          std::to_string(partition->fetch_offset) + " on cannot be read.";
            wrong = error_of(partition->name.topic, partition->name.partition, row);
            break;
        }
        partition->fetch_offset = batch->next_offset().value;
        partition->leader_epoch = batch->leader_epoch();
        good_bytes += batch->size();
        rest = rest.subspan(batch->size());
    }
    part.batches = batches.first(good_bytes);
    if (good_bytes > 0) {
        held_bytes_ += good_bytes;
        parts_.push_back(std::move(part));
    }
    if (wrong.code != ErrorCode::none) park(partition, std::move(wrong));
}

void ConsumerState::park(const std::shared_ptr<AssignedPartition>& partition, Error why) {
    FetchedPart part;
    part.partition = partition;
    part.start_offset = partition->fetch_offset;
    part.error = std::move(why);
    parts_.push_back(std::move(part));
    // Not fetched until poll() has met the error, and then until a seek.
    partition->not_before = engine::MonotonicTime::max();
}

void ConsumerState::take_error(const std::shared_ptr<AssignedPartition>& partition,
                               const FetchedRow& row) {
    const auto now = EventLoop::now();
    auto error = error_of(partition->name.topic, partition->name.partition, row.error);
    const bool known_range = row.log_start_offset >= 0 && row.high_watermark >= 0;
    if (row.error.code == ErrorCode::offset_out_of_range && known_range &&
        options_.on_out_of_range != OnOutOfRange::fail) {
        partition->fetch_offset = options_.on_out_of_range == OnOutOfRange::start
                                          ? row.log_start_offset
                                          : row.high_watermark;
        partition->leader_epoch = -1;
        FetchedPart moved;
        moved.partition = partition;
        moved.start_offset = partition->fetch_offset;
        parts_.push_back(std::move(moved));
        return;
    }
    if (is_final(row.error.code)) return park(partition, std::move(error));
    if (partition->failing_since.count() == 0) partition->failing_since = now;
    const bool missing = row.error.code == ErrorCode::unknown_topic ||
                         row.error.code == ErrorCode::unknown_partition;
    if (missing && now - partition->failing_since >= kMissingPatience) {
        // It was there when it was assigned, under this id.
        if (row.error.code == ErrorCode::unknown_topic) {
            error = error_of(partition->name.topic,
                             partition->name.partition,
                             {ErrorCode::topic_deleted, {}});
        }
        return park(partition, std::move(error));
    }
    partition->not_before = now + std::chrono::milliseconds(link_options_.reconnect_delay_min);
    connection_error_ = std::move(error);
}

}  // namespace millrace::detail
