// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A producer as its callers and the I/O thread share it.
//
// Lifecycle:   make, open (on the loop), use, shutdown (on the loop). Kept alive by its handle, by
//              posted tasks and by requests in flight.
// Thread:      add, flush and statistics from any; the rest on the loop's thread. One mutex
//              guards the accumulator and the counters; callbacks run without it.
#pragma once

#include "core/control_channel.h"
#include "engine/clock.h"
#include "millrace/producer.h"
#include "net/link.h"
#include "producer/accumulator.h"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace millrace::detail {

struct ProduceCall;
struct TopicLookUp;
struct IdQuestion;

class ProducerState final : public std::enable_shared_from_this<ProducerState>,
                            private LinkListener {
public:
    ProducerState(std::shared_ptr<EventLoop> loop,
                  std::shared_ptr<ControlChannel> control,
                  LinkOptions link_options,
                  std::chrono::milliseconds request_timeout,
                  const ProducerOptions& options);
    ~ProducerState() = default;
    ProducerState(const ProducerState&) = delete;
    ProducerState& operator=(const ProducerState&) = delete;

    // Any thread. Errors: as Producer::send().
    Result<void> add(std::string_view topic, const NewRecord& record, Producer::Callback callback);
    Result<void> add_conditional(std::string_view topic,
                                 std::uint32_t partition,
                                 std::int64_t expected_offset,
                                 std::span<const NewRecord> records,
                                 Producer::Callback callback);
    Result<void> flush(std::chrono::milliseconds timeout);
    // Refuses records from now on. False when that was so before.
    bool begin_close();
    void wait_until_empty();
    [[nodiscard]] ProducerStatistics statistics() const;

    // The loop.
    void open();
    void shutdown();

private:
    friend struct ProduceCall;
    friend struct TopicLookUp;
    friend struct IdQuestion;

    // What became of a batch, to be told to its records.
    struct Outcome {
        std::string topic;
        std::uint32_t partition = 0;
        std::unique_ptr<PendingBatch> batch;
        std::int64_t base_offset = -1;
        std::int64_t append_time = -1;
        Error error;
    };

    Result<void> reserve(std::unique_lock<std::mutex>& lock, std::size_t cost);
    void wake();

    void pump();
    void expire(std::vector<FailedBatch>& failed);
    void set_timer();
    void look_up_topics();
    void topics_looked_up(TopicLookUp& look_up, Result<Response> response);
    bool send_one();
    [[nodiscard]] std::chrono::milliseconds broker_timeout() const;
    void handle_too_large(std::span<TakenBatch> batches);
    void produced(ProduceCall& call, Result<Response> response);
    void sort_out(ProduceCall& call, Result<Response> response, std::vector<Outcome>& outcomes);
    bool try_again(TakenBatch& taken, const Error& error);
    bool number_refused(TakenBatch& taken, Outcome& outcome);
    void ask_for_id();
    [[nodiscard]] engine::MonotonicTime ask_for_id_at() const;
    void id_answered(Result<Response> response);
    void tell(std::vector<Outcome> outcomes);
    void tell_failed(std::span<FailedBatch> failed);

    void link_ready() noexcept override;
    void link_room() noexcept override;
    void link_lost(const Error& why) noexcept override;

    const std::shared_ptr<EventLoop> loop_;          // Shared by everything that runs on it.
    const std::shared_ptr<ControlChannel> control_;  // Shared with the client's other handles.
    const LinkOptions link_options_;
    const std::chrono::milliseconds request_timeout_;
    const ProducerOptions options_;

    std::shared_ptr<Link> link_;  // Shared with its socket.
    std::unique_ptr<Timer> timer_;
    std::vector<ProduceCall*> in_flight_;  // They own themselves; here until answered.
    bool shut_ = false;
    bool pumping_ = false;
    bool asking_for_id_ = false;
    engine::MonotonicTime ask_for_id_at_{0};  // Not before.

    mutable std::mutex mutex_;
    std::condition_variable room_;     // buffer_bytes has room, or there is no hope for it.
    std::condition_variable settled_;  // Records were acknowledged or failed.
    Accumulator accumulator_;
    ProducerStatistics statistics_;
    std::size_t buffered_bytes_ = 0;
    bool closing_ = false;
    bool wake_posted_ = false;
};

}  // namespace millrace::detail
