// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/producer_state.h"

#include "codec/data.h"
#include "core/timeout.h"
#include "producer/producer_calls.h"

#include <algorithm>
#include <random>
#include <utility>

namespace millrace::detail {

namespace {

// A request is not filled beyond this, so that the broker works on one while the next arrives.
constexpr std::size_t kRequestBytesTarget = 1U << 20;
// Of a request, for frame header and table, where a batch takes a row.
constexpr std::uint32_t kTableRoomMax = 64U << 10;
constexpr std::uint32_t kTableRoomWithoutRows = 256;
constexpr std::uint32_t kRowBytes = 32;

std::uint64_t seed() {
    std::random_device device;
    return device();
}

Error is_closed() {
    return {ErrorCode::closed, "The producer was closed."};
}

}  // namespace

ProducerState::ProducerState(std::shared_ptr<EventLoop> loop,
                             std::shared_ptr<ControlChannel> control,
                             LinkOptions link_options,
                             std::chrono::milliseconds request_timeout,
                             const ProducerOptions& options)
        : loop_(std::move(loop)),
          control_(std::move(control)),
          link_options_(std::move(link_options)),
          request_timeout_(request_timeout),
          options_(options),
          accumulator_(options, seed()) {
    if (options.idempotent && options.acks != Acks::none) accumulator_.number_batches();
}

Result<void> ProducerState::reserve(std::unique_lock<std::mutex>& lock, std::size_t cost) {
    const auto fits = [&] { return buffered_bytes_ + cost <= options_.buffer_bytes; };
    if (!fits() && options_.on_full == OnFull::block && !loop_->on_thread()) {
        room_.wait_for(lock, options_.delivery_timeout, [&] { return closing_ || fits(); });
    }
    if (closing_) return is_closed();
    if (!fits()) {
        return Error{ErrorCode::buffer_full,
                     "The producer's buffer_bytes are full of records that wait for their "
                     "acknowledgement."};
    }
    buffered_bytes_ += cost;
    return {};
}

Result<void> ProducerState::add(std::string_view topic,
                                const NewRecord& record,
                                Producer::Callback callback) {
    bool changed = false;
    const auto now = EventLoop::now();  // Before it waits for room: its deadline counts from here.
    {
        std::unique_lock lock(mutex_);
        if (closing_) return is_closed();
        if (auto reserved = reserve(lock, record.cost); !reserved) return reserved;
        ++statistics_.records_sent;
        Delivery delivery{std::move(callback), record.parts.timestamp};
        changed = accumulator_.add(topic, record, std::move(delivery), now);
        changed = changed && !std::exchange(wake_posted_, wake_posted_ || changed);
    }
    if (changed) wake();
    return {};
}

Result<void> ProducerState::add_conditional(std::string_view topic,
                                            std::uint32_t partition,
                                            std::int64_t expected_offset,
                                            std::span<const NewRecord> records,
                                            Producer::Callback callback) {
    const auto now = EventLoop::now();
    std::size_t cost = 0;
    for (const auto& record : records)
        cost += record.cost;
    bool changed = false;
    {
        std::unique_lock lock(mutex_);
        if (closing_) return is_closed();
        if (auto reserved = reserve(lock, cost); !reserved) return reserved;
        statistics_.records_sent += records.size();
        changed = accumulator_.add_conditional(
                topic, partition, expected_offset, records, {std::move(callback)}, now);
        changed = changed && !std::exchange(wake_posted_, wake_posted_ || changed);
    }
    if (changed) wake();
    return {};
}

void ProducerState::wake() {
    loop_->post([self = shared_from_this()] {
        {
            const std::lock_guard lock(self->mutex_);
            self->wake_posted_ = false;
        }
        self->pump();
    });
}

Result<void> ProducerState::flush(std::chrono::milliseconds timeout) {
    if (loop_->on_thread()) {
        return Error{ErrorCode::invalid_argument, "flush() was called on the I/O thread."};
    }
    std::unique_lock lock(mutex_);
    const auto epoch = accumulator_.begin_flush();
    lock.unlock();
    wake();
    lock.lock();
    if (settled_.wait_for(lock, bounded(timeout), [&] { return accumulator_.flushed(epoch); }))
        return {};
    return Error{ErrorCode::timed_out, "Records are not acknowledged yet."};
}

bool ProducerState::begin_close() {
    const std::lock_guard lock(mutex_);
    room_.notify_all();
    return !std::exchange(closing_, true);
}

void ProducerState::wait_until_empty() {
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [&] { return accumulator_.empty(); });
}

ProducerStatistics ProducerState::statistics() const {
    const std::lock_guard lock(mutex_);
    return statistics_;
}

void ProducerState::open() {
    timer_ = std::make_unique<Timer>(*loop_, [this] { pump(); });
    link_ = Link::make(loop_, link_options_, *this);
    link_->want();
}

void ProducerState::shutdown() {
    if (std::exchange(shut_, true)) return;
    timer_.reset();
    if (link_) link_->shutdown();
    std::vector<FailedBatch> failed;
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        accumulator_.fail_all(is_closed(), failed);
    }
    tell_failed(failed);
}

void ProducerState::link_ready() noexcept {
    {
        const std::lock_guard lock(mutex_);
        accumulator_.note({});
    }
    pump();
}

void ProducerState::link_room() noexcept {
    pump();
}

void ProducerState::link_lost(const Error& why) noexcept {
    {
        const std::lock_guard lock(mutex_);
        accumulator_.note(why);
    }
    pump();
}

void ProducerState::pump() {
    if (shut_ || pumping_) return;
    pumping_ = true;
    std::vector<FailedBatch> failed;
    expire(failed);
    tell_failed(failed);
    look_up_topics();
    ask_for_id();
    while (!shut_ && link_->ready() && send_one()) {
    }
    pumping_ = false;
    if (!shut_) set_timer();
}

void ProducerState::expire(std::vector<FailedBatch>& failed) {
    const auto now = EventLoop::now();
    const std::lock_guard lock(mutex_);
    accumulator_.expire(now, failed);
    for (auto* call : in_flight_) {
        for (auto& [queue, batch] : call->batches) {
            if (batch->deliveries.empty() || batch->deadline > now) continue;
            // Its records hear of it now; the request itself goes on, without them.
            auto told = std::make_unique<PendingBatch>();
            told->flush_epoch = batch->flush_epoch;
            told->cost = std::exchange(batch->cost, 0);
            told->deliveries = std::exchange(batch->deliveries, {});
            Error why{ErrorCode::timed_out,
                      queue->topic->name + "-" + std::to_string(queue->partition) +
                              ": sent, but not acknowledged within the delivery timeout."};
            failed.push_back({queue->topic->name, queue->partition, std::move(told), why});
        }
    }
}

void ProducerState::set_timer() {
    const auto now = EventLoop::now();
    auto next = engine::MonotonicTime::max();
    bool waiting = false;
    {
        const std::lock_guard lock(mutex_);
        next = accumulator_.next_event(now);
        waiting = accumulator_.has_waiting();
    }
    for (const auto* call : in_flight_) {
        for (const auto& [queue, batch] : call->batches) {
            if (!batch->deliveries.empty()) next = std::min(next, batch->deadline);
        }
    }
    if (!asking_for_id_) next = std::min(next, ask_for_id_at());
    if (waiting) link_->want();
    if (next == engine::MonotonicTime::max()) {
        timer_->cancel();
    } else {
        timer_->start_at(next);
    }
}

std::chrono::milliseconds ProducerState::broker_timeout() const {
    // Shorter than ours, so that its answer says what happened and the connection lives on.
    const auto margin = std::min(request_timeout_ / 4, std::chrono::milliseconds(1000));
    return std::max(request_timeout_ - margin, std::chrono::milliseconds(1));
}

bool ProducerState::send_one() {
    if (in_flight_.size() >= options_.requests_in_flight) return false;
    const auto room = link_->room();
    const auto request_max = link_->greeting().request_bytes_max;
    const auto table_room = std::min(kTableRoomMax, request_max / 4);
    if (room <= table_room) return false;
    const TakeLimits limits{.target = kRequestBytesTarget,
                            .room = room - table_room,
                            .request_max = request_max - table_room,
                            .batches = (table_room - kTableRoomWithoutRows) / kRowBytes};
    std::vector<TakenBatch> too_large;
    auto call = std::make_unique<ProduceCall>();
    {
        const std::lock_guard lock(mutex_);
        call->batches = accumulator_.take(EventLoop::now(), limits, too_large);
        for (const auto& taken : call->batches) {
            call->rows.push_back({taken.queue->topic->id,
                                  taken.queue->partition,
                                  0,
                                  taken.batch->expected_offset});
        }
    }
    const bool refused = !too_large.empty();
    if (refused) handle_too_large(too_large);
    if (call->batches.empty()) return refused;
    for (std::size_t i = 0; i < call->batches.size(); ++i) {
        auto& batch = *call->batches[i].batch;
        auto bytes = batch.encode(options_.compression);
        // A codec that fails on these bytes is no reason to lose them.
        if (!bytes) bytes = batch.encode(Compression::none);
        call->payload.push_back(*bytes);
        call->rows[i].payload_bytes = static_cast<std::uint32_t>(bytes->size());
    }
    call->request =
            encode_produce(options_.acks, options_.durability, broker_timeout(), call->rows);
    call->one_way = options_.acks == Acks::none;
    call->deadline = EventLoop::now() + request_timeout_;
    call->state = shared_from_this();
    call->done = [](Call& ended, Result<Response> outcome) noexcept {
        const std::unique_ptr<ProduceCall> self(static_cast<ProduceCall*>(&ended));
        const auto state = self->state;
        state->produced(*self, std::move(outcome));
    };
    {
        const std::lock_guard lock(mutex_);
        ++statistics_.requests;
    }
    in_flight_.push_back(call.get());
    link_->send(*call.release());
    return true;
}

void ProducerState::handle_too_large(std::span<TakenBatch> batches) {
    const auto request_max = link_->greeting().request_bytes_max;
    std::vector<FailedBatch> failed;
    {
        const std::lock_guard lock(mutex_);
        for (auto& [queue, batch] : batches) {
            if (batch->deliveries.size() > 1 && !batch->conditional()) {
                accumulator_.give_back_split(*queue, std::move(batch));
                continue;
            }
            accumulator_.finished(*queue, *batch, false, EventLoop::now());
            Error why{ErrorCode::message_too_large,
                      queue->topic->name + "-" + std::to_string(queue->partition) +
                              (batch->conditional() ? ": a batch of " : ": a record of ") +
                              std::to_string(batch->cost) +
                              " bytes does not fit into a request, at most " +
                              std::to_string(request_max) +
                              " (the broker's network.request_bytes_max)."};
            failed.push_back(
                    {queue->topic->name, queue->partition, std::move(batch), std::move(why)});
        }
    }
    tell_failed(failed);
}

}  // namespace millrace::detail
